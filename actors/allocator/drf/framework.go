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

// client is a framework in a role.
type client struct {
	entry
	fw         *framework
	role       int32
	holds      int32 // agents of which it holds something
	filters    int32
	generation uint32 // of its filters
	tracked    bool   // has a place in the books
	subscribed bool
	suppressed bool
	active     bool // wants offers
	marked     bool // some agent's bit may be set
	excludes   func(agent string) bool
	min        []minimum
}

// minimum is a Min with names as numbers.
type minimum struct {
	Amounts
	sets bool // counts elements of some set
}

func (e *Engine) minima(list []Min) []minimum {
	out := make([]minimum, len(list))
	for i, m := range list {
		out[i].Amounts = e.names.amounts(m)
		for name := range m {
			switch name {
			case "cpus", "mem", "disk", "gpus":
			default:
				out[i].sets = true
			}
		}
	}
	return out
}

func (e *Engine) clientAt(id int32) *entry { return &e.clients[id].entry }

func (e *Engine) framework(id string) *framework {
	f := e.frameworks[id]
	if f == nil {
		f = &framework{id: id, hash: hashName(id), clients: map[int32]int32{}}
		e.frameworks[id] = f
	}
	return f
}

func (e *Engine) client(f *framework, role int32) int32 {
	if id, ok := f.clients[role]; ok {
		return id
	}
	var id int32
	if n := len(e.freeBits); n > 0 {
		id, e.freeBits = e.freeBits[n-1], e.freeBits[:n-1]
	} else {
		id = int32(len(e.clients))
		e.clients = append(e.clients, client{})
		e.refused.fit(len(e.agents), len(e.clients))
	}
	was := &e.clients[id]
	*was = client{entry: entry{name: f.id, weight: 1}, fw: f, role: role, min: e.min,
		generation: was.generation + 1, marked: was.marked}
	f.clients[role] = id
	return id
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

// track gives a client its place in the books, starting at nothing.
func (e *Engine) track(id int32) {
	c := &e.clients[id]
	if c.tracked {
		return
	}
	c.tracked = true
	r := &e.roles[c.role]
	if r.tracked++; r.tracked == 1 {
		e.tree.add(r.name, c.role)
		r = &e.roles[c.role]
		r.order = order{epoch: e.epoch}
	}
	c.used, c.count = Amounts{}, 0
	r.clients = append(r.clients, id)
}

// untrack takes the place away if the client holds nothing, and forgets the client once nothing refers to it.
func (e *Engine) untrack(id int32) {
	c := &e.clients[id]
	if c.holds > 0 {
		return
	}
	if c.tracked {
		e.setActive(id, false)
		c.tracked = false
		r := &e.roles[c.role]
		r.clients = slices.DeleteFunc(r.clients, func(k int32) bool { return k == id })
		if r.tracked--; r.tracked == 0 {
			e.tree.settleAll()
			e.tree.remove(r.leaf)
			r.leaf = -1
		}
	}
	if f := c.fw; !c.subscribed && c.filters == 0 && f != nil {
		delete(f.clients, c.role)
		c.fw, c.generation, c.excludes, c.min = nil, c.generation+1, nil, nil
		e.modest.unset(id)
		e.freeBits = append(e.freeBits, id)
		if !f.added && len(f.clients) == 0 {
			delete(e.frameworks, f.id)
		}
	}
}

func (e *Engine) setActive(id int32, active bool) {
	c := &e.clients[id]
	if c.active == active {
		return
	}
	c.active = active
	o := &e.roles[c.role].order
	o.repair(e.clientAt, &e.fair, e.epoch)
	if active {
		c.placed = c.rank(&e.fair)
		o.insert(e.clientAt, id)
		e.active.set(id)
		e.rouse(id)
	} else {
		o.remove(e.clientAt, id)
		e.active.unset(id)
	}
}

// rouse forgets what is known of a client's refusals: it may want anything now.
func (e *Engine) rouse(id int32) {
	c := &e.clients[id]
	if c.marked {
		c.marked = false
		for _, t := range e.templates {
			t.refused.unset(id)
		}
		for slot := range e.agents {
			if row := e.refused.row(int32(slot)); row.has(id) {
				row.unset(id)
				e.agents[slot].newFilters = true // filters may outlive the reason to rouse
			}
		}
	}
	e.wake++
	e.woken = true
}
