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

// lot is resources that quota governs: plain scalars, and pieces of other kinds sorted by kind.
type lot struct {
	free   Amounts
	pieces []item
}

func (l *lot) empty() bool { return l.free.zero() && len(l.pieces) == 0 }

func (l *lot) reset(free *Amounts) {
	l.free, l.pieces = *free, l.pieces[:0]
}

func (e *Engine) weighLot(l *lot) Amounts {
	v := l.free
	for _, it := range l.pieces {
		e.kinds[it.kind].weigh(&v, it.n)
	}
	return v
}

// cuts is the scratch space for shrinking.
type cuts struct {
	guaranteed, extra lot
	offer             bundle
	draw              []drawn
}

// drawn is one piece in drawn order. One with a size is taken whole or not at all.
type drawn struct {
	key   uint64
	index int // in pieces; -1 is the plain amount
	n     int64
}

// governed sets l to what quota governs of the most that the client could have.
func (e *Engine) governed(l *lot) {
	l.reset(&e.most.free)
	for _, it := range e.most.items {
		if e.kinds[it.kind].chopped {
			l.pieces = append(l.pieces, it)
		}
	}
}

// shrink cuts a lot down to a target, for the names that it bounds. Where a name has pieces, they are looked at in drawn
// order, so that one does not always win.
func (e *Engine) shrink(slot int32, c *client, l *lot, target Amounts, b *bounds, step int) {
	if len(l.pieces) > 0 {
		e.shrinkPieces(slot, c, l, &target, b, step)
	}
	for k := range l.free.head {
		if b.has(int32(k)) {
			l.free.head[k] = min(l.free.head[k], target.head[k])
		}
	}
	for _, t := range l.free.tailed() {
		if b.has(t.name) {
			l.free.set(t.name, min(t.n, target.get(t.name)))
		}
	}
}

// shrinkPieces cuts the names that have pieces, and leaves in target what their plain amounts may keep.
func (e *Engine) shrinkPieces(slot int32, c *client, l *lot, target *Amounts, b *bounds, step int) {
	cut := cut{e.key, e.agents[slot].hash, c.fw.hash, e.roles[c.role].hash, step}
	for from := range l.pieces {
		name := e.kinds[l.pieces[from].kind].name
		if !b.has(name) || slices.ContainsFunc(l.pieces[:from], func(p item) bool { return e.kinds[p.kind].name == name }) {
			continue
		}
		draw := e.cuts.draw[:0]
		if n := l.free.get(name); n > 0 {
			draw = append(draw, drawn{cut.key(0, 0), -1, n})
		}
		for i := from; i < len(l.pieces); i++ {
			k := &e.kinds[l.pieces[i].kind]
			if k.name != name {
				continue
			}
			if k.Size == 0 {
				draw = append(draw, drawn{cut.key(k.hash, 0), i, l.pieces[i].n})
				continue
			}
			for copy := range l.pieces[i].n {
				draw = append(draw, drawn{cut.key(k.hash, copy), i, k.Size})
			}
		}
		slices.SortFunc(draw, func(a, b drawn) int {
			if a.key < b.key {
				return -1
			}
			return 1
		})
		e.cuts.draw = draw
		e.keep(l, target, name, draw)
	}
	l.pieces = slices.DeleteFunc(l.pieces, func(p item) bool { return p.n == 0 })
}

// keep serves the pieces of one name in drawn order from the target.
func (e *Engine) keep(l *lot, target *Amounts, name int32, draw []drawn) {
	left, plain := target.get(name), int64(0)
	for _, d := range draw {
		switch {
		case d.index < 0:
			plain = min(d.n, left)
			left -= plain
		case e.kinds[l.pieces[d.index].kind].Size == 0:
			n := min(d.n, left)
			l.pieces[d.index].n = n
			left -= n
		case d.n <= left:
			left -= d.n
		default:
			l.pieces[d.index].n--
		}
	}
	target.set(name, plain)
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
