package cast

import (
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/ratelimits"
	"github.com/meseta-io/meseta/testkit"
)

// Master is a master on a node of its own, with all methods of a testkit.Node.
type Master struct {
	*node
	// Config is what the master starts with, the next time too.
	Config master.Config
	// Deaths are the reasons for which the master ended by itself. It does so when its term is over; any other
	// reason fails the test, unless Mortal is set.
	Deaths []any
	Mortal bool
	// Deluded makes the master believe for ever that it leads, once it does; it counts from the next start. What it then
	// does has to be in vain. Over Consul it has no effect.
	Deluded bool
	// OnDeath, if set, hears of each.
	OnDeath func(why any)
	// OnBoot, if set, is called after each start but the first.
	OnBoot func()
	// Rules are the access control lists of the configuration, until somebody swaps them.
	Rules authorization.Live
	// Client is how others in the master's runtime ask it.
	Client master.Client

	w         *World
	candidate *contender
}

// Master starts a master.
func (w *World) Master(name string, change ...func(*master.Config)) *Master {
	w.T().Helper()
	m := &Master{Config: master.Default(), w: w}
	for _, f := range change {
		f(&m.Config)
	}
	w.masters = append(w.masters, m)
	options := []testkit.NodeOption{testkit.Address(name + ":5050"),
		testkit.Boot(func(n *testkit.Node) {
			known, err := credentials.Parse([]byte(w.Files[m.Config.Credentials]))
			if err != nil {
				w.Fail("master %s: %v", name, err)
			}
			parts := m.election(n)
			parts.Credentials, parts.Tracer = known, w.Tracer
			if m.Config.ACLs != "" {
				acls, err := authorization.Parse([]byte(m.Config.ACLs))
				if err != nil {
					w.Fail("master %s: %v", name, err)
				}
				m.Rules.Swap(acls)
			}
			parts.Authorizer = &m.Rules
			if m.Config.RateLimits != "" {
				if parts.RateLimits, err = ratelimits.Parse([]byte(m.Config.RateLimits)); err != nil {
					w.Fail("master %s: %v", name, err)
				}
			}
			if m.Client, err = master.Spawn(n.Runtime(), m.Config, parts); err != nil {
				w.Fail("master %s does not start: %v", name, err)
			}
			if m.OnBoot != nil {
				m.OnBoot()
			}
		}),
		testkit.Died(func(*testkit.Node) {
			if m.candidate != nil {
				m.candidate.died()
			}
		}),
		testkit.Mortal(func(_ *testkit.Node, who process.UPID, why any) {
			m.Deaths = append(m.Deaths, why)
			if m.OnDeath != nil {
				m.OnDeath(why)
			}
			if !m.Mortal {
				w.Fail("%v ended its node: %v", who, why)
			}
		})}
	if w.Consul != nil {
		options = append(options, testkit.Waits())
	}
	m.node = w.Node(name, options...)
	return m
}

// election is how a new life of the master is elected, and where its registry is.
func (m *Master) election(n *testkit.Node) master.Parts {
	if m.w.Consul != nil {
		return m.w.consulParts(n)
	}
	m.candidate = &contender{w: m.w, deluded: m.Deluded}
	parts := master.Parts{Contender: m.candidate, Registry: registry{m.w.Cluster}}
	if !m.Deluded { // nobody tells it
		parts.Detector = watcher{m.w, n}
	}
	return parts
}

// Pause stops the master as SIGSTOP does. A leader that is stopped for longer than the world's Lease is one no more.
func (m *Master) Pause() {
	if !m.Up() || m.Paused() {
		return
	}
	m.node.Pause()
	if m.w.Consul != nil {
		return // whose sessions know
	}
	life := m.Lives()
	m.w.At(m.w.Lease, func() {
		if m.Paused() && m.Lives() == life {
			m.candidate.lose(errStopped)
		}
	})
}

// UPID is the master's actor.
func (m *Master) UPID() process.UPID { return m.node.UPID(master.ID) }

// Operator is the desk that answers operators.
func (m *Master) Operator() process.UPID { return m.node.UPID(master.OperatorID) }
