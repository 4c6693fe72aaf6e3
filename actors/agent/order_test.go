package agent_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Two tasks of one executor reach it in the order in which they came, though the second relies on the first having
// started it, and whatever has to be done before: the sandbox of an earlier run of it is about to be removed, and each task
// has to be allowed.
func TestTasksAreHandedOverInOrder(t *testing.T) {
	acls, err := authorization.Parse([]byte(`{"run_tasks": [{"principals": {"type": "ANY"}, "users": {"type": "ANY"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, guarded := range []bool{false, true} {
		for before := range 10 { // milliseconds until the sandbox goes, and after
			t.Run(fmt.Sprint(guarded, before), func(t *testing.T) {
				w := joined(t, func(c *agent.Config) { c.GCDelay = time.Hour; c.GCDiskHeadroom = 0 })
				if guarded {
					w.a.Parts = func(p *agent.Parts) { p.Authorizer = authorization.NewLive(acls) }
					w.restart()
					w.returned()
					w.Advance(time.Second)
				}
				w.run(custom("t1", "e1", "puppet"))
				w.Advance(time.Second)
				w.update("t1", finished)
				w.status("t1", finished)
				w.puppet.d.Stop()
				w.Until("it has ended", time.Minute, func() bool { return len(w.a.Machine.Running()) == 0 })
				w.Advance(time.Hour - time.Duration(before-5)*time.Millisecond)
				for i, id := range []string{"t3", "t2"} {
					w.send(&controlpb.RunTask{Framework: framework(), Task: custom(id, "e1", "puppet"), LaunchExecutor: ptr(i == 0), Epoch: &w.epoch})
				}
				w.Until("both are there", time.Minute, func() bool { return len(w.puppet.launched) == 2 })
				if !slices.Equal(w.puppet.launched, []string{"t3", "t2"}) {
					t.Errorf("handed over: %v", w.puppet.launched)
				}
				for _, id := range w.puppet.launched {
					w.update(id, running)
					w.status(id, running)
				}
				w.quiet(2 * time.Hour)
				if n := w.sandboxes(); n != 1 {
					t.Errorf("%d sandboxes are there", n)
				}
			})
		}
	}
}

// subscribing fits the first word of an executor.
func subscribing(c *executorpb.Call) error {
	if c.GetType() != executorpb.Call_SUBSCRIBE {
		return fmt.Errorf("it is %v", c.GetType())
	}
	return nil
}

// The only task of an executor is killed before the executor has said a word: it is told at once, and the executor, when
// it comes, is sent home without it. The same when the agent is restarted in between, whether the end was acknowledged or not.
func TestKillOfAQueuedTaskAndAnExecutorThatComesLater(t *testing.T) {
	for _, c := range []struct {
		name             string
		restarts, silent bool
	}{{"the same agent", false, false}, {"a restarted agent", true, false}, {"a restarted agent, before the acknowledgement", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			w := joined(t)
			late := w.Drop(testkit.That("SUBSCRIBE", subscribing))
			w.run(custom("t1", "e1", "puppet"))
			late.Await(1)
			w.silent = c.silent
			w.kill("t1")
			w.status("t1", killed, because(mesospb.TaskStatus_REASON_TASK_KILLED_DURING_LAUNCH))
			w.Advance(time.Second)
			if c.restarts {
				w.a.Crash()
				w.silent = false
				w.master.Forget()
				w.a.Restart()
				w.Advance(50 * time.Millisecond)
			}
			late.Stop()
			if c.silent {
				w.status("t1", killed, because(mesospb.TaskStatus_REASON_TASK_KILLED_DURING_LAUNCH))
			}
			w.Until("the executor has ended", 10*time.Second, func() bool { return len(w.a.Machine.Running()) == 0 })
			if !w.puppet.shutdown || len(w.puppet.launched) != 0 {
				t.Errorf("it was told to end: %v; it was handed %v", w.puppet.shutdown, w.puppet.launched)
			}
			w.quiet(15 * time.Minute)
			if w.onDisk("executor.info") {
				t.Error("its checkpoint is still there")
			}
		})
	}
}

// runner is a puppet that says RUNNING of each task.
type runner struct{ puppet }

func (r *runner) Launch(d *executor.Driver, t *mesospb.TaskInfo) {
	r.puppet.Launch(d, t)
	d.Update(executor.Status(t.GetTaskId(), mesospb.TaskState_TASK_RUNNING))
}

// An executor whose agent died before it could subscribe comes back at any moment before and after the one at which the next
// agent gives it up. Its task is told to have ended, once, and is never handed over; another one that is launched as soon as the
// master may do so runs, or is told to have ended: one of the two, and once.
func TestAnExecutorThatComesWhenItIsGivenUp(t *testing.T) {
	for step := range 60 {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			w := joined(t)
			var runs []*runner
			w.a.Machine.Program("runner", cast.Executor(func(*cast.Process) executor.Executor {
				runs = append(runs, &runner{})
				return runs[len(runs)-1]
			}))
			handed := func(task string) (n int) {
				for _, r := range runs {
					for _, id := range r.launched {
						if id == task {
							n++
						}
					}
				}
				return n
			}
			told := map[string][]mesospb.TaskState{}
			seen := map[string]bool{}
			w.Observe(func(m testkit.Message) {
				if u, ok := m.Msg.(*controlpb.StatusUpdate); ok && !seen[string(u.GetStatus().GetUuid())] {
					seen[string(u.GetStatus().GetUuid())] = true
					id := u.GetStatus().GetTaskId().GetValue()
					told[id] = append(told[id], u.GetStatus().GetState())
				}
			})
			late := w.Drop(testkit.That("SUBSCRIBE", subscribing))
			w.run(custom("t1", "e1", "runner"))
			late.Await(1)
			w.a.Crash()
			w.master.Forget()
			late.Stop()
			late = w.Hold(testkit.That("SUBSCRIBE", subscribing))
			w.a.Restart()
			w.Advance(time.Duration(step) * 40 * time.Millisecond)
			late.Release()
			late.Stop()
			back := w.returned()
			w.send(&controlpb.RunTask{Framework: framework(), Task: custom("t2", "e1", "runner"), LaunchExecutor: proto.Bool(len(back.GetExecutors()) == 0), Epoch: &w.epoch})
			w.Advance(5 * time.Minute)
			if got := told["t1"]; len(got) != 1 || got[0] != gone && got[0] != dropped || handed("t1") != 0 {
				t.Errorf("of t1 was told %v; it was handed over %d times", got, handed("t1"))
			}
			switch got := told["t2"]; {
			case len(got) == 1 && got[0] == running && handed("t2") == 1:
			case len(got) == 1 && (got[0] == dropped || got[0] == gone || got[0] == failed) && handed("t2") == 0:
			default:
				t.Errorf("of t2 was told %v; it was handed over %d times", got, handed("t2"))
			}
			if want := handed("t2"); len(w.a.Machine.Running()) != want {
				t.Errorf("%d processes are left, want %d", len(w.a.Machine.Running()), want)
			}
		})
	}
}
