package agent

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// commandExecutor is the executor that is made up for a command task. Its resources are Mesos' and come on top of
// the task's, without being in any offer.
func commandExecutor(f *mesospb.FrameworkInfo, t *mesospb.TaskInfo, c Config) *mesospb.ExecutorInfo {
	id := t.GetTaskId().GetValue()
	return &mesospb.ExecutorInfo{
		ExecutorId:  &mesospb.ExecutorID{Value: proto.String(id)},
		FrameworkId: f.Id,
		Name:        proto.String(fmt.Sprintf("Command Executor (Task: %s) (Command: %s)", id, brief(t.GetCommand()))),
		Source:      proto.String(id),
		Command: &mesospb.CommandInfo{
			Shell: proto.Bool(false),
			Value: proto.String(first(c.Executor)),
			// argv[0] and what follows; the rest of the task's command is the executor's business.
			Arguments:   c.Executor,
			Environment: t.GetCommand().GetEnvironment(),
			User:        t.GetCommand().User,
			Uris:        t.GetCommand().GetUris(),
		},
		Container:           t.Container,
		Discovery:           t.Discovery,
		Labels:              t.Labels,
		Resources:           commandExecutorResources(t.GetResources()),
		ShutdownGracePeriod: nil,
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// brief is as much of a command as a name has room for.
func brief(c *mesospb.CommandInfo) string {
	text, before, after := c.GetValue(), "sh -c '", "'"
	if !c.GetShell() {
		before, after = "", ""
		if all := strings.Join(c.GetArguments(), " "); all != "" {
			text = all
		}
	}
	text = strings.ToValidUTF8(text, "?")
	if runes := []rune(text); len(runes) > 15 {
		text = string(runes[:12]) + "..."
	}
	return before + text + after
}

// commandExecutorResources are allocated to the role of the task.
func commandExecutorResources(task []*mesospb.Resource) []*mesospb.Resource {
	own := []*mesospb.Resource{scalar("cpus", 0.1), scalar("mem", 32)}
	for _, r := range task {
		if role := r.GetAllocationInfo().GetRole(); role != "" {
			for _, o := range own {
				o.AllocationInfo = &mesospb.Resource_AllocationInfo{Role: proto.String(role)}
			}
			break
		}
	}
	return own
}

func scalar(name string, amount float64) *mesospb.Resource {
	return &mesospb.Resource{Name: proto.String(name), Type: mesospb.Value_SCALAR.Enum(),
		Scalar: &mesospb.Value_Scalar{Value: proto.Float64(amount)}}
}

// executorEnvironment is what an executor is told: Mesos' variables, after the agent's own and the command's.
func (a *Agent) executorEnvironment(e *executor) []string {
	env := append([]string(nil), a.inherits...)
	for _, v := range e.info.GetCommand().GetEnvironment().GetVariables() {
		if v.GetType() != mesospb.Environment_Variable_SECRET { // those are the launcher's to resolve
			env = append(env, v.GetName()+"="+v.GetValue())
		}
	}
	self := a.b.Self()
	checkpoint := e.framework.info.GetCheckpoint()
	env = append(env,
		"MESOS_FRAMEWORK_ID="+e.framework.id(),
		"MESOS_EXECUTOR_ID="+e.id(),
		"MESOS_SLAVE_ID="+a.id(),
		"MESOS_SLAVE_PID="+self.String(),
		"MESOS_AGENT_ENDPOINT="+self.Addr,
		"MESOS_CHECKPOINT="+oneOrZero(checkpoint),
		"MESOS_HTTP_COMMAND_EXECUTOR=0",
		"LIBPROCESS_PORT=0",
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD="+durations.Text(a.grace(e)),
	)
	if checkpoint {
		env = append(env,
			"MESOS_RECOVERY_TIMEOUT="+durations.Text(a.config.RecoveryTimeout),
			"MESOS_SUBSCRIPTION_BACKOFF_MAX="+durations.Text(a.config.ExecutorReregistrationTimeout))
	}
	if len(a.parts.SecretKey.Reveal()) > 0 {
		if token, err := a.token(e); err != nil {
			a.log(e).Error("the executor gets no token and cannot prove who it is", "error", err)
		} else {
			env = append(env, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN="+token)
		}
	}
	if a.config.IP != "" {
		env = append(env, "LIBPROCESS_IP="+a.config.IP)
	}
	if e.command { // which hands it to its task
		for _, r := range e.roles() {
			env = append(env, "MESOS_ALLOCATION_ROLE="+r)
		}
	}
	return env
}

// roles is the role that the executor's first task is allocated to, if it is known.
func (e *executor) roles() []string {
	for _, t := range e.queue {
		for _, r := range t.info.GetResources() {
			if role := r.GetAllocationInfo().GetRole(); role != "" {
				return []string{role}
			}
		}
	}
	return nil
}

// grace is how long an executor may take to shut down.
func (a *Agent) grace(e *executor) time.Duration {
	if g := e.info.GetShutdownGracePeriod(); g != nil {
		return time.Duration(g.GetNanoseconds())
	}
	return a.config.ExecutorShutdownGracePeriod
}

func oneOrZero(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// specOf is a container that waits for its sandbox.
type specOf struct{ containerizer.Spec }

// executorSpec is the program of an executor.
func executorSpec(e *executor, env, builtIn []string) specOf {
	c := e.info.GetCommand()
	s := containerizer.Spec{ContainerID: e.run.container, Env: env, User: e.user, Command: c, Info: e.info.GetContainer()}
	switch {
	case e.command:
		s.Path, s.Argv, s.Reaps, s.Own = first(builtIn), builtIn, true, true
	case c.GetShell():
		s.Path, s.Argv = "/bin/sh", []string{"sh", "-c", c.GetValue()}
	default:
		s.Path, s.Argv = c.GetValue(), c.GetArguments()
		if len(s.Argv) == 0 {
			s.Argv = []string{c.GetValue()}
		}
	}
	return specOf{s}
}

// in puts the container in its sandbox.
func (s specOf) in(dir string) containerizer.Spec {
	spec := s.Spec
	spec.Dir, spec.Stdout, spec.Stderr = dir, dir+"/stdout", dir+"/stderr"
	spec.Env = append(append([]string(nil), spec.Env...), "MESOS_DIRECTORY="+dir, "MESOS_SANDBOX="+dir)
	return spec
}

// Events for executors.

func launchEvent(t *mesospb.TaskInfo) *executorpb.Event {
	return &executorpb.Event{Type: executorpb.Event_LAUNCH.Enum(), Launch: &executorpb.Event_Launch{Task: t}}
}

func killEvent(id *mesospb.TaskID, policy *mesospb.KillPolicy) *executorpb.Event {
	return &executorpb.Event{Type: executorpb.Event_KILL.Enum(), Kill: &executorpb.Event_Kill{TaskId: id, KillPolicy: policy}}
}

func shutdownEvent() *executorpb.Event {
	return &executorpb.Event{Type: executorpb.Event_SHUTDOWN.Enum()}
}

func acknowledgedEvent(id *mesospb.TaskID, uuid []byte) *executorpb.Event {
	return &executorpb.Event{Type: executorpb.Event_ACKNOWLEDGED.Enum(),
		Acknowledged: &executorpb.Event_Acknowledged{TaskId: id, Uuid: uuid}}
}
