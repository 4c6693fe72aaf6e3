package agent

import (
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// killTask ends a task: at once if its executor has not got it, else through the executor.
func (a *Agent) killTask(from process.UPID, m *controlpb.KillTask) {
	if !a.obey(from, m.GetEpoch()) {
		return
	}
	f := a.frameworks[m.GetFrameworkId().GetValue()]
	if f == nil || f.leaving {
		return
	}
	a.b.Log().Debug("task is to be killed", "framework", f.id(), "task", m.GetTaskId().GetValue())
	e, t := f.task(m.GetTaskId().GetValue())
	switch {
	case t == nil:
		a.refuse(f, m.GetTaskId(), &verdictOnTasks{f.word(mesospb.TaskState_TASK_DROPPED),
			mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED, "Cannot kill a task that is not on this agent"})
	case e == nil || taskstate.Terminal(t.state):
		// It has ended; its update is on the way.
	case e.unqueue(t):
		a.conclude(f, e, t, verdictOnTasks{mesospb.TaskState_TASK_KILLED, mesospb.TaskStatus_REASON_TASK_KILLED_DURING_LAUNCH,
			"Task was killed before it was delivered to the executor"})
		a.shutdownIfUnused(e)
	default:
		a.killLaunched(e, t, m.GetKillPolicy())
	}
}

// killLaunched remembers the wish, because an executor that is not connected has to hear it when it returns.
func (a *Agent) killLaunched(e *executor, t *task, policy *mesospb.KillPolicy) {
	switch {
	case policy != nil:
		t.kill = policy
	case t.kill == nil:
		t.kill = &mesospb.KillPolicy{}
		if own := t.info.GetKillPolicy(); own != nil {
			t.kill = own
		}
	}
	if !e.upid.IsZero() {
		a.b.Send(e.upid, killEvent(t.name, policy))
	}
}

// shutdownIfUnused ends an executor that was started for tasks which were all killed before it got any. One that is
// the framework's and has not registered is left to do so, as in Mesos: it may get another task until then.
func (a *Agent) shutdownIfUnused(e *executor) {
	if !e.command && e.state == registering {
		return
	}
	if !e.spoken && len(e.queue) == 0 && e.idle() && !e.ending() {
		a.shutdownOne(e)
	}
}

func (a *Agent) shutdownExecutor(from process.UPID, m *controlpb.ShutdownExecutor) {
	if !a.obey(from, m.GetEpoch()) {
		return
	}
	if f := a.frameworks[m.GetFrameworkId().GetValue()]; f != nil {
		if e := f.executors[m.GetExecutorId().GetValue()]; e != nil && !e.ending() {
			a.shutdownOne(e)
		}
	}
}

// shutdownFramework ends everything of a framework. Nobody waits for its updates any more.
func (a *Agent) shutdownFramework(from process.UPID, m *controlpb.ShutdownFramework) {
	if !a.obey(from, m.GetEpoch()) {
		return
	}
	if f := a.frameworks[m.GetFrameworkId().GetValue()]; f != nil && !f.leaving {
		a.b.Log().Info("shutting down a framework", "framework", f.id())
		a.shutdownAll(f)
	}
}

func (a *Agent) shutdownAll(f *framework) {
	f.leaving = true
	a.changed = true
	for _, t := range f.sortedStrays() {
		a.forget(f, nil, t)
	}
	for _, e := range f.sorted() {
		for _, t := range e.sorted() {
			if taskstate.Terminal(t.state) {
				a.forget(f, e, t)
			}
		}
		if !e.ending() {
			a.shutdownOne(e)
		}
	}
	a.forgetIfIdle(f)
}

// shutdownOne asks an executor to end, and ends it when it takes too long. One that has not registered has
// nothing to end in good order.
func (a *Agent) shutdownOne(e *executor) {
	e.stopPatience()
	e.state = terminating
	a.touch(e)
	if e.upid.IsZero() {
		a.destroy(e)
		return
	}
	a.b.Send(e.upid, shutdownEvent())
	e.patience = a.b.Delay(a.grace(e), func() {
		a.log(e).Info("the executor did not shut down in time; ending it")
		a.destroy(e)
	})
}
