package master

import (
	"fmt"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// Kill ends a task for an operator, who may if he may end its whole framework. The future completes when the order is
// on its way; the framework hears of the task's end as of any other.
func (c Client) Kill(who authorization.Subject, framework string, kill *schedulerpb.Call_Kill) process.Future[struct{}] {
	return process.Entrust(c.master, func(m *Master, done *process.Promise[struct{}]) {
		done.Complete(struct{}{}, m.killFor(who, framework, kill))
	})
}

func (m *Master) killFor(who authorization.Subject, framework string, c *schedulerpb.Call_Kill) error {
	f := m.frameworks.registered[framework]
	switch {
	case f == nil:
		return fmt.Errorf("framework %q is not there: %w", framework, fault.ErrNotFound)
	case !m.approves(who, authorization.TeardownFramework, authorization.Object{Framework: f.info}):
		return fmt.Errorf("to kill a task of framework %s takes the right to tear the framework down (teardown_frameworks): %w", f.id, fault.ErrDenied)
	case f.tasks[c.GetTaskId().GetValue()] == nil:
		return fmt.Errorf("framework %s has no task %q that runs: %w", f.id, c.GetTaskId().GetValue(), fault.ErrNotFound)
	}
	m.Log().Info("task is to be killed by an operator", "framework", f.id, "task", c.GetTaskId().GetValue(), "by", who.Principal)
	m.kill(f, c)
	return nil
}

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
		m.Log().Warn("kill names the wrong agent", "framework", f.id, "task", t.id, "agent", t.agent, "named", c.GetAgentId().GetValue())
		return
	}
	a := m.agents.registered[t.agent]
	if a == nil {
		return
	}
	m.detail("task is to be killed", "framework", f.id, "agent", a.id, "task", t.id)
	// Remembered even for an agent that seems to be there: the order may be lost with its connection.
	put(a.killed, f.id, t.id, c.KillPolicy)
	if a.connected {
		m.Send(a.pid, &controlpb.KillTask{FrameworkId: f.info.Id, TaskId: c.TaskId, KillPolicy: c.KillPolicy, Epoch: m.stamp()})
	}
}
