package consul_test

import (
	"errors"
	"testing"
	"time"

	api "github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/consul"
)

// client asks over a wire and waits in virtual time.
type client struct {
	t    *testing.T
	w    *testkit.World
	s    *consul.Servers
	node *testkit.Node
	at   string // the server that it asks
}

func start(t *testing.T, n int) *client {
	w := testkit.NewWorld(t)
	s := consul.Start(w, n)
	return &client{t: t, w: w, s: s, node: w.Node("client"), at: s.Nodes[0].String()}
}

func (c *client) try(r api.Request, timeout time.Duration) (reply api.Reply, err error) {
	c.t.Helper()
	done := 0
	c.s.Wire(c.node).Do(c.at, r, timeout, func(got api.Reply, why error) { reply, err, done = got, why, done+1 })
	c.w.Until("the answer", timeout+time.Second, func() bool { return done > 0 })
	return reply, err
}

func (c *client) ask(r api.Request) api.Reply {
	c.t.Helper()
	reply, err := c.try(r, 10*time.Second)
	if err != nil {
		c.t.Fatalf("%#v: %v", r, err)
	}
	return reply
}

func (c *client) session() string {
	c.t.Helper()
	return c.ask(api.CreateSession{Name: "s", TTL: 10 * time.Second, LockDelay: time.Second}).Session
}

func (c *client) lock(session string) api.Reply {
	c.t.Helper()
	return c.ask(api.Txn{Ops: []api.Op{{Verb: api.Lock, Key: "leader", Value: []byte(session), Session: session}}})
}

func (c *client) holder() string {
	c.t.Helper()
	pairs := c.ask(api.Get{Key: "leader"}).Pairs
	if len(pairs) == 0 {
		return ""
	}
	return pairs[0].Session
}

func TestASessionEndsAfterTwiceItsTTL(t *testing.T) {
	c := start(t, 1)
	one, two := c.session(), c.session()
	if r := c.lock(one); len(r.Refused) != 0 || r.Pairs[0].LockIndex != 1 {
		t.Fatalf("locked: %+v", r)
	}
	if r := c.lock(two); len(r.Refused) != 1 || r.Refused[0].Text != `failed to lock key "leader", lock is already held` {
		t.Errorf("locked twice: %+v", r)
	}
	c.w.Advance(15 * time.Second)
	if r := c.ask(api.RenewSession{ID: one}); !r.Found {
		t.Error("it ended before its time")
	}
	c.w.Advance(19 * time.Second)
	if c.holder() != one {
		t.Error("the renewal did not count")
	}
	if r := c.ask(api.RenewSession{ID: two}); r.Found {
		t.Error("the other one lasts for ever")
	}
	c.w.Advance(1010 * time.Millisecond)
	if c.holder() != "" {
		t.Error("it lasts for ever")
	}
	three := c.session()
	if r := c.lock(three); len(r.Refused) != 1 || r.Refused[0].Text != `failed to lock key "leader" due to lock delay` {
		t.Errorf("in the lock delay: %+v", r)
	}
	c.w.Advance(time.Second)
	if r := c.lock(three); len(r.Refused) != 0 || r.Pairs[0].LockIndex != 2 {
		t.Errorf("after the lock delay: %+v", r)
	}
}

func TestAReadWaitsForAChange(t *testing.T) {
	c := start(t, 1)
	one := c.session()
	c.lock(one)
	now := c.ask(api.Get{Key: "leader"})
	began := c.w.Elapsed()
	c.w.At(3*time.Second, func() { c.s.Store.Expire("leader") })
	got := c.ask(api.Get{Key: "leader", Index: now.Index, Wait: 5 * time.Second})
	if took := c.w.Elapsed() - began; got.Pairs[0].Session != "" || got.Index <= now.Index || took < 3*time.Second || took > 4*time.Second {
		t.Errorf("after %v: %+v", took, got)
	}
	began = c.w.Elapsed()
	if again := c.ask(api.Get{Key: "leader", Index: got.Index, Wait: 5 * time.Second}); again.Index != got.Index || c.w.Elapsed()-began < 5*time.Second {
		t.Errorf("without a change after %v: %+v", c.w.Elapsed()-began, again)
	}
}

func TestAStoppedServerFindsWhatWasAskedMeanwhile(t *testing.T) {
	c := start(t, 1)
	c.s.Nodes[0].Pause()
	if _, err := c.try(api.Txn{Ops: []api.Op{{Verb: api.Set, Key: "k", Value: []byte("late")}}}, time.Second); err == nil {
		t.Fatal("a stopped server answered")
	}
	c.s.Nodes[0].Continue()
	c.w.Advance(time.Second)
	if r := c.ask(api.Get{Key: "k"}); len(r.Pairs) != 1 || string(r.Pairs[0].Value) != "late" {
		t.Errorf("the outcome was unknown, and is %+v", r)
	}
}

func TestAMajorityGoesOn(t *testing.T) {
	c := start(t, 3)
	one := c.session()
	c.lock(one)
	c.w.Advance(15 * time.Second)
	c.s.Nodes[0].Crash()
	if _, err := c.try(api.Get{Key: "leader"}, time.Second); err == nil {
		t.Error("a dead server answered")
	}
	c.at = c.s.Nodes[1].String()
	if _, err := c.try(api.Get{Key: "leader"}, time.Second); err == nil {
		t.Error("nobody leads, and one answered")
	}
	c.w.Advance(3 * time.Second)
	if c.holder() != one {
		t.Error("the lock is lost with a server")
	}
	c.w.Advance(10 * time.Second) // the session's time began again with the new leader
	if c.holder() != one {
		t.Error("the session ended early")
	}
	c.s.Nodes[2].Crash()
	_, err := c.try(api.Get{Key: "leader"}, time.Second)
	var no *api.StatusError
	if err == nil || errors.As(err, &no) && no.Code != 500 {
		t.Errorf("one of three answered: %v", err)
	}
	c.s.Nodes[2].Restart()
	c.w.Advance(4 * time.Second)
	_, _ = c.try(api.Get{Key: "leader"}, time.Second)
	c.w.Advance(4 * time.Second)
	c.holder()
	c.s.Wipe()
	_, _ = c.try(api.Get{Key: "leader"}, time.Second)
	c.w.Advance(4 * time.Second)
	if c.holder() != "" || c.s.Store.Sessions() != 0 {
		t.Error("something survived")
	}
}
