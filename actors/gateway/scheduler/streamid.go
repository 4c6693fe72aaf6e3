package scheduler

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"

	"github.com/meseta-io/meseta/messages/uuid"
)

// newStreamID makes the id of a stream. Whoever knows it may speak for the framework, so nobody can guess it.
func newStreamID() string { return uuid.New(rand.New(unguessable{})).String() }

// unguessable is the operating system's chance as a rand.Source.
type unguessable struct{}

// Uint64 implements rand.Source.
func (unguessable) Uint64() uint64 {
	var b [8]byte
	_, _ = crand.Read(b[:]) // it never fails; it ends the program instead
	return binary.BigEndian.Uint64(b[:])
}
