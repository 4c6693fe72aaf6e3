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
	if err := cmp.Or(invalid(t, len(a.config.Executor) > 0), invalidVolumes(t), a.unfetchable(t)); err != nil {
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

// invalid tells what of a task this agent does not do. To run it without would be a lie that nobody notices.
func invalid(t *mesospb.TaskInfo, commands bool) error {
	if (t.Executor == nil) == (t.Command == nil) {
		return fmt.Errorf("a task has either a command or an executor")
	}
	if t.Executor == nil {
		return invalidCommandTask(t, commands)
	}
	if t.GetExecutor().GetType() == mesospb.ExecutorInfo_DEFAULT {
		return fmt.Errorf("the default (pod) executor is not supported by this agent: use a command, or an executor of type CUSTOM")
	}
	if err := invalidContainer(t.GetExecutor().GetContainer()); err != nil {
		return err
	}
	return invalidCommand(t.GetExecutor().GetCommand())
}

func invalidCommandTask(t *mesospb.TaskInfo, commands bool) error {
	switch {
	case !commands:
		return fmt.Errorf("this agent has no command executor: launch the task with an executor of its own")
	case t.HealthCheck != nil:
		return fmt.Errorf("health checks of command tasks are not supported by this agent: launch the task without health_check")
	case t.Check != nil:
		return fmt.Errorf("checks of command tasks are not supported by this agent: launch the task without check")
	}
	if err := invalidContainer(t.GetContainer()); err != nil {
		return err
	}
	return invalidCommand(t.GetCommand())
}

// invalidCommand lets an empty command pass, as Mesos does: its task fails when it is run.
func invalidCommand(c *mesospb.CommandInfo) error {
	for _, v := range c.GetEnvironment().GetVariables() {
		if v.GetType() == mesospb.Environment_Variable_SECRET {
			return fmt.Errorf("secrets are not supported by this agent: variable %s of the environment is one", v.GetName())
		}
	}
	return nil
}

// invalidContainer lets an empty container pass: it asks for nothing. One that another agent may run is no error of the
// task's; start says what becomes of it.
func invalidContainer(c *mesospb.ContainerInfo) error {
	switch {
	case c == nil, isDocker(c):
		return nil
	case c.GetType() != mesospb.ContainerInfo_MESOS:
		return fmt.Errorf("containers of type %v are not supported by this agent", c.GetType())
	case c.GetMesos().GetImage() != nil:
		return fmt.Errorf("images are not supported by this agent: launch without container.mesos.image")
	case len(c.GetVolumes()) > 0:
		return fmt.Errorf("volumes are not supported by this agent: launch without container.volumes")
	case len(c.GetNetworkInfos()) > 0:
		return fmt.Errorf("container networks are not supported by this agent: launch without container.network_infos")
	case c.GetLinuxInfo() != nil || c.GetRlimitInfo() != nil || c.GetTtyInfo() != nil:
		return fmt.Errorf("capabilities, limits and terminals of containers are not supported by this agent")
	}
	return nil
}

// isDocker does not take a container that is not there for what the type is by default.
func isDocker(c *mesospb.ContainerInfo) bool {
	return c != nil && c.GetType() == mesospb.ContainerInfo_DOCKER
}
