package master

import (
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// kill ends a task. It is sent each time it is asked for, because killing twice does no harm and a lost
// order does; to an agent that is away it is sent when it returns. Of a task that nobody knows the framework
// learns what reconciliation would say.
func (m *Master) kill(f *framework, c *schedulerpb.Call_Kill) {
	t := f.tasks[c.GetTaskId().GetValue()]
	if t == nil {
		m.reconcile(f, []*schedulerpb.Call_Reconcile_Task{{TaskId: c.TaskId, AgentId: c.AgentId}})
		return
	}
	if c.AgentId != nil && c.GetAgentId().GetValue() != t.agent {
		m.Log().Warn("a kill names the wrong agent", "framework", f.id, "task", t.id, "agent", t.agent, "named", c.GetAgentId().GetValue())
		return
	}
	a := m.agents.registered[t.agent]
	if a == nil {
		return
	}
	// Remembered even for an agent that seems to be there: the order may be lost with its connection.
	put(a.killed, f.id, t.id, c.KillPolicy)
	if a.connected {
		m.Send(a.pid, &controlpb.KillTask{FrameworkId: f.info.Id, TaskId: c.TaskId, KillPolicy: c.KillPolicy, Epoch: m.stamp()})
	}
}
