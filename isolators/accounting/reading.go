package accounting

import (
	"context"
	"fmt"
	"time"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/accounting/bpf"
	"github.com/meseta-io/meseta/isolators/sample"
)

// reading is what was read last: the numbers of each group with those of the groups nested in it.
type reading struct {
	at     time.Time
	totals map[uint64]*counters
	used   map[uint64]uint64 // nanoseconds of processors told, which never go back
}

// totals are the numbers of containers, in their order; nil for one that is not counted.
func (a *Accounting) totals(of []*isolators.Container) ([]*counters, error) {
	a.programs.mu.Lock()
	defer a.programs.mu.Unlock()
	all := make([]*counters, len(of))
	if len(a.byID) == 0 {
		return all, nil
	}
	if time.Since(a.read.at) >= fresh {
		if err := a.measure(); err != nil {
			return all, err
		}
	}
	for i, c := range of {
		if e := a.byID[c.ID]; e != nil {
			all[i] = a.read.totals[e.group]
		}
	}
	return all, nil
}

// measure reads everything anew.
func (a *Accounting) measure() error {
	m := a.programs.maps
	before, err := running(m["processors"])
	if err != nil {
		return fmt.Errorf("read what is running: %w", err)
	}
	own := make(map[uint64]*counters, len(a.byID))
	numbers := make([]counters, 0, len(a.byID))
	err = readAll(m["usage"], len(a.byID), func(id uint64, c *counters) {
		numbers = append(numbers, *c)
		own[id] = &numbers[len(numbers)-1]
	})
	if err != nil {
		return err
	}
	after, err := running(m["processors"])
	if err != nil {
		return fmt.Errorf("read what is running: %w", err)
	}
	for id, extra := range unfinished(before, after, monotonic()) {
		if c := own[id]; c != nil {
			c.CpuNs += uint64(extra)
		}
	}
	var id uint64
	var ended bpf.AccountingEnded
	for entries := m["former"].Iterate(); entries.Next(&id, &ended); {
		if c := own[id]; c != nil {
			add(c, &ended.Sum)
		}
	}
	a.read = reading{at: time.Now(), totals: a.nest(own), used: a.read.used}
	a.read.forward()
	return nil
}

// nest adds the numbers of nested containers to those of all around them.
func (a *Accounting) nest(own map[uint64]*counters) map[uint64]*counters {
	deep := false
	for _, e := range a.byID {
		deep = deep || e.parent != nil
	}
	if !deep {
		return own
	}
	totals := make(map[uint64]*counters, len(own))
	for id, c := range own {
		copied := *c
		totals[id] = &copied
	}
	for _, e := range a.byID {
		for p := e.parent; p != nil; p = p.parent {
			if totals[p.group] != nil && own[e.group] != nil {
				add(totals[p.group], own[e.group])
			}
		}
	}
	return totals
}

// forward keeps processor time from going back: what was on a processor at one reading may be in between at the next.
func (r *reading) forward() {
	used := make(map[uint64]uint64, len(r.totals))
	for id, c := range r.totals {
		c.CpuNs = max(c.CpuNs, r.used[id])
		used[id] = c.CpuNs
	}
	r.used = used
}

// Sample implements isolators.Sampler.
func (a *Accounting) Sample(_ context.Context, of []*isolators.Container, into []sample.Sample) error {
	all, err := a.totals(of)
	at, has := time.Now(), a.has()
	for i, c := range all {
		if c != nil {
			fill(c, &into[i])
			into[i].Time, into[i].Has = at, has
		}
	}
	return err
}
