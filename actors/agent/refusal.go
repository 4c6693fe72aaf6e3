package agent

import (
	"cmp"
	"fmt"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
)

// pathSafe checks the ids that become folders, whatever the master has checked: a slash or dot-dot in one would
// lead out of the work directory.
func pathSafe(framework *mesospb.FrameworkID, t *mesospb.TaskInfo) error {
	if err := validation.FrameworkID(framework); err != nil {
		return err
	}
	if err := validation.TaskID(t.GetTaskId()); err != nil {
		return err
	}
	if t.Executor == nil {
		return nil
	}
	return validation.ExecutorID(t.GetExecutor().GetExecutorId())
}

// executorOf is the id of a task's executor. That of a command task is made up after the task.
func executorOf(t *mesospb.TaskInfo) string {
	if t.Executor != nil {
		return t.GetExecutor().GetExecutorId().GetValue()
	}
	return t.GetTaskId().GetValue()
}

// refusal tells why a task cannot run here, nil if it can. The states and reasons are Mesos'.
func (a *Agent) refusal(f *framework, m *controlpb.RunTask) *verdictOnTasks {
	t := m.GetTask()
	if err := a.unauthorized(f, nil, t); err != nil {
		return &verdictOnTasks{mesospb.TaskState_TASK_ERROR, mesospb.TaskStatus_REASON_TASK_UNAUTHORIZED, err.Error()}
	}
	if err := cmp.Or(a.means().invalid(t, len(a.config.Executor) > 0), invalidVolumes(t), a.unfetchable(t)); err != nil {
		return &verdictOnTasks{mesospb.TaskState_TASK_ERROR, mesospb.TaskStatus_REASON_TASK_INVALID, err.Error()}
	}
	dropped := func(reason mesospb.TaskStatus_Reason, format string, args ...any) *verdictOnTasks {
		return &verdictOnTasks{f.word(mesospb.TaskState_TASK_DROPPED), reason, fmt.Sprintf(format, args...)}
	}
	if a.drain.config != nil {
		return dropped(mesospb.TaskStatus_REASON_AGENT_DRAINING, "the agent is draining")
	}
	if a.writer.full != nil {
		return noRoomFor(f, a.writer.full)
	}
	if err := a.lacks(t); err != nil {
		return dropped(mesospb.TaskStatus_REASON_RESOURCES_UNKNOWN, "%v", err)
	}
	e := f.executors[executorOf(t)]
	switch {
	case e != nil && t.Executor == nil:
		return dropped(mesospb.TaskStatus_REASON_TASK_INVALID,
			"an executor with the id of this command task still runs: use a new task id")
	case e != nil && e.ending():
		return dropped(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED, "executor %q is ending", e.id())
	case m.LaunchExecutor != nil && m.GetLaunchExecutor() && e != nil:
		return dropped(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED,
			"the master expects executor %q to be started for this task, but it runs", e.id())
	case m.LaunchExecutor != nil && !m.GetLaunchExecutor() && e == nil && t.Executor != nil:
		return dropped(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED,
			"the master expects executor %q to run, but it has ended", executorOf(t))
	}
	return nil
}
