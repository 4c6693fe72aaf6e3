package drf

import (
	"slices"
	"strings"
)

// rank is a place in a dominant-resource-fairness order: share, then how often it was chosen, then name. The order of
// siblings is a function of their ranks alone, so it can be kept rather than recomputed; only a change of the cluster's
// total or of a weight touches every share, and then the list is repaired when it is next asked for (its epoch is old).
//
// In an entry, used and count are the truth; placed is the rank under which it stands in its list right now. During the
// visit of one agent the two may differ, because Mesos walks a snapshot of the order.
type rank struct {
	share float64
	count uint64
}

func (a rank) compare(b rank, an, bn string) int {
	switch {
	case a.share < b.share:
		return -1
	case a.share > b.share:
		return 1
	case a.count < b.count:
		return -1
	case a.count > b.count:
		return 1
	}
	return strings.Compare(an, bn)
}

// entry is one of several siblings: a framework in its role, or a component of a role's path.
type entry struct {
	placed rank
	name   string
	used   Amounts
	count  uint64 // how often it was given something; never falls
	weight float64
}

func (e *entry) compare(f *entry) int { return e.placed.compare(f.placed, e.name, f.name) }

// rank computes the entry's true rank. Its share is dominant: the largest of its fractions of the cluster over the
// scalars that total names, divided by its weight (Ghodsi et al., NSDI 2011). It is a division, not a product with a
// reciprocal, because equal fractions must tie on every machine.
func (e *entry) rank(total *Amounts) rank {
	share := 0.0
	for k, t := range total.head {
		if n := e.used.head[k]; t > 0 && n > 0 {
			share = max(share, float64(n)/float64(t))
		}
	}
	for _, t := range total.tailed() {
		if n := e.used.get(t.name); t.n > 0 && n > 0 {
			share = max(share, float64(n)/float64(t.n))
		}
	}
	return rank{share / e.weight, e.count}
}

// order is a list of siblings in rank order. Moving one is a binary search and a memmove of int32s: 100 ns for two
// thousand siblings.
type order struct {
	ids   []int32
	epoch uint64
}

// find returns where an entry of the given rank stands or belongs.
func (o *order) find(at func(int32) *entry, r rank, name string) int {
	lo, hi := 0, len(o.ids)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if e := at(o.ids[mid]); e.placed.compare(r, e.name, name) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (o *order) insert(at func(int32) *entry, id int32) {
	e := at(id)
	o.ids = slices.Insert(o.ids, o.find(at, e.placed, e.name), id)
}

func (o *order) remove(at func(int32) *entry, id int32) {
	e := at(id)
	i := o.find(at, e.placed, e.name)
	o.ids = slices.Delete(o.ids, i, i+1)
}

// move gives an entry its true rank.
func (o *order) move(at func(int32) *entry, id int32, total *Amounts) {
	e := at(id)
	r := e.rank(total)
	if r == e.placed {
		return
	}
	from := o.find(at, e.placed, e.name)
	to := o.find(at, r, e.name)
	if to > from {
		to--
		copy(o.ids[from:], o.ids[from+1:to+1])
	} else {
		copy(o.ids[to+1:], o.ids[to:from])
	}
	o.ids[to] = id
	e.placed = r
}

// repair recomputes every rank after the total or a weight changed. Orders change little, so insertion comes first.
func (o *order) repair(at func(int32) *entry, total *Amounts, epoch uint64) {
	if o.epoch == epoch {
		return
	}
	o.epoch = epoch
	for _, id := range o.ids {
		e := at(id)
		e.placed = e.rank(total)
	}
	moves, budget := 0, 8*len(o.ids)
	for i := 1; i < len(o.ids); i++ {
		id := o.ids[i]
		e := at(id)
		j := i
		for ; j > 0 && e.compare(at(o.ids[j-1])) < 0; j-- {
			o.ids[j] = o.ids[j-1]
			moves++
		}
		o.ids[j] = id
		if moves > budget {
			slices.SortFunc(o.ids, func(a, b int32) int { return at(a).compare(at(b)) })
			return
		}
	}
}
