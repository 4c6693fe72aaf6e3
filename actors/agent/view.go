package agent

import (
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// View is an agent at one moment, for whoever wants to know. It is never changed, and shares its messages with the
// agent, which replaces them instead of changing them.
type View struct {
	// Recovering: the agent still looks for what an earlier process left.
	Recovering bool
	// Reading: it does not even know yet what that was.
	Reading bool
	// Registered: a master has admitted it.
	Registered bool
	// Master leads the cluster; nil while nobody is known to.
	Master *cluster.Leader
	// Started is when the agent's process began, and Recovery how long it took until it was ready to join; 0 before.
	Started  time.Time
	Recovery time.Duration
	// Info is the agent, without an id before the first registration.
	Info *mesospb.AgentInfo
	// Capabilities are what a master may rely on.
	Capabilities []*mesospb.AgentInfo_Capability
	// Frameworks are those with work here, in the order of their ids; Completed those that had, the oldest first.
	Frameworks, Completed []*FrameworkView

	// Drain is how the agent is being drained, and DrainSince since when; nil when it is not.
	Drain      *mesospb.DrainConfig
	DrainSince time.Time

	// Operations are those that a master has not acknowledged, Total what the agent has, with reservations and volumes.
	Operations []*mesospb.Operation
	Total      resources.Resources

	counters counters
}

// FrameworkView is a framework with what it has and had on the agent.
type FrameworkView struct {
	Info *mesospb.FrameworkInfo
	// Executors are in the order of their ids; Completed are over, the oldest first.
	Executors, Completed []*ExecutorView
}

// ExecutorView is an executor with its tasks.
type ExecutorView struct {
	Info *mesospb.ExecutorInfo
	// Command: the agent made it up to run a command task.
	Command bool
	// Container is the id of its container, and Sandbox its directory on the machine.
	Container, Sandbox string
	// Process is the container's; PID 0 before it is launched.
	Process containerizer.Process
	// Status is what the launcher knows of the container, such as its addresses; nil before it is launched.
	Status *mesospb.ContainerStatus
	// Hidden: whoever looks may not see the executor, though maybe some of its tasks.
	Hidden bool
	// Running: its container may have processes.
	Running bool
	// Queued tasks wait for the executor, Waiting is what was asked for each of them, Launched have been handed to
	// it, Ended have ended without their last update being acknowledged, Completed are over.
	Queued, Launched, Ended, Completed []*mesospb.Task
	Waiting                            []*mesospb.TaskInfo

	run   run
	state executorState
}

// touch notes that an executor is not any more as it was last shown.
func (a *Agent) touch(e *executor) {
	a.changed = true
	if e != nil {
		e.shown = nil
	}
}

// publishEvery is how often a view is published under load. An agent with nothing more to do publishes at once.
const publishEvery = 50 * time.Millisecond

// publish is for the end of a batch of mail.
func (a *Agent) publish() {
	if a.changed && (a.b.Drained() || a.b.Now().Sub(a.published) >= publishEvery) {
		a.show()
	}
}

// show publishes the agent as it is. What is over was made a view when it ended, and what has not changed is
// taken from the last view, so that neither costs anything here.
func (a *Agent) show() {
	if !a.changed {
		return
	}
	a.changed = false
	a.published = a.b.Now()
	v := &View{
		Recovering: a.phase == recovering, Reading: !a.loaded, Registered: a.phase == member, Master: a.membership.leader,
		Started: a.began, Recovery: a.recovery,
		Info: a.info, Capabilities: capabilities, Completed: a.completed, counters: a.counters,
	}
	for _, f := range a.sortedFrameworks() {
		v.Frameworks = append(v.Frameworks, f.view())
	}
	v.Drain, v.DrainSince = a.drain.config, a.drain.since
	v.Operations, v.Total = a.holdings.messages(), a.holdings.total
	a.latest.Store(v)
	process.Dispatch(a.desk, (*desk).show)
}

func (f *framework) view() *FrameworkView {
	v := &FrameworkView{Info: f.info, Completed: f.completed}
	for _, e := range f.sorted() {
		v.Executors = append(v.Executors, e.view())
	}
	return v
}

func (e *executor) view() *ExecutorView {
	if e.shown != nil {
		return e.shown
	}
	v := &ExecutorView{Info: e.info, Command: e.command, Container: e.run.container, Sandbox: e.sandbox, Process: e.process, Status: e.status,
		Running: e.begun && e.state != terminated, Completed: e.completed, run: e.run, state: e.state}
	for _, t := range e.queue {
		v.Queued = append(v.Queued, t.message(e))
		v.Waiting = append(v.Waiting, t.info)
	}
	for _, t := range e.sorted() {
		switch {
		case slices.Contains(e.queue, t):
		case taskstate.Terminal(t.state):
			v.Ended = append(v.Ended, t.message(e))
		default:
			v.Launched = append(v.Launched, t.message(e))
		}
	}
	e.shown = v
	return v
}

// EveryExecutor walks all executors of a view, those that are over last.
func (v *View) EveryExecutor(do func(f *FrameworkView, e *ExecutorView, over bool)) {
	for _, f := range v.Frameworks {
		for _, e := range f.Executors {
			do(f, e, false)
		}
	}
	for _, f := range slices.Concat(v.Frameworks, v.Completed) {
		for _, e := range f.Completed {
			do(f, e, true)
		}
	}
}

// Resources is what an executor and its tasks that have not ended may use.
func (e *ExecutorView) Resources() resources.Resources {
	total := resources.FromValid(e.Info.GetResources())
	for _, t := range e.Queued {
		total = total.Add(resources.FromValid(t.GetResources()))
	}
	for _, t := range e.Launched {
		total = total.Add(resources.FromValid(t.GetResources()))
	}
	return total
}

// Allocated is what all executors that are not over may use.
func (v *View) Allocated() resources.Resources {
	var total resources.Resources
	for _, f := range v.Frameworks {
		for _, e := range f.Executors {
			total = total.Add(e.Resources())
		}
	}
	return total
}

// hostOf is the host of host:port.
func hostOf(addr string) string {
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		addr = addr[:i]
	}
	return strings.Trim(addr, "[]")
}
