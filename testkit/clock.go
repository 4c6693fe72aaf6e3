package testkit

import (
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

// Start is when every World begins. It is a fixed day, so that what is written with a date is the same in every
// run.
var Start = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// agenda is the future: what is to happen at which virtual time, a binary heap ordered by time and then by the
// order of asking.
type agenda struct {
	heap []*event
	seq  uint64
}

// event is something that becomes runnable at a time. Once due it is an entity like any other, so that events of
// one instant, and what they race with, happen in a chosen order.
type event struct {
	at    time.Duration
	seq   uint64
	run   func()
	label string
	of    *life // whose death ends it; nil for the world's own
	index int   // in the heap, -1 outside
	pos   int   // in the queue
}

func (e *event) place() *int { return &e.pos }

func (e *event) step(w *World) {
	if e.of != nil && (e.of.dead || e.of.park(e)) {
		return
	}
	w.traceEvent(e)
	e.run()
}

// at asks for f at a virtual time, and not before now.
func (w *World) at(t time.Duration, of *life, label string, f func()) *event {
	e := &event{at: max(t, w.now), run: f, label: label, of: of, index: -1, pos: -1}
	w.schedule(e)
	return e
}

// schedule lets an event happen at its time. One whose time has come can happen in the next step.
func (w *World) schedule(e *event) {
	if e.at <= w.now {
		w.queue.add(e)
	} else {
		w.agenda.add(e)
	}
}

// cancel reports whether the event had not happened yet.
func (w *World) cancel(e *event) bool {
	if e.index >= 0 {
		w.agenda.removeAt(e.index)
		return true
	}
	return w.queue.remove(e)
}

func (a *agenda) add(e *event) {
	a.seq++
	e.seq = a.seq
	a.heap = append(a.heap, e)
	e.index = len(a.heap) - 1
	a.up(e.index)
}

func (a *agenda) next() (time.Duration, bool) {
	if len(a.heap) == 0 {
		return 0, false
	}
	return a.heap[0].at, true
}

func (a *agenda) pop() *event {
	e := a.heap[0]
	a.removeAt(0)
	return e
}

func (a *agenda) removeAt(i int) {
	last := len(a.heap) - 1
	a.heap[i].index = -1
	if i != last {
		a.heap[i] = a.heap[last]
		a.heap[i].index = i
	}
	a.heap[last] = nil
	a.heap = a.heap[:last]
	if i != last {
		a.down(i)
		a.up(i)
	}
}

func (a *agenda) less(i, j int) bool {
	x, y := a.heap[i], a.heap[j]
	return x.at < y.at || x.at == y.at && x.seq < y.seq
}

func (a *agenda) swap(i, j int) {
	a.heap[i], a.heap[j] = a.heap[j], a.heap[i]
	a.heap[i].index, a.heap[j].index = i, j
}

func (a *agenda) up(i int) {
	for i > 0 && a.less(i, (i-1)/2) {
		a.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (a *agenda) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(a.heap) {
			return
		}
		if child+1 < len(a.heap) && a.less(child+1, child) {
			child++
		}
		if !a.less(child, i) {
			return
		}
		a.swap(i, child)
		i = child
	}
}

// clock is the virtual clock as the runtime of one node sees it; its timers die with the node.
type clock struct{ of *life }

var _ process.Clock = clock{}

func (c clock) Now() time.Time { return c.of.node.Now() }

func (c clock) AfterFunc(d time.Duration, f func()) process.Timer {
	w := c.of.node.world
	return timer{w, w.at(w.now+d, c.of, "timer", f)}
}

type timer struct {
	w *World
	e *event
}

func (t timer) Stop() bool { return t.w.cancel(t.e) }
