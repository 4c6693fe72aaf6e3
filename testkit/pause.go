package testkit

// pause is one spell of a node that does nothing.
type pause struct{ node *Node }

// Pause stops a node as SIGSTOP does: it handles nothing, its timers wait, and what comes for it stays in its sockets.
// Who is linked to it notices after the KeepAlive of the weather. It has no effect on a node that is down or paused.
func (n *Node) Pause() {
	l := n.life
	if l == nil || l.paused != nil {
		return
	}
	n.world.note("pause", l, "")
	l.paused = &pause{n}
	for _, c := range n.world.net.order {
		if c.up && (c.addr[0] == n.addr || c.addr[1] == n.addr) {
			c.missKeepalives(l.paused)
		}
	}
}

// Continue ends a Pause as SIGCONT does: all that became due meanwhile happens now, before anybody could tell the node that
// time has passed.
func (n *Node) Continue() {
	l := n.life
	if l == nil || l.paused == nil {
		return
	}
	w := n.world
	w.note("continue", l, "")
	l.paused = nil
	for _, e := range l.parked {
		w.queue.add(e)
	}
	l.parked = nil
	for _, c := range w.net.order {
		switch n.addr {
		case c.addr[0]:
			c.unstall(1)
		case c.addr[1]:
			c.unstall(0)
		}
	}
}

// Paused reports whether the node is stopped.
func (n *Node) Paused() bool { return n.life != nil && n.life.paused != nil }

// park keeps back what a paused node would do.
func (l *life) park(e entity) bool {
	if l.paused == nil {
		return false
	}
	l.parked = append(l.parked, e)
	return true
}

// missKeepalives breaks a connection to a node that stays paused.
func (c *connection) missKeepalives(p *pause) {
	w := c.net.world
	spell := c.spell
	w.at(w.now+c.net.weather.KeepAlive+c.net.jitter(), nil, "keepalive", func() {
		if l := p.node.life; l != nil && l.paused == p && c.up && c.spell == spell {
			c.breakDown()
		}
	})
}

// unstall lets what one side has sent go on, unless that way is cut.
func (c *connection) unstall(side int) {
	if !c.cut[side] {
		c.resume(side)
	}
}
