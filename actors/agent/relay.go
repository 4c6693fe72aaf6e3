package agent

import (
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
)

// frameworkMessage takes bytes from a scheduler to its executor, once, if it is connected.
func (a *Agent) frameworkMessage(from process.UPID, m *controlpb.FrameworkMessage) {
	if !a.obey(from, m.GetEpoch()) || m.GetAgentId().GetValue() != a.id() {
		return
	}
	a.changed = true // counted either way
	f := a.frameworks[m.GetFrameworkId().GetValue()]
	if f == nil || f.leaving {
		a.counters.messagesDropped++
		return
	}
	e := f.executors[m.GetExecutorId().GetValue()]
	if e == nil || e.state != running || e.upid.IsZero() {
		a.counters.messagesDropped++
		return
	}
	a.counters.messages++
	a.b.Send(e.upid, &executorpb.Event{Type: executorpb.Event_MESSAGE.Enum(), Message: &executorpb.Event_Message{Data: m.GetData()}})
}

// executorMessage takes bytes from an executor to its scheduler, once, if there is a master.
func (a *Agent) executorMessage(e *executor, data []byte) {
	a.changed = true // counted either way
	if a.phase != member {
		a.counters.messagesDropped++
		return
	}
	a.counters.messages++
	a.b.Send(a.membership.master, &controlpb.ExecutorMessage{
		AgentId: a.info.GetId(), FrameworkId: e.framework.info.GetId(), ExecutorId: e.info.GetExecutorId(), Data: data})
}
