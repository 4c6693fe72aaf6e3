package sweep_test

import (
	"context"
	"regexp"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	api "github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
	"github.com/meseta-io/meseta/testkit/sweep"
)

// What keeps a second leader out, one part after the other broken. Without the fence the writes that were on their way when
// the leader changed take effect, though no others while the lease is right; without the lease there are two who speak.
func TestLeadersFailsOnABrokenElection(t *testing.T) {
	for _, servers := range []int{1, 3} {
		mustFail(t, sweep.Leaders, servers, func(r *sweep.Run) {
			through(r, unfenced)
			lateWrite(r, 2*time.Second, true)
		}, "writes the registry when the lock is")
		mustHold(t, sweep.Leaders, servers, func(r *sweep.Run) { lateWrite(r, 2*time.Second, true) })

		mustFail(t, sweep.Leaders, servers, func(r *sweep.Run) {
			r.ConsulConfig.TTL = 10 * time.Minute
			through(r, hasty)
			lateWrite(r, 25*time.Second, false)
		}, "speaks in epoch 1 when somebody was elected in epoch 2")
		mustHold(t, sweep.Leaders, servers, func(r *sweep.Run) {
			through(r, unfenced)
			lateWrite(r, 25*time.Second, false)
		})

		mustFail(t, sweep.Leaders, servers, func(r *sweep.Run) {
			through(r, thoughtless)
			repeatedWrites(r)
		}, "of the registry after write")
		mustHold(t, sweep.Leaders, servers, repeatedWrites)

		mustFail(t, sweep.Leaders, servers, func(r *sweep.Run) {
			through(r, timeless)
			r.At(20*time.Second, func() { r.EndTerm() })
		}, "is elected in epoch 1 after one of epoch 1")
		mustHold(t, sweep.Leaders, servers, func(r *sweep.Run) { r.At(20*time.Second, func() { r.EndTerm() }) })
	}
}

// bent is a wire that changes what masters ask of Consul.
type bent struct {
	api.Wire
	by []func(api.Request) api.Request
}

func (b bent) bend(r api.Request) api.Request {
	for _, f := range b.by {
		r = f(r)
	}
	return r
}

// Do implements api.Wire.
func (b bent) Do(server string, r api.Request, timeout time.Duration, done func(api.Reply, error)) func() {
	return b.Wire.Do(server, b.bend(r), timeout, done)
}

// Wait implements api.Wire.
func (b bent) Wait(ctx context.Context, server string, r api.Request, timeout time.Duration) (api.Reply, error) {
	return b.Wire.Wait(ctx, server, b.bend(r), timeout)
}

// through has all masters begin again over a wire that changes what they ask.
func through(r *sweep.Run, by ...func(api.Request) api.Request) {
	r.Wire = func(_ *testkit.Node, through api.Wire) api.Wire { return bent{through, by} }
	for _, m := range r.Masters {
		m.Restart()
	}
}

// unfenced writes without asking who holds the lock and where the revision is.
func unfenced(r api.Request) api.Request {
	txn, ok := r.(api.Txn)
	if !ok || txn.Ops[0].Verb != api.CheckSession {
		return r
	}
	txn.Ops = slices.Clone(txn.Ops)
	txn.Ops[0].Verb = api.GetTree
	for i := range txn.Ops {
		if txn.Ops[i].Verb == api.CAS {
			txn.Ops[i].Verb = api.Set
		}
	}
	return txn
}

// thoughtless writes without asking where the revision is.
func thoughtless(r api.Request) api.Request {
	txn, ok := r.(api.Txn)
	if !ok || txn.Ops[0].Verb != api.CheckSession {
		return r
	}
	txn.Ops = slices.Clone(txn.Ops)
	for i := range txn.Ops {
		if txn.Ops[i].Verb == api.CAS {
			txn.Ops[i].Verb = api.Set
		}
	}
	return txn
}

// hasty has Consul end sessions long before the lease that a master believes in.
func hasty(r api.Request) api.Request {
	if create, ok := r.(api.CreateSession); ok {
		create.TTL = 10 * time.Second
		return create
	}
	return r
}

var epoch = regexp.MustCompile(`"epoch":\d+`)

// timeless makes the first epoch of every one in which somebody is elected.
func timeless(r api.Request) api.Request {
	txn, ok := r.(api.Txn)
	if !ok || txn.Ops[0].Verb != api.Lock {
		return r
	}
	txn.Ops = slices.Clone(txn.Ops)
	for i := range txn.Ops {
		txn.Ops[i].Value = epoch.ReplaceAll(txn.Ops[i].Value, []byte(`"epoch":1`))
	}
	return txn
}

// repeating sends every write of the registry again, three seconds after it was answered.
type repeating struct {
	api.Wire
	r *sweep.Run
}

// Wait implements api.Wire.
func (w repeating) Wait(ctx context.Context, server string, r api.Request, timeout time.Duration) (api.Reply, error) {
	reply, err := w.Wire.Wait(ctx, server, r, timeout)
	if txn, ok := r.(api.Txn); ok && txn.Ops[len(txn.Ops)-1].Verb == api.Set {
		w.r.At(3*time.Second, func() { w.Wire.Do(server, r, timeout, func(api.Reply, error) {}) })
	}
	return reply, err
}

// repeatedWrites has writes of a leader that were given up arrive after their successors.
func repeatedWrites(r *sweep.Run) {
	inner := r.Wire
	r.Wire = func(n *testkit.Node, through api.Wire) api.Wire {
		if inner != nil {
			through = inner(n, through)
		}
		return repeating{through, r}
	}
	for _, m := range r.Masters {
		m.Restart()
	}
}

// lateWrite cuts the leader off from Consul and, after a while, has it write something that arrives six seconds later. If it
// is deposed, its session ends meanwhile.
func lateWrite(r *sweep.Run, after time.Duration, deposed bool) {
	r.At(20*time.Second, func() {
		var leader *cast.Master
		for _, m := range r.Masters {
			if m.UPID() == r.Leader() {
				leader = m
			}
		}
		for _, s := range r.Consul.Nodes {
			r.Cut(leader, s)
		}
		if deposed {
			r.At(after+time.Second, func() { r.EndTerm() })
		}
		r.At(after, func() {
			r.Probe("marker").Send(leader.Operator(), &masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(),
				MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: &mesospb.AgentID{Value: proto.String(r.Agents[0].ID())}}})
			r.At(6*time.Second, func() {
				for _, s := range r.Consul.Nodes {
					r.Heal(leader, s)
				}
			})
		})
	})
}
