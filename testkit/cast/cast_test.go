package cast_test

import (
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

const (
	starting    = mesospb.TaskState_TASK_STARTING
	running     = mesospb.TaskState_TASK_RUNNING
	finished    = mesospb.TaskState_TASK_FINISHED
	failed      = mesospb.TaskState_TASK_FAILED
	killed      = mesospb.TaskState_TASK_KILLED
	gone        = mesospb.TaskState_TASK_GONE
	unreachable = mesospb.TaskState_TASK_UNREACHABLE
)

// stage is a master, an agent and a framework, with a task t1 that runs a script.
func stage(t *testing.T, script string) (w *cast.World, m *cast.Master, a *cast.Agent, f *cast.Framework) {
	w = cast.New(t, testkit.Seed(7))
	m, a, f = w.Master("m1"), w.Agent("a1", "cpus:4;mem:4096"), w.Framework("f1")
	f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", script)
	f.Expect(cast.Update("t1", starting), cast.Update("t1", running))
	return w, m, a, f
}

func TestATaskRunsAndFinishes(t *testing.T) {
	w, _, a, f := stage(t, "sleep 10")
	f.Expect(cast.Offer(a, "cpus:3;mem:4032"))
	began := w.Elapsed()
	f.Expect(cast.Update("t1", finished))
	if took := w.Elapsed() - began; took < 9*time.Second || took > 11*time.Second {
		t.Errorf("sleep 10 took %v", took)
	}
	w.Advance(10 * time.Second)
	if left := a.Machine.Running(); len(left) != 0 {
		t.Errorf("%d processes are left", len(left))
	}
}

func TestATaskFails(t *testing.T) {
	_, _, _, f := stage(t, "sleep 1; exit 3")
	f.Expect(cast.Update("t1", failed))
}

func TestATaskIsKilled(t *testing.T) {
	w, _, a, f := stage(t, "trap '' TERM; sleep 3600")
	f.Kill("t1")
	f.Expect(cast.Update("t1", killed))
	w.Advance(10 * time.Second)
	if left := a.Machine.Running(); len(left) != 0 {
		t.Errorf("%d processes are left", len(left))
	}
}

func TestATaskOutlivesItsAgent(t *testing.T) {
	w, _, a, f := stage(t, "sleep 30")
	a.Crash()
	w.Advance(5 * time.Second)
	a.Restart()
	f.Expect(cast.Update("t1", finished))
	f.ExpectNone(time.Hour, cast.Update("t1", failed), cast.Update("t1", finished), cast.Update("t1", gone))
}

func TestATaskOutlivesTheMaster(t *testing.T) {
	w, m, a, f := stage(t, "sleep 60")
	m.Crash()
	f.ExpectExit(m.UPID())
	w.Advance(5 * time.Second)
	m.Restart()
	f.Subscribe()
	f.Expect(cast.Offer(a, "cpus:3;mem:4032"))
	f.Expect(cast.Update("t1", finished))
}

func TestACutOffAgentIsUnreachableAndReturns(t *testing.T) {
	w, m, a, f := stage(t, "sleep 3600")
	w.Cut(m, a)
	f.Expect(cast.Rescinded)
	w.Advance(11 * time.Minute)
	f.ExpectWithin(0, cast.Update("t1", unreachable, cast.Because(mesospb.TaskStatus_REASON_AGENT_REMOVED)), cast.Failure)
	w.Heal(m, a)
	f.Expect(cast.Update("t1", running, cast.Because(mesospb.TaskStatus_REASON_AGENT_REREGISTERED)))
	f.ExpectWithin(time.Hour, cast.Update("t1", finished))
}

func TestAMachineWithoutPowerLosesItsTasks(t *testing.T) {
	w, _, a, f := stage(t, "sleep 3600")
	id := a.ID()
	a.PowerOff()
	w.Advance(time.Minute)
	a.Restart()
	// Which state depends on what of the agent's checkpoints reached the disk in time.
	f.Expect(testkit.Of(func(e *schedulerpb.Event) bool {
		return scheduler.Terminal(e.GetUpdate().GetStatus().GetState()) && e.GetUpdate() != nil
	}))
	if len(a.Machine.Running()) != 0 || a.ID() != id {
		t.Errorf("%d processes run; the id was %s and is %s", len(a.Machine.Running()), id, a.ID())
	}
}

func TestAWorldRepeatsItself(t *testing.T) {
	testkit.CheckTwice(t, func(t testkit.T, tw *testkit.World) {
		w := cast.In(tw)
		m := w.Master("m1")
		for _, name := range []string{"a1", "a2", "a3"} {
			w.Agent(name, "cpus:2;mem:1024")
		}
		f := w.Framework("f1")
		for i, a := range w.Agents() {
			f.Launch(f.ExpectOffer(a, "cpus:2;mem:1024"), string(rune('a'+i)), "cpus:1;mem:64", "sleep 20")
		}
		w.Advance(5 * time.Second)
		m.Restart()
		w.Agents()[0].Restart()
		w.Advance(time.Minute)
	})
}

func Example() {
	w := cast.New(testkit.Alone(), testkit.Seed(7))
	m := w.Master("m1")
	a := w.Agent("a1", "cpus:4;mem:4096")
	f := w.Framework("f1")
	o := f.ExpectOffer(a, "cpus:4;mem:4096")
	f.Launch(o, "t1", "cpus:1;mem:64", "sleep 10")
	f.Expect(cast.Update("t1", running))
	w.Cut(m, a)
	f.Expect(cast.Rescinded)
	w.Heal(m, a)
	f.Expect(cast.Update("t1", finished))
	// Output:
}

func TestTasksOutliveSeveralAgents(t *testing.T) {
	w, _, a1, f := stage(t, "sleep 30")
	a2 := w.Agent("a2", "cpus:2;mem:1024")
	f.Launch(f.ExpectOffer(a2, "cpus:2;mem:1024"), "t2", "cpus:1;mem:64", "sleep 30")
	f.Expect(cast.Update("t2", starting), cast.Update("t2", running))
	a1.Crash()
	a2.Crash()
	w.Advance(time.Second)
	a2.Restart()
	a1.Restart()
	f.Expect(cast.Update("t1", finished), cast.Update("t2", finished))
	f.ExpectNone(time.Hour, cast.Update("t1", gone), cast.Update("t2", gone))
}

// What ends while both its agent and its scheduler are away is told to the scheduler that takes over.
func TestAFrameworkFailsOverWhileItsAgentIsAway(t *testing.T) {
	w, _, a, f := stage(t, "sleep 3")
	f.Silent = true
	a.Crash()
	w.Advance(10 * time.Second)
	next := w.Framework("f1-again", func(info *mesospb.FrameworkInfo) { info.Id = f.Info.Id })
	a.Restart()
	next.Expect(cast.Update("t1", finished))
	next.ExpectNone(time.Hour, cast.Update("t1", finished))
}
