// Package memory is a cluster without durability, for tests: leadership and registry in one value, with
// faults to inject. Nothing in it runs by itself: callbacks are called inside the call that caused them, so
// a deterministic test stays deterministic.
package memory

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/internal/chair"
)

// Cluster is a cluster.Contender, cluster.Detector and cluster.Registry. It stands for the service that
// survives its masters: hand the same one to a master and to its successor.
type Cluster struct {
	*chair.Chair

	mu      sync.Mutex
	epoch   uint64
	records map[string][]byte
	loads   []Fault
	applies []Fault
	applied int
}

// New returns an empty cluster that nobody leads.
func New() *Cluster {
	c := &Cluster{records: map[string][]byte{}}
	c.Chair = chair.New(c.nextEpoch)
	return c
}

func (c *Cluster) nextEpoch() (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	return c.epoch, nil
}

// Load implements cluster.Registry.
func (c *Cluster) Load(ctx context.Context, t cluster.Term) (entries []cluster.Entry, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = c.Fenced(t, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if f, ok := shift(&c.loads); ok {
			return f.Err
		}
		for _, key := range slices.Sorted(maps.Keys(c.records)) {
			entries = append(entries, cluster.Entry{Key: key, Value: slices.Clone(c.records[key])})
		}
		return nil
	})
	return entries, err
}

// Apply implements cluster.Registry.
func (c *Cluster) Apply(ctx context.Context, t cluster.Term, changes []cluster.Change) error {
	if err := cluster.CheckChanges(changes); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Fenced(t, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		f, bad := shift(&c.applies)
		if !bad || f.Written {
			c.write(changes)
		}
		return f.Err
	})
}

func (c *Cluster) write(changes []cluster.Change) {
	c.applied++
	for _, change := range changes {
		if change.Value == nil {
			delete(c.records, change.Key)
			continue
		}
		c.records[change.Key] = append([]byte{}, change.Value...)
	}
}

// Records returns what is stored, sorted, without asking who leads.
func (c *Cluster) Records() (entries []cluster.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(c.records)) {
		entries = append(entries, cluster.Entry{Key: key, Value: slices.Clone(c.records[key])})
	}
	return entries
}

// Writes counts the calls of Apply that wrote, so that a test can see batching.
func (c *Cluster) Writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied
}
