package agent

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// task is one task from its arrival until its terminal update is acknowledged.
type task struct {
	info *mesospb.TaskInfo // nil for a stray whose description is not known
	name *mesospb.TaskID
	// state is the newest that the agent knows; what the scheduler knows is in the stream.
	state    mesospb.TaskState
	statuses []*mesospb.TaskStatus // one for each state that it was in, the newest of each
	stream   *stream
	retry    process.Timer // until the head of the stream is sent again
	// stored: its checkpoint is on disk, so it may be handed to the executor.
	stored bool
	// after is how many tasks of the executor were over when it was handed this one for the first time.
	after  uint64
	handed bool
	// binding: its volumes are being put into the sandbox; bound: they are there, if it has any.
	binding, bound bool
	// allotted: its executor's container has room for it.
	allotted bool
	// journaled: its updates survive the agent.
	journaled bool
	// kill is set when the task has to end; again and again sent to an executor that comes back.
	kill *mesospb.KillPolicy

	passage *passage // its way to running, as far as somebody listens; else nil

	shown *mesospb.Task // what views share; nil when it has to be made anew
}

func newTask(info *mesospb.TaskInfo) *task {
	return &task{info: info, name: info.GetTaskId(), state: mesospb.TaskState_TASK_STAGING, stream: newStream()}
}

// newStray is for updates of a task that has no executor here.
func newStray(id *mesospb.TaskID) *task {
	return &task{name: id, state: mesospb.TaskState_TASK_STAGING, stream: newStream()}
}

func (t *task) id() string { return t.name.GetValue() }

// enter takes a status as the newest. An executor may repeat a state, with news about its health.
func (t *task) enter(s *mesospb.TaskStatus) {
	t.state = s.GetState()
	t.shown = nil
	if n := len(t.statuses); n > 0 && t.statuses[n-1].GetState() == s.GetState() {
		t.statuses = append(t.statuses[:n-1:n-1], s)
		return
	}
	t.statuses = append(t.statuses[:len(t.statuses):len(t.statuses)], s)
}

// message is the task as the API shows it. It is shared, and never changed.
func (t *task) message(e *executor) *mesospb.Task {
	if t.shown != nil {
		return t.shown
	}
	m := describeTask(t.info, e.framework.info.GetId())
	m.State = t.state.Enum()
	m.Statuses = t.statuses
	if !e.command {
		m.ExecutorId = e.info.GetExecutorId() // the one of a command task is the agent's own business
	}
	if told := t.told(); told != nil {
		m.StatusUpdateState = told.State
		m.StatusUpdateUuid = told.Uuid
	}
	t.shown = m
	return m
}

// told is the status that the scheduler hears, or has heard last; nil when it has heard none.
func (t *task) told() *mesospb.TaskStatus {
	if h := t.stream.head(); h != nil {
		return h.GetStatus()
	}
	return t.stream.last.GetStatus()
}

// describeTask is the part of a Task that does not change.
func describeTask(info *mesospb.TaskInfo, framework *mesospb.FrameworkID) *mesospb.Task {
	m := &mesospb.Task{
		Name:        info.Name,
		TaskId:      info.TaskId,
		FrameworkId: framework,
		AgentId:     info.AgentId,
		Resources:   info.Resources,
		Labels:      info.Labels,
		Discovery:   info.Discovery,
		Container:   info.Container,
		HealthCheck: info.HealthCheck,
		KillPolicy:  info.KillPolicy,
		Limits:      info.Limits,
	}
	if m.Name == nil {
		m.Name = proto.String("")
	}
	switch {
	case info.GetCommand().GetUser() != "":
		m.User = info.Command.User
	case info.GetExecutor().GetCommand().GetUser() != "":
		m.User = info.Executor.Command.User
	}
	return m
}
