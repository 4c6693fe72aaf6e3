package cluster

import (
	"context"
	"fmt"

	"github.com/meseta-io/meseta/messages/fault"
)

// The largest key and value that every implementation takes. Consul takes 512 KiB in one transaction,
// base64 included, so what fits here fits there too.
const (
	MaxKey   = 512
	MaxValue = 256 << 10
)

// Entry is one record of the registry.
type Entry struct {
	Key   string
	Value []byte
}

// Change sets a key, or deletes it when Value is nil. Deleting what is not there is fine.
type Change struct {
	Key   string
	Value []byte
}

// Registry keeps what must survive the leader.
type Registry interface {
	// Load returns everything, sorted by key. It is a consistent read: it sees every write of earlier terms.
	Load(ctx context.Context, t Term) ([]Entry, error)
	// Apply makes all changes or none, in order, and returns when they are durable. ErrFenced: the term is
	// over. ErrUnknownOutcome: perhaps they were made; try again. fault.ErrInvalid: they never can be.
	Apply(ctx context.Context, t Term, changes []Change) error
}

// CheckChanges refuses changes that some implementation could not store, so that a cluster which starts on
// one can move to another.
func CheckChanges(changes []Change) error {
	for _, c := range changes {
		switch {
		case c.Key == "":
			return fmt.Errorf("a registry key is empty: %w", fault.ErrInvalid)
		case len(c.Key) > MaxKey:
			return fmt.Errorf("registry key %.40q… has %d bytes, at most %d: %w", c.Key, len(c.Key), MaxKey, fault.ErrInvalid)
		case len(c.Value) > MaxValue:
			return fmt.Errorf("registry value of %.80q has %d bytes, at most %d: %w", c.Key, len(c.Value), MaxValue, fault.ErrInvalid)
		}
	}
	return nil
}
