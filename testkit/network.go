package testkit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/actors/process"
)

// Weather is how the network between hosts behaves; between two nodes of one host, which differ only in their ports,
// messages take their time but nothing is lost. Chances are in thousandths.
type Weather struct {
	// MinLatency and MaxLatency bound how long a message travels. Messages from one process to another stay in
	// order, whatever each one's latency.
	MinLatency, MaxLatency time.Duration
	// Loss is how many messages of a thousand vanish, and Duplicate how many arrive twice. The runtime's own
	// messages (links and exits) are not spared. Such a network is harsher than TCP: who waits for an answer and
	// never asks again waits for ever, though no link broke.
	Loss, Duplicate int
	// Reset is how many messages of a thousand meet a connection that breaks: they and all that is underway on it
	// are lost, and both sides notice. This is how TCP loses.
	Reset int
	// KeepAlive is how long it takes to notice a peer that has become silent, by a cut or a pulled plug. A
	// shorter cut only delays messages, as TCP sends them again.
	KeepAlive time.Duration
	// Refused is how long it takes to find out that nobody listens at an address.
	Refused time.Duration
}

// Calm is the weather of a new World: 0.1 to 1 ms on the way, no loss. KeepAlive and Refused are those of the
// production transport.
var Calm = Weather{
	MinLatency: 100 * time.Microsecond, MaxLatency: time.Millisecond,
	KeepAlive: 12 * time.Second, Refused: 2 * time.Second,
}

// The reasons that processes are told when a connection is lost.
var (
	errReset   = errors.New("connection reset by peer")
	errRefused = errors.New("connection refused")
	errSilent  = errors.New("no answer to keepalives")
)

type network struct {
	world   *World
	weather Weather
	// between holds connections in the order of their making, so that nothing depends on a map's order.
	between map[[2]string]*connection
	order   []*connection
	stats   NetworkStats
}

// NetworkStats counts what the network did.
type NetworkStats struct{ Sent, Delivered, Lost, Duplicated int }

// port is the network as the runtime of one node sees it.
type port struct{ *life }

var _ process.Transport = (*port)(nil)

func (p *port) Start(in process.Inbound) (string, error) {
	p.in = in
	return p.node.addr, nil
}

func (p *port) Send(e process.Envelope) {
	if !p.dead {
		p.node.world.net.send(p.node.addr, e)
	}
}

func (p *port) Connect(peer string) {
	if !p.dead {
		p.node.world.net.connect(p.life, peer)
	}
}

func (p *port) Release(peer string) {
	if !p.dead {
		c, side := p.node.world.net.connection(p.node.addr, peer)
		c.wants[side] = nil
	}
}

func (p *port) Close(context.Context) error { return nil }

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

func hostOf(addr string) string {
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		return addr[:i]
	}
	return addr
}

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

// send is the way of every message from one node to another. It is marshalled here and unmarshalled at arrival,
// so that nodes share no memory.
func (n *network) send(from string, e process.Envelope) {
	w := n.world
	data, err := deterministic.Marshal(e.Msg)
	if err != nil {
		w.fail("%v cannot send a %s to %v: %v", e.From, e.Msg.ProtoReflect().Descriptor().FullName(), e.To, err)
		return
	}
	n.stats.Sent++
	w.traceSend(e, data)
	if n.world.intercepted(from, e) {
		return
	}
	n.carry(from, e, data)
}

// carry takes a message that no filter stopped through the weather.
func (n *network) carry(from string, e process.Envelope, data []byte) {
	c, side := n.connection(from, e.To.Addr)
	copies := 1
	if odds := n.weather.Loss + n.weather.Duplicate + n.weather.Reset; odds > 0 && !c.local {
		switch luck := n.world.choose(fates, 1000); {
		case luck >= 1000-n.weather.Loss:
			n.lose(e, "bad luck")
			return
		case luck >= 1000-n.weather.Loss-n.weather.Duplicate:
			copies = 2
			n.stats.Duplicated++
			n.world.traceFate("twice", e, "")
		case luck >= 1000-odds && c.up:
			n.lose(e, "the connection breaks")
			c.reset()
			return
		}
	}
	if c.doomed[side] != nil {
		n.lose(e, "the connection is dead")
		return
	}
	if !c.up && !c.open() {
		n.lose(e, "no connection")
		return
	}
	l := c.lane(side, e.From, e.To)
	for range copies {
		l.push(packet{data: data, kind: e.Msg.ProtoReflect().Type(), who: e.Principal})
	}
}

func (n *network) lose(e process.Envelope, why string) {
	n.stats.Lost++
	n.world.traceFate("lost", e, why)
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

// nodeDied closes the connections of a node. What it had sent may arrive up to some message; what was on the way
// to it is gone.
func (n *network) nodeDied(node *Node, silent bool) {
	for _, c := range n.order {
		side := 0
		switch node.addr {
		case c.addr[0]:
		case c.addr[1]:
			side = 1
		default:
			continue
		}
		c.wants[side] = nil
		c.resend(1 - side) // to nobody
		if e := c.doomed[side]; e != nil {
			n.world.cancel(e)
			c.doomed[side] = nil
		}
		c.discard(1-side, false) // also what was stalled while it was paused
		if !c.up {
			continue
		}
		c.up = false
		until := c.discard(side, true)
		if silent {
			c.doom(1-side, n.weather.KeepAlive+n.jitter(), errSilent)
		} else {
			// Later than the last packet, because a socket is read to its end.
			c.doom(1-side, max(0, until-n.world.now)+n.world.latency(), errReset)
		}
	}
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

func (n *network) jitter() time.Duration {
	return time.Duration(n.world.choose(delays, 8)) * 100 * time.Millisecond
}

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

// SetWeather changes how the network behaves from now on. Messages that are underway keep their arrival.
func (w *World) SetWeather(to Weather) {
	w.net.weather = to
	w.note("weather", nil, "%s", to)
}

// Weather returns how the network behaves.
func (w *World) Weather() Weather { return w.net.weather }

// NetworkStats returns what the network did so far.
func (w *World) NetworkStats() NetworkStats { return w.net.stats }

// String says it in a line.
func (w Weather) String() string {
	return fmt.Sprintf("latency %v to %v, %d ‰ lost, %d ‰ twice, %d ‰ meet a reset", w.MinLatency, w.MaxLatency,
		w.Loss, w.Duplicate, w.Reset)
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
