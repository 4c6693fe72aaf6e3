package drf

// sweep forgets what was interned and is no longer referred to: sets, bundles, kinds, roles, and the timers of dead
// filters. It walks everything, so it waits until the tables have doubled since the last time; that makes it cheap for
// each thing interned, and needs no counting of references on the way. Numbers of live things stay.
func (e *Engine) sweep() {
	if e.deadTimers > e.sweepFrom && e.deadTimers > len(e.timers)/2 {
		e.sweepTimers()
	}
	if n := e.interned(); n > 2*e.swept+e.sweepFrom {
		e.sweepTables()
		e.swept = e.interned()
	}
}

func (e *Engine) interned() int {
	return e.sets.len() + e.bundles.len() + len(e.kindIDs) + len(e.roleIDs)
}

// sweepTimers drops dead filters and their timers.
func (e *Engine) sweepTimers() {
	e.dropDeadFilters()
	kept := e.timers[:0]
	for _, t := range e.timers {
		if e.filterOf(t) >= 0 {
			kept = append(kept, t)
		}
	}
	e.timers = kept
	e.timers.rebuild()
	e.deadTimers = 0
}

func (e *Engine) dropDeadFilters() {
	for i := range e.ledgers {
		l := &e.ledgers[i]
		kept := l.filters[:0]
		for _, f := range l.filters {
			if e.live(&f) {
				kept = append(kept, f)
			}
		}
		l.filters = kept
	}
}

// marks says what is referred to.
type marks struct{ sets, bundles, kinds, roles []bool }

func (e *Engine) sweepTables() {
	e.dropDeadFilters()
	clear(e.templates)
	e.template = nil
	m := marks{make([]bool, len(e.sets.sets)), make([]bool, len(e.bundles.list)), make([]bool, len(e.kinds)),
		make([]bool, len(e.roles))}
	for slot := range e.agents {
		e.markAgent(&m, slot)
	}
	e.bundles.sweep(m.bundles)
	for id := range e.bundles.list {
		if m.bundles[id] {
			e.markBundle(&m, &e.bundles.list[id])
		}
	}
	e.sets.sweep(m.sets)
	for id := range e.kinds {
		k := &e.kinds[id]
		switch {
		case k.Kind == nil:
		case m.kinds[id]:
			if k.role >= 0 {
				m.roles[k.role] = true
			}
		default:
			delete(e.kindIDs, *k.Kind)
			*k = kind{}
			e.freeKinds = append(e.freeKinds, int32(id))
		}
	}
	for id := range e.clients {
		if c := &e.clients[id]; c.fw != nil {
			m.roles[c.role] = true
		}
	}
	e.sweepRoles(m.roles)
}

func (e *Engine) markAgent(m *marks, slot int) {
	a, l := &e.agents[slot], &e.ledgers[slot]
	for _, set := range []int32{a.avail.ports, a.ref.ports, l.total.ports, l.used.ports} {
		m.sets[set] = true
	}
	for _, p := range a.parts {
		m.kinds[p.kind] = true
		if e.kinds[p.kind].Type != Scalar {
			m.sets[p.total], m.sets[p.used], m.sets[p.avail], m.sets[p.ref] = true, true, true, true
		}
	}
	for i := range l.holdings {
		e.markBundle(m, &l.holdings[i].bundle)
	}
	for _, f := range l.filters {
		m.bundles[f.bundle] = true
	}
}

func (e *Engine) markBundle(m *marks, b *bundle) {
	m.sets[b.ports] = true
	for _, it := range b.items {
		m.kinds[it.kind] = true
		if e.kinds[it.kind].Type != Scalar {
			m.sets[it.n] = true
		}
	}
}
