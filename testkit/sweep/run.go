package sweep

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Config is the size of a cluster and of its trouble.
type Config struct {
	Masters, Agents, Frameworks, Jobs int // jobs of each framework
	// Consul is over how many servers of Consul the masters are elected; 0 for a cluster/memory, which never fails.
	Consul int
	// Leaver has a framework leave for good.
	Leaver bool
	Storm  time.Duration // how long
	// Bound is within which each promise for the end has to hold after the storm. An agent that the master expects
	// back has ten minutes by Mesos' rule, and updates are sent again after up to ten.
	Bound time.Duration
}

// Default is a cluster of the usual size: three masters, ten agents, three frameworks.
func Default() Config {
	return Config{Masters: 3, Agents: 10, Frameworks: 3, Jobs: 6, Storm: 3 * time.Minute, Bound: 30 * time.Minute}
}

// Drawn is a cluster of a size that the world chooses. Most are small, because most of what can go wrong needs few to go wrong with and a
// small world is soon over; one in a hundred has fifty agents and five frameworks.
func Drawn(w *testkit.World) Config {
	c := Default()
	switch luck := w.Choose(100); {
	case luck < 60:
		c.Agents, c.Frameworks, c.Jobs = 2+w.Choose(3), 1+w.Choose(2), 4
	case luck < 90:
		c.Agents, c.Frameworks, c.Jobs = 4+w.Choose(5), 1+w.Choose(3), 5
	case luck < 99:
		c.Agents = 8 + w.Choose(9)
	default:
		c.Agents, c.Frameworks = 50, 5
	}
	switch luck := w.Choose(20); {
	case luck >= 12:
		c.Consul = 3
	case luck >= 3:
		c.Consul = 1
	}
	c.Storm = time.Duration(1+w.Choose(3)) * time.Minute
	c.Leaver = w.Choose(8) == 7
	return c
}

// Run is one cluster in one world.
type Run struct {
	*cast.World
	Config     Config
	Masters    []*cast.Master
	Agents     []*cast.Agent
	Frameworks []*Framework

	disasters []disaster // of the storm
	over      bool       // it is
	// forced are the epochs of leaders whose sessions were ended before their leases.
	forced   map[uint64]bool
	operator *testkit.Probe
	// given are the agents that an operator gave up, and dark the machines that lost their power at least once.
	given, dark map[*cast.Agent]bool
	ids         map[string]*cast.Agent

	started []func(a *cast.Agent, p *cast.Process)
	ended   []func(a *cast.Agent, p *cast.Process)
	told    []func(f *Framework, s *mesospb.TaskStatus)
	offered []func(f *Framework, o *mesospb.Offer)
	// replaced hear of machines that are about to be replaced by new ones.
	replaced []func(a *cast.Agent)
	// booted hear of masters that begin another life.
	booted []func(m *cast.Master)
	// left are the frameworks that have left for good, or will.
	left []*Framework
	last []final
	// whole are the agents, by name, that were offered with all that they have after the last job was done.
	whole map[string]bool
}

type final struct {
	name  string
	holds func() error
}

// agentResources is what each agent has: what jobs need, and disk for an operator to reserve.
const (
	jobResources   = "cpus:2;mem:1024;ports:[31000-31009]"
	agentResources = jobResources + ";disk:100"
)

// New builds a cluster. Nothing has happened in it yet, so that checkers and tests can take their places.
func New(w *testkit.World, c Config) *Run {
	r := &Run{World: cast.In(w), Config: c, given: map[*cast.Agent]bool{}, dark: map[*cast.Agent]bool{}, ids: map[string]*cast.Agent{}, forced: map[uint64]bool{}}
	r.Lease = 15 * time.Second
	if c.Consul > 0 {
		r.OverConsul(c.Consul)
	}
	for i := range max(1, c.Masters) {
		r.addMaster(fmt.Sprintf("m%d", i+1))
	}
	for i := range c.Agents {
		a := r.World.Agent(fmt.Sprintf("a%d", i), agentResources)
		a.Machine.OnStart = func(p *cast.Process) { each(r.started, a, p) }
		a.Machine.OnEnd = func(p *cast.Process) { each(r.ended, a, p) }
		r.Agents = append(r.Agents, a)
	}
	for i := range c.Frameworks {
		r.Frameworks = append(r.Frameworks, newFramework(r, fmt.Sprintf("f%d", i), c.Jobs, "*", week))
	}
	r.operator = r.Probe("operator")
	r.Observe(func(m testkit.Message) {
		if say, ok := m.Msg.(*controlpb.AgentRegistered); ok {
			r.ids[say.GetAgentId().GetValue()] = r.agentAt(m.To.Addr)
		}
	})
	return r
}

// addMaster puts a master on the stage that ends when it must not lead any more, and is started again like a service.
func (r *Run) addMaster(name string) {
	m := r.World.Master(name, func(c *master.Config) { c.MaxCompletedTasksPerFramework = mostPast })
	m.Mortal = true
	m.OnBoot = func() {
		for _, f := range r.booted {
			f(m)
		}
	}
	m.OnDeath = func(why any) {
		if !mayEnd(why) {
			r.Fail("%v ended its node: %v", m.UPID(), why)
			return
		}
		r.At(r.someTime(100*time.Millisecond, 2*time.Second), func() { restart(m.Node()) })
	}
	r.Masters = append(r.Masters, m)
}

// mayEnd says whether a master ends for a reason that it should end for: its term is over, or the registry is out of reach.
func mayEnd(why any) bool {
	err, _ := why.(error)
	return errors.Is(err, fault.ErrNotLeader) || errors.Is(err, fault.ErrUnavailable) || strings.HasPrefix(fmt.Sprint(why), "leadership is lost")
}

// leader is the master that leads, nil if none does.
func (r *Run) leader() *cast.Master {
	who := r.World.Leader()
	for _, m := range r.Masters {
		if m.UPID() == who {
			return m
		}
	}
	return nil
}

// ask has a probe ask the master that leads, if there is one that listens.
func (r *Run) ask(operator *testkit.Probe, call *masterpb.Call) bool {
	m := r.leader()
	if m == nil || !m.Up() {
		return false
	}
	operator.Send(m.Operator(), call)
	return true
}

// masterAt is the master whose node has this address.
func (r *Run) masterAt(addr string) *cast.Master {
	for _, m := range r.Masters {
		if m.Node().String() == addr {
			return m
		}
	}
	return nil
}

func each[A, B any](hooks []func(A, B), a A, b B) {
	for _, h := range hooks {
		h(a, b)
	}
}

// Checker watches one promise.
type Checker struct {
	// Promise is the promise in a sentence, with its number in the list of promises if it has one.
	Promise string
	watch   func(r *Run)
}

// Checkers are all checkers.
func Checkers() []Checker {
	return []Checker{Calm, Once, Updates, EndsOnce, Twice, Survives, Forward, Vaults, Ration, Leaders, History, Leavers, Bounded}
}

// Check puts checkers in their places.
func (r *Run) Check(checkers ...Checker) {
	for _, c := range checkers {
		c.watch(r)
	}
}

// Go runs the storm and the calm after it.
func (r *Run) Go() {
	r.storm()
	r.Advance(r.Config.Storm)
	r.clear()
	for _, f := range r.last {
		r.settleDown(f)
	}
}

// settleDown waits until a promise holds. It is asked once a second, because to ask is much work.
func (r *Run) settleDown(f final) {
	for waited := time.Duration(0); ; waited += time.Second {
		err := f.holds()
		if err == nil {
			return
		}
		if waited > r.Config.Bound {
			r.violated(f.name, "not within %v after the storm: %v", r.Config.Bound, err)
			return
		}
		r.Advance(time.Second)
	}
}

// violated fails the run; the name is the promise in a sentence.
func (r *Run) violated(promise, format string, args ...any) {
	r.Fail("%s: %s", promise, fmt.Sprintf(format, args...))
}

// atEnd adds something that has to become true within the bound after the storm.
func (r *Run) atEnd(promise string, holds func() error) {
	r.last = append(r.last, final{promise, holds})
}

// agentAt is the agent whose node has this address.
func (r *Run) agentAt(addr string) *cast.Agent {
	for _, a := range r.Agents {
		if a.Node().String() == addr {
			return a
		}
	}
	return nil
}

// isCommand says whether a process is the command of a task, and of which.
func isCommand(p *cast.Process) (task taskKey, ok bool) {
	return taskKey{p.Getenv("MESOS_FRAMEWORK_ID"), p.Getenv("MESOS_EXECUTOR_ID")}, p.Parent != 0
}

// taskKey names a task in the cluster.
type taskKey struct{ framework, task string }

func (k taskKey) String() string { return k.task + " of " + k.framework }
