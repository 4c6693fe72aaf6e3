package process_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/processpb"
)

// net is a small network in memory that loses what it is told to.
type network struct {
	mu    sync.Mutex
	nodes map[string]*node
	lose  func(process.Envelope) bool
}

type node struct {
	net       *network
	addr      string
	in        process.Inbound
	queue     chan func()
	connected map[string]bool
	done      chan struct{}
}

func newNetwork() *network { return &network{nodes: map[string]*node{}} }

func (n *network) node(addr string) *node {
	return &node{net: n, addr: addr, queue: make(chan func(), 100000), connected: map[string]bool{}, done: make(chan struct{})}
}

func (n *node) Start(in process.Inbound) (string, error) {
	n.in = in
	n.net.mu.Lock()
	n.net.nodes[n.addr] = n
	n.net.mu.Unlock()
	go func() {
		for {
			select {
			case f := <-n.queue:
				f()
			case <-n.done:
				return
			}
		}
	}()
	return n.addr, nil
}

func (n *node) Send(e process.Envelope) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	to := n.net.nodes[e.To.Addr]
	if to == nil || n.net.lose != nil && n.net.lose(e) {
		return
	}
	e.Msg = proto.Clone(e.Msg)
	select {
	case to.queue <- func() { to.in.Receive(e) }:
	default:
		// Full. A transport never waits, or two runtimes that repeat themselves would wait for each other.
	}
}

func (n *node) Connect(peer string) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	n.connected[peer] = true
	if n.net.nodes[peer] == nil {
		n.lose(peer)
	}
}

func (n *node) lose(peer string) {
	if n.connected[peer] {
		delete(n.connected, peer)
		n.queue <- func() { n.in.PeerLost(peer, fmt.Errorf("cut")) }
	}
}

func (n *node) Release(peer string) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	delete(n.connected, peer)
}

func (n *node) Close(context.Context) error { close(n.done); return nil }

// kill takes a node off the network, as a crash does.
func (n *network) kill(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.nodes, addr)
	for _, other := range n.nodes {
		other.lose(addr)
	}
}

// quiet waits until every node has received what was sent so far, so that a clock that is moved by hand does not
// run ahead of the network.
func (n *network) quiet() {
	n.mu.Lock()
	var reached []chan struct{}
	for _, other := range n.nodes {
		done := make(chan struct{})
		reached = append(reached, done)
		other.queue <- func() { close(done) }
	}
	n.mu.Unlock()
	for _, done := range reached {
		<-done
	}
}

func (n *network) connections(addr string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.nodes[addr].connected)
}

// pairOf makes two runtimes on one network.
func pairOf(t *testing.T, n *network, c process.Config) (a, b *process.Runtime) {
	t.Helper()
	c.Transport = n.node("a:1")
	a = runtimeFor(t, c)
	c.Transport = n.node("b:1")
	return a, runtimeFor(t, c)
}

// linker spawns a process that reports every Exited.
func linker(t *testing.T, r *process.Runtime, id string) (process.Ref[*actor], chan process.UPID) {
	t.Helper()
	exits := make(chan process.UPID, 100)
	return spawn(t, r, id, &actor{exited: func(u process.UPID) { exits <- u }}), exits
}

func TestLink(t *testing.T) {
	for _, where := range []string{"here", "elsewhere"} {
		setup := func(t *testing.T) (l, target *process.Runtime) {
			a, b := pairOf(t, newNetwork(), process.Config{})
			if where == "here" {
				return a, a
			}
			return a, b
		}
		t.Run("exited once, after what was sent before, "+where, func(t *testing.T) {
			home, away := setup(t)
			l, exits := linker(t, home, "l")
			var order []string
			process.Dispatch(l, func(x *actor) {
				process.Install(x.Base, func(_ process.UPID, m *wrapperspb.StringValue) { order = append(order, m.Value) })
			})
			target := spawn(t, away, "target", &actor{finalize: func() {}})
			process.Dispatch(l, func(x *actor) { x.Link(target.UPID); x.Link(target.UPID) })
			settle(t, l)
			process.Dispatch(target, func(x *actor) {
				x.Send(l.UPID, str("1"))
				x.Send(l.UPID, str("2"))
				x.Terminate()
			})
			if got := receive(t, exits); got != target.UPID {
				t.Fatalf("exited %v", got)
			}
			get(t, process.Call(l, func(*actor) (int, error) {
				if len(order) != 2 {
					t.Errorf("before exited: %v", order)
				}
				return 0, nil
			}))
			if len(exits) != 0 {
				t.Error("exited twice")
			}
		})
		t.Run("a process that never was, "+where, func(t *testing.T) {
			home, away := setup(t)
			l, exits := linker(t, home, "l")
			process.Dispatch(l, func(x *actor) { x.Link(away.UPID("nobody")) })
			if got := receive(t, exits); got != away.UPID("nobody") {
				t.Fatalf("exited %v", got)
			}
			process.Dispatch(l, func(x *actor) { x.Link(away.UPID("nobody")) })
			receive(t, exits) // each link has its own
		})
		t.Run("unlink in time prevents it, "+where, func(t *testing.T) {
			home, away := setup(t)
			l, exits := linker(t, home, "l")
			target := spawn(t, away, "target", &actor{})
			last := spawn(t, away, "last", &actor{})
			process.Dispatch(l, func(x *actor) { x.Link(target.UPID); x.Link(last.UPID); x.Unlink(target.UPID) })
			settle(t, l)
			process.Terminate(target, false)
			wait(t, target)
			process.Terminate(last, false)
			if got := receive(t, exits); got != last.UPID || len(exits) > 0 {
				t.Fatalf("exited %v", got)
			}
		})
	}

	t.Run("a process that ends is heard of", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		l, exits := linker(t, r, "l")
		target := spawn(t, r, "target", &actor{})
		process.Dispatch(l, func(x *actor) { x.Link(target.UPID) })
		settle(t, l)
		process.Terminate(target, false)
		if got := receive(t, exits); got != target.UPID {
			t.Errorf("exited %v", got)
		}
	})

	t.Run("a lost node breaks every link to it, in the order of linking", func(t *testing.T) {
		n := newNetwork()
		a, b := pairOf(t, n, process.Config{})
		l, exits := linker(t, a, "l")
		var want []process.UPID
		for i := range 20 {
			want = append(want, spawn(t, b, fmt.Sprint("p", i*7%20), &actor{}).UPID)
		}
		process.Dispatch(l, func(x *actor) {
			for _, u := range want {
				x.Link(u)
			}
		})
		settle(t, l)
		n.kill("b:1")
		for _, u := range want {
			if got := receive(t, exits); got != u {
				t.Fatalf("exited %v, want %v", got, u)
			}
		}
	})

	t.Run("links survive a network that loses messages", func(t *testing.T) {
		for _, lost := range []string{"meseta.process.Link", "meseta.process.Linked", "meseta.process.Exited", "meseta.process.Unlink"} {
			n := newNetwork()
			left := 2
			n.lose = func(e process.Envelope) bool {
				if string(proto.MessageName(e.Msg)) == lost && left > 0 {
					left--
					return true
				}
				return false
			}
			clock := &manualClock{}
			a, b := pairOf(t, n, process.Config{Clock: clock})
			l, exits := linker(t, a, "l")
			target := spawn(t, b, "target", &actor{})
			process.Dispatch(l, func(x *actor) { x.Link(target.UPID) })
			settle(t, l)
			n.quiet()
			process.Terminate(target, false)
			wait(t, target)
			for i := 0; len(exits) == 0 || n.connections("a:1")+n.connections("b:1") > 0; i++ {
				if i > 10_000 {
					t.Fatalf("%s lost: no Exited, or connections left", lost)
				}
				n.quiet() // an answer may be answered once more
				n.quiet()
				clock.advance(100 * time.Millisecond)
				n.quiet()
				settle(t, l)
			}
			if len(exits) != 1 {
				t.Errorf("%s lost: exited %d times", lost, len(exits))
			}
		}
	})

	t.Run("a node has a bounded number of links into another", func(t *testing.T) {
		n := newNetwork()
		_, b := pairOf(t, n, process.Config{})
		target := spawn(t, b, "target", &actor{})
		in := n.nodes["b:1"].in
		for i := range 100_010 {
			in.Receive(process.Envelope{From: process.UPID{ID: fmt.Sprint(i), Addr: "a:1"}, To: target.UPID, Msg: &processpb.Link{Seq: 1}})
		}
		if got := b.Stats().Refused; got != 10 {
			t.Errorf("refused %d", got)
		}
	})
}
