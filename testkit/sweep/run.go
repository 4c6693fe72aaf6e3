package sweep

import (
	"fmt"
	"time"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Config is the size of a cluster and of its trouble.
type Config struct {
	Agents, Frameworks, Jobs int           // jobs of each framework
	Storm                    time.Duration // how long
	// Bound is within which each promise for the end has to hold after the storm. An agent that the master expects
	// back has ten minutes by Mesos' rule, and updates are sent again after up to ten.
	Bound time.Duration
}

// Default is the cluster of the promise: one master, ten agents, three frameworks.
func Default() Config {
	return Config{Agents: 10, Frameworks: 3, Jobs: 6, Storm: 3 * time.Minute, Bound: 30 * time.Minute}
}

// Run is one cluster in one world.
type Run struct {
	*cast.World
	Config     Config
	Master     *cast.Master
	Agents     []*cast.Agent
	Frameworks []*Framework

	over     bool // the storm is
	operator *testkit.Probe
	// given are the agents that an operator gave up, and dark the machines that lost their power at least once.
	given, dark map[*cast.Agent]bool
	ids         map[string]*cast.Agent

	started []func(a *cast.Agent, p *cast.Process)
	ended   []func(a *cast.Agent, p *cast.Process)
	told    []func(f *Framework, s *mesospb.TaskStatus)
	offered []func(f *Framework, o *mesospb.Offer)
	last    []final
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
	r := &Run{World: cast.In(w), Config: c, given: map[*cast.Agent]bool{}, dark: map[*cast.Agent]bool{}, ids: map[string]*cast.Agent{}}
	r.Master = r.World.Master("m1")
	for i := range c.Agents {
		a := r.World.Agent(fmt.Sprintf("a%d", i), agentResources)
		a.Machine.OnStart = func(p *cast.Process) { each(r.started, a, p) }
		a.Machine.OnEnd = func(p *cast.Process) { each(r.ended, a, p) }
		r.Agents = append(r.Agents, a)
	}
	for i := range c.Frameworks {
		r.Frameworks = append(r.Frameworks, newFramework(r, fmt.Sprintf("f%d", i), c.Jobs, "*"))
	}
	r.operator = r.Probe("operator")
	r.Observe(func(m testkit.Message) {
		if say, ok := m.Msg.(*controlpb.AgentRegistered); ok {
			r.ids[say.GetAgentId().GetValue()] = r.agentAt(m.To.Addr)
		}
	})
	return r
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
	return []Checker{Calm, Once, Updates, EndsOnce, Twice, Survives, Forward, Vaults, Ration}
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
