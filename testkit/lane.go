package testkit

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/actors/process"
)

// lane carries the messages from one process to another, in order.
type lane struct {
	of      *connection
	side    int // of the sender
	to      process.UPID
	from    process.UPID
	packets []packet // those before head have arrived
	head    int
	last    time.Duration // when the youngest packet arrives
	arrival *event
	stalled bool
}

type laneKey struct {
	side     int
	from, to string
}

type packet struct {
	at   time.Duration
	data []byte
	kind protoreflect.MessageType
	who  process.Principal
}

var deterministic = proto.MarshalOptions{Deterministic: true}

func (c *connection) lane(side int, from, to process.UPID) *lane {
	key := laneKey{side, from.ID, to.ID}
	l := c.lanes[key]
	if l == nil {
		l = &lane{of: c, side: side, from: from, to: to}
		l.arrival = &event{run: l.arrive, label: "arrival", index: -1, pos: -1}
		c.lanes[key] = l
		c.order = append(c.order, l)
	}
	return l
}

func (l *lane) push(p packet) {
	w := l.of.net.world
	// A later message never arrives before an earlier one of the same lane.
	late := w.latency()
	if late > w.net.weather.MinLatency {
		w.trace.markOdd()
	}
	p.at = max(w.now+late, l.last)
	l.last = p.at
	l.packets = append(l.packets, p)
	if len(l.packets)-l.head == 1 {
		l.schedule()
	}
}

func (l *lane) schedule() {
	w := l.of.net.world
	l.arrival.at = max(l.packets[l.head].at, w.now)
	w.schedule(l.arrival)
}

// shift takes the head of the lane and lets the next one come.
func (l *lane) shift() packet {
	p := l.packets[l.head]
	l.packets[l.head] = packet{}
	l.head++
	if l.head < len(l.packets) {
		l.schedule()
	} else {
		l.packets, l.head = l.packets[:0], 0
	}
	return p
}

// keep leaves only the first packets of those underway.
func (l *lane) keep(n int) {
	clear(l.packets[l.head+n:])
	l.packets = l.packets[:l.head+n]
	if n > 0 {
		l.last = l.packets[l.head+n-1].at
		return
	}
	l.packets, l.head, l.last, l.stalled = l.packets[:0], 0, 0, false
	l.of.net.world.cancel(l.arrival)
}

// latencySteps is how finely latency is chosen: enough to interleave, few enough to shrink.
const latencySteps = 16

func (w *World) latency() time.Duration {
	low, high := w.net.weather.MinLatency, w.net.weather.MaxLatency
	if high <= low {
		return low
	}
	return low + (high-low)*time.Duration(w.choose(delays, latencySteps))/(latencySteps-1)
}

// arrive delivers the head of the lane.
func (l *lane) arrive() {
	c, w := l.of, l.of.net.world
	if len(l.packets) == 0 {
		return
	}
	if c.cut[l.side] {
		l.stalled = true
		return
	}
	far := 1 - l.side
	if node := w.byAddr[c.addr[far]]; node != nil && node.Paused() {
		l.stalled = true
		return
	}
	if e := c.doomed[far]; e != nil {
		// The far side hears of the loss of the old connection before anything of the new one.
		w.cancel(e)
		e.run()
		if len(l.packets) == 0 {
			return
		}
	}
	p := l.shift()
	node := w.byAddr[c.addr[far]]
	if node == nil || !node.Up() {
		return
	}
	m := p.kind.New().Interface()
	if err := proto.Unmarshal(p.data, m); err != nil {
		w.fail("%v sent a %s that cannot be read: %v", l.from, p.kind.Descriptor().FullName(), err)
		return
	}
	c.net.stats.Delivered++
	e := process.Envelope{From: l.from, To: l.to, Msg: m, Principal: p.who}
	w.traceDelivery(e)
	if len(w.arrivals) > 0 && !isRuntimeMessage(m) {
		for _, f := range w.arrivals {
			f(Message{At: w.now, From: e.From, To: e.To, Msg: m})
		}
	}
	node.life.in.Receive(e)
}
