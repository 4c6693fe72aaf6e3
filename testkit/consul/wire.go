package consul

import (
	"context"
	"errors"
	"fmt"
	"time"

	api "github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/testkit"
)

// Wire is how one life of a node asks servers: through the weather of the world. Whoever calls Wait needs a node with
// the option testkit.Waits.
func (s *Servers) Wire(n *testkit.Node) api.Wire { return wire{s, n, n.Lives(), Life(n, n.Lives())} }

// Clock is the clock of a node, which stops with it.
func Clock(n *testkit.Node) api.Clock { return nodeClock{n, n.Lives()} }

// Life names one life of a node, as Store.OnCommit says who asked.
func Life(n *testkit.Node, life int) string { return fmt.Sprintf("%s in its life %d", n, life) }

type wire struct {
	s    *Servers
	n    *testkit.Node
	life int
	by   string
}

var errTimeout = errors.New("Consul does not answer in time")

func (w wire) Do(server string, r api.Request, timeout time.Duration, done func(api.Reply, error)) (cancel func()) {
	if !w.n.Up() || w.n.Lives() != w.life {
		return func() {} // the last words of a dead process
	}
	ended := false
	end := func(reply api.Reply, err error) {
		if !ended && w.n.Up() && w.n.Lives() == w.life {
			ended = true
			w.n.AfterFunc(0, func() { done(reply, err) })
		}
	}
	fail := func(err error) { end(api.Reply{}, fmt.Errorf("%s: %w", server, err)) }
	stop := w.n.AfterFunc(timeout, func() { fail(errTimeout) })
	w.send(server, r, func(reply api.Reply, err error) { stop(); end(reply, err) }, func(err error) { stop(); fail(err) })
	return func() { stop(); fail(context.Canceled) }
}

// send carries a request there and its answer back.
func (w wire) send(server string, r api.Request, done func(api.Reply, error), lost func(error)) {
	for _, node := range w.s.Nodes {
		if node.String() != server {
			continue
		}
		w.s.w.Carry(w.n, node, label(r), func() {
			w.s.Serve(w.by, node, r, func(reply api.Reply, err error) {
				answer := func() { w.s.w.Carry(node, w.n, "answer", func() { done(reply, err) }, lost) }
				if late := w.s.slow[w.n]; late > 0 {
					w.s.w.At(late, answer)
					return
				}
				answer()
			})
			w.again(node, r)
		}, lost)
		return
	}
	w.s.w.At(time.Millisecond, func() { lost(errors.New("no such host")) })
}

// repeats are how much later something is done again.
var repeats = [...]time.Duration{0, 20 * time.Millisecond, time.Second, 3 * time.Second, 8 * time.Second}

// again has a server do once more what it was asked, and tell nobody.
func (w wire) again(node *testkit.Node, r api.Request) {
	world := w.s.w
	switch r.(type) {
	case api.Get, api.Keys:
		return
	}
	if w.s.Repeated == 0 || world.Choose(1000) < 1000-w.s.Repeated {
		return
	}
	world.At(repeats[world.Choose(len(repeats))], func() {
		if node.Up() && !node.Paused() {
			w.s.Serve(w.by, node, r, func(api.Reply, error) {})
		}
	})
}

func label(r api.Request) string {
	switch r := r.(type) {
	case api.CreateSession:
		return "create session"
	case api.RenewSession:
		return "renew session"
	case api.DestroySession:
		return "destroy session"
	case api.Get:
		return "get " + r.Key
	case api.Txn:
		if len(r.Ops) > 0 {
			return "txn " + string(r.Ops[0].Verb) + " " + r.Ops[0].Key
		}
	}
	return "request"
}

// Wait implements consul.Wire for work in process.Go.
func (w wire) Wait(_ context.Context, server string, r api.Request, timeout time.Duration) (reply api.Reply, err error) {
	w.s.w.Await(func(wake func()) {
		if !w.n.Up() || w.n.Lives() != w.life {
			// The process died after it had sent this, and before it could hear the answer.
			w.send(server, r, func(api.Reply, error) {}, func(error) {})
			return
		}
		w.Do(server, r, timeout, func(got api.Reply, why error) {
			reply, err = got, why
			wake()
		})
	})
	return reply, err
}

type nodeClock struct {
	n    *testkit.Node
	life int
}

// Now implements consul.Clock.
func (c nodeClock) Now() time.Time { return c.n.Now() }

// AfterFunc implements consul.Clock.
func (c nodeClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	if c.n.Lives() != c.life {
		return func() bool { return false }
	}
	return c.n.AfterFunc(d, f)
}
