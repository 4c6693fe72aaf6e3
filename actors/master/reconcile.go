package master

import (
	"maps"
	"slices"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/validation"
)

// reconcile tells a framework how its tasks are: those that it names, or all that the master has when it
// names none. Tasks that are unreachable or completed are told of only when they are named.
func (m *Master) reconcile(f *framework, asked []*schedulerpb.Call_Reconcile_Task) {
	if len(asked) == 0 {
		for _, id := range slices.Sorted(maps.Keys(f.tasks)) {
			t := f.tasks[id]
			m.tellUpdate(f, m.known(t.info, t.told()))
		}
		return
	}
	for _, q := range asked {
		if t := f.tasks[q.GetTaskId().GetValue()]; t != nil {
			m.tellUpdate(f, m.known(t.info, t.told()))
			continue
		}
		if t := f.past(q.GetTaskId().GetValue()); t != nil {
			m.tellUpdate(f, m.known(t, t.GetState()))
			continue
		}
		answer := reconcileUnknown(m.whereabouts(q.GetAgentId()), f.can.partitionAware)
		if answer.silent {
			continue
		}
		status := m.status(&mesospb.Task{TaskId: q.TaskId, AgentId: q.AgentId}, answer.state,
			mesospb.TaskStatus_REASON_RECONCILIATION, answer.message)
		// Also where the state is LOST: it tells such frameworks that the task may return.
		status.UnreachableTime = m.agents.unreachable[q.GetAgentId().GetValue()].GetSince()
		m.tellUpdate(f, status)
	}
}

// past is a task of which the framework was told here that it is over, if it is remembered. Without it Mesos calls such a task gone or
// unknown: after an end, another one. A framework hears that when its question crosses the end on the way, which happens with all ends
// that need no acknowledgement; and one that has lost its memory would do again what is done.
func (f *framework) past(id string) *mesospb.Task {
	if t := f.ends.task(id); t != nil {
		return t // what ended otherwise under this id, if anything did, ended before
	}
	return f.completed.task(id)
}

// end remembers what a framework is told of a task that is over, and does not acknowledge, unless its id is that of a task which is there,
// or one that nobody would keep.
func (f *framework) end(t *mesospb.Task, state mesospb.TaskState) {
	id := t.GetTaskId().GetValue()
	if _, unreachable := f.unreachable.find(id); f.tasks[id] != nil || unreachable || validation.ID(id) != nil {
		return
	}
	kept := &mesospb.Task{TaskId: t.TaskId, State: state.Enum()}
	if validation.AgentID(t.AgentId) == nil {
		kept.AgentId = t.AgentId
	}
	f.ends.add(kept)
}

// known is the answer for a task in the tables, or in memory.
func (m *Master) known(t *mesospb.Task, state mesospb.TaskState) *mesospb.TaskStatus {
	status := m.status(t, state, mesospb.TaskStatus_REASON_RECONCILIATION, "Reconciliation: Latest task state")
	copyLast(status, t)
	return status
}

// whereabouts is what the master knows of the agent that a task is said to be on.
type whereabouts int

const (
	unknown       whereabouts = iota // never heard of, removed, or forgotten; or no agent was named
	recovering                       // expected back after a failover; or none was named and some agent is
	registered                       // here, and it does not have the task
	isUnreachable                    // missed
	isGone                           // over for ever
)

func (m *Master) whereabouts(agent *mesospb.AgentID) whereabouts {
	id := agent.GetValue()
	if agent == nil {
		if len(m.agents.recovered) > 0 {
			return recovering
		}
		return unknown
	}
	switch {
	case m.agents.recovered[id] != nil:
		return recovering
	case m.agents.registered[id] != nil:
		return registered
	case m.agents.unreachable[id] != nil:
		return isUnreachable
	case m.agents.gone[id] != nil:
		return isGone
	}
	return unknown
}

// answer is what is said of a task that is not in the tables.
type answer struct {
	silent  bool
	state   mesospb.TaskState
	message string
}

// reconcileUnknown is the table of task-lifecycle.md, section 6, from its second row on. Nothing is said
// while the agent may still return with the task.
func reconcileUnknown(w whereabouts, partitionAware bool) answer {
	table := map[whereabouts]answer{
		recovering:    {silent: true},
		registered:    {state: mesospb.TaskState_TASK_GONE, message: "Reconciliation: Task is unknown to the agent"},
		isUnreachable: {state: mesospb.TaskState_TASK_UNREACHABLE, message: "Reconciliation: Task is unreachable"},
		isGone:        {state: mesospb.TaskState_TASK_GONE_BY_OPERATOR, message: "Reconciliation: Task is gone"},
		unknown:       {state: mesospb.TaskState_TASK_UNKNOWN, message: "Reconciliation: Task is unknown"},
	}
	a := table[w]
	if !a.silent && !partitionAware {
		a.state = mesospb.TaskState_TASK_LOST
	}
	return a
}
