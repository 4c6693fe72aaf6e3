package drf

// Conversion turns resources into others: reserve, unreserve, create, destroy, grow, shrink. With nothing consumed it adds
// copies of something shared to what is held, not to the agent.
type Conversion struct{ Consumed, Converted Bundle }

// Convert applies conversions to what a framework holds in a role, and to the agent's total. It is nobody's turn for it,
// and it asks for no run.
func (e *Engine) Convert(framework, role, agent string, cs []Conversion) {
	slot, id, known := e.find(framework, role, agent)
	if !known {
		return
	}
	total, changed := e.whole(slot), false
	for _, c := range cs {
		consumed, converted := e.intern(c.Consumed), e.intern(c.Converted)
		if h := e.holding(slot, id); !consumed.empty() && (h == nil || !e.contains(&h.bundle, &consumed)) {
			continue
		}
		// First in, then out, so that the client never looks empty in between.
		e.take(slot, id, &converted, false)
		e.returned(slot, id, &consumed)
		if !consumed.empty() {
			e.takeFrom(&total, &consumed)
			e.addTo(&total, &converted)
			changed = true
		}
	}
	if changed {
		e.countTotal(slot, false)
		e.setTotal(slot, &total)
		e.forgetRefusals(slot)
	}
	e.settle(id)
	if !e.clients[id].subscribed {
		e.untrack(id)
	}
	e.touch(slot)
	e.sweep()
}

// ConvertIdle applies conversions to what nobody holds, all or nothing.
func (e *Engine) ConvertIdle(agent string, cs []Conversion) (done, known bool) {
	slot, known := e.agentIDs[agent]
	if !known {
		return false, false
	}
	idle, total := e.agents[slot].available(), e.whole(slot)
	for _, c := range cs {
		consumed, converted := e.intern(c.Consumed), e.intern(c.Converted)
		if !e.contains(&idle, &consumed) {
			return false, true
		}
		for _, b := range []*bundle{&idle, &total} {
			e.takeFrom(b, &consumed)
			e.addTo(b, &converted)
		}
	}
	e.countTotal(slot, false)
	e.setTotal(slot, &total)
	e.forgetRefusals(slot)
	e.touch(slot)
	e.sweep()
	return true, true
}

// find looks up an agent and a client that may have something of it.
func (e *Engine) find(framework, role, agent string) (slot, client int32, known bool) {
	slot, ok := e.agentIDs[agent]
	f := e.frameworks[framework]
	if !ok || f == nil {
		return 0, 0, false
	}
	r, ok := e.roleIDs[role]
	if !ok {
		return 0, 0, false
	}
	client, known = f.clients[r]
	return slot, client, known
}
