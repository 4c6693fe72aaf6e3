// Package uuid makes random (version 4) UUIDs from a source of chance that the caller owns, so that a rehearsal with
// the same seed names everything alike.
package uuid

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// UUID is the 16 bytes of a UUID.
type UUID [16]byte

// New makes the next one.
func New(r *rand.Rand) UUID {
	var u UUID
	binary.BigEndian.PutUint64(u[:], r.Uint64())
	binary.BigEndian.PutUint64(u[8:], r.Uint64())
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}

// String is its usual text, 36 characters.
func (u UUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
