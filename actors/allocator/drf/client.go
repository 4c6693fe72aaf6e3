package drf

import "slices"

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
