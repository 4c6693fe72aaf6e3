package drf

import (
	"slices"
	"time"
)

// filter is a refusal: the client wants no part of a bundle from this agent. It is dead once its client has moved to
// another generation.
type filter struct {
	client, bundle  int32
	generation, seq uint32
}

func (e *Engine) live(f *filter) bool { return e.clients[f.client].generation == f.generation }

// Recover returns resources that a framework holds in a role. If until is not zero, what returns, or part of it, is not
// offered to it again before. Whoever is unknown is ignored; what is not held is not returned.
func (e *Engine) Recover(framework, role, agent string, rs Bundle, until time.Time) {
	slot, id, known := e.find(framework, role, agent)
	if !known {
		return
	}
	b := e.intern(rs)
	back := e.clip(&b, e.holding(slot, id))
	if back.empty() {
		return
	}
	if !until.IsZero() {
		e.refuse(slot, id, &b, e.elapsed(until))
	}
	e.give(slot, id, &back)
	e.touch(slot)
	e.sweep()
}

func (e *Engine) refuse(slot, id int32, b *bundle, deadline int64) {
	l := &e.ledgers[slot]
	if len(l.filters) == cap(l.filters) {
		l.filters = slices.DeleteFunc(l.filters, func(f filter) bool { return !e.live(&f) })
	}
	e.seq++
	e.clients[id].filters++
	l.filters = append(l.filters, filter{id, e.bundles.id(b), e.clients[id].generation, e.seq})
	a := &e.agents[slot]
	a.newFilters, a.filtered = true, true
	e.timers.push(timer{deadline, slot, a.slot, e.seq})
}

// expire ends the filters whose time has come; the agents and clients concerned look at each other again.
func (e *Engine) expire(limit int64) {
	for len(e.timers) > 0 && e.timers[0].deadline <= limit {
		t := e.timers.pop()
		i := e.filterOf(t)
		if i < 0 {
			e.deadTimers--
			continue
		}
		l := &e.ledgers[t.agent]
		f := l.filters[i]
		l.filters[i] = l.filters[len(l.filters)-1]
		l.filters = l.filters[:len(l.filters)-1]
		if !e.live(&f) {
			e.deadTimers--
			continue
		}
		e.refused.row(t.agent).unset(f.client)
		e.agents[t.agent].newFilters = true // another filter of the same client may still cover
		e.touch(t.agent)
		e.dropFilter(f.client)
	}
}

func (e *Engine) filterOf(t timer) int {
	if e.agents[t.agent].slot != t.slot {
		return -1
	}
	return slices.IndexFunc(e.ledgers[t.agent].filters, func(f filter) bool { return f.seq == t.seq })
}

// dropFilter counts one live filter less; the client may have been kept for it alone.
func (e *Engine) dropFilter(client int32) {
	c := &e.clients[client]
	if c.filters--; c.filters == 0 && !c.subscribed {
		e.untrack(client)
	}
}

// forgetFilters ends all filters of a client at once.
func (e *Engine) forgetFilters(client int32) {
	c := &e.clients[client]
	c.generation++
	e.deadTimers += int(c.filters)
	c.filters = 0
}

// dropFilters ends all filters of an agent.
func (e *Engine) dropFilters(slot int32) {
	l := &e.ledgers[slot]
	filters := l.filters
	l.filters = nil
	for i := range filters {
		if f := &filters[i]; e.live(f) {
			e.deadTimers++
			e.dropFilter(f.client)
		}
	}
}

// filterCovers says whether b is part of what was refused.
func (e *Engine) filterCovers(id int32, b *bundle) bool { return e.contains(&e.bundles.list[id], b) }

func (e *Engine) isFiltered(slot, client int32, b *bundle) bool {
	if !e.agents[slot].filtered {
		return false
	}
	l := &e.ledgers[slot]
	for i := range l.filters {
		if f := &l.filters[i]; f.client == client && e.live(f) && e.filterCovers(f.bundle, b) {
			return true
		}
	}
	return false
}
