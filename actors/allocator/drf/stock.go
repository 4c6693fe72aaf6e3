package drf

// part is one kind that has no place in core.
type part struct {
	kind                    int32
	offered                 bool // shared, and already offered in this run
	total, used, avail, ref int64
}

func (a *agent) part(kind int32) *part {
	for i := range a.parts {
		if a.parts[i].kind == kind {
			return &a.parts[i]
		}
	}
	return nil
}

// needPart makes room for a kind. Parts are sorted, so that whatever is read off them is too.
func (a *agent) needPart(kind int32) *part {
	i := 0
	for i < len(a.parts) && a.parts[i].kind < kind {
		i++
	}
	if i == len(a.parts) || a.parts[i].kind != kind {
		a.parts = append(a.parts, part{})
		copy(a.parts[i+1:], a.parts[i:])
		a.parts[i] = part{kind: kind}
	}
	return &a.parts[i]
}

// idle: there is nothing left of it.
func (a *agent) idle() bool {
	if !a.avail.empty() {
		return false
	}
	for i := range a.parts {
		if a.parts[i].avail != 0 {
			return false
		}
	}
	return true
}

// isPlain: only what quota governs is left, so quota can rule clients out without a closer look.
func (e *Engine) isPlain(a *agent) bool {
	for i := range a.parts {
		if p := &a.parts[i]; p.avail != 0 && !e.kinds[p.kind].chopped {
			return false
		}
	}
	return true
}

// available is what the agent has left.
func (a *agent) available() bundle {
	b := bundle{core: a.avail}
	for i := range a.parts {
		if p := &a.parts[i]; p.avail != 0 {
			b.items = append(b.items, item{p.kind, p.avail})
		}
	}
	return b
}

func (e *Engine) whole(slot int32) bundle {
	b := bundle{core: e.ledgers[slot].total}
	for _, p := range e.agents[slot].parts {
		if p.total != 0 {
			b.items = append(b.items, item{p.kind, p.total})
		}
	}
	return b
}

// refresh recomputes what is available: total minus used, never below zero, and never accumulated, so that a total that
// shrank below what is used heals by itself. What is shared is there for everyone, but once in a run.
func (e *Engine) refresh(slot int32) {
	a, l := &e.agents[slot], &e.ledgers[slot]
	a.avail.free = l.total.free
	a.avail.free.drain(&l.used.free)
	a.avail.ports = e.sets.minus(l.total.ports, l.used.ports)
	for i := range a.parts {
		p := &a.parts[i]
		k := &e.kinds[p.kind]
		was := p.avail
		switch {
		case k.Type != Scalar:
			p.avail = int64(e.sets.minus(int32(p.total), int32(p.used)))
			continue
		case !k.Shared:
			p.avail = max(p.total-p.used, 0)
		case p.offered:
			p.avail = 0
		default:
			p.avail = min(p.total, 1)
		}
		if k.Revocable && was != p.avail {
			e.idleRevocable.set(k.name, e.idleRevocable.get(k.name)+k.quantity(p.avail)-k.quantity(was))
		}
	}
}

// dropParts forgets kinds of which nothing is left on the agent, neither in its total nor in use.
func (a *agent) dropParts() {
	kept := a.parts[:0]
	for _, p := range a.parts {
		if p.total != 0 || p.used != 0 {
			kept = append(kept, p)
		}
	}
	a.parts = kept
}

func (e *Engine) setTotal(slot int32, b *bundle) {
	a := &e.agents[slot]
	e.ledgers[slot].total = b.core
	for i := range a.parts {
		a.parts[i].total = 0
	}
	for _, it := range b.items {
		a.needPart(it.kind).total = it.n
	}
	e.countTotal(slot, true)
	e.refresh(slot)
	a.dropParts()
}

// countTotal adds an agent's total to the cluster's, or takes it out.
func (e *Engine) countTotal(slot int32, in bool) {
	a := &e.agents[slot]
	sum := func(to, q *Amounts) {
		if in {
			to.add(q)
		} else {
			to.sub(q)
		}
	}
	q := e.ledgers[slot].total.free
	for i := range a.parts {
		p := &a.parts[i]
		k := &e.kinds[p.kind]
		if k.Type != Scalar || p.total == 0 {
			continue
		}
		k.weigh(&q, p.total)
		if k.role < 0 {
			continue
		}
		var r Amounts
		k.weigh(&r, p.total)
		sum(&e.allReserved, &r)
		for id := k.role; id >= 0; id = e.roles[id].parent {
			sum(&e.roles[id].reservations, &r)
		}
	}
	a.gpu = q.head[gpus] > 0
	sum(&e.total, &q)
	for _, name := range e.unfair {
		q.set(name, 0)
	}
	sum(&e.fair, &q)
	e.epoch++
	e.quotaVersion++
}

func equalItems(a, b []item) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
