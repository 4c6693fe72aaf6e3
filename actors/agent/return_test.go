package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// A first call that is lost costs the executor its task, unless the agent calls again.
func TestExecutorsAreCalledAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		again time.Duration
		calls int
	}{{"once by default", 0, 1}, {"again when it is asked for", 500 * time.Millisecond, 4}} {
		t.Run(c.name, func(t *testing.T) {
			w := withPuppet(t)
			w.Advance(time.Second)
			w.a.Crash()
			calls := 0
			w.a.Config.ExecutorReregistrationRetryInterval = c.again
			w.Drop(testkit.That("a call", func(*controlpb.ReconnectExecutor) error { calls++; return nil }))
			w.Drop(testkit.Of[*executorpb.Call]()) // it does not come by itself either
			w.a.Restart()
			w.Advance(1900 * time.Millisecond)
			if calls != c.calls {
				t.Errorf("called %d times, want %d", calls, c.calls)
			}
		})
	}
}

func TestStatisticsAfterARestart(t *testing.T) {
	w := withPuppet(t)
	w.restart()
	w.returned()
	w.Advance(time.Second)
	all := w.get(agentpb.Call_GET_CONTAINERS).GetGetContainers().GetContainers()
	if len(all) != 1 || all[0].GetResourceStatistics().GetMemRssBytes() == 0 {
		t.Errorf("containers %v", all)
	}
}

// blind is a launcher that cannot measure, and says so or not.
type blind struct {
	containerizer.Launcher
	err error
}

func (l blind) Usage(_ context.Context, of []containerizer.Process) ([]*mesospb.ResourceStatistics, error) {
	if l.err != nil {
		return nil, l.err
	}
	return make([]*mesospb.ResourceStatistics, len(of)), nil
}

// A container that cannot be measured is listed all the same.
func TestAContainerWithoutStatistics(t *testing.T) {
	for name, err := range map[string]error{"it has just ended": nil, "the launcher fails": errors.New("no statistics today")} {
		t.Run(name, func(t *testing.T) {
			w := withPuppet(t)
			w.a.Parts = func(p *agent.Parts) { p.Launcher = blind{p.Launcher, err} }
			w.restart()
			w.returned()
			w.Advance(time.Second)
			all := w.get(agentpb.Call_GET_CONTAINERS).GetGetContainers().GetContainers()
			if len(all) != 1 || all[0].GetExecutorId().GetValue() != "e1" || all[0].ResourceStatistics != nil || all[0].GetContainerStatus().GetExecutorPid() == 0 {
				t.Errorf("containers %v", all)
			}
		})
	}
}

func TestMoreResourcesUnderARunningTask(t *testing.T) {
	w := withPuppet(t)
	w.a.Crash()
	w.a.Config.Resources, w.a.Config.ReconfigurationPolicy = "cpus:8;mem:8192", "additive"
	w.a.Restart()
	back := w.returned()
	if len(back.GetTasks()) != 1 || back.GetAgent().GetResources()[0].GetScalar().GetValue() != 8 {
		t.Errorf("it came back with %v on %v", back.GetTasks(), back.GetAgent())
	}
	w.update("t1", finished)
	w.status("t1", finished)
	w.quiet(time.Minute)
}

// Of the link to the latest sandbox nothing depends.
func TestALatestSandboxThatIsNotThere(t *testing.T) {
	w := withPuppet(t)
	w.a.Crash()
	for _, p := range w.a.Disk().Paths() {
		if strings.HasSuffix(p, "/runs/latest") {
			if err := w.a.Disk().Link(p, "nowhere"); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.a.Restart()
	if back := w.returned(); len(back.GetTasks()) != 1 {
		t.Errorf("it came back with %v", back.GetTasks())
	}
	w.update("t1", finished)
	w.status("t1", finished)
}

// A task that its executor has not got when the agent dies is killed without it after the restart.
func TestKillAfterARestartBeforeTheExecutorRegisters(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "mute"))
	w.Until("it runs", time.Minute, func() bool { return len(w.a.Machine.Running()) == 1 })
	w.restart()
	w.status("t1", gone, because(mesospb.TaskStatus_REASON_EXECUTOR_REREGISTRATION_TIMEOUT))
	w.kill("t1")
	w.quiet(time.Minute) // it has ended once
}

// Masters ping an agent that they think is there, also while it recovers.
func TestPingsWhileRecovering(t *testing.T) {
	w := withPuppet(t)
	w.a.Crash()
	w.Cut(w.a, w.puppetNode()) // so that it takes its two seconds
	w.a.Restart()
	w.Advance(time.Second)
	w.send(&controlpb.Ping{Connected: proto.Bool(true), Epoch: &w.epoch})
	w.send(&controlpb.Ping{Connected: proto.Bool(false), Epoch: &w.epoch})
	w.master.ExpectNone(900*time.Millisecond, testkit.Of[*controlpb.ReregisterAgent]())
	w.returned()
	w.send(&controlpb.Ping{Connected: proto.Bool(true), Epoch: &w.epoch})
	w.master.Expect(testkit.Of[*controlpb.Pong]())
}

// Nothing lives after a restart of the machine, so another configuration is a new agent; it stays one.
func TestARestartedMachineWithAnotherConfiguration(t *testing.T) {
	w := withPuppet(t)
	w.Advance(10 * time.Second)
	w.a.PowerOff()
	w.a.Config.Resources = "cpus:2;mem:1024"
	w.master.Forget()
	w.a.Restart()
	if new := w.master.Expect(testkit.Of[*controlpb.RegisterAgent]())[0].Msg.(*controlpb.RegisterAgent); new.GetAgent().Id != nil || len(w.a.Endings) != 0 {
		t.Errorf("it came as %v, %v", new, w.a.Endings)
	}
	w.Advance(time.Second)
	w.restart()
	if back := w.returned(); back.GetAgent().GetResources()[0].GetScalar().GetValue() != 2 || len(w.a.Endings) != 0 {
		t.Errorf("it came back as %v, %v", back.GetAgent(), w.a.Endings)
	}
}

// Somebody has removed what was written about a container that runs.
func TestAContainerThatNobodyKnows(t *testing.T) {
	for _, remove := range []string{"meta/slaves/latest", "meta", "meta/slaves/A1/frameworks"} {
		t.Run(remove, func(t *testing.T) {
			w := joined(t, func(c *agent.Config) { c.GCDelay = time.Hour })
			w.run(custom("t1", "e1", "mute"))
			w.Until("it runs", time.Minute, func() bool { return len(w.a.Machine.Running()) == 1 })
			w.a.Crash()
			if err := w.a.Disk().Remove(remove); err != nil {
				t.Fatal(err)
			}
			w.a.Restart()
			w.Until("it is ended", time.Minute, func() bool { return len(w.a.Machine.Running()) == 0 })
			w.Advance(2 * time.Hour)
			// The others are the same agent's again, because this master has only one name to give.
			if n := w.sandboxes(); n != 0 && strings.HasSuffix(remove, "frameworks") {
				t.Errorf("%d sandboxes are left", n)
			}
		})
	}
}

// What became of an operation is told again after a restart, with the same words.
func TestOperationsAreToldAgainAfterARestart(t *testing.T) {
	w := joined(t, roomy)
	w.order("u", named("o1", reserving(reserved("cpus:1", "web")...)))
	first := w.told("u", mesospb.OperationState_OPERATION_FINISHED)
	w.restart()
	w.returned()
	again := w.told("u", mesospb.OperationState_OPERATION_FINISHED)
	if !proto.Equal(first.GetStatus(), again.GetStatus()) {
		t.Errorf("first %v, then %v", first, again)
	}
}

// An agent that asks for tokens from now on knows those that it has given out before.
func TestTokensAreAskedForAfterARestart(t *testing.T) {
	w := newTown(t)
	ask := false
	w.a.Crash()
	w.a.Parts = func(p *agent.Parts) {
		p.SecretKey, p.AuthenticateExecutors = credentials.NewSecret(tokenKey), ask
	}
	w.a.Restart()
	w.master.Expect(testkit.Of[*controlpb.RegisterAgent]())
	w.Advance(time.Second)
	w.run(custom("t1", "e1", "puppet"))
	w.Until("t1 is launched", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) == 1 })
	ask = true
	w.restart()
	w.returned()
	w.update("t1", finished)
	w.status("t1", finished)
}

// Damage ends a strict agent in a sentence that names the file, the reason and the remedy. What it did not say is lost
// without --strict, and nothing else.
func TestDamageEverywhere(t *testing.T) {
	for _, c := range []struct {
		suffix, says string
		lenient      bool // --no-strict goes on
	}{
		{"slave.info", "meta/slaves/latest", false},
		{"resources_and_operations.state", "gives them up", false},
		{"framework.info", "--no-strict", true},
		{"executor.info", "--no-strict", true},
		{"task.info", "--no-strict", true},
		{"task.updates", "--no-strict", true},
	} {
		for _, strict := range []bool{true, false} {
			t.Run(fmt.Sprint(c.suffix, " ", strict), func(t *testing.T) {
				w := withPuppet(t)
				w.order("u", named("o1", reserving(reserved("cpus:1", "web")...)))
				w.update("t1", running)
				w.status("t1", running)
				w.Advance(time.Second)
				w.a.Crash()
				name := w.damage(c.suffix)
				w.a.Config.Strict = strict
				w.master.Forget()
				w.a.Restart()
				if !strict && c.lenient {
					back := w.returned()
					if n := len(back.GetTasks()); n != 0 && c.suffix != "task.updates" {
						t.Errorf("it came back with %d tasks", n)
					}
					w.Advance(time.Minute)
					if left := len(w.a.Machine.Running()); left != 0 && (c.suffix == "framework.info" || c.suffix == "executor.info") {
						t.Errorf("%d processes that nobody knows are left", left)
					}
					return
				}
				w.Until("it ends", time.Minute, func() bool { return len(w.a.Endings) == 1 })
				says := fmt.Sprint(w.a.Endings[0])
				for _, part := range []string{c.suffix, "checkpoint is damaged", c.says} {
					if !strings.Contains(says, part) {
						t.Errorf("of %s it says %q, without %q", name, says, part)
					}
				}
			})
		}
	}
}

// damage flips a bit in the middle of the file with this name.
func (w *town) damage(suffix string) string {
	w.t.Helper()
	for _, p := range w.a.Disk().Paths() {
		f := w.a.Disk().Lookup(p)
		if !strings.HasSuffix(p, suffix) || len(f.Data) == 0 {
			continue
		}
		data := append([]byte(nil), f.Data...)
		data[20] ^= 4
		if err := w.a.Disk().Put(p, data); err != nil {
			w.t.Fatal(err)
		}
		return p
	}
	w.t.Fatalf("there is no %s", suffix)
	return ""
}

// An agent that was told to end, and still waits for an executor, does not return to the cluster.
func TestALeavingAgentDoesNotRegisterAgain(t *testing.T) {
	w := withPuppet(t)
	w.puppet.stubborn = true
	w.send(&controlpb.ShutdownAgent{Message: proto.String("gone for good"), Epoch: &w.epoch})
	w.Advance(time.Second)
	w.send(&controlpb.Ping{Connected: proto.Bool(false), Epoch: &w.epoch})
	w.master.ExpectNone(time.Minute, testkit.Of[*controlpb.ReregisterAgent](), testkit.Of[*controlpb.RegisterAgent]())
	if len(w.a.Endings) != 1 {
		t.Error("it has not ended")
	}
}

// The order to end an executor that is being launched ends its task before it has begun.
func TestShutdownOfAnExecutorThatIsLaunched(t *testing.T) {
	for _, after := range []time.Duration{0, 100 * time.Microsecond, 2 * time.Millisecond, 50 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			w := joined(t)
			w.run(custom("t1", "e1", "puppet"))
			w.Advance(after)
			w.send(&controlpb.ShutdownExecutor{FrameworkId: framework().Id, ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Epoch: &w.epoch})
			w.status("t1", failed)
			w.quiet(time.Minute)
			if n := len(w.a.Machine.Running()); n != 0 {
				t.Errorf("%d processes are left", n)
			}
		})
	}
}
