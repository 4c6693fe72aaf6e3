package cluster

import (
	"context"
	"fmt"

	"github.com/meseta-io/meseta/messages/fault"
)

// The largest key, value and set of changes that every implementation takes. Consul takes 128 operations and
// 512 KiB in one transaction, so what fits here fits there too.
const (
	MaxKey     = 512
	MaxValue   = 256 << 10
	MaxChanges = 120
	MaxWeight  = 504 << 10
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

// Weight is what a change takes of MaxWeight: its size as Consul's JSON in the worst case, in which every byte of the
// key is escaped and the value is in base64.
func (c Change) Weight() int { return 384 + 3*len(c.Key) + (len(c.Value)+2)/3*4 }

// Registry keeps what must survive the leader.
type Registry interface {
	// Load returns everything, sorted by key. It is a consistent read: it sees every write of earlier terms.
	Load(ctx context.Context, t Term) ([]Entry, error)
	// Apply makes all changes or none, in order, and returns when they are durable. ErrFenced: the term is
	// over. ErrUnknownOutcome: perhaps they were made; try again. fault.ErrInvalid: they never can be. Whoever
	// has more than MaxChanges or MaxWeight applies them in several calls, and decides what belongs together.
	Apply(ctx context.Context, t Term, changes []Change) error
}

// CheckChanges refuses changes that some implementation could not store, so that a cluster which starts on
// one can move to another.
func CheckChanges(changes []Change) error {
	weight := 0
	for _, c := range changes {
		weight += c.Weight()
		switch {
		case c.Key == "":
			return fmt.Errorf("a registry key is empty: %w", fault.ErrInvalid)
		case len(c.Key) > MaxKey:
			return fmt.Errorf("registry key %.40q… has %d bytes, at most %d: %w", c.Key, len(c.Key), MaxKey, fault.ErrInvalid)
		case len(c.Value) > MaxValue:
			return fmt.Errorf("registry value of %.80q has %d bytes, at most %d: %w", c.Key, len(c.Value), MaxValue, fault.ErrInvalid)
		}
	}
	if len(changes) > MaxChanges || weight > MaxWeight {
		return fmt.Errorf("%d registry changes that weigh %d, at most %d and %d: %w", len(changes), weight, MaxChanges, MaxWeight, fault.ErrInvalid)
	}
	return nil
}
