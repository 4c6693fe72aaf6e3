package executor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// defaultKillGrace is the time between SIGTERM and SIGKILL when nobody says otherwise: Mesos' number.
const defaultKillGrace = 3 * time.Second

// Labels on the terminal status of a command: what it used, as the kernel counted it.
const (
	// CPULabel is the time that the command and all that it waited for ran on a processor, in seconds.
	CPULabel = "meseta.cpu_seconds"
	// MemoryLabel is the largest resident size of any of its processes, in bytes.
	MemoryLabel = "meseta.memory_peak_bytes"
)

// Command is the built-in executor: it runs one command, tells how it ends, and ends with it. Everything that the
// command started ends with it too.
//
//	(nothing) → starting → running → killing → ended
type Command struct {
	launcher containerizer.Launcher

	task    *mesospb.TaskInfo
	process containerizer.Process
	state   commandState
	// killed: somebody asked for the end, so whatever the exit says the task was killed. expired: its time was up.
	killed, expired bool
	grace           time.Duration // asked for while the command was being started
	deadline        time.Time     // of the SIGKILL; zero before the SIGTERM
	escalation      process.Timer
	completion      process.Timer
}

type commandState uint8

const (
	nothing commandState = iota
	starting
	running
	ended
)

// NewCommand makes a command executor that starts processes with the launcher.
func NewCommand(l containerizer.Launcher) *Command { return &Command{launcher: l} }

// Launch implements Executor.
func (c *Command) Launch(d *Driver, t *mesospb.TaskInfo) {
	if c.state != nothing {
		d.Update(Explained(Status(t.TaskId, mesospb.TaskState_TASK_FAILED),
			"Attempted to run multiple tasks using a \"command\" executor"))
		return
	}
	c.task, c.state = t, starting
	d.Update(Status(t.TaskId, mesospb.TaskState_TASK_STARTING))
	if t.GetCommand().Value == nil {
		c.conclude(d, mesospb.TaskState_TASK_FAILED, "The command is empty: set command.value", nil)
		return
	}
	spec := commandSpec(d.config, d.ContainerID().GetValue(), t.GetCommand())
	begun := process.Go(d.b, func(ctx context.Context) (containerizer.Process, error) { return c.launcher.Launch(ctx, spec) })
	process.Then(d.b, begun, func(p containerizer.Process, err error) { c.begun(d, p, err) })
}

// commandSpec is the command as a process: in the sandbox, with the executor's own output and environment.
func commandSpec(config Config, container string, c *mesospb.CommandInfo) containerizer.Spec {
	s := containerizer.Spec{ContainerID: container, Dir: config.Directory, Env: commandEnvironment(config.Environment, c)}
	if c.GetShell() {
		s.Path, s.Argv = "/bin/sh", []string{"sh", "-c", c.GetValue()}
		return s
	}
	s.Path, s.Argv = c.GetValue(), c.GetArguments()
	if len(s.Argv) == 0 {
		s.Argv = []string{c.GetValue()}
	}
	return s
}

// commandEnvironment is the executor's environment without what is between it and the agent, and with what the
// command sets, which wins.
func commandEnvironment(env []string, c *mesospb.CommandInfo) []string {
	set := map[string]bool{"LIBPROCESS_PORT": true, "LIBPROCESS_IP": true, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN": true,
		containerizer.CookieVariable: true}
	variables := c.GetEnvironment().GetVariables()
	for _, v := range variables {
		if v.GetType() != mesospb.Environment_Variable_SECRET { // which the agent has resolved already
			set[v.GetName()] = true
		}
	}
	var out []string
	for _, kv := range env {
		if name, _, _ := strings.Cut(kv, "="); !set[name] && !strings.HasPrefix(name, "LIBPROCESS_SSL_") {
			out = append(out, kv)
		}
	}
	for _, v := range variables {
		if v.GetType() != mesospb.Environment_Variable_SECRET {
			out = append(out, v.GetName()+"="+v.GetValue())
		}
	}
	return out
}

func (c *Command) begun(d *Driver, p containerizer.Process, err error) {
	if err != nil {
		c.conclude(d, c.verdict(mesospb.TaskState_TASK_FAILED), "Failed to launch the command: "+err.Error(), nil)
		return
	}
	c.process, c.state = p, running
	promise, exit := process.NewPromise[containerizer.Exit](d.b)
	c.launcher.Wait(p, func(x containerizer.Exit, err error) { promise.Complete(x, err) })
	process.Then(d.b, exit, func(x containerizer.Exit, err error) { c.exited(d, x, err) })
	if c.killed {
		// Asked to end while it was being started: it goes from KILLING to its end and is never said to run.
		c.terminate(d, c.grace)
		return
	}
	d.Update(Status(c.task.TaskId, mesospb.TaskState_TASK_RUNNING))
	if limit := c.task.GetMaxCompletionTime(); limit != nil {
		c.completion = d.b.Delay(time.Duration(limit.GetNanoseconds()), func() { c.expire(d) })
	}
}

// Kill implements Executor. A later kill may shorten the grace period and never extends it.
func (c *Command) Kill(d *Driver, id *mesospb.TaskID, policy *mesospb.KillPolicy) {
	if c.state == nothing || c.state == ended || id.GetValue() != c.task.GetTaskId().GetValue() {
		return
	}
	if policy.GetGracePeriod() == nil {
		policy = c.task.GetKillPolicy()
	}
	grace := defaultKillGrace
	if g := policy.GetGracePeriod(); g != nil {
		grace = time.Duration(g.GetNanoseconds())
	}
	c.kill(d, grace)
}

// kill asks the command to end. Those who can read it hear that it is being killed.
func (c *Command) kill(d *Driver, grace time.Duration) {
	if !c.killed && !c.expired && canKilling(d.Framework()) {
		d.Update(Status(c.task.TaskId, mesospb.TaskState_TASK_KILLING))
	}
	c.killed = true
	c.terminate(d, grace)
}

func canKilling(f *mesospb.FrameworkInfo) bool {
	return capabilities.OfFramework(f.GetCapabilities()).Has(mesospb.FrameworkInfo_Capability_TASK_KILLING_STATE)
}

// expire ends a command whose time is up. It has failed, whatever it exits with.
func (c *Command) expire(d *Driver) {
	if c.killed || c.state != running {
		return
	}
	c.expired = true
	grace := defaultKillGrace
	if g := c.task.GetKillPolicy().GetGracePeriod(); g != nil {
		grace = time.Duration(g.GetNanoseconds())
	}
	c.terminate(d, grace)
}

// terminate sends SIGTERM to all processes of the command, and SIGKILL after the grace period.
func (c *Command) terminate(d *Driver, grace time.Duration) {
	if c.state != running {
		if c.grace == 0 || grace < c.grace {
			c.grace = grace
		}
		return
	}
	deadline := d.b.Now().Add(grace)
	if c.deadline.IsZero() {
		p := c.process
		process.Go(d.b, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, c.launcher.Signal(ctx, p, syscall.SIGTERM)
		})
	} else if !deadline.Before(c.deadline) {
		return
	}
	c.deadline = deadline
	c.stop()
	c.escalation = d.b.Delay(grace, func() { c.launcher.Destroy(c.process, func(error) {}) })
}

// stop ends the timers.
func (c *Command) stop() {
	for _, t := range []process.Timer{c.escalation, c.completion} {
		if t != nil {
			t.Stop()
		}
	}
}

// exited is the end of the command's own process. What it left behind is ended before anybody is told.
func (c *Command) exited(d *Driver, x containerizer.Exit, err error) {
	c.stop()
	promise, destroyed := process.NewPromise[struct{}](d.b)
	c.launcher.Destroy(c.process, func(err error) { promise.Complete(struct{}{}, err) })
	process.Then(d.b, destroyed, func(struct{}, error) {
		if err != nil {
			c.conclude(d, c.verdict(mesospb.TaskState_TASK_FAILED), "Failed to learn how the command ended: "+err.Error(), nil)
			return
		}
		state := mesospb.TaskState_TASK_FAILED
		if x.Known && x.Status.Exited() && x.Status.ExitStatus() == 0 {
			state = mesospb.TaskState_TASK_FINISHED
		}
		c.conclude(d, c.verdict(state), describe(x), usage(x))
	})
}

// verdict is the terminal state, given what the exit alone says.
func (c *Command) verdict(exit mesospb.TaskState) mesospb.TaskState {
	switch {
	case c.expired:
		return mesospb.TaskState_TASK_FAILED
	case c.killed:
		return mesospb.TaskState_TASK_KILLED
	}
	return exit
}

// conclude tells how the task ended. The executor has nothing left to do then.
func (c *Command) conclude(d *Driver, state mesospb.TaskState, message string, labels *mesospb.Labels) {
	c.state = ended
	s := Explained(Status(c.task.TaskId, state), message)
	s.Labels = labels
	if c.expired {
		s.Reason = mesospb.TaskStatus_REASON_MAX_COMPLETION_TIME_REACHED.Enum()
	}
	d.Update(s)
	d.Stop()
}

// describe says it in Mesos' words.
func describe(x containerizer.Exit) string {
	switch {
	case !x.Known:
		return "Command ended with an unknown status"
	case x.Status.Signaled():
		core := ""
		if x.Status.CoreDump() {
			core = " (core dumped)"
		}
		return "Command terminated with signal " + signalText(x.Status.Signal()) + core
	}
	return fmt.Sprintf("Command exited with status %d", x.Status.ExitStatus())
}

// signalText is strsignal(3), which begins with a capital where Go's text does not.
func signalText(s syscall.Signal) string {
	text := s.String()
	return strings.ToUpper(text[:1]) + text[1:]
}

func usage(x containerizer.Exit) *mesospb.Labels {
	if !x.Known {
		return nil
	}
	return &mesospb.Labels{Labels: []*mesospb.Label{
		{Key: proto.String(CPULabel), Value: proto.String(strconv.FormatFloat(x.CPU.Seconds(), 'f', 3, 64))},
		{Key: proto.String(MemoryLabel), Value: proto.String(strconv.FormatUint(x.PeakMemory, 10))},
	}}
}

// Shutdown implements Shutdowner: it kills the command within the time that the agent allows, less what it takes
// to tell.
func (c *Command) Shutdown(d *Driver) {
	switch c.state {
	case nothing:
		d.Stop()
	case starting, running:
		g := d.config.ShutdownGracePeriod
		c.kill(d, max(g-2*time.Second, g/2))
	}
}
