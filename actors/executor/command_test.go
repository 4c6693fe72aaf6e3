package executor_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

const (
	starting = mesospb.TaskState_TASK_STARTING
	running  = mesospb.TaskState_TASK_RUNNING
	killing  = mesospb.TaskState_TASK_KILLING
	finished = mesospb.TaskState_TASK_FINISHED
	failed   = mesospb.TaskState_TASK_FAILED
	killed   = mesospb.TaskState_TASK_KILLED
)

// stage is a cluster with one agent, and a framework that may know of TASK_KILLING.
type stage struct {
	*cast.World
	a *cast.Agent
	f *cast.Framework
}

func newStage(t *testing.T, canKilling bool) *stage {
	t.Helper()
	w := cast.New(t)
	w.Master("m")
	s := &stage{World: w, a: w.Agent("a", "cpus:4;mem:4096")}
	s.f = w.Framework("f", func(f *mesospb.FrameworkInfo) {
		if canKilling {
			f.Capabilities = append(f.Capabilities, &mesospb.FrameworkInfo_Capability{
				Type: mesospb.FrameworkInfo_Capability_TASK_KILLING_STATE.Enum()})
		}
	})
	return s
}

// run launches t1.
func (s *stage) run(script string, change ...func(*mesospb.TaskInfo)) {
	o := s.f.ExpectOffer(s.a, "cpus:4;mem:4096")
	t := cast.Task(o, "t1", "cpus:1;mem:64", script)
	for _, c := range change {
		c(t)
	}
	s.f.Accept(o, t)
}

// kill kills t1.
func (s *stage) kill(grace time.Duration) {
	k := &schedulerpb.Call_Kill{TaskId: &mesospb.TaskID{Value: proto.String("t1")}}
	if grace > 0 {
		k.KillPolicy = &mesospb.KillPolicy{GracePeriod: &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(grace))}}
	}
	s.f.Call(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), Kill: k})
}

// update waits for the next update, which has to be this one.
func (s *stage) update(state mesospb.TaskState) *mesospb.TaskStatus {
	s.T().Helper()
	return s.f.Expect(cast.Update("t1", state))[0].Msg.(*schedulerpb.Event).GetUpdate().GetStatus()
}

// nothing else is told, and nothing is left of the task.
func (s *stage) over() {
	s.T().Helper()
	s.f.ExpectNone(time.Minute, testkit.Of(func(e *schedulerpb.Event) bool { return e.GetType() == schedulerpb.Event_UPDATE }))
	if n := len(s.a.Machine.Running()); n != 0 {
		s.T().Errorf("%d processes are left", n)
	}
}

func TestHowACommandEnds(t *testing.T) {
	for _, c := range []struct {
		script  string
		state   mesospb.TaskState
		message string
	}{
		{"exit 0", finished, "Command exited with status 0"},
		{"exit 3", failed, "Command exited with status 3"},
		{"kill -9 $$", failed, "Command terminated with signal Killed"},
	} {
		t.Run(c.script, func(t *testing.T) {
			s := newStage(t, false)
			s.run(c.script)
			s.update(starting)
			s.update(running)
			last := s.update(c.state)
			if last.GetMessage() != c.message || last.GetSource() != mesospb.TaskStatus_SOURCE_EXECUTOR || last.Reason != nil {
				t.Errorf("%v", last)
			}
			labels := map[string]string{}
			for _, l := range last.GetLabels().GetLabels() {
				labels[l.GetKey()] = l.GetValue()
			}
			if labels[executor.CPULabel] == "" || labels[executor.MemoryLabel] == "" {
				t.Errorf("labels %v", labels)
			}
			s.over()
		})
	}
}

func TestACommandThatCannotBeRun(t *testing.T) {
	s := newStage(t, false)
	s.run("", func(t *mesospb.TaskInfo) {
		t.Command = &mesospb.CommandInfo{Shell: proto.Bool(false), Value: proto.String("/bin/nothing")}
	})
	s.update(starting)
	if last := s.update(failed); last.GetMessage() != "Failed to launch the command: /bin/nothing: no such program" {
		t.Errorf("%v", last)
	}
	s.over()
}

func TestKillIsSaidOnlyToThoseWhoKnowTheWord(t *testing.T) {
	for _, knows := range []bool{false, true} {
		s := newStage(t, knows)
		s.run("sleep 1000")
		s.update(starting)
		s.update(running)
		s.kill(0)
		var states []mesospb.TaskState
		s.Until("it is killed", time.Minute, func() bool {
			states = nil
			for _, m := range s.f.Messages() {
				if e, _ := m.Msg.(*schedulerpb.Event); e.GetType() == schedulerpb.Event_UPDATE {
					states = append(states, e.GetUpdate().GetStatus().GetState())
				}
			}
			return slices.Contains(states, killed)
		})
		if slices.Contains(states, killing) != knows {
			t.Errorf("told %v; knows of KILLING: %v", states, knows)
		}
	}
}

// A command that is killed while it is being started goes from KILLING to its end.
func TestFromKillingThereIsNoWayBackToRunning(t *testing.T) {
	for range 20 {
		s := newStage(t, true)
		// The kill reaches the executor right behind the launch.
		events := s.Hold(testkit.Of(func(e *executorpb.Event) bool {
			return e.GetType() == executorpb.Event_LAUNCH || e.GetType() == executorpb.Event_KILL
		}))
		s.run("sleep 1000")
		events.Await(1)
		s.kill(0)
		events.Await(2)
		events.Release()
		events.Stop()
		var told []mesospb.TaskState
		s.Observe(func(m testkit.Message) {
			if e, ok := m.Msg.(*schedulerpb.Event); ok && e.GetType() == schedulerpb.Event_UPDATE {
				told = append(told, e.GetUpdate().GetStatus().GetState())
			}
		})
		s.Advance(10 * time.Second)
		if i := slices.Index(told, killing); i < 0 || slices.Contains(told[i:], running) || told[len(told)-1] != killed {
			t.Errorf("told %v", told)
		}
	}
}

func TestGracePeriods(t *testing.T) {
	stubborn := "trap '' TERM; sleep 1000"
	for _, c := range []struct {
		name  string
		own   time.Duration
		kills []time.Duration // each a second after the other
		want  time.Duration
	}{
		{"three seconds when nobody says otherwise", 0, []time.Duration{0}, 3 * time.Second},
		{"what the task says", 20 * time.Second, []time.Duration{0}, 20 * time.Second},
		{"what the kill says", 20 * time.Second, []time.Duration{7 * time.Second}, 7 * time.Second},
		{"a later kill shortens it", 20 * time.Second, []time.Duration{0, 2 * time.Second}, 3 * time.Second},
		{"a later kill does not extend it", 5 * time.Second, []time.Duration{0, 20 * time.Second}, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, false)
			s.run(stubborn, func(t *mesospb.TaskInfo) {
				if c.own > 0 {
					t.KillPolicy = &mesospb.KillPolicy{GracePeriod: &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(c.own))}}
				}
			})
			s.update(starting)
			s.update(running)
			began := s.Elapsed()
			for i, grace := range c.kills {
				if i > 0 {
					s.Advance(time.Second)
				}
				s.kill(grace)
			}
			last := s.update(killed)
			if took := s.Elapsed() - began; took < c.want || took > c.want+time.Second/2 {
				t.Errorf("it took %v, want %v", took, c.want)
			}
			if last.GetMessage() != "Command terminated with signal Killed" {
				t.Errorf("%v", last)
			}
			s.over()
		})
	}
}

func TestMaxCompletionTime(t *testing.T) {
	s := newStage(t, true)
	s.run("sleep 1000", func(t *mesospb.TaskInfo) {
		t.MaxCompletionTime = &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(2 * time.Second))}
	})
	s.update(starting)
	s.update(running)
	began := s.Elapsed()
	last := s.update(failed)
	if took := s.Elapsed() - began; took < 1900*time.Millisecond || took > 3*time.Second ||
		last.GetReason() != mesospb.TaskStatus_REASON_MAX_COMPLETION_TIME_REACHED {
		t.Errorf("after %v: %v", took, last)
	}
	s.over()
}

func TestAllocationRoleIsInTheEnvironment(t *testing.T) {
	s := newStage(t, false)
	s.run("sleep 1000")
	s.update(running)
	for _, p := range s.a.Machine.Running() {
		if got := p.Getenv("MESOS_ALLOCATION_ROLE"); got != "*" {
			t.Errorf("%s has the role %q", p.Spec.Path, got)
		}
		if p.Spec.Path == "/bin/sh" && p.Getenv("LIBPROCESS_PORT") != "" {
			t.Error("the task got the executor's port")
		}
	}
}

// A framework that acknowledges by itself sees each update until it does.
func TestExplicitAcknowledgements(t *testing.T) {
	s := newStage(t, false)
	s.f.Silent = true
	s.run("exit 0")
	for _, state := range []mesospb.TaskState{starting, running, finished} {
		first := s.update(state)
		again := s.update(state) // after ten seconds
		if string(first.GetUuid()) != string(again.GetUuid()) {
			t.Error("another uuid")
		}
		s.f.Acknowledge(again)
	}
	s.over()
}

// The executor ends when its last update is stored, and not before.
func TestTheExecutorEndsWithTheAcknowledgement(t *testing.T) {
	s := newStage(t, false)
	held := s.Hold(testkit.Of(func(e *executorpb.Event) bool { return e.GetType() == executorpb.Event_ACKNOWLEDGED }))
	s.run("exit 0")
	s.update(starting)
	s.update(running)
	s.update(finished)
	s.Advance(50 * time.Second)
	if n := len(s.a.Machine.Running()); n != 1 {
		t.Fatalf("%d processes run, want the executor", n)
	}
	held.Release()
	held.Stop()
	s.Advance(time.Second)
	s.over()
}

// If nobody ever says that it is stored, the executor ends after a minute.
func TestTheExecutorDoesNotWaitForEver(t *testing.T) {
	s := newStage(t, false)
	s.Drop(testkit.Of(func(e *executorpb.Event) bool { return e.GetType() == executorpb.Event_ACKNOWLEDGED }))
	s.run("exit 0")
	s.update(starting)
	s.update(running)
	s.update(finished)
	s.Advance(65 * time.Second)
	s.over()
}
