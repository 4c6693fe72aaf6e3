package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// returned waits for the agent to register again, and returns what it says it has.
func (w *town) returned() *controlpb.ReregisterAgent {
	w.t.Helper()
	return w.master.Expect(testkit.Of[*controlpb.ReregisterAgent]())[0].Msg.(*controlpb.ReregisterAgent)
}

func (w *town) restart() {
	w.a.Crash()
	w.a.Restart()
}

func TestRecovery(t *testing.T) {
	w := withPuppet(t)
	w.update("t1", running)
	w.status("t1", running)
	w.Advance(time.Second)
	w.restart()
	back := w.returned()
	switch {
	case back.GetAgent().GetId().GetValue() != "A1":
		t.Errorf("it came back as %v", back.GetAgent())
	case len(back.GetFrameworks()) != 1 || back.GetFrameworks()[0].GetId().GetValue() != "F1":
		t.Errorf("frameworks %v", back.GetFrameworks())
	case len(back.GetExecutors()) != 1 || back.GetExecutors()[0].GetFrameworkId().GetValue() != "F1":
		t.Errorf("executors %v", back.GetExecutors())
	case len(back.GetTasks()) != 1 || back.GetTasks()[0].GetState() != running || back.GetTasks()[0].GetStatusUpdateState() != running:
		t.Errorf("tasks %v", back.GetTasks())
	}
	if w.puppet.welcomes < 2 {
		t.Error("the executor was not welcomed again")
	}
	w.update("t1", finished)
	w.status("t1", finished)
	w.quiet(time.Minute)
}

// Whenever the agent is killed while a task runs its course, its updates arrive in order and each once, or again
// with the same uuid if its acknowledgement was not stored.
func TestKilledAtEveryPoint(t *testing.T) {
	for step := range 150 {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			w := joined(t)
			var told []string
			seen := map[string]bool{}
			w.Observe(func(m testkit.Message) {
				u, ok := m.Msg.(*controlpb.StatusUpdate)
				if ok && !seen[string(u.GetStatus().GetUuid())] {
					seen[string(u.GetStatus().GetUuid())] = true
					told = append(told, strings.TrimPrefix(u.GetStatus().GetState().String(), "TASK_"))
				}
			})
			w.run(command("t1", "sleep 1; exit 3"))
			w.Advance(time.Duration(step) * 500 * time.Microsecond)
			w.restart()
			w.master.Forget()
			w.returned()
			w.Advance(3 * time.Minute)
			switch got := strings.Join(told, " "); got {
			case "STARTING RUNNING FAILED": // it went on
			case "DROPPED", "FAILED", "": // it had not begun; in the last case the agent had not even heard of it
				if step > 110 {
					t.Errorf("told %s, though it had begun", got)
				}
			default:
				t.Errorf("told %s", got)
			}
			if n := len(w.a.Machine.Running()); n != 0 {
				t.Errorf("%d processes are left", n)
			}
		})
	}
}

func TestUpdatesSurviveTheAgent(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	w.update("t1", running)
	w.status("t1", running)
	w.update("t1", finished)
	w.Advance(time.Second)
	w.a.Crash()
	w.master.Forget()
	w.a.Restart()
	back := w.returned()
	if len(back.GetTasks()) != 1 || back.GetTasks()[0].GetState() != finished || back.GetTasks()[0].GetStatusUpdateState() != running {
		t.Errorf("came back with %v", back.GetTasks())
	}
	w.silent = false
	w.status("t1", running)
	w.status("t1", finished)
	w.quiet(15 * time.Minute)
}

// An executor that ends while the agent is dead, without having told how its task went.
func TestAnExecutorThatEndedMeanwhile(t *testing.T) {
	w := withPuppet(t)
	w.a.Crash()
	w.a.Machine.Running()[0].Exit(1)
	w.a.Restart()
	w.returned()
	w.status("t1", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
	w.quiet(time.Minute)
}

// An executor that lives, but does not come back.
func TestExecutorReregistrationTimeout(t *testing.T) {
	for _, c := range []struct {
		name string
		info *mesospb.FrameworkInfo
		want mesospb.TaskState
	}{
		{"a framework that knows of partitions", framework(), gone},
		{"one that does not", func() *mesospb.FrameworkInfo { f := framework(); f.Capabilities = nil; return f }(), lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := joined(t)
			w.runFor(c.info, custom("t1", "e1", "puppet"))
			w.Until("t1 is launched", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) == 1 })
			node := w.puppetNode()
			w.a.Crash()
			w.Cut(w.a, node)
			w.a.Restart()
			w.status("t1", c.want, because(mesospb.TaskStatus_REASON_EXECUTOR_REREGISTRATION_TIMEOUT))
			if n := len(w.a.Machine.Running()); n != 0 {
				t.Errorf("%d processes are left", n)
			}
		})
	}
}

// It is ended although nobody had written down its pid.
func TestAnExecutorThatNeverRegistered(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "mute"))
	w.Until("it runs", time.Minute, func() bool { return len(w.a.Machine.Running()) == 1 })
	w.restart()
	w.status("t1", gone, because(mesospb.TaskStatus_REASON_EXECUTOR_REREGISTRATION_TIMEOUT))
	if n := len(w.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

// An executor without a task, whose agent died before it could give it one, is shut down.
func TestAnExecutorWithoutATaskIsShutDown(t *testing.T) {
	w := joined(t)
	drop := w.Drop(testkit.That("LAUNCH", launchEvent))
	w.run(custom("t1", "e1", "puppet"))
	drop.Await(1)
	w.restart()
	w.status("t1", dropped, because(mesospb.TaskStatus_REASON_AGENT_RESTARTED))
	w.Until("the executor ends", time.Minute, func() bool { return len(w.a.Machine.Running()) == 0 })
	if len(w.puppet.launched) != 0 {
		t.Error("it was launched")
	}
}

func TestARestartedMachine(t *testing.T) {
	w := withPuppet(t)
	w.update("t1", running)
	w.status("t1", running)
	w.Advance(time.Second)
	w.a.PowerOff()
	w.a.Restart()
	back := w.returned()
	if back.GetAgent().GetId().GetValue() != "A1" {
		t.Errorf("it came back as %v", back.GetAgent())
	}
	if len(back.GetTasks()) == 0 {
		return // the pulled plug took the last writes along; the master asks about the task then
	}
	w.status("t1", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
}

func TestAnotherConfiguration(t *testing.T) {
	w := joined(t)
	w.a.Crash()
	w.a.Config.Resources = "cpus:8;mem:4096"
	w.a.Restart()
	w.Until("it ends", time.Minute, func() bool { return len(w.a.Endings) == 1 })
	if err := w.a.Endings[0]; err == nil || !strings.Contains(err.Error(), "cpus:4") || !strings.Contains(err.Error(), "--recover=cleanup") {
		t.Errorf("it says %v", err)
	}
	w.a.Config.ReconfigurationPolicy = "additive"
	w.a.Restart()
	if back := w.returned(); back.GetAgent().GetId().GetValue() != "A1" {
		t.Errorf("it came back as %v", back.GetAgent())
	}
}

func TestRecoverCleanup(t *testing.T) {
	w := withPuppet(t)
	w.a.Crash()
	w.a.Config.Recover = "cleanup"
	w.a.Restart()
	w.Until("it ends", time.Minute, func() bool { return len(w.a.Endings) == 1 })
	if err := w.a.Endings[0]; err != nil || len(w.a.Machine.Running()) != 0 || w.onDisk("slave.info") {
		t.Errorf("it ended with %v, %d processes are left", err, len(w.a.Machine.Running()))
	}
	w.master.ExpectNone(time.Minute, testkit.Of[*controlpb.ReregisterAgent]())
	w.a.Config.Recover = "reconnect"
	w.a.Restart()
	w.master.Expect(testkit.Of[*controlpb.RegisterAgent]()) // as a new one
}

// A framework without checkpointing has asked that its tasks end with the agent.
func TestWithoutCheckpointing(t *testing.T) {
	f := framework()
	f.Checkpoint = proto.Bool(false)
	w := joined(t)
	w.runFor(f, custom("t1", "e1", "puppet"))
	w.Until("t1 is launched", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) == 1 })
	w.restart()
	if back := w.returned(); len(back.GetTasks())+len(back.GetFrameworks())+len(back.GetExecutors()) != 0 {
		t.Errorf("it came back with %v", back)
	}
	w.quiet(time.Minute)
	if n := len(w.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestDamagedCheckpoints(t *testing.T) {
	damage := func(t *testing.T) *town {
		w := withPuppet(t)
		w.run(custom("t2", "e1", "puppet"))
		w.Advance(time.Second)
		w.a.Crash()
		var info string
		var find func(dir string)
		find = func(dir string) {
			for _, f := range w.a.Disk().List(dir) {
				if f.Dir {
					find(f.Path)
				} else if strings.HasSuffix(f.Path, "tasks/t1/task.info") {
					info = f.Path
				}
			}
		}
		find("meta")
		if err := w.a.Disk().Put(info, []byte{0xff, 0xff}); err != nil {
			t.Fatal(err)
		}
		return w
	}
	t.Run("strict", func(t *testing.T) {
		w := damage(t)
		w.a.Restart()
		w.Until("it ends", time.Minute, func() bool { return len(w.a.Endings) == 1 })
		if err := w.a.Endings[0]; err == nil || !strings.Contains(err.Error(), "task.info") {
			t.Errorf("it says %v", err)
		}
	})
	t.Run("not strict", func(t *testing.T) {
		w := damage(t)
		w.a.Config.Strict = false
		w.a.Restart()
		if back := w.returned(); len(back.GetTasks()) != 1 || back.GetTasks()[0].GetTaskId().GetValue() != "t2" {
			t.Errorf("it came back with %v", back.GetTasks())
		}
	})
}

// A second task of an executor that was recovered reaches it, and its first can be killed.
func TestARecoveredExecutorGoesOn(t *testing.T) {
	w := withPuppet(t)
	w.restart()
	w.returned()
	w.Advance(time.Second)
	w.run(custom("t2", "e1", "puppet"))
	w.kill("t1")
	w.Until("both arrive", time.Minute, func() bool { return len(w.puppet.launched) == 2 && len(w.puppet.killed) == 1 })
}

func TestWhileRecovering(t *testing.T) {
	w := withPuppet(t)
	w.a.Crash()
	w.Cut(w.a, w.puppetNode()) // so that it takes its two seconds
	w.a.Restart()
	w.Advance(time.Second)
	if no := ask[*controlpb.Refused](w, &agentpb.Call{Type: agentpb.Call_GET_TASKS.Enum()}); no.GetClass() != controlpb.Refused_UNAVAILABLE {
		t.Errorf("refused with %v", no)
	}
	if yes := w.get(agentpb.Call_GET_HEALTH); !yes.GetGetHealth().GetHealthy() {
		t.Error("it says that it is not healthy")
	}
}

func TestSeveralFrameworks(t *testing.T) {
	w := joined(t)
	other := framework()
	other.Id = &mesospb.FrameworkID{Value: proto.String("F2")}
	w.run(command("t1", "sleep 100"))
	w.runFor(other, command("t1", "sleep 200; exit 1"))
	w.status("t1", running)
	w.status("t1", running)
	w.Advance(time.Second)
	w.restart()
	if back := w.returned(); len(back.GetFrameworks()) != 2 || len(back.GetTasks()) != 2 || len(back.GetExecutors()) != 0 {
		t.Errorf("it came back with %v", back)
	}
	w.master.ExpectWithin(5*time.Minute, update("t1", finished), update("t1", failed))
}

var _ = agent.Default
var _ executor.Config
