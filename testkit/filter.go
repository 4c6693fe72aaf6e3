package testkit

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
)

// Filter stands in the way of messages between any two processes, on one node or between nodes. It acts when
// a message is sent. The newest filter comes first, and the first that fits a message decides about it.
type Filter struct {
	world    *World
	pattern  Pattern
	act      action
	left     int // how many more it acts on, -1 for all
	messages []Message
	held     []heldMessage
}

type heldMessage struct {
	node string // of the sender
	process.Envelope
}

type action int

const (
	look action = iota // and let the next filter decide
	drop
	hold
)

// Drop makes messages vanish.
func (w *World) Drop(p Pattern) *Filter { return w.filter(p, drop) }

// Hold keeps messages back until Release.
func (w *World) Hold(p Pattern) *Filter { return w.filter(p, hold) }

// Watch only notes messages.
func (w *World) Watch(p Pattern) *Filter { return w.filter(p, look) }

func (w *World) filter(p Pattern, act action) *Filter {
	f := &Filter{world: w, pattern: p, act: act, left: -1}
	w.filters = append(w.filters, f)
	return f
}

// Times limits the filter to the next n messages that fit.
func (f *Filter) Times(n int) *Filter {
	f.left = n
	return f
}

// Stop ends the filter. What it holds stays held until Release.
func (f *Filter) Stop() { f.left = 0 }

// Messages are those that fitted, oldest first.
func (f *Filter) Messages() []Message { return f.messages }

// Count is the number of messages that fitted.
func (f *Filter) Count() int { return len(f.messages) }

// Await runs the world until the filter has seen n messages in all, and fails the test if that takes longer than
// the world's patience.
func (f *Filter) Await(n int) {
	f.world.t.Helper()
	if !f.world.tryUntil(f.world.patience, func() bool { return len(f.messages) >= n }) {
		f.world.fail("%d × %s did not come within %v; there were %d", n, f.pattern, f.world.patience, len(f.messages))
	}
	f.world.report()
}

// Release lets go of what is held, in order, and ends the filter.
func (f *Filter) Release() {
	f.Stop()
	for len(f.held) > 0 {
		f.ReleaseOne()
	}
}

// ReleaseOne lets go of the oldest held message. The filter goes on.
func (f *Filter) ReleaseOne() {
	if len(f.held) == 0 {
		return
	}
	m := f.held[0]
	f.held = f.held[1:]
	w := f.world
	w.traceFate("released", m.Envelope, "")
	if m.node != m.To.Addr {
		data, _ := deterministic.Marshal(m.Msg) // it was marshalled before
		w.net.carry(m.node, m.Envelope, data)
		return
	}
	if n := w.byAddr[m.node]; n != nil && n.Up() {
		n.life.rt.Deliver(m.Envelope)
	}
}

// intercepted asks the filters about a message and says whether it goes no further.
func (w *World) intercepted(node string, e process.Envelope) bool {
	if len(w.filters) == 0 && len(w.observers) == 0 || isRuntimeMessage(e.Msg) {
		return false
	}
	m := Message{At: w.now, From: e.From, To: e.To, Msg: e.Msg}
	for _, o := range w.observers {
		o(m)
	}
	for i := len(w.filters) - 1; i >= 0; i-- {
		f := w.filters[i]
		if f.left == 0 || f.pattern.against(m) != "" {
			continue
		}
		if f.left > 0 {
			f.left--
		}
		f.messages = append(f.messages, m)
		switch f.act {
		case drop:
			w.traceFate("dropped", e, "")
			return true
		case hold:
			f.held = append(f.held, heldMessage{node, e})
			w.traceFate("held", e, "")
			return true
		}
	}
	return false
}

// Observe calls f with every message when it is sent, before filters and weather; the runtimes' own messages are
// left out. Checkers listen here.
func (w *World) Observe(f func(Message)) { w.observers = append(w.observers, f) }

// ObserveArrivals calls f with every message that arrives from another node, before its process gets it.
func (w *World) ObserveArrivals(f func(Message)) { w.arrivals = append(w.arrivals, f) }

// ObserveLosses calls f when a node is about to notice that its connection to a peer is lost.
func (w *World) ObserveLosses(f func(at *Node, peer string)) { w.losses = append(w.losses, f) }

// tap sees the messages of one node. Those from and to other nodes pass the network anyway.
func (l *life) tap(e process.Envelope) process.Verdict {
	if l.dead {
		return process.Drop
	}
	if e.To.Addr != l.node.addr || e.From.Addr != l.node.addr && !e.From.IsZero() {
		return process.Pass
	}
	w := l.node.world
	w.traceSend(e, nil)
	if w.intercepted(l.node.addr, e) {
		return process.Drop
	}
	return process.Pass
}

// isRuntimeMessage says whether a message is between runtimes, below the processes.
func isRuntimeMessage(m proto.Message) bool {
	return m.ProtoReflect().Descriptor().ParentFile().Package() == "meseta.process"
}
