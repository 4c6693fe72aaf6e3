package snapshot

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
)

// unfinished is in a registry from the first to the last write of a restoration. No master reads a registry
// that has it, so what is half restored is never taken for the whole.
const unfinished = "restoring"

// The most that goes into one transaction: every store takes so many operations and bytes.
const (
	mostChanges = 100
	mostBytes   = 256 << 10
)

// Plan is what a restoration will do to a registry.
type Plan struct {
	// Set and Delete count the records that differ and those that go; Same counts the others.
	Set, Delete, Same int
	// Interrupted says that an earlier restoration did not come to its end.
	Interrupted bool

	changes []cluster.Change
}

// Compare says what turns a registry into the snapshot. What is there is sorted, as stores return it.
func Compare(there []cluster.Entry, s *Snapshot) *Plan {
	p := &Plan{}
	now := map[string][]byte{}
	for _, e := range there {
		now[e.Key] = e.Value
	}
	_, p.Interrupted = now[unfinished]
	delete(now, unfinished)
	wanted := map[string]bool{}
	for _, e := range s.Entries {
		if e.Key == unfinished {
			continue
		}
		wanted[e.Key] = true
		if value, ok := now[e.Key]; ok && bytes.Equal(value, e.Value) {
			p.Same++
			continue
		}
		p.Set++
		p.changes = append(p.changes, cluster.Change{Key: e.Key, Value: append([]byte{}, e.Value...)})
	}
	for _, e := range there {
		if !wanted[e.Key] && e.Key != unfinished {
			p.Delete++
			p.changes = append(p.changes, cluster.Change{Key: e.Key})
		}
	}
	return p
}

// Raiser is a store that can be told of epochs that it has not given itself.
type Raiser interface {
	// Raise makes every later term's epoch larger than this one.
	Raise(ctx context.Context, t cluster.Term, epoch uint64) error
}

// Restore does what was planned, in a term of a store that nobody else leads. It can be repeated after an error.
// Epochs go on growing: the next is larger than all of the store's and all of the snapshot's.
func (p *Plan) Restore(ctx context.Context, store cluster.Registry, t cluster.Term, epoch uint64) error {
	if r, ok := store.(Raiser); ok && t.Epoch() <= epoch {
		if err := r.Raise(ctx, t, epoch); err != nil {
			return fmt.Errorf("the epoch of the snapshot: %w", err)
		}
	} else if t.Epoch() <= epoch {
		return fmt.Errorf("this store cannot go on from epoch %d: its own is %d: %w", epoch, t.Epoch(), fault.ErrUnsupported)
	}
	mark, err := proto.Marshal(&controlpb.RegistryRecord{Version: proto.Uint32(1)})
	if err != nil {
		return err
	}
	parts := split(p.changes)
	if len(parts) > 1 || p.Interrupted {
		parts = slices.Concat([][]cluster.Change{{{Key: unfinished, Value: mark}}}, parts, [][]cluster.Change{{{Key: unfinished}}})
	}
	for i, part := range parts {
		if err := store.Apply(ctx, t, part); err != nil {
			return fmt.Errorf("restored %d of %d parts, so no master takes this registry; try again: %w", i, len(parts), err)
		}
	}
	return nil
}

// split cuts changes into transactions.
func split(changes []cluster.Change) (parts [][]cluster.Change) {
	begin, size := 0, 0
	for i, c := range changes {
		bytes := len(c.Key) + len(c.Value)
		if i > begin && (i-begin == mostChanges || size+bytes > mostBytes) {
			parts, begin, size = append(parts, changes[begin:i]), i, 0
		}
		size += bytes
	}
	if begin < len(changes) {
		parts = append(parts, changes[begin:])
	}
	return parts
}
