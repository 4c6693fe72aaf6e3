package agent_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

func TestCommandTask(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "exit 3"))
	w.status("t1", starting)
	w.status("t1", running)
	w.status("t1", failed)
	w.Advance(time.Minute)
	if n := len(w.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	if w.onDisk("framework.info") {
		t.Error("the framework is still written down")
	}
	w.quiet(time.Minute)
}

// A command without a shell is a program and its arguments, argv[0] included.
func TestCommandTaskWithArguments(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "", func(t *mesospb.TaskInfo) {
		t.Command = &mesospb.CommandInfo{Shell: proto.Bool(false), Value: proto.String("/bin/sh"), Arguments: []string{"sh", "exit 5"}}
	}))
	w.status("t1", starting)
	w.status("t1", running)
	w.status("t1", failed)
}

func TestCommandTaskWithKillPolicy(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "trap '' TERM; sleep 1000", func(t *mesospb.TaskInfo) { t.KillPolicy = grace(100 * time.Second) }))
	w.status("t1", running)
	began := w.Elapsed()
	w.kill("t1")
	w.status("t1", killing)
	w.master.ExpectWithin(3*time.Minute, update("t1", killed))
	if took := w.Elapsed() - began; took < 100*time.Second || took > 101*time.Second {
		t.Errorf("it was killed after %v", took)
	}
}

func grace(d time.Duration) *mesospb.KillPolicy {
	return &mesospb.KillPolicy{GracePeriod: &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(d))}}
}

// A task that this agent cannot run is refused with a sentence that says why; it is never run halfway.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, says string
		change     func(*mesospb.TaskInfo)
	}{
		{"health check", "health checks", func(t *mesospb.TaskInfo) { t.HealthCheck = &mesospb.HealthCheck{} }},
		{"check", "checks", func(t *mesospb.TaskInfo) { t.Check = &mesospb.CheckInfo{} }},
		{"an image", "images", func(t *mesospb.TaskInfo) {
			t.Container = &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum(),
				Mesos: &mesospb.ContainerInfo_MesosInfo{Image: &mesospb.Image{Type: mesospb.Image_DOCKER.Enum()}}}
		}},
		{"a volume", "volumes", func(t *mesospb.TaskInfo) {
			t.Container = &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum(), Volumes: []*mesospb.Volume{
				{ContainerPath: proto.String("x"), Mode: mesospb.Volume_RW.Enum()}}}
		}},
		{"a secret", "secrets", func(t *mesospb.TaskInfo) {
			t.Command.Environment = &mesospb.Environment{Variables: []*mesospb.Environment_Variable{
				{Name: proto.String("S"), Type: mesospb.Environment_Variable_SECRET.Enum()}}}
		}},
		{"a pod's executor", "default (pod) executor", func(t *mesospb.TaskInfo) {
			t.Command, t.Executor = nil, &mesospb.ExecutorInfo{Type: mesospb.ExecutorInfo_DEFAULT.Enum(), ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := joined(t)
			w.run(command("t1", "exit 0", c.change))
			w.status("t1", wrong, because(mesospb.TaskStatus_REASON_TASK_INVALID), func(u *controlpb.StatusUpdate) error {
				if !strings.Contains(u.GetStatus().GetMessage(), c.says) {
					return fmt.Errorf("it says %q, nothing about %q", u.GetStatus().GetMessage(), c.says)
				}
				return nil
			})
			w.quiet(time.Minute)
		})
	}
}

// A container that another agent may run is no error of the task's.
func TestDockerContainersAreForOthers(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "exit 0", func(t *mesospb.TaskInfo) {
		t.Container = &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_DOCKER.Enum()}
	}))
	w.status("t1", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED), func(u *controlpb.StatusUpdate) error {
		if s := u.GetStatus(); !strings.Contains(s.GetMessage(), "DOCKER") || s.GetExecutorId().GetValue() != "t1" || s.ContainerStatus != nil {
			return fmt.Errorf("it says %v", s)
		}
		return nil
	})
	w.quiet(time.Minute)
}

// What a scheduler forgot to say fails when it is run, as in Mesos.
func TestEmptyCommand(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "", func(t *mesospb.TaskInfo) { t.Command = &mesospb.CommandInfo{} }))
	w.status("t1", starting)
	w.status("t1", failed)
}

func TestTaskGroupsAreRefused(t *testing.T) {
	w := joined(t)
	w.send(&controlpb.RunTaskGroup{Framework: framework(), Epoch: &w.epoch, Executor: custom("x", "e1", "puppet").Executor,
		TaskGroup: &mesospb.TaskGroupInfo{Tasks: []*mesospb.TaskInfo{command("t1", "exit 0"), command("t2", "exit 0")}}})
	w.status("t1", wrong, because(mesospb.TaskStatus_REASON_TASK_GROUP_INVALID))
	w.status("t2", wrong, because(mesospb.TaskStatus_REASON_TASK_GROUP_INVALID))
}

// Ids become folders. Whatever a master lets through, none leads out of the work directory.
func TestIDsThatAreNoFolders(t *testing.T) {
	w := joined(t)
	w.run(command("..", "exit 0"))
	w.run(command("a/b", "exit 0"))
	w.run(custom("t1", "../../x", "puppet"))
	w.quiet(time.Minute)
	if w.onDisk("task.info") {
		t.Error("it was written down")
	}
}

func TestDuplicateTaskIDOfACommandTask(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "puppet"))
	w.Advance(time.Second)
	w.run(command("e1", "exit 0"))
	w.status("e1", dropped, because(mesospb.TaskStatus_REASON_TASK_INVALID))
}

func TestATaskIsRunOnce(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "sleep 100"))
	w.status("t1", starting)
	w.status("t1", running)
	w.run(command("t1", "sleep 100"))
	w.quiet(time.Minute)
}

func TestLaunchFails(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "/bin/nothing"))
	w.status("t1", failed, because(mesospb.TaskStatus_REASON_CONTAINER_LAUNCH_FAILED))
	w.master.Expect(testkit.Of(func(e *controlpb.ExitedExecutor) bool {
		return e.GetExecutorId().GetValue() == "e1" && e.GetStatus() == -1
	}))
	w.Advance(time.Second)
	if got := w.get(agentpb.Call_GET_EXECUTORS).GetGetExecutors(); len(got.GetExecutors()) != 0 {
		t.Errorf("executors: %v", got)
	}
	if n := w.metric("slave/container_launch_errors"); n != 1 {
		t.Errorf("launch errors: %v", n)
	}
}

func (w *town) metric(name string) float64 {
	w.t.Helper()
	r := ask[*agentpb.Response](w, &agentpb.Call{Type: agentpb.Call_GET_METRICS.Enum(), GetMetrics: &agentpb.Call_GetMetrics{}})
	for _, m := range r.GetGetMetrics().GetMetrics() {
		if m.GetName() == name {
			return m.GetValue()
		}
	}
	w.t.Fatalf("no metric %s", name)
	return 0
}

func TestExecutorRegistrationTimeout(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "mute"))
	w.quiet(59 * time.Second)
	w.status("t1", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_REGISTRATION_TIMEOUT))
	if n := len(w.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestAnExecutorThatEndsBeforeItRegisters(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "broken"))
	w.status("t1", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
	w.master.Expect(testkit.Of(func(e *controlpb.ExitedExecutor) bool { return e.GetStatus() == 9<<8 }))
	w.Advance(time.Second)
	if got := w.get(agentpb.Call_GET_EXECUTORS).GetGetExecutors(); len(got.GetExecutors()) != 0 || len(got.GetCompletedExecutors()) != 1 {
		t.Errorf("executors: %v", got)
	}
}

func TestTasksOfAnExecutorThatEnds(t *testing.T) {
	w := withPuppet(t)
	w.update("t1", running)
	w.status("t1", running)
	w.run(custom("t2", "e1", "puppet"))
	w.Advance(time.Second)
	w.puppetNode().Crash()
	w.a.Machine.Running()[0].Exit(1)
	w.status("t1", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
	w.status("t2", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
	w.master.Expect(testkit.Of(func(e *controlpb.ExitedExecutor) bool { return e.GetExecutorId().GetValue() == "e1" }))
}

func TestTheMasterIsNotToldOfCommandExecutors(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "exit 0"))
	w.status("t1", finished)
	w.master.ExpectNone(time.Minute, testkit.Of[*controlpb.ExitedExecutor]())
}

func TestOneExecutorForManyTasks(t *testing.T) {
	w := withPuppet(t)
	w.run(custom("t2", "e1", "puppet"))
	w.run(custom("t3", "e1", "puppet"))
	w.Advance(time.Second)
	if got := w.puppet.launched; !slices.Equal(got, []string{"t1", "t2", "t3"}) || len(w.a.Machine.Running()) != 1 {
		t.Errorf("launched %v", got)
	}
}

// A custom executor that is ending takes no task any more.
func TestATaskForAnEndingExecutor(t *testing.T) {
	w := withPuppet(t)
	w.puppet.stubborn = true
	w.send(&controlpb.ShutdownExecutor{FrameworkId: framework().Id, ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Epoch: &w.epoch})
	w.run(custom("t2", "e1", "puppet"))
	w.status("t2", dropped, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
	w.Advance(4 * time.Second)
	if !w.puppet.shutdown || len(w.a.Machine.Running()) != 1 {
		t.Error("it was not asked to shut down, or given no time for it")
	}
	w.status("t1", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
}

func TestWhatTheMasterExpectsOfExecutors(t *testing.T) {
	w := withPuppet(t)
	w.send(&controlpb.RunTask{Framework: framework(), Task: custom("t2", "e1", "puppet"), LaunchExecutor: proto.Bool(true), Epoch: &w.epoch})
	w.status("t2", dropped, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
	w.send(&controlpb.RunTask{Framework: framework(), Task: custom("t3", "e2", "puppet"), LaunchExecutor: proto.Bool(false), Epoch: &w.epoch})
	w.status("t3", dropped, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
}

func TestExecutorShutdownGracePeriod(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "puppet", func(t *mesospb.TaskInfo) {
		t.Executor.ShutdownGracePeriod = &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(18 * time.Second))}
	}))
	w.Until("t1 is launched", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) == 1 })
	if got := w.puppet.d.Config().ShutdownGracePeriod; got != 18*time.Second {
		t.Errorf("the executor was told %v", got)
	}
	w.puppet.stubborn = true
	w.send(&controlpb.ShutdownExecutor{FrameworkId: framework().Id, ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Epoch: &w.epoch})
	w.quiet(17 * time.Second)
	w.status("t1", failed)
}

func TestExecutorEnvironment(t *testing.T) {
	w := joined(t, func(c *agent.Config) {
		c.IP, c.ExecutorEnvironmentVariables = "10.0.0.7", `{"PATH":"/p","HTTP_PROXY":"x"}`
	})
	w.run(custom("t1", "e1", "mute", func(t *mesospb.TaskInfo) {
		t.Executor.Command.Environment = &mesospb.Environment{Variables: []*mesospb.Environment_Variable{
			{Name: proto.String("FOO"), Value: proto.String("bar")}}}
		t.Resources = []*mesospb.Resource{{Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(1)},
			AllocationInfo: &mesospb.Resource_AllocationInfo{Role: proto.String("ops")}}}
	}))
	w.Advance(time.Second)
	p := w.a.Machine.Running()[0]
	for name, want := range map[string]string{
		"PATH": "/p", "HTTP_PROXY": "x", "FOO": "bar", "MESOS_FRAMEWORK_ID": "F1", "MESOS_EXECUTOR_ID": "e1", "MESOS_SLAVE_ID": "A1",
		"MESOS_SLAVE_PID": "slave(1)@a:5051", "MESOS_AGENT_ENDPOINT": "a:5051", "MESOS_CHECKPOINT": "1", "MESOS_RECOVERY_TIMEOUT": "15mins",
		"MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs", "MESOS_HTTP_COMMAND_EXECUTOR": "0",
		"MESOS_ALLOCATION_ROLE": "", "LIBPROCESS_IP": "10.0.0.7", "MESOS_DIRECTORY": p.Spec.Dir, "MESOS_SANDBOX": p.Spec.Dir,
	} {
		if got := p.Getenv(name); got != want {
			t.Errorf("%s=%q, want %q", name, got, want)
		}
	}
	if want := "slaves/A1/frameworks/F1/executors/e1/runs/"; !strings.Contains(p.Spec.Dir, want) || !strings.HasPrefix(p.Spec.Stdout, p.Spec.Dir) {
		t.Errorf("sandbox %s, stdout %s", p.Spec.Dir, p.Spec.Stdout)
	}
}

// ---- killing -------------------------------------------------------------------------------------------

func TestKillBeforeTheExecutorRegisters(t *testing.T) {
	w := joined(t, func(c *agent.Config) { c.ExecutorRegistrationTimeout = 10 * time.Second })
	w.run(custom("t1", "e1", "mute"))
	w.Advance(time.Second)
	w.kill("t1")
	w.status("t1", killed, because(mesospb.TaskStatus_REASON_TASK_KILLED_DURING_LAUNCH), func(u *controlpb.StatusUpdate) error {
		if u.GetStatus().ContainerStatus != nil {
			return errors.New("it speaks of a container that the task never reached")
		}
		return nil
	})
	w.Advance(5 * time.Second)
	if n := len(w.a.Machine.Running()); n != 1 {
		t.Errorf("%d processes run; the executor has yet to register", n)
	}
	w.Advance(10 * time.Second)
	if n := len(w.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	w.quiet(2 * time.Minute)
}

func TestKillRightAfterTheLaunch(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "puppet"))
	w.kill("t1")
	w.status("t1", killed, because(mesospb.TaskStatus_REASON_TASK_KILLED_DURING_LAUNCH))
	w.Advance(time.Minute)
	if n := len(w.a.Machine.Running()); n != 0 || w.puppet != nil && len(w.puppet.launched) > 0 {
		t.Errorf("%d processes are left", n)
	}
	w.quiet(time.Minute)
}

func TestKillSeveralBeforeTheLaunch(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "puppet"))
	w.run(custom("t2", "e1", "puppet"))
	w.kill("t1")
	w.kill("t2")
	w.status("t1", killed)
	w.status("t2", killed)
	w.Advance(time.Minute)
	if n := len(w.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

// One of two tasks is killed before the executor gets it: the executor is still needed.
func TestKillOneOfTwoBeforeTheLaunch(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "puppet"))
	w.run(custom("t2", "e1", "puppet"))
	w.kill("t1")
	w.status("t1", killed)
	w.Until("t2 is launched", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) > 0 })
	if !slices.Equal(w.puppet.launched, []string{"t2"}) {
		t.Errorf("launched %v", w.puppet.launched)
	}
}

func TestKillOfAnUnknownTask(t *testing.T) {
	w := withPuppet(t)
	w.kill("t9")
	w.status("t9", dropped, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
}

// A kill that meets a broken connection reaches the executor when it is back.
func TestKillWhileTheExecutorIsAway(t *testing.T) {
	w := withPuppet(t)
	node := w.puppetNode()
	w.Cut(w.a, node)
	w.Advance(time.Minute)
	w.kill("t1")
	w.Advance(time.Minute)
	w.Heal(w.a, node)
	w.Until("the kill arrives", time.Minute, func() bool { return len(w.puppet.killed) > 0 })
}

// pretender is a probe as executor e1 of "mute", which was handed t1.
func pretender(t *testing.T) (w *town, e *testkit.Probe) {
	t.Helper()
	w = joined(t)
	w.run(custom("t1", "e1", "mute"))
	w.Until("its process runs", time.Minute, func() bool { return len(w.a.Machine.Running()) == 1 })
	e = w.Probe("pretender")
	w.subscribe(e)
	e.Expect(testkit.That("LAUNCH", launchEvent))
	return w, e
}

// subscribe says that the probe is e1, and which tasks it has.
func (w *town) subscribe(e *testkit.Probe, has ...*mesospb.TaskInfo) {
	e.Send(w.a.UPID(), &executorpb.Call{Type: executorpb.Call_SUBSCRIBE.Enum(), FrameworkId: framework().Id,
		ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Subscribe: &executorpb.Call_Subscribe{UnacknowledgedTasks: has}})
}

// The list of an executor that subscribes may be older than what it was handed: then a broken connection is no reason to
// give the task up, which may well run.
func TestAnOldListDropsNothing(t *testing.T) {
	w, e := pretender(t)
	w.Reset(w.a, e.Node())
	w.Advance(time.Second)
	w.subscribe(e)
	e.Expect(testkit.That("LAUNCH", launchEvent)) // the executor knows if it has it
	w.quiet(time.Minute)
}

// An executor that lost its connection says again what it has not heard to be safe. Meanwhile its framework may have
// acknowledged all of it, and hears none of it again.
func TestWhatIsOverIsNotToldAgain(t *testing.T) {
	w, e := pretender(t)
	say := func(state mesospb.TaskState, id string) {
		e.Send(w.a.UPID(), &executorpb.Call{Type: executorpb.Call_UPDATE.Enum(), FrameworkId: framework().Id,
			ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Update: said("t1", state, id)})
		e.Expect(testkit.That("ACKNOWLEDGED", acknowledgedEvent))
	}
	say(running, "0123456789abcdef")
	w.status("t1", running)
	say(finished, "fedcba9876543210")
	w.status("t1", finished)
	w.Advance(time.Minute)
	say(running, "0123456789abcdef")
	say(finished, "fedcba9876543210")
	w.quiet(15 * time.Minute)
}

// said is an update as executors send it.
func said(task string, state mesospb.TaskState, id string) *executorpb.Call_Update {
	return &executorpb.Call_Update{Status: &mesospb.TaskStatus{TaskId: taskID(task), State: state.Enum(),
		Source: mesospb.TaskStatus_SOURCE_EXECUTOR.Enum(), Uuid: []byte(id)}}
}

// Handed over twice, it is launched once.
func TestATaskThatIsHandedOverTwice(t *testing.T) {
	w := withPuppet(t)
	late := w.Hold(testkit.That("LAUNCH", launchEvent))
	w.run(custom("t2", "e1", "puppet"))
	late.Await(1)
	w.Cut(w.a, w.puppetNode())
	w.Advance(time.Minute)
	w.Heal(w.a, w.puppetNode())
	late.Await(2)
	late.Release()
	w.Until("t2 is launched", time.Minute, func() bool { return len(w.puppet.launched) >= 2 })
	w.quiet(time.Minute)
	if !slices.Equal(w.puppet.launched, []string{"t1", "t2"}) {
		t.Errorf("launched: %v", w.puppet.launched)
	}
}

// The same while the agent recovers, where the second of two questions may be older than the answer to the first.
func TestAnOldListDropsNothingDuringRecovery(t *testing.T) {
	w, e := pretender(t)
	w.run(custom("t2", "e2", "mute")) // for which the recovery waits
	w.Until("both run", time.Minute, func() bool { return len(w.a.Machine.Running()) == 2 })
	w.Advance(time.Second)
	w.a.Crash()
	w.a.Restart()
	e.Expect(testkit.Of[*controlpb.ReconnectExecutor]())
	w.subscribe(e, custom("t1", "e1", "mute"))
	w.subscribe(e)
	w.status("t2", gone) // which never came back
	w.quiet(time.Minute)
}

// ---- frameworks ----------------------------------------------------------------------------------------

func TestShutdownFramework(t *testing.T) {
	w := withPuppet(t)
	w.send(&controlpb.ShutdownFramework{FrameworkId: framework().Id, Epoch: &w.epoch})
	w.Until("the executor ends", time.Minute, func() bool { return len(w.a.Machine.Running()) == 0 })
	w.quiet(time.Minute)
	if !w.puppet.shutdown || w.onDisk("framework.info") {
		t.Error("it was not asked to shut down, or is still written down")
	}
	if got := w.get(agentpb.Call_GET_FRAMEWORKS).GetGetFrameworks(); len(got.GetFrameworks()) != 0 || len(got.GetCompletedFrameworks()) != 1 {
		t.Errorf("frameworks: %v", got)
	}
}

func TestMessagesBetweenSchedulerAndExecutor(t *testing.T) {
	w := withPuppet(t)
	message := &controlpb.FrameworkMessage{FrameworkId: framework().Id, AgentId: agentID,
		ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Data: []byte("ping"), Epoch: &w.epoch}
	w.send(message)
	w.Until("the message arrives", time.Minute, func() bool { return slices.Equal(w.puppet.messages, []string{"ping"}) })
	d := w.puppet.d
	d.Base().Dispatch(func() { d.Message([]byte("pong")) })
	w.master.Expect(testkit.Of(func(m *controlpb.ExecutorMessage) bool {
		return string(m.GetData()) == "pong" && m.GetExecutorId().GetValue() == "e1" && m.GetFrameworkId().GetValue() == "F1"
	}))
	// What is sent to an executor that is not connected is dropped, and counted.
	w.Cut(w.a, w.puppetNode())
	w.Advance(time.Minute)
	w.send(message)
	w.Advance(time.Second)
	if n := w.metric("slave/invalid_framework_messages"); n != 1 || len(w.puppet.messages) != 1 {
		t.Errorf("dropped %v, arrived %v", n, w.puppet.messages)
	}
}

// An executor that nobody waits for is sent home.
func TestAStrangerSubscribes(t *testing.T) {
	w := withPuppet(t)
	stranger := w.Probe("stranger")
	stranger.Send(w.a.UPID(), &executorpb.Call{Type: executorpb.Call_SUBSCRIBE.Enum(), FrameworkId: framework().Id,
		ExecutorId: &mesospb.ExecutorID{Value: proto.String("e9")}, Subscribe: &executorpb.Call_Subscribe{}})
	stranger.Expect(testkit.Of(func(e *executorpb.Event) bool { return e.GetType() == executorpb.Event_SHUTDOWN }))
	// Nor may it speak for one that is there.
	stranger.Send(w.a.UPID(), &executorpb.Call{Type: executorpb.Call_UPDATE.Enum(), FrameworkId: framework().Id,
		ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Update: &executorpb.Call_Update{Status: &mesospb.TaskStatus{
			TaskId: taskID("t1"), State: finished.Enum(), Source: mesospb.TaskStatus_SOURCE_EXECUTOR.Enum(), Uuid: []byte("0123456789abcdef")}}})
	w.quiet(time.Minute)
}

func TestCompletedExecutorsAreBounded(t *testing.T) {
	w := joined(t, func(c *agent.Config) { c.MaxCompletedExecutorsPerFramework = 2 })
	w.run(custom("keep", "keep", "puppet"))
	for i := range 4 {
		id := fmt.Sprint("t", i)
		w.run(command(id, "exit 0"))
		w.status(id, finished)
	}
	w.Advance(time.Minute)
	if got := w.get(agentpb.Call_GET_EXECUTORS).GetGetExecutors().GetCompletedExecutors(); len(got) != 2 || got[1].GetExecutorInfo().GetExecutorId().GetValue() != "t3" {
		t.Errorf("completed: %v", got)
	}
}
