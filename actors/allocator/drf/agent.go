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
	e.use(slot, s.Used)
	e.touch(slot)
	e.request(slot)
}

// use books what frameworks already use, whether they were added or not.
func (e *Engine) use(slot int32, used []Use) {
	for i := range used {
		u := &used[i]
		b := e.intern(u.Bundle)
		if b.empty() {
			continue
		}
		id := e.client(e.framework(u.Framework), e.role(u.Role))
		e.track(id)
		e.take(slot, id, &b, true)
		e.settle(id)
	}
}

// GrowAgent adds what a resource provider has to an agent, and what is already used of it. It asks for no run.
func (e *Engine) GrowAgent(id string, more Bundle, used []Use) {
	slot, known := e.agentIDs[id]
	if !known {
		return
	}
	total, b := e.whole(slot), e.intern(more)
	e.addTo(&total, &b)
	e.countTotal(slot, false)
	e.setTotal(slot, &total)
	e.use(slot, used)
	e.touch(slot)
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
