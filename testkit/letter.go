package testkit

import (
	"slices"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

// letter is something that goes from one node to another beside the messages of actors: a request to a service, or its answer.
type letter struct {
	of     *connection
	side   int // of the sender
	arrive func()
	lost   func(error)
}

// Carry takes something from one node to another that is no message of actors, such as a request over HTTP: arrive is called in the
// world when it is there. It suffers from weather, cuts and pauses as messages do, but has a connection of its own, so
// letters overtake each other. What is held up by a cut or in the socket of a paused node arrives late, however long ago the sender
// gave up waiting; lost, which may be nil, is called where a sender would notice that it never will.
func (w *World) Carry(from, to Placed, what string, arrive func(), lost func(error)) {
	if lost == nil {
		lost = func(error) {}
	}
	c, side := w.net.connection(from.Node().addr, to.Node().addr)
	l := &letter{of: c, side: side, arrive: arrive, lost: lost}
	w.stamp(markSend)
	w.trace.sum.text(what)
	w.write(line{what: "letter", from: process.UPID{Addr: c.addr[side]}, note: "→ " + c.addr[1-side] + "  " + what})
	late := w.latency()
	weather := w.net.weather
	if odds := weather.Loss + weather.Reset; odds > 0 && !c.local && w.choose(fates, 1000) >= 1000-odds {
		w.at(w.now+late, nil, "letter", func() { l.lost(errReset) })
		return
	}
	w.at(w.now+late, nil, "letter", l.land)
}

// land is the end of the way.
func (l *letter) land() {
	c, w := l.of, l.of.net.world
	node := w.byAddr[c.addr[1-l.side]]
	switch {
	case c.cut[l.side], node != nil && node.Paused():
		c.letters = append(c.letters, l)
		if !c.cut[l.side] {
			return // its kernel has it
		}
		w.at(w.now+c.net.weather.KeepAlive, nil, "letter", func() {
			if i := slices.Index(c.letters, l); i >= 0 && c.cut[l.side] {
				c.letters = slices.Delete(c.letters, i, i+1)
				l.lost(errSilent)
			}
		})
	case node == nil || !node.Up():
		w.at(w.now+time.Millisecond, nil, "letter", func() { l.lost(errRefused) })
	default:
		l.arrive()
	}
}

// resend lets what one side has sent go on.
func (c *connection) resend(side int) {
	w := c.net.world
	var rest []*letter
	for _, l := range c.letters {
		if l.side != side {
			rest = append(rest, l)
			continue
		}
		w.at(w.now+w.latency(), nil, "letter", l.land)
	}
	c.letters = rest
}
