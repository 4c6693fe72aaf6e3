package drf

import (
	"slices"
	"testing"
)

// checkInvariants holds what must be true after every run.
func (e *Engine) checkInvariants(t testing.TB) {
	e.checkTotals(t)
	e.checkBits(t)
	e.checkBooks(t)
	for i := range e.roles {
		r := &e.roles[i]
		if r.order.epoch == e.epoch && !slices.IsSortedFunc(r.order.ids, func(a, b int32) int {
			return e.clients[a].rank(&e.fair).compare(e.clients[b].rank(&e.fair), e.clients[a].name, e.clients[b].name)
		}) {
			t.Fatalf("role %s out of order", r.name)
		}
	}
}

// Kept totals equal recomputed ones.
func (e *Engine) checkTotals(t testing.TB) {
	var total, idleRevocable Amounts
	for i := range e.agents {
		if !e.agents[i].inUse {
			continue
		}
		b := e.whole(int32(i))
		q := e.weight(&b)
		total.add(&q)
		for _, p := range e.agents[i].parts {
			if k := &e.kinds[p.kind]; k.Revocable {
				k.weigh(&idleRevocable, p.avail)
			}
		}
	}
	if !total.equal(&e.total) || !idleRevocable.equal(&e.idleRevocable) {
		t.Fatalf("totals %v %v, kept %v %v", total, idleRevocable, e.total, e.idleRevocable)
	}
}

// A bit is a promise: the client refuses everything there is now, by the naive test.
func (e *Engine) checkBits(t testing.TB) {
	for i := range e.agents {
		a, slot := &e.agents[i], int32(i)
		if !a.inUse || a.newFilters || !a.avail.equal(&a.ref) ||
			slices.ContainsFunc(a.parts, func(p part) bool { return p.avail != p.ref }) {
			continue
		}
		row := e.refused.row(slot)
		for id := range e.clients {
			c := &e.clients[id]
			if !c.active || !row.has(int32(id)) {
				continue
			}
			e.measure(a, c)
			if !e.gated(slot, c) && e.isAllocatable(c, &e.most) && !e.isFiltered(slot, int32(id), &e.most) {
				t.Fatalf("agent %s: bit of client %d is wrong", e.ledgers[i].id, id)
			}
		}
	}
}

// What every agent says is held adds up to every sum that is kept, and nothing is promised twice.
func (e *Engine) checkBooks(t testing.TB) {
	byClient, byRole, filters := map[int32]Amounts{}, map[int32]Amounts{}, map[int32]int32{}
	var usedReserved Amounts
	for i := range e.ledgers {
		l := &e.ledgers[i]
		var used bundle
		shared := map[int32]int64{}
		for j := range l.holdings {
			h := &l.holdings[j]
			if e.sets.minus(used.ports, h.ports) != used.ports {
				t.Fatalf("agent %s: ports promised twice", l.id)
			}
			e.addTo(&used, &h.bundle)
			v, s := byClient[h.client], e.sum(&h.bundle)
			v.add(&s.fair)
			usedReserved.add(&s.reserved)
			for _, it := range h.items {
				if k := &e.kinds[it.kind]; k.Shared {
					k.weigh(&v, it.n)
					if shared[it.kind] += it.n; shared[it.kind] == it.n && k.role >= 0 {
						k.weigh(&usedReserved, 1)
					}
				}
			}
			byClient[h.client] = v
			for r := e.clients[h.client].role; r >= 0; r = e.roles[r].parent {
				v := byRole[r]
				v.add(&s.governed)
				byRole[r] = v
			}
		}
		if !used.core.equal(&l.used) {
			t.Fatalf("agent %s: used %v, booked %v", l.id, used, l.used)
		}
		for _, p := range e.agents[i].parts {
			at, _ := findItem(used.items, p.kind)
			if p.used != 0 && (at == len(used.items) || used.items[at] != item{p.kind, p.used}) {
				t.Fatalf("agent %s: kind %v used %v, booked %v", l.id, e.kinds[p.kind].Kind, used.items, p.used)
			}
		}
		for j := range l.filters {
			if f := &l.filters[j]; e.live(f) {
				filters[f.client]++
			}
		}
	}
	if !usedReserved.equal(&e.usedReserved) {
		t.Fatalf("reserved %v, booked %v", usedReserved, e.usedReserved)
	}
	for id := range e.clients {
		c := &e.clients[id]
		if v := byClient[int32(id)]; c.tracked && !c.used.equal(&v) {
			t.Fatalf("client %d: %v, booked %v", id, v, c.used)
		}
		if c.filters != filters[int32(id)] {
			t.Fatalf("client %d: %d filters, counted %d", id, filters[int32(id)], c.filters)
		}
	}
	for id := range e.roles {
		if v := byRole[int32(id)]; !e.roles[id].used.equal(&v) {
			t.Fatalf("role %s: %v, booked %v", e.roles[id].name, v, e.roles[id].used)
		}
	}
}
