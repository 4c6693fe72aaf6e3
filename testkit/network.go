package testkit

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

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

func hostOf(addr string) string {
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		return addr[:i]
	}
	return addr
}

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

func (n *network) jitter() time.Duration {
	return time.Duration(n.world.choose(delays, 8)) * 100 * time.Millisecond
}

// NetworkStats returns what the network did so far.
func (w *World) NetworkStats() NetworkStats { return w.net.stats }
