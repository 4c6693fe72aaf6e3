package agent

import (
	"fmt"
	"slices"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// means are the names of the isolators that an agent has. What a task asks for and none of them is for is refused: to run it
// without would be a lie that nobody notices.
type means []string

func (a *Agent) means() means { return a.parts.Isolators }

// lacks refuses something that an isolator would be for.
func (m means) lacks(isolator, format string, args ...any) error {
	if slices.Contains(m, isolator) {
		return nil
	}
	return fmt.Errorf(format+", or start the agent with %s in --isolation", append(args, isolator)...)
}

// invalid tells what of a task this agent does not do.
func (m means) invalid(t *mesospb.TaskInfo, commands bool) error {
	if (t.Executor == nil) == (t.Command == nil) {
		return fmt.Errorf("a task has either a command or an executor")
	}
	if t.Executor == nil {
		return m.invalidCommandTask(t, commands)
	}
	if t.GetExecutor().GetType() == mesospb.ExecutorInfo_DEFAULT {
		return fmt.Errorf("the default (pod) executor is not supported by this agent: use a command, or an executor of type CUSTOM")
	}
	if err := m.invalidContainer(t.GetExecutor().GetContainer()); err != nil {
		return err
	}
	return m.invalidCommand(t.GetExecutor().GetCommand())
}

func (m means) invalidCommandTask(t *mesospb.TaskInfo, commands bool) error {
	switch {
	case !commands:
		return fmt.Errorf("this agent has no command executor: launch the task with an executor of its own")
	case t.HealthCheck != nil:
		return fmt.Errorf("health checks of command tasks are not supported by this agent: launch the task without health_check")
	case t.Check != nil:
		return fmt.Errorf("checks of command tasks are not supported by this agent: launch the task without check")
	}
	if err := m.invalidContainer(t.GetContainer()); err != nil {
		return err
	}
	return m.invalidCommand(t.GetCommand())
}

// invalidCommand lets an empty command pass, as Mesos does: its task fails when it is run.
func (m means) invalidCommand(c *mesospb.CommandInfo) error {
	for _, v := range c.GetEnvironment().GetVariables() {
		if v.GetType() != mesospb.Environment_Variable_SECRET {
			continue
		}
		if err := m.lacks("environment_secret", "secrets are not supported by this agent: variable %s of the environment is one; leave it out", v.GetName()); err != nil {
			return err
		}
	}
	return nil
}

// invalidContainer lets an empty container pass: it asks for nothing. One that another agent may run is no error of the
// task's; start says what becomes of it.
func (m means) invalidContainer(c *mesospb.ContainerInfo) error {
	switch {
	case c == nil, isDocker(c):
		return nil
	case c.GetType() != mesospb.ContainerInfo_MESOS:
		return fmt.Errorf("containers of type %v are not supported by this agent", c.GetType())
	case c.GetMesos().GetImage() != nil:
		return fmt.Errorf("images are not supported by this agent: launch without container.mesos.image")
	case c.GetTtyInfo() != nil:
		return fmt.Errorf("terminals of containers are not supported by this agent: launch without container.tty_info")
	}
	for _, v := range c.GetVolumes() {
		if err := m.invalidVolume(v); err != nil {
			return err
		}
	}
	if len(c.GetNetworkInfos()) > 0 {
		if err := m.lacks("network/cni", "container networks are not supported by this agent: launch without container.network_infos"); err != nil {
			return err
		}
	}
	if c.GetRlimitInfo() != nil {
		if err := m.lacks("posix/rlimits", "limits of processes are not supported by this agent: launch without container.rlimit_info"); err != nil {
			return err
		}
	}
	return m.invalidLinux(c.GetLinuxInfo())
}

// invalidVolume names the isolator by where the volume comes from.
func (m means) invalidVolume(v *mesospb.Volume) error {
	isolator := "volume/host_path"
	switch v.GetSource().GetType() {
	case mesospb.Volume_Source_SANDBOX_PATH:
		isolator = "volume/sandbox_path"
	case mesospb.Volume_Source_SECRET:
		isolator = "volume/secret"
	case mesospb.Volume_Source_CSI_VOLUME, mesospb.Volume_Source_DOCKER_VOLUME:
		return fmt.Errorf("volumes of type %v are not supported by this agent: leave the one at %s out", v.GetSource().GetType(), v.GetContainerPath())
	}
	if v.GetImage() != nil {
		return fmt.Errorf("volumes of images are not supported by this agent: leave the one at %s out", v.GetContainerPath())
	}
	return m.lacks(isolator, "volumes are not supported by this agent: leave the one at %s out of container.volumes", v.GetContainerPath())
}

func (m means) invalidLinux(l *mesospb.LinuxInfo) error {
	if l == nil {
		return nil
	}
	for _, wish := range []struct {
		asked          bool
		what, isolator string
	}{
		{l.GetCapabilityInfo() != nil || l.GetEffectiveCapabilities() != nil || l.GetBoundingCapabilities() != nil, "capabilities", "linux/capabilities"},
		{l.GetSeccomp() != nil, "filters of system calls", "linux/seccomp"},
		{l.GetSharePidNamespace() && len(m) > 0, "shared pid namespaces", "namespaces/pid"}, // plain processes share it anyway
		{l.GetIpcMode() == mesospb.LinuxInfo_PRIVATE || l.ShmSize != nil, "shared memory of its own", "namespaces/ipc"},
	} {
		if wish.asked {
			if err := m.lacks(wish.isolator, "%s in linux_info: this agent has none; leave it out", wish.what); err != nil {
				return err
			}
		}
	}
	return nil
}

// isDocker does not take a container that is not there for what the type is by default.
func isDocker(c *mesospb.ContainerInfo) bool {
	return c != nil && c.GetType() == mesospb.ContainerInfo_DOCKER
}
