package drf

import "slices"

// What is offered or used is booked in four places at once: on the agent, in the role's order, in the tree of roles, and
// against quota.

// sums are what a bundle adds to each book.
type sums struct {
	fair     Amounts // to shares, without what is shared
	governed Amounts // to quota: unreserved and not revocable
	reserved Amounts
}

func (e *Engine) sum(b *bundle) sums {
	s := sums{fair: b.free, governed: b.free}
	for _, it := range b.items {
		k := &e.kinds[it.kind]
		if k.Shared {
			continue
		}
		k.weigh(&s.fair, it.n)
		if k.chopped {
			k.weigh(&s.governed, it.n)
		}
		if k.role >= 0 {
			k.weigh(&s.reserved, it.n)
		}
	}
	return s
}

// take books b to the client. chosen counts as one more time that it was given something.
func (e *Engine) take(slot, id int32, b *bundle, chosen bool) {
	l, c := &e.ledgers[slot], &e.clients[id]
	s := e.sum(b)
	l.used.free.add(&b.free)
	l.used.ports = e.sets.union(l.used.ports, b.ports)
	c.used.add(&s.fair)
	if chosen {
		c.count++
	}
	e.tree.charge(e.roles[c.role].leaf, &s.fair, chosen)
	e.usedReserved.add(&s.reserved)
	for r := c.role; r >= 0; r = e.roles[r].parent {
		e.roles[r].used.add(&s.governed)
	}
	for _, it := range b.items {
		if e.kinds[it.kind].Shared {
			e.share(slot, id, it.kind, true)
		}
		p := e.agents[slot].needPart(it.kind)
		p.used = e.join(it.kind, p.used, it.n)
	}
	e.hold(slot, id, b)
	e.refresh(slot)
	e.quotaVersion++
}

func (e *Engine) hold(slot, id int32, b *bundle) {
	l := &e.ledgers[slot]
	for i := range l.holdings {
		if h := &l.holdings[i]; h.client == id {
			e.addTo(&h.bundle, b)
			return
		}
	}
	l.holdings = append(l.holdings, holding{id, bundle{b.core, slices.Clone(b.items)}})
	e.clients[id].holds++
}

// release is what hold did, undone.
func (e *Engine) release(slot, id int32, b *bundle) {
	l := &e.ledgers[slot]
	for i := range l.holdings {
		if h := &l.holdings[i]; h.client == id {
			if e.takeFrom(&h.bundle, b); h.empty() {
				l.holdings = slices.Delete(l.holdings, i, i+1)
				e.clients[id].holds--
			}
			return
		}
	}
}

func (e *Engine) holding(slot, id int32) *holding {
	l := &e.ledgers[slot]
	for i := range l.holdings {
		if l.holdings[i].client == id {
			return &l.holdings[i]
		}
	}
	return nil
}

// give returns b, which the client holds, to the agent.
func (e *Engine) give(slot, id int32, b *bundle) {
	e.returned(slot, id, b)
	e.settle(id)
	if !e.clients[id].subscribed {
		e.untrack(id)
	}
}

func (e *Engine) returned(slot, id int32, b *bundle) {
	l, c := &e.ledgers[slot], &e.clients[id]
	s := e.sum(b)
	l.used.free.sub(&b.free)
	c.used.sub(&s.fair)
	e.tree.discharge(e.roles[c.role].leaf, &s.fair)
	e.usedReserved.sub(&s.reserved)
	for r := c.role; r >= 0; r = e.roles[r].parent {
		e.roles[r].used.sub(&s.governed)
	}
	e.release(slot, id, b)
	if b.ports != 0 {
		l.used.ports = e.usedPorts(slot)
	}
	for _, it := range b.items {
		p := e.agents[slot].part(it.kind)
		if e.kinds[it.kind].Type == Scalar {
			p.used -= it.n
		} else {
			p.used = e.usedSet(slot, it.kind)
		}
		if e.kinds[it.kind].Shared {
			e.share(slot, id, it.kind, false)
		}
	}
	e.refresh(slot)
	e.agents[slot].dropParts()
	e.quotaVersion++
}

// usedPorts and usedSet add up what is held. Sets are not subtracted, because an agent that reports the same port as two
// things has it held twice, and the first return must not free it.
func (e *Engine) usedPorts(slot int32) (ports int32) {
	for i := range e.ledgers[slot].holdings {
		ports = e.sets.union(ports, e.ledgers[slot].holdings[i].ports)
	}
	return ports
}

func (e *Engine) usedSet(slot, kind int32) (set int64) {
	for i := range e.ledgers[slot].holdings {
		h := &e.ledgers[slot].holdings[i]
		if at, found := findItem(h.items, kind); found {
			set = e.join(kind, set, h.items[at].n)
		}
	}
	return set
}

// settle moves what was booked to its new place in the orders; not while somebody walks them.
func (e *Engine) settle(id int32) {
	e.tree.settleAll()
	e.settleClient(id)
}

func (e *Engine) settleClient(id int32) {
	c := &e.clients[id]
	if o := &e.roles[c.role].order; c.active && o.epoch == e.epoch {
		o.move(e.clientAt, id, &e.fair)
	}
}

// share books the size of something shared wherever its first copy arrives or its last one leaves: with the client, with
// each node of the tree, and in the sum of reservations in use. It is called while the client's new copy is not booked.
func (e *Engine) share(slot, id, kind int32, in bool) {
	k := &e.kinds[kind]
	var q Amounts
	k.weigh(&q, 1)
	if !in {
		var none Amounts
		none.sub(&q)
		q = none
	}
	if !e.holdsShared(slot, kind, func(other int32) bool { return other == id }) {
		e.clients[id].used.add(&q)
	}
	role := e.clients[id].role
	for n := e.roles[role].leaf; n >= 0; n = e.tree.nodes[n].parent {
		if !e.holdsShared(slot, kind, func(other int32) bool { return e.covers(n, e.clients[other].role) }) {
			e.tree.nodes[n].used.add(&q)
		}
	}
	if k.role >= 0 && e.agents[slot].needPart(kind).used == 0 {
		e.usedReserved.add(&q)
	}
}

func (e *Engine) holdsShared(slot, kind int32, who func(client int32) bool) bool {
	for i := range e.ledgers[slot].holdings {
		h := &e.ledgers[slot].holdings[i]
		if _, found := findItem(h.items, kind); found && who(h.client) {
			return true
		}
	}
	return false
}

// covers says whether a node's sums contain what a role uses.
func (e *Engine) covers(n, role int32) bool {
	switch {
	case n == 0:
		return true
	case e.tree.nodes[n].role >= 0:
		return e.tree.nodes[n].role == role
	}
	at, known := e.roleIDs[e.tree.nodes[n].path]
	return known && e.isUnder(role, at)
}

// clip drops from b what h does not hold: a caller that returns too much must not make resources out of nothing.
func (e *Engine) clip(b *bundle, h *holding) bundle {
	var out bundle
	if h == nil {
		return out
	}
	if e.contains(&h.bundle, b) {
		return *b
	}
	out.free = b.free
	out.free.cap(&h.free)
	out.ports = e.sets.minus(b.ports, e.sets.minus(b.ports, h.ports))
	for _, it := range b.items {
		i, found := findItem(h.items, it.kind)
		if !found {
			continue
		}
		if e.kinds[it.kind].Type == Scalar {
			out.items = e.addItem(out.items, it.kind, min(it.n, h.items[i].n))
		} else {
			missing := e.without(it.kind, it.n, h.items[i].n)
			out.items = e.addItem(out.items, it.kind, e.without(it.kind, it.n, missing))
		}
	}
	return out
}
