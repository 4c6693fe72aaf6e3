package drf

import (
	"math/bits"
	"slices"
)

// template remembers who refuses agents that have exactly this, filters and constraints apart; ten thousand equal machines
// ask each client once.
type template struct{ refused bitset }

type situation struct {
	bundle                               int32
	gpu, remote, multiRole, hierarchical bool
}

// templateLimit bounds the templates; all are forgotten when it is reached.
const templateLimit = 1024

// recall applies the template of an agent with many open clients.
func (e *Engine) recall(slot int32, among bitset, k int) int {
	e.template = nil
	if k <= e.templateOver {
		return k
	}
	a := &e.agents[slot]
	b := a.available()
	s := situation{e.bundles.id(&b), a.gpu, a.remote, a.multiRole, a.hierarchical}
	t := e.templates[s]
	if t == nil {
		if len(e.templates) >= templateLimit {
			clear(e.templates)
		}
		t = &template{}
		e.templates[s] = t
	}
	e.template = t
	known := uint64(0)
	for i, w := range t.refused {
		if i < len(e.open) {
			known |= w & e.open[i]
		}
	}
	if known == 0 {
		return k
	}
	row := e.refused.row(slot)
	for i, w := range t.refused {
		row[i] |= w
	}
	return e.findOpen(slot, among)
}

// findOpen finds the clients that are not known to refuse whatever this agent has.
func (e *Engine) findOpen(slot int32, among bitset) int {
	n := len(e.active)
	if cap(e.open) < n {
		e.open = make(bitset, n, 2*n)
	}
	e.open = e.open[:n]
	row := e.refused.row(slot)
	k := 0
	for i := range n {
		w := e.active[i] &^ row[i]
		if among != nil {
			if i >= len(among) {
				w = 0
			} else {
				w &= among[i]
			}
		}
		e.open[i] = w
		k += bits.OnesCount64(w)
	}
	return k
}

// gather lists the open clients in fair order.
func (e *Engine) gather() []int32 {
	ids := e.gathered[:0]
	for i, w := range e.open {
		for ; w != 0; w &= w - 1 {
			ids = append(ids, int32(i<<6+bits.TrailingZeros64(w)))
		}
	}
	e.gathered = ids
	if len(ids) > 1 {
		for _, id := range ids {
			e.roles[e.clients[id].role].order.repair(e.clientAt, &e.fair, e.epoch)
		}
		slices.SortFunc(ids, func(a, b int32) int {
			p, q := &e.clients[a], &e.clients[b]
			if p.role != q.role {
				return e.tree.compare(e.roles[p.role].leaf, e.roles[q.role].leaf)
			}
			return p.compare(&q.entry)
		})
	}
	return ids
}

// begin brings the agent's bits up to what it has now.
func (e *Engine) begin(slot int32) {
	a := &e.agents[slot]
	e.offered = false
	grown := !a.avail.free.within(&a.ref.free) || !e.sets.within(a.avail.ports, a.ref.ports)
	moved := !a.avail.equal(&a.ref)
	for i := range a.parts {
		p := &a.parts[i]
		if p.avail != p.ref {
			moved = true
			grown = grown || !e.isWithin(p.kind, p.avail, p.ref)
			p.ref = p.avail
		}
	}
	if grown {
		clear(e.refused.row(slot))
	}
	if !moved && !a.newFilters {
		return
	}
	a.ref, a.newFilters = a.avail, false
	if !a.filtered {
		return
	}
	row := e.refused.row(slot)
	filters := e.ledgers[slot].filters
	a.filtered = len(filters) > 0
	for i := range filters {
		f := &filters[i]
		if !e.live(f) || row.has(f.client) {
			continue
		}
		e.measure(a, &e.clients[f.client])
		if e.filterCovers(f.bundle, &e.most) {
			e.mark(slot, f.client)
		}
	}
}

func (e *Engine) mark(slot, id int32) {
	row := e.refused.row(slot)
	row.set(id)
	e.clients[id].marked = true
}

// end moves what was given to its new place, now that nobody walks the orders: whoever was just served does not move
// until the agent is done, and others below it in the order still get the rest.
func (e *Engine) end(a *agent) {
	if !e.offered {
		return
	}
	a.outcome |= offeredSome
	e.tree.settleAll()
	for _, id := range e.changed {
		e.settleClient(id)
	}
	e.changed = e.changed[:0]
}

// visitGuaranteed offers an agent to roles below their guarantees.
func (e *Engine) visitGuaranteed(slot int32) {
	a := &e.agents[slot]
	if a.idle() {
		return
	}
	e.begin(slot)
	k := e.recall(slot, e.guarded, e.findOpen(slot, e.guarded))
	if k == 0 {
		return
	}
	if top := e.tree.children(0); k*e.sparse < len(top) {
		for _, id := range e.gather() {
			if e.tryGuaranteed(slot, id); a.idle() {
				break
			}
		}
	} else {
		e.walkGuaranteed(slot, top)
	}
	e.end(a)
}

// walkGuaranteed meets the open clients of roles with unmet guarantees in fair order. Only top-level roles have quota, but
// such a role may be an inner node: then its own frameworks are at its virtual leaf.
func (e *Engine) walkGuaranteed(slot int32, top []int32) {
	a := &e.agents[slot]
	for _, n := range top {
		id, known := e.tree.nodes[n].role, true
		if id < 0 {
			id, known = e.roleIDs[e.tree.nodes[n].path]
		}
		if !known {
			continue
		}
		r := &e.roles[id]
		if !r.quota.set || r.leaf < 0 || r.quota.guarantee.within(&r.consumed) {
			continue
		}
		r.order.repair(e.clientAt, &e.fair, e.epoch)
		for _, id := range r.order.ids {
			if e.open.has(id) {
				if e.tryGuaranteed(slot, id); a.idle() {
					return
				}
			}
		}
	}
}

// visitFair offers an agent to everybody.
func (e *Engine) visitFair(slot int32) {
	a := &e.agents[slot]
	if a.idle() {
		return
	}
	e.begin(slot)
	k := e.skipSpent(a, e.recall(slot, nil, e.findOpen(slot, nil)))
	if k == 0 {
		return
	}
	if k*e.sparse < len(e.clients) {
		for _, id := range e.gather() {
			if e.tryFair(slot, id); a.idle() {
				break
			}
		}
	} else {
		e.walkFair(slot, 0)
	}
	e.end(a)
}

// walkFair meets the open clients in fair order; it is false when the agent has nothing left.
func (e *Engine) walkFair(slot, n int32) bool {
	a := &e.agents[slot]
	for _, c := range e.tree.children(n) {
		id := e.tree.nodes[c].role
		if id < 0 {
			if !e.walkFair(slot, c) {
				return false
			}
			continue
		}
		r := &e.roles[id]
		r.order.repair(e.clientAt, &e.fair, e.epoch)
		for _, k := range r.order.ids {
			if e.open.has(k) {
				if e.tryFair(slot, k); e.offered && a.idle() {
					return false
				}
			}
		}
	}
	return true
}
