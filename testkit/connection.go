package testkit

import (
	"time"
)

// connection is what two addresses have between them. Side 0 is the lesser address.
type connection struct {
	net  *network
	addr [2]string
	// local: both are on one host, where there is no weather.
	local bool
	up    bool
	// wants is the life that wants to hear of a loss, if any.
	wants [2]*life
	// doomed is the pending notice of a loss. Until it is heard, what that side sends goes into the dead
	// connection; nothing of a new connection is heard before it.
	doomed [2]*event
	// cut[i] means that what side i sends does not arrive.
	cut   [2]bool
	spell int // counts complete recoveries from cuts
	lanes map[laneKey]*lane
	order []*lane
	// letters are held up by a cut or a pause.
	letters []*letter
}

func (n *network) connection(from, to string) (c *connection, side int) {
	key := [2]string{from, to}
	if to < from {
		key, side = [2]string{to, from}, 1
	}
	c = n.between[key]
	if c == nil {
		c = &connection{net: n, addr: key, local: hostOf(key[0]) == hostOf(key[1]), lanes: map[laneKey]*lane{}}
		n.between[key] = c
		n.order = append(n.order, c)
	}
	return c, side
}

// open makes a connection if both nodes run and can hear each other.
func (c *connection) open() bool {
	w := c.net.world
	a, b := w.byAddr[c.addr[0]], w.byAddr[c.addr[1]]
	c.up = a != nil && b != nil && a.Up() && b.Up() && !c.cut[0] && !c.cut[1]
	for _, n := range []*Node{a, b} {
		if c.up && n.life.paused != nil {
			c.missKeepalives(n.life.paused) // its kernel takes the connection, but nobody says hello
		}
	}
	return c.up
}

// connect keeps a promise of process.Transport: the loss of the peer is reported once.
func (n *network) connect(l *life, peer string) {
	c, side := n.connection(l.node.addr, peer)
	c.wants[side] = l
	if c.up || c.doomed[side] != nil {
		return
	}
	n.world.at(n.world.now+n.world.latency(), l, "connect", func() {
		if c.wants[side] != l || c.up || c.doomed[side] != nil || c.open() {
			return
		}
		c.doom(side, n.weather.Refused, errRefused)
	})
}

// doom lets one side notice a loss after a while.
func (c *connection) doom(side int, after time.Duration, why error) {
	w := c.net.world
	node := w.byAddr[c.addr[side]]
	if c.doomed[side] != nil || node == nil || !node.Up() {
		return
	}
	l := node.life
	c.doomed[side] = w.at(w.now+after, l, "notice", func() {
		c.doomed[side] = nil
		if c.wants[side] != l {
			return
		}
		c.wants[side] = nil
		w.note("peer lost", l, "%s: %v", c.addr[1-side], why)
		for _, f := range w.losses {
			f(l.node, c.addr[1-side])
		}
		l.in.PeerLost(c.addr[1-side], why)
	})
}

// discard takes away what one side had underway, or (if some may still arrive) the end of it. It returns when the
// last of the rest arrives.
func (c *connection) discard(side int, keepSome bool) (until time.Duration) {
	w := c.net.world
	for _, l := range c.order {
		underway := len(l.packets) - l.head
		if l.side != side || underway == 0 {
			continue
		}
		keep := 0
		if keepSome && !c.cut[side] {
			keep = underway - w.choose(fates, underway+1)
		}
		c.net.stats.Lost += underway - keep
		l.keep(keep)
		until = max(until, l.last)
	}
	return until
}

// resume sends again what was stalled by a cut that ended before anybody gave the connection up.
func (c *connection) resume(side int) {
	if !c.cut[0] && !c.cut[1] {
		c.spell++
	}
	for _, l := range c.order {
		if l.side == side && l.stalled {
			l.stalled = false
			l.packets[l.head].at = c.net.world.now + c.net.world.latency()
			l.schedule()
		}
	}
	c.resend(side)
}

// breakDown ends a connection after unanswered keepalives; each side notices in its own time.
func (c *connection) breakDown() {
	c.drop()
	for side := range c.wants {
		c.doom(side, c.net.jitter(), errSilent)
	}
}

// reset ends a connection at once.
func (c *connection) reset() {
	c.drop()
	for side := range c.wants {
		c.doom(side, c.net.world.latency(), errReset)
	}
}

func (c *connection) drop() {
	c.up = false
	c.discard(0, false)
	c.discard(1, false)
}
