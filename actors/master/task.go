package master

import (
	"maps"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// task is one that is not over, or over and not acknowledged.
//
//	STAGING → [STARTING] → RUNNING → [KILLING] → FINISHED, FAILED, KILLED, ERROR, LOST, DROPPED, GONE, …
//
// A state with no successor is terminal and never changes again. UNREACHABLE is not: the task leaves the
// tables with its agent, and comes back with it.
type task struct {
	id, framework, agent string
	// info is never changed, only replaced, because readers of the view share it.
	info *mesospb.Task
	// held is what the task uses, allocated to its role; empty once it is over.
	held resources.Resources
	// journey is its way to running, as far as somebody listens; else nil.
	journey *journey
}

// maxStatuses bounds the history of one task: a flapping health check must not grow the master.
const maxStatuses = 64

// told is the state that the framework was told last. Reconciliation repeats it and not the newest one, so
// that a scheduler sees states in order.
func (t *task) told() mesospb.TaskState {
	if t.info.StatusUpdateState != nil {
		return t.info.GetStatusUpdateState()
	}
	return t.info.GetState()
}

// over reports whether a task in this state uses nothing any more, as far as the master can tell.
func over(s mesospb.TaskState) bool {
	return taskstate.Terminal(s) || s == mesospb.TaskState_TASK_UNREACHABLE
}

// taskOf is what the master keeps of a task that is launched.
func taskOf(t *mesospb.TaskInfo, framework *mesospb.FrameworkID, executor *mesospb.ExecutorInfo) *mesospb.Task {
	pb := &mesospb.Task{
		Name: proto.String(t.GetName()), TaskId: t.TaskId, FrameworkId: framework, AgentId: t.AgentId,
		State:     mesospb.TaskState_TASK_STAGING.Enum(),
		Resources: t.Resources, Limits: t.Limits, Labels: t.Labels, Discovery: t.Discovery, Container: t.Container,
		HealthCheck: t.HealthCheck, KillPolicy: t.KillPolicy,
	}
	if executor != nil {
		pb.ExecutorId = executor.ExecutorId
	}
	switch {
	case t.GetCommand().GetUser() != "":
		pb.User = t.GetCommand().User
	case executor.GetCommand().GetUser() != "":
		pb.User = executor.GetCommand().User
	}
	return pb
}

// advance is a task after a status: its new form, and whether it has just ended. latest is the newest state
// that the agent knows, which decides even while an older update is resent; nil where the status is all.
func advance(old *mesospb.Task, status *mesospb.TaskStatus, latest *mesospb.TaskState) (next *mesospb.Task, ended bool) {
	state := status.GetState()
	if latest != nil {
		state = *latest
	}
	next = shallow(old)
	if !taskstate.Terminal(old.GetState()) {
		ended = over(state) && !over(old.GetState())
		next.State = state.Enum()
	}
	kept := status
	if len(status.GetData()) > 0 {
		// Opaque and perhaps large; nobody asks the master for it.
		kept = proto.CloneOf(status)
		kept.Data = nil
	}
	next.Statuses = remember(old.GetStatuses(), kept)
	return next, ended
}

// remember appends a status to a history, in place of the last one when that had the same state.
func remember(history []*mesospb.TaskStatus, s *mesospb.TaskStatus) []*mesospb.TaskStatus {
	if n := len(history); n > 0 && history[n-1].GetState() == s.GetState() {
		history = history[:n-1]
	}
	if len(history) >= maxStatuses {
		history = history[len(history)-maxStatuses+1:]
	}
	// A full copy: the old slice belongs to readers.
	return append(append(make([]*mesospb.TaskStatus, 0, len(history)+1), history...), s)
}

// shallow copies a task and shares its parts.
func shallow(t *mesospb.Task) *mesospb.Task {
	return &mesospb.Task{
		Name: t.Name, TaskId: t.TaskId, FrameworkId: t.FrameworkId, ExecutorId: t.ExecutorId, AgentId: t.AgentId,
		State: t.State, Resources: t.Resources, Statuses: t.Statuses, StatusUpdateState: t.StatusUpdateState,
		StatusUpdateUuid: t.StatusUpdateUuid, Labels: t.Labels, Discovery: t.Discovery, Container: t.Container,
		HealthCheck: t.HealthCheck, KillPolicy: t.KillPolicy, User: t.User, Limits: maps.Clone(t.Limits),
	}
}

// addTask books a task, launched here or learnt from its agent, and what it holds.
func (m *Master) addTask(f *framework, a *agent, info *mesospb.Task) *task {
	t := m.enterTask(f, a, info)
	m.hold(a, f.id, t.held)
	return t
}

// enterTask puts a task into the tables. The caller books what it holds.
func (m *Master) enterTask(f *framework, a *agent, info *mesospb.Task) *task {
	t := &task{id: info.GetTaskId().GetValue(), framework: f.id, agent: a.id, info: info}
	if number, ok := f.unreachable.find(t.id); ok {
		f.unreachable.remove(number)
		m.desk.dropPast(unreachableTasks, f.id, number)
	}
	if number, ok := f.ends.find(t.id); ok {
		f.ends.remove(number)
	}
	f.tasks[t.id] = t
	put(a.tasks, f.id, t.id, t)
	if !over(info.GetState()) {
		t.held = resources.FromValid(info.GetResources())
	}
	m.desk.setTask(t)
	m.desk.taskAdded(f, t)
	m.counts.added(info.GetState())
	f.tally.tasks(info.GetState(), 1)
	return t
}

// setState gives a task its next state, and frees what it held when it has ended.
func (m *Master) setState(f *framework, t *task, status *mesospb.TaskStatus, latest *mesospb.TaskState) {
	next, ended := advance(t.info, status, latest)
	m.counts.moved(t.info.GetState(), next.GetState())
	f.tally.tasks(t.info.GetState(), -1)
	f.tally.tasks(next.GetState(), 1)
	before := t.info
	t.info = next
	m.desk.taskUpdated(f, t, before, status)
	if ended {
		if a := m.agents.registered[t.agent]; a != nil {
			m.free(a, f.id, t.held)
		}
		t.held = resources.Resources{}
		m.counts.ended(status)
		f.tally.end(next.GetState())
	}
	m.desk.setTask(t)
}

// removeTask takes a task out of the tables and remembers it in past.
func (m *Master) removeTask(f *framework, t *task, past *ring) {
	if a := m.agents.registered[t.agent]; a != nil {
		if !t.held.IsEmpty() {
			m.free(a, f.id, t.held)
			t.held = resources.Resources{}
		}
		drop(a.tasks, f.id, t.id)
		drop(a.killed, f.id, t.id)
	}
	m.traceRemoved(t)
	delete(f.tasks, t.id)
	m.counts.removed(t.info.GetState())
	f.tally.tasks(t.info.GetState(), -1)
	m.desk.dropTask(t)
	number, forgotten := past.add(t.info)
	kind := completedTasks
	if past == &f.unreachable {
		kind = unreachableTasks
	}
	m.desk.setPast(kind, f.id, number, t.info)
	for _, n := range forgotten {
		m.desk.dropPast(kind, f.id, n)
	}
}

// loseTask ends a task because its agent is lost, and tells its framework. One that had ended already, and
// whose end was not acknowledged, keeps its true end: Mesos would say LOST of a task that has finished. But a framework
// that has not heard of the end yet must not hear of it now if the agent may return, because then the agent
// resends what is still before it.
func (m *Master) loseTask(a *agent, t *task, why loss) {
	f := m.frameworks.registered[t.framework]
	if f == nil {
		return
	}
	state, reason := why.of(f)
	status := m.status(t.info, state, reason, why.message)
	status.UnreachableTime = why.since
	tell := status
	if taskstate.Terminal(t.info.GetState()) {
		status = m.status(t.info, t.info.GetState(), reason, why.message)
		copyLast(status, t.info)
		if why.since == nil || taskstate.Terminal(t.told()) {
			tell = status
		}
	}
	m.setState(f, t, status, nil)
	past := &f.completed
	if why.since != nil {
		past = &f.unreachable
	}
	m.removeTask(f, t, past)
	if why.since == nil {
		f.end(t.info, tell.GetState())
	}
	m.tellUpdate(f, tell)
}
