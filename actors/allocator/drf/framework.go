package drf

import (
	"maps"
	"slices"
)

// Caps are the capabilities of a framework that decide what it may be offered.
type Caps struct{ GPU, Region, Revocable, Shared, Refinement, MultiRole bool }

// Min is one of several amounts of which an offer must contain at least one: thousandths by resource name. For a resource
// that is a set, thousandths of its number of elements.
type Min map[string]int64

// Subscription is a framework's wish for one role.
type Subscription struct {
	Suppressed bool

	// Min is nil for the default, empty for anything.
	Min []Min

	// Excludes, if not nil, says whether the framework wants nothing of an agent. Its answer may change only when the
	// framework or the agent is updated.
	Excludes func(agent string) bool
}

// Framework describes a framework. Its id breaks ties in the order.
type Framework struct {
	ID     string
	Caps   Caps
	Active bool
	Roles  map[string]Subscription
}

type framework struct {
	id      string
	hash    uint64
	caps    Caps
	added   bool // else only agents have spoken of it
	active  bool
	clients map[int32]int32 // role → client
}

func (e *Engine) framework(id string) *framework {
	f := e.frameworks[id]
	if f == nil {
		f = &framework{id: id, hash: hashName(id), clients: map[int32]int32{}}
		e.frameworks[id] = f
	}
	return f
}

func (e *Engine) subscribe(f *framework, name string, s Subscription) int32 {
	id := e.client(f, e.role(name))
	c := &e.clients[id]
	c.subscribed, c.suppressed, c.excludes = true, s.Suppressed, s.Excludes
	e.modest.unset(id)
	if s.Min == nil {
		c.min = e.min
		e.modest.set(id)
	} else {
		c.min = e.minima(s.Min)
	}
	e.track(id)
	e.setActive(id, f.active && !s.Suppressed)
	return id
}

// AddFramework admits a framework, and what agents said it uses becomes its own. It asks for a run if it is active. A
// framework that is known is updated.
func (e *Engine) AddFramework(s Framework) {
	f := e.framework(s.ID)
	if f.added {
		e.UpdateFramework(s)
		e.SetFrameworkActive(s.ID, s.Active)
		return
	}
	f.added, f.caps, f.active = true, s.Caps, s.Active
	for _, name := range slices.Sorted(maps.Keys(s.Roles)) {
		e.subscribe(f, name, s.Roles[name])
	}
	if s.Active {
		e.Request()
	}
}

// RemoveFramework forgets a framework. What it holds returns to the agents.
func (e *Engine) RemoveFramework(id string) {
	f := e.frameworks[id]
	if f == nil {
		return
	}
	ids := slices.Sorted(maps.Values(f.clients))
	for _, c := range ids {
		e.clients[c].subscribed = true // so that returning its last resources does not end it under our feet
		for slot := int32(0); int(slot) < len(e.agents) && e.clients[c].holds > 0; slot++ {
			if h := e.holding(slot, c); h != nil {
				e.give(slot, c, &bundle{h.core, slices.Clone(h.items)})
				e.touch(slot)
			}
		}
	}
	for _, c := range ids {
		e.clients[c].subscribed = false
		e.forgetFilters(c)
		e.untrack(c)
	}
	delete(e.frameworks, id)
	e.sweep()
}

// SetFrameworkActive silences a framework, which forgets its filters, or lets it have offers again, which asks for a run.
func (e *Engine) SetFrameworkActive(id string, active bool) {
	f := e.frameworks[id]
	if f == nil || !f.added {
		return
	}
	f.active = active
	for _, c := range slices.Sorted(maps.Values(f.clients)) {
		cl := &e.clients[c]
		if !active {
			e.forgetFilters(c)
		}
		if cl.subscribed {
			e.setActive(c, active && !cl.suppressed)
		}
	}
	if active {
		e.Request()
	}
}

// UpdateFramework changes a framework's roles and wishes. Whether it is active stays. Roles that are no longer suppressed, or
// are left, lose their filters. It asks for no run.
func (e *Engine) UpdateFramework(s Framework) {
	f := e.frameworks[s.ID]
	if f == nil || !f.added {
		return
	}
	f.caps = s.Caps
	for _, name := range slices.Sorted(maps.Keys(s.Roles)) {
		id := e.client(f, e.role(name))
		if c := &e.clients[id]; c.subscribed && c.suppressed && !s.Roles[name].Suppressed {
			e.forgetFilters(id)
		}
		e.subscribe(f, name, s.Roles[name])
		e.rouse(id)
	}
	for _, id := range slices.Sorted(maps.Values(f.clients)) {
		c := &e.clients[id]
		if _, still := s.Roles[e.roles[c.role].name]; !still && c.subscribed {
			c.subscribed, c.suppressed = false, false
			e.setActive(id, false)
			e.forgetFilters(id)
			e.untrack(id)
		}
	}
	e.sweep()
}

// each calls f for the framework's clients in roles, or in all of its roles if the list is empty.
func (e *Engine) each(id string, roles []string, f func(client int32)) {
	fw := e.frameworks[id]
	if fw == nil {
		return
	}
	if len(roles) == 0 {
		for _, c := range slices.Sorted(maps.Values(fw.clients)) {
			if e.clients[c].subscribed {
				f(c)
			}
		}
		return
	}
	for _, name := range roles {
		r, known := e.roleIDs[name]
		if !known {
			continue
		}
		if c, ok := fw.clients[r]; ok && e.clients[c].subscribed {
			f(c)
		}
	}
}

// Suppress stops offers to a framework in roles; no role means all. Filters stay.
func (e *Engine) Suppress(id string, roles []string) {
	e.each(id, roles, func(c int32) {
		e.clients[c].suppressed = true
		e.setActive(c, false)
	})
}

// Revive wants offers again, forgets the filters of the roles, also of those that were not suppressed, and asks for a run.
func (e *Engine) Revive(id string, roles []string) {
	e.each(id, roles, func(c int32) {
		cl := &e.clients[c]
		cl.suppressed = false
		e.forgetFilters(c)
		if cl.active {
			e.rouse(c)
		}
		e.setActive(c, cl.fw.active)
	})
	e.Request()
}
