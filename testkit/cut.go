package testkit

// setCut cuts or heals one direction.
func (n *network) setCut(from, to string, cut bool) {
	c, side := n.connection(from, to)
	if c.cut[side] == cut {
		return
	}
	c.cut[side] = cut
	if !cut {
		c.resume(side)
		return
	}
	if c.cut[1-side] || !c.up {
		return
	}
	spell := c.spell
	n.world.at(n.world.now+n.weather.KeepAlive+n.jitter(), nil, "keepalive", func() {
		if c.spell == spell && c.up {
			c.breakDown()
		}
	})
}

// Cut separates two nodes: nothing that they send reaches the other. A cut shorter than Weather.KeepAlive only
// delays; a longer one breaks the connection, loses what was underway, and is noticed by both sides.
func (w *World) Cut(a, b Placed) {
	w.CutOneWay(a, b)
	w.CutOneWay(b, a)
}

// CutOneWay stops what one node sends to another, and lets the other direction through.
func (w *World) CutOneWay(from, to Placed) {
	w.note("cut", nil, "%s → %s", from.Node().name, to.Node().name)
	w.net.setCut(from.Node().addr, to.Node().addr, true)
}

// Isolate cuts every connection between the nodes of one group and all nodes on other hosts.
func (w *World) Isolate(group ...Placed) {
	w.note("isolate", nil, "%s", names(group))
	inside := map[string]bool{}
	for _, p := range group {
		inside[hostOf(p.Node().addr)] = true
	}
	for _, p := range group {
		for _, n := range w.nodes {
			if !inside[hostOf(n.addr)] {
				w.net.setCut(p.Node().addr, n.addr, true)
				w.net.setCut(n.addr, p.Node().addr, true)
			}
		}
	}
}

// Heal ends the cuts between two nodes.
func (w *World) Heal(a, b Placed) {
	w.note("heal", nil, "%s ↔ %s", a.Node().name, b.Node().name)
	w.net.setCut(a.Node().addr, b.Node().addr, false)
	w.net.setCut(b.Node().addr, a.Node().addr, false)
}

// HealAll ends every cut.
func (w *World) HealAll() {
	w.note("heal", nil, "everything")
	for _, c := range w.net.order {
		w.net.setCut(c.addr[0], c.addr[1], false)
		w.net.setCut(c.addr[1], c.addr[0], false)
	}
}

// Reset breaks the connection between two nodes, as a router that restarts does: what is underway is lost, both
// sides notice within a moment, and the next message makes a new connection.
func (w *World) Reset(a, b Placed) {
	c, _ := w.net.connection(a.Node().addr, b.Node().addr)
	if c.up {
		w.note("reset", nil, "%s ↔ %s", a.Node().name, b.Node().name)
		c.reset()
	}
}

// Reaches reports whether what one node sends now would arrive at the other: both run, and nothing is cut.
func (w *World) Reaches(from, to Placed) bool {
	a, b := from.Node(), to.Node()
	if !a.Up() || !b.Up() || a.Paused() || b.Paused() {
		return false
	}
	if a == b {
		return true
	}
	c, side := w.net.connection(a.addr, b.addr)
	return !c.cut[side]
}
