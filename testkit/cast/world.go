package cast

import (
	"context"
	"errors"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	api "github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/tracing"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/consul"
)

// node is a testkit.Node under a name that leaves its method Node to those who embed it.
type node = testkit.Node

// World is a testkit.World with a cluster in it.
type World struct {
	*testkit.World
	// Cluster is who leads and what is in the registry, with faults to inject. It outlives the masters.
	Cluster *memory.Cluster
	// Consul are the servers of a world OverConsul, whose Cluster nobody uses; nil otherwise.
	Consul *consul.Servers
	// ConsulConfig is what masters have of Consul, from their next start on.
	ConsulConfig api.Config
	// Wire, if set, stands between a life of a master that starts afterwards and Consul.
	Wire func(n *testkit.Node, through api.Wire) api.Wire
	// Lease is how long a master that has died leads on, as seen by the others: none for a single master, whose
	// file is free at once; about 15 s for an elected one. Consul knows it by itself.
	Lease time.Duration
	// Files are what is in the files that configurations name, by path.
	Files map[string]string
	// Tracer, if set, hears of the way of every task, from masters and agents that start afterwards.
	Tracer tracing.Tracer

	masters []*Master
	agents  []*Agent
	// Over Consul: how often something was written, and what the lock said at which of its indexes.
	writes    int
	lockIndex uint64
	locked    *cluster.Leader
}

// New makes a world that belongs to a test.
func New(t testkit.T, options ...testkit.Option) *World {
	t.Helper()
	return In(testkit.NewWorld(t, options...))
}

// In puts a cluster into a world: the one of testkit.Check or testkit.Sweep.
func In(w *testkit.World) *World {
	return &World{World: w, Cluster: memory.New(), Files: map[string]string{}}
}

// Masters are all masters, in the order of their making.
func (w *World) Masters() []*Master { return w.masters }

// Agents are all agents, in the order of their making.
func (w *World) Agents() []*Agent { return w.agents }

// Detector tells a node who leads, as an agent or a framework there hears of it.
func (w *World) Detector(at testkit.Placed) cluster.Detector {
	if w.Consul != nil {
		return w.asker(at)
	}
	return watcher{w, at}
}

// Leader is the master that leads, and zero when nobody does.
func (w *World) Leader() process.UPID {
	l := w.Lead()
	if l == nil {
		return process.UPID{}
	}
	leader, _ := process.ParseUPID(l.UPID)
	return leader
}

// Lead is who leads and in which term, and nil when nobody does.
func (w *World) Lead() (leader *cluster.Leader) {
	if w.Consul != nil {
		return w.lock()
	}
	w.Cluster.Detect(nil, func(l *cluster.Leader, err error) { leader = l })()
	return leader
}

// Why a term ends whose master says nothing any more.
var (
	errDied    = errors.New("the master's process has ended")
	errStopped = errors.New("the master did not renew its lease")
)

// contender contends for one life of a master, and gives up when that ends.
type contender struct {
	w       *World
	cancel  func()
	current cluster.Term
	// deluded makes the terms seem to last for ever.
	deluded bool
}

func (c *contender) Contend(info *mesospb.MasterInfo, done func(cluster.Term, error)) func() {
	c.cancel = c.w.Cluster.Contend(info, func(t cluster.Term, err error) {
		c.current = t
		if c.deluded && err == nil {
			t = delusion{t}
		}
		done(t, err)
	})
	return c.cancel
}

// delusion is a term whose master never notices that it is over: as if it had been stopped between the look at its lease
// and what it does, every time.
type delusion struct{ cluster.Term }

// Valid implements cluster.Term.
func (delusion) Valid() bool { return true }

// Lost implements cluster.Term.
func (delusion) Lost(func(error)) func() { return func() {} }

// registry is the cluster's, which knows its own terms only.
type registry struct{ cluster.Registry }

// Load implements cluster.Registry.
func (r registry) Load(ctx context.Context, t cluster.Term) ([]cluster.Entry, error) {
	return r.Registry.Load(ctx, plain(t))
}

// Apply implements cluster.Registry.
func (r registry) Apply(ctx context.Context, t cluster.Term, changes []cluster.Change) error {
	return r.Registry.Apply(ctx, plain(t), changes)
}

func plain(t cluster.Term) cluster.Term {
	if d, ok := t.(delusion); ok {
		return d.Term
	}
	return t
}

// died is what the election notices of the end of a master.
func (c *contender) died() {
	if c.cancel != nil {
		c.cancel()
	}
	c.w.At(c.w.Lease, func() { c.lose(errDied) })
}

// lose ends the term, if it lasts.
func (c *contender) lose(why error) {
	if c.current != nil && c.w.Cluster.Holds(c.current) {
		c.w.Cluster.Depose(why)
	}
}

// watcher tells a node who leads, a moment after it is so, because news travels.
type watcher struct {
	w  *World
	of testkit.Placed
}

func (d watcher) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) func() {
	cancelled := false
	cancel := d.w.Cluster.Detect(previous, func(l *cluster.Leader, err error) {
		d.w.At(time.Millisecond*time.Duration(1+d.w.Choose(10)), func() {
			if !cancelled {
				done(l, err)
			}
		})
	})
	return func() {
		cancelled = true
		cancel()
	}
}
