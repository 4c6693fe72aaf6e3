package agent

import (
	"slices"
	"strings"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// view is the agent at one moment, as its desk shows it. It is never changed, and shares its messages with the
// agent, which replaces them instead of changing them.
type view struct {
	recovering bool
	registered bool
	info       *mesospb.AgentInfo
	frameworks []frameworkView
	completed  []frameworkView
	operations []*mesospb.Operation
	total      resources.Resources // with reservations and volumes
	counters   counters
}

type frameworkView struct {
	info      *mesospb.FrameworkInfo
	executors []executorView
	completed []executorView
}

type executorView struct {
	info      *mesospb.ExecutorInfo
	run       run
	sandbox   string
	process   containerizer.Process
	state     executorState
	running   bool // its container may have processes
	queued    []*mesospb.Task
	launched  []*mesospb.Task
	ended     []*mesospb.Task // terminal, not acknowledged
	completed []*mesospb.Task
}

// publish hands the desk a new view, at most one for each batch of mail. What is over was made a view when it
// ended, so that the past costs nothing here.
func (a *Agent) publish() {
	if !a.changed {
		return
	}
	a.changed = false
	v := &view{
		recovering: a.phase == recovering, registered: a.phase == member,
		info: a.info, counters: a.counters,
	}
	for _, f := range a.sortedFrameworks() {
		v.frameworks = append(v.frameworks, f.view())
	}
	v.completed = a.completed
	v.operations, v.total = a.holdings.messages(), a.holdings.total
	process.Dispatch(a.desk, func(d *desk) { d.show(v) })
}

func (f *framework) view() frameworkView {
	v := frameworkView{info: f.info, completed: f.completed}
	for _, e := range f.sorted() {
		v.executors = append(v.executors, e.view())
	}
	return v
}

func (e *executor) view() executorView {
	v := executorView{info: e.info, run: e.run, sandbox: e.sandbox, process: e.process, state: e.state,
		running: e.begun && e.state != terminated, completed: e.completed}
	for _, t := range e.queue {
		v.queued = append(v.queued, t.message(e))
	}
	for _, t := range e.sorted() {
		switch {
		case slices.Contains(e.queue, t):
		case taskstate.Terminal(t.state):
			v.ended = append(v.ended, t.message(e))
		default:
			v.launched = append(v.launched, t.message(e))
		}
	}
	return v
}

// hostOf is the host of host:port.
func hostOf(addr string) string {
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		addr = addr[:i]
	}
	return strings.Trim(addr, "[]")
}
