package drf

// Agent describes a machine.
type Agent struct {
	ID    string
	Total Bundle

	Remote       bool // in another region than the master
	MultiRole    bool // knows that a framework may have several roles
	Hierarchical bool // knows nested roles

	// Attributes stands for the agent's attributes: when it changes, filters of this agent are forgotten, because
	// frameworks refused something else.
	Attributes string

	// Place stands for everything else that a Subscription's Excludes may look at.
	Place string

	// Used is what frameworks already use; a framework that was not added yet owns it all the same. Only AddAgent reads it.
	Used []Use
}

// Use is what a framework uses in a role.
type Use struct {
	Framework, Role string
	Bundle          Bundle
}

// agent is what a run looks at.
type agent struct {
	hash     uint64
	avail    core
	ref      core // the bits in its row are true of any part of this
	parts    []part
	seenWake uint64
	heldAt   uint64
	lastRun  uint64
	slot     uint32 // generation of this slot
	outcome  outcome

	inUse, active, dirty, held, newFilters, filtered bool
	gpu, remote, multiRole, hierarchical             bool
}

// part is one kind that has no place in core.
type part struct {
	kind                    int32
	offered                 bool // shared, and already offered in this run
	total, used, avail, ref int64
}

// ledger is the rest of an agent: who holds what of it, and who refused what.
type ledger struct {
	id          string
	attributes  string
	place       string
	total, used core
	holdings    []holding
	filters     []filter
}

// holding is what a client was offered or uses.
type holding struct {
	client int32
	bundle
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

func (e *Engine) describe(slot int32, s *Agent) {
	a := &e.agents[slot]
	a.remote, a.multiRole, a.hierarchical = s.Remote, s.MultiRole, s.Hierarchical
	e.ledgers[slot].attributes, e.ledgers[slot].place = s.Attributes, s.Place
}

// AddAgent admits an agent and asks for a run that serves it. An agent that is known is replaced.
func (e *Engine) AddAgent(s Agent) {
	e.RemoveAgent(s.ID)
	var slot int32
	if n := len(e.freeSlots); n > 0 {
		slot, e.freeSlots = e.freeSlots[n-1], e.freeSlots[:n-1]
	} else {
		slot = int32(len(e.agents))
		e.agents = append(e.agents, agent{})
		e.ledgers = append(e.ledgers, ledger{})
		e.refused.fit(len(e.agents), len(e.clients))
	}
	a := &e.agents[slot]
	*a = agent{hash: hashName(s.ID), slot: a.slot + 1, inUse: true, active: true, dirty: a.dirty, held: a.held}
	e.ledgers[slot] = ledger{id: s.ID}
	e.agentIDs[s.ID] = slot
	e.describe(slot, &s)
	clear(e.refused.row(slot))
	total := e.intern(s.Total)
	e.setTotal(slot, &total)
	for i := range s.Used {
		u := &s.Used[i]
		b := e.intern(u.Bundle)
		if b.empty() {
			continue
		}
		id := e.client(e.framework(u.Framework), e.role(u.Role))
		e.track(id)
		e.take(slot, id, &b, true)
		e.settle(id)
	}
	e.touch(slot)
	e.request(slot)
}

// RemoveAgent forgets an agent and all that is held of it.
func (e *Engine) RemoveAgent(id string) {
	slot, known := e.agentIDs[id]
	if !known {
		return
	}
	for len(e.ledgers[slot].holdings) > 0 {
		h := &e.ledgers[slot].holdings[0]
		e.give(slot, h.client, &bundle{h.core, append([]item(nil), h.items...)})
	}
	e.dropFilters(slot)
	e.countTotal(slot, false)
	e.ledgers[slot] = ledger{}
	a := &e.agents[slot]
	for i := range a.parts {
		a.parts[i].total = 0
	}
	e.refresh(slot)
	*a = agent{slot: a.slot + 1, dirty: a.dirty, held: a.held}
	clear(e.refused.row(slot))
	delete(e.agentIDs, id)
	e.freeSlots = append(e.freeSlots, slot)
	e.sweep()
}

// UpdateAgent changes what an agent has or is, and asks for a run that serves it if anything did change.
func (e *Engine) UpdateAgent(s Agent) {
	slot, known := e.agentIDs[s.ID]
	if !known {
		return
	}
	a, l := &e.agents[slot], &e.ledgers[slot]
	total, was := e.intern(s.Total), e.whole(slot)
	same := total.core.equal(&was.core) && equalItems(total.items, was.items)
	if same && a.remote == s.Remote && a.multiRole == s.MultiRole && a.hierarchical == s.Hierarchical &&
		l.attributes == s.Attributes && l.place == s.Place {
		return
	}
	if l.attributes != s.Attributes {
		e.dropFilters(slot)
	}
	e.describe(slot, &s)
	e.forgetRefusals(slot)
	if !same {
		e.countTotal(slot, false)
		e.setTotal(slot, &total)
		e.sweep()
	}
	e.touch(slot)
	e.request(slot)
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

// SetAgentActive decides whether anything of the agent is offered. It asks for no run.
func (e *Engine) SetAgentActive(id string, active bool) {
	if slot, known := e.agentIDs[id]; known {
		e.agents[slot].active = active
		e.touch(slot)
	}
}

// touch makes the next full run visit the agent.
func (e *Engine) touch(slot int32) {
	if a := &e.agents[slot]; !a.dirty {
		a.dirty = true
		e.dirty = append(e.dirty, slot)
	}
}

// forgetRefusals clears an agent's row; the filters that still hold are applied again at its next visit.
func (e *Engine) forgetRefusals(slot int32) {
	clear(e.refused.row(slot))
	e.agents[slot].newFilters = true
}
