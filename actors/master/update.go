package master

import (
	"bytes"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// statusUpdate passes the head of a task's stream on to its framework, and remembers it. The agent keeps
// what is not acknowledged, so nothing is lost where this returns early.
func (m *Master) statusUpdate(from process.UPID, u *controlpb.StatusUpdate) {
	m.counts.statusUpdate.Inc()
	a := m.agents.at(from)
	f := m.frameworks.registered[u.GetFrameworkId().GetValue()]
	if !m.serving || a == nil || a.id != u.GetAgentId().GetValue() || f == nil || u.GetStatus().GetTaskId().GetValue() == "" || u.GetStatus().State == nil {
		m.counts.invalidUpdate.Inc()
		return
	}
	status := complete(u)
	m.tellUpdate(f, dated(status, u.Timestamp))
	t := a.task(f.id, status.GetTaskId().GetValue())
	if t == nil {
		// Never launched here, or its end is acknowledged: the framework may want to know all the same.
		m.counts.invalidUpdate.Inc()
		return
	}
	m.counts.validUpdate.Inc()
	m.detail("task changed", "framework", f.id, "agent", a.id, "task", t.id, "state", status.GetState())
	m.traceUpdate(t, status)
	m.setState(f, t, status, u.LatestState)
	next := shallow(t.info)
	next.StatusUpdateState, next.StatusUpdateUuid = status.State, status.Uuid
	t.info = next
	m.desk.setTask(t)
}

// complete fills in what the envelope knows and the status may leave out.
func complete(u *controlpb.StatusUpdate) *mesospb.TaskStatus {
	s := u.GetStatus()
	if s.AgentId != nil && (s.ExecutorId != nil || u.ExecutorId == nil) {
		return s
	}
	s = proto.CloneOf(s)
	if s.AgentId == nil {
		s.AgentId = u.AgentId
	}
	if s.ExecutorId == nil {
		s.ExecutorId = u.ExecutorId
	}
	return s
}

// dated is a status for a framework, which always hears a time. What is remembered of an executor that did not say one
// has none, as in Mesos.
func dated(s *mesospb.TaskStatus, received *float64) *mesospb.TaskStatus {
	if s.Timestamp != nil || received == nil {
		return s
	}
	s = proto.CloneOf(s)
	s.Timestamp = received
	return s
}

// acknowledge releases an update. It has to reach an agent that is there; otherwise the update comes again.
func (m *Master) acknowledge(f *framework, c *schedulerpb.Call_Acknowledge) {
	a := m.agents.registered[c.GetAgentId().GetValue()]
	if a == nil || !a.connected {
		m.counts.invalidAck.Inc()
		return
	}
	if t := a.task(f.id, c.GetTaskId().GetValue()); t != nil {
		if t.info.StatusUpdateState == nil {
			// This master has not passed on any update of the task: the words were meant for an older one.
			m.counts.invalidAck.Inc()
			return
		}
		m.traceAcknowledged(t, c.GetUuid())
		if taskstate.Terminal(t.info.GetStatusUpdateState()) && bytes.Equal(t.info.GetStatusUpdateUuid(), c.GetUuid()) {
			m.removeTask(f, t, &f.completed)
			m.checkDrained(a)
		}
	}
	m.counts.validAck.Inc()
	m.Send(a.pid, &controlpb.AcknowledgeStatus{FrameworkId: f.info.Id, AgentId: c.AgentId, TaskId: c.TaskId, Uuid: c.Uuid, Epoch: m.stamp()})
}

// status is an update of the master's own: without uuid, so it is not acknowledged.
func (m *Master) status(t *mesospb.Task, state mesospb.TaskState, reason mesospb.TaskStatus_Reason, message string) *mesospb.TaskStatus {
	return &mesospb.TaskStatus{
		TaskId: t.TaskId, AgentId: t.AgentId, ExecutorId: t.ExecutorId, State: state.Enum(),
		Source: mesospb.TaskStatus_SOURCE_MASTER.Enum(), Reason: reason.Enum(), Message: proto.String(message),
		Timestamp: proto.Float64(float64(m.Now().UnixNano()) / 1e9),
	}
}

// copyLast repeats what the last status of a task said of its health and its container.
func copyLast(s *mesospb.TaskStatus, t *mesospb.Task) {
	if n := len(t.GetStatuses()); n > 0 {
		last := t.GetStatuses()[n-1]
		s.Healthy, s.CheckStatus, s.ContainerStatus = last.Healthy, last.CheckStatus, last.ContainerStatus
	}
}

func (m *Master) tellUpdate(f *framework, s *mesospb.TaskStatus) {
	m.tell(f, &schedulerpb.Event{Type: schedulerpb.Event_UPDATE.Enum(), Update: &schedulerpb.Event_Update{Status: s}})
}
