package drf

import "slices"

// measure computes the most that the agent could offer to the client.
func (e *Engine) measure(a *agent, c *client) {
	e.most.core = a.avail
	e.most.items = e.most.items[:0]
	for i := range a.parts {
		if p := &a.parts[i]; p.avail != 0 && e.mayHave(c, &e.kinds[p.kind]) {
			e.most.items = append(e.most.items, item{p.kind, p.avail})
		}
	}
}

// mayHave says whether a client may be offered a kind at all. What is reserved to a role is there for the roles below it.
func (e *Engine) mayHave(c *client, k *kind) bool {
	caps := &c.fw.caps
	return (caps.Revocable || !k.Revocable) && (caps.Shared || !k.Shared) && (caps.Refinement || !k.Refined) &&
		(k.role < 0 || e.isUnder(c.role, k.role))
}

// gated says whether the agent is out of question for the client, whatever it has.
func (e *Engine) gated(slot int32, c *client) bool {
	a, caps := &e.agents[slot], &c.fw.caps
	return a.gpu && !caps.GPU && !e.OpenGPUs || a.remote && !caps.Region || caps.MultiRole && !a.multiRole ||
		e.roles[c.role].nested && !a.hierarchical || c.excludes != nil && c.excludes(e.ledgers[slot].id)
}

// isAllocatable says whether an offer has at least one of the client's minima.
func (e *Engine) isAllocatable(c *client, o *bundle) bool {
	if o.empty() {
		return false
	}
	if len(c.min) == 0 {
		return true
	}
	q := e.weight(o)
	counted := false
	for i := range c.min {
		m := &c.min[i]
		if m.sets && !counted {
			e.countSets(&q, o)
			counted = true
		}
		if m.within(&q) {
			return true
		}
	}
	return false
}

// countSets adds the numbers of elements to a weight, in thousandths.
func (e *Engine) countSets(q *Amounts, o *bundle) {
	q.head[ports] += e.sets.counts[o.ports]
	for _, it := range o.items {
		if k := &e.kinds[it.kind]; k.Type != Scalar {
			q.set(k.name, q.get(k.name)+e.sets.counts[it.n])
		}
	}
}

// refuses answers for the most that there is, and remembers a no.
func (e *Engine) refuses(slot, id int32, c *client) bool {
	a := &e.agents[slot]
	if !e.gated(slot, c) {
		e.measure(a, c)
		if e.isAllocatable(c, &e.most) && !(e.offered && e.isFiltered(slot, id, &e.most)) {
			return false
		}
	}
	if !e.offered { // else this is about less than ref
		e.mark(slot, id)
		if e.template != nil && c.excludes == nil {
			e.template.refused.set(id)
		}
	}
	return true
}

// compose sets the offer to all that quota does not govern, and the lots.
func (e *Engine) compose(lots ...*lot) *bundle {
	o := &e.cuts.offer
	o.ports, o.free = e.most.ports, Amounts{}
	o.items = o.items[:0]
	for _, it := range e.most.items {
		if !e.kinds[it.kind].chopped {
			o.items = append(o.items, it)
		}
	}
	for _, l := range lots {
		o.free.add(&l.free)
		for _, it := range l.pieces {
			o.items = e.addItem(o.items, it.kind, it.n)
		}
	}
	return o
}

// tryGuaranteed is the first stage: progress towards the role's guarantee, and more if limit and headroom allow.
func (e *Engine) tryGuaranteed(slot, id int32) {
	c := &e.clients[id]
	r := &e.roles[c.role]
	missing := r.missing()
	if missing.zero() || e.refuses(slot, id, c) {
		return
	}
	granted, extra := &e.cuts.guaranteed, &e.cuts.extra
	e.governed(granted)
	e.governed(extra)
	e.shrink(slot, c, granted, missing, &everything, 0)
	if granted.empty() {
		return
	}
	extra.free.sub(&granted.free)
	for _, it := range granted.pieces {
		extra.pieces = e.removeItem(extra.pieces, it.kind, it.n)
	}
	g := e.weighLot(granted)
	if !r.quota.limited.none() {
		left := r.left()
		left.drain(&g)
		e.shrink(slot, c, extra, left, &r.quota.limited, 1)
	}
	if !e.required.zero() {
		e.shrink(slot, c, extra, e.surplus(), &everything, 2)
	}
	x := e.weighLot(extra)
	offer := e.compose(granted, extra)
	if !e.isAllocatable(c, offer) || e.isFiltered(slot, id, offer) {
		return
	}
	e.grant(slot, id, offer)
	e.required.drain(&g)
	g.add(&x)
	r.consumed.add(&g)
	e.measureLimit(r)
	e.headroom.drain(&g)
	if r.quota.guarantee.within(&r.consumed) {
		for _, k := range r.clients {
			e.guarded.unset(k)
		}
	}
}

// tryFair is the second stage: everything that limit and headroom allow.
func (e *Engine) tryFair(slot, id int32) {
	c := &e.clients[id]
	if e.refuses(slot, id, c) {
		return
	}
	if len(e.quotaRoles) == 0 {
		e.grant(slot, id, &e.most)
		return
	}
	r := &e.roles[c.role]
	l := &e.cuts.extra
	e.governed(l)
	if !r.quota.limited.none() {
		e.shrink(slot, c, l, r.left(), &r.quota.limited, 1)
	}
	if !e.required.zero() {
		e.shrink(slot, c, l, e.surplus(), &everything, 2)
	}
	offer := e.compose(l)
	if !(offer.core.equal(&e.most.core) && slices.Equal(offer.items, e.most.items)) &&
		(!e.isAllocatable(c, offer) || e.isFiltered(slot, id, offer)) {
		e.agents[slot].outcome |= heldBack
		return
	}
	e.grant(slot, id, offer)
	q := e.weighLot(l)
	if r.quota.set {
		r.consumed.add(&q)
		e.measureLimit(r)
	}
	e.headroom.drain(&q)
}

func (e *Engine) grant(slot, id int32, offer *bundle) {
	from := int32(len(e.slab))
	e.slab = append(e.slab, offer.items...)
	to := int32(len(e.slab))
	e.grants = append(e.grants, grant{id, slot, offer.core, from, to})
	for _, it := range offer.items {
		if e.kinds[it.kind].Shared {
			e.agents[slot].part(it.kind).offered = true
		}
	}
	e.take(slot, id, &bundle{offer.core, e.slab[from:to]}, true)
	e.changed = append(e.changed, id)
	e.offered = true
}
