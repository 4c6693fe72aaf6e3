package agent_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// storm runs a task of an executor of its own and one that is a command, with a reservation and a drain at the end, so
// that every kind of checkpoint is written; something happens to the disk at a given write.
type storm struct {
	*town
	told map[string][]string
	seen map[string]bool
}

func newStorm(t *testing.T) *storm {
	s := &storm{town: newTown(t), told: map[string][]string{}, seen: map[string]bool{}}
	s.Observe(func(m testkit.Message) {
		u, ok := m.Msg.(*controlpb.StatusUpdate)
		if ok && !s.seen[string(u.GetStatus().GetUuid())] {
			s.seen[string(u.GetStatus().GetUuid())] = true
			id := u.GetStatus().GetTaskId().GetValue()
			s.told[id] = append(s.told[id], strings.TrimPrefix(u.GetStatus().GetState().String(), "TASK_"))
		}
	})
	return s
}

// story is what the cluster asks of the agent, whatever happens to it.
func (s *storm) story() {
	s.Advance(2 * time.Second)
	s.run(command("t1", "sleep 1; exit 3"))
	s.run(custom("t2", "e1", "puppet"))
	s.Advance(500 * time.Millisecond)
	s.order("0123456789abcdef", named("o1", reserving(reserved("cpus:1", "web")...)))
	s.send(&controlpb.UpdateFramework{Framework: renamed(), Epoch: &s.epoch})
	s.Advance(2 * time.Second)
	if s.puppet != nil && slices.Contains(s.puppet.launched, "t2") {
		s.update("t2", running)
		s.update("t2", finished)
	}
	s.Advance(2 * time.Second)
	s.send(&controlpb.DrainAgent{AgentId: agentID, Config: &mesospb.DrainConfig{}, Epoch: &s.epoch})
	s.Advance(2 * time.Second)
}

func renamed() *mesospb.FrameworkInfo {
	f := framework()
	f.Name = ptr("renamed")
	return f
}

func ptr[T any](v T) *T { return &v }

// check compares what was told of the tasks with what may be, and looks that nothing is left.
func (s *storm) check(t *testing.T, fates map[string][]string) {
	t.Helper()
	for _, id := range []string{"t1", "t2"} {
		if got := strings.Join(s.told[id], " "); !slices.Contains(fates[id], got) {
			t.Errorf("of %s was told %q", id, got)
		}
	}
	s.send(&controlpb.ShutdownFramework{FrameworkId: framework().Id, Epoch: &s.epoch}) // a custom executor waits for more
	s.Advance(time.Minute)
	if n := len(s.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	if s.onDisk("task.info") || s.onDisk("executor.info") || s.onDisk("framework.info") {
		t.Errorf("checkpoints are left: %v", s.a.Disk().Paths())
	}
}

// countWrites is how many writes the story is.
func countWrites(t *testing.T) (writes []testkit.Write) {
	s := newStorm(t)
	s.a.Disk().Intercept = func(w testkit.Write) (int, error) {
		writes = append(writes, w)
		return 0, nil
	}
	s.story()
	s.Advance(time.Minute)
	s.check(t, map[string][]string{"t1": {"STARTING RUNNING FAILED"}, "t2": {"RUNNING FINISHED"}})
	for _, file := range []string{"slave.info", "framework.info", "executor.info", "task.info", "task.updates", "drain.config",
		"resources_and_operations.state"} {
		if !slices.ContainsFunc(writes, func(w testkit.Write) bool { return strings.HasSuffix(w.Path, file) }) {
			t.Errorf("the story does not write %s", file)
		}
	}
	return writes
}

var errDied = errors.New("the process died")

// fates are all that may be told of the tasks of the story, with a new uuid each. A task that the agent had not heard of,
// or not written down, is the master's to ask about; here it does not.
var fates = map[string][]string{
	"t1": {"STARTING RUNNING FAILED", "STARTING RUNNING KILLED", "DROPPED", "FAILED", "STARTING FAILED", "GONE", ""},
	"t2": {"RUNNING FINISHED", "DROPPED", "FAILED", "RUNNING FAILED", "RUNNING KILLED", "KILLED", "GONE", ""},
}

// Whatever write the agent dies in, and however much of it is there, it comes back, nothing that was acknowledged is
// lost, and no task runs twice.
func TestTornAtEveryWrite(t *testing.T) {
	for n, w := range countWrites(t) {
		keeps := []int{0}
		if w.Adds > 0 {
			keeps = []int{0, 1, 4, 12, w.Adds - 1}
		}
		for _, keep := range keeps {
			t.Run(fmt.Sprintf("%d/%d", n, keep), func(t *testing.T) {
				s := newStorm(t)
				count := 0
				s.a.Disk().Intercept = func(w testkit.Write) (int, error) {
					if count++; count != n+1 {
						return 0, nil
					}
					s.a.Crash()
					s.At(100*time.Millisecond, s.a.Restart)
					return min(keep, w.Adds), errDied
				}
				s.story()
				s.Advance(5 * time.Minute)
				if len(s.a.Endings) != 0 {
					t.Fatalf("it ended: %v", s.a.Endings)
				}
				s.check(t, fates)
				if t.Failed() {
					t.Logf("it died in the write of %s", w.Path)
				}
			})
		}
	}
}

// Whatever write the disk becomes full at, for however long: the agent goes on, and when there is room again nothing is
// lost. What cannot be launched is told at once, with the reason.
func TestFullAtEveryWrite(t *testing.T) {
	for n, w := range countWrites(t) {
		for _, c := range []struct {
			name   string
			during time.Duration
			dies   bool // the agent meanwhile
		}{{"shortly", 300 * time.Millisecond, false}, {"to the end", time.Hour, false}, {"and the agent dies", time.Hour, true}} {
			t.Run(fmt.Sprintf("%d %s", n, c.name), func(t *testing.T) {
				s := newStorm(t)
				count, full := 0, false
				s.a.Disk().Intercept = func(w testkit.Write) (int, error) {
					if count++; count == n+1 {
						full = true
						s.At(c.during, func() { full = false })
						if c.dies {
							s.At(4*time.Second, s.a.Restart)
						}
					}
					if full && !w.Frees {
						return 0, testkit.ErrFull
					}
					return 0, nil
				}
				s.story()
				s.Advance(time.Minute)
				full = false
				s.Advance(5 * time.Minute)
				if len(s.a.Endings) != 0 {
					t.Fatalf("it ended: %v", s.a.Endings)
				}
				s.check(t, fates)
				if !c.dies {
					for _, id := range []string{"t1", "t2"} {
						if len(s.told[id]) == 0 {
							t.Errorf("nothing was told of %s", id)
						}
					}
				}
				if t.Failed() {
					t.Logf("the disk was full from the write of %s on", w.Path)
				}
			})
		}
	}
}

// A task that there is no room for is dropped while the disk is full, and the next one runs when there is room.
func TestLaunchesOnAFullDisk(t *testing.T) {
	w := joined(t)
	full := true
	w.a.Disk().Intercept = func(w testkit.Write) (int, error) {
		if full && !w.Frees {
			return 0, testkit.ErrFull
		}
		return 0, nil
	}
	told := func(task string) func(*controlpb.StatusUpdate) error {
		return func(u *controlpb.StatusUpdate) error {
			if m := u.GetStatus().GetMessage(); !strings.Contains(m, "no space left") || !strings.Contains(m, "--work_dir") {
				return fmt.Errorf("it says %q", m)
			}
			return nil
		}
	}
	for _, id := range []string{"t1", "t2", "t3"} {
		w.run(command(id, "true"))
		w.status(id, dropped, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED), told(id))
	}
	w.send(&controlpb.RunTask{Framework: framework(), Task: custom("t4", "e1", "puppet"), LaunchExecutor: ptr(true), Epoch: &w.epoch})
	w.master.Expect(update("t4", dropped))
	w.master.Expect(testkit.Of[*controlpb.ExitedExecutor]()) // the master has booked it
	w.Advance(time.Minute)
	full = false
	w.Advance(2 * time.Second)
	w.run(command("t5", "true"))
	w.status("t5", starting)
	w.status("t5", running)
	w.status("t5", finished)
	w.Advance(time.Minute)
	if w.onDisk("task.info") || w.onDisk("framework.info") {
		t.Errorf("left: %v", w.a.Disk().Paths())
	}
}

// What an executor reports while the disk is full is told when it is written, and not before.
func TestUpdatesOnAFullDisk(t *testing.T) {
	w := withPuppet(t)
	full := true
	w.a.Disk().Intercept = func(w testkit.Write) (int, error) {
		if full && !w.Frees {
			return 0, testkit.ErrFull
		}
		return 0, nil
	}
	w.update("t1", running)
	w.update("t1", finished)
	w.quiet(time.Minute)
	w.restart() // the executor has them still
	w.quiet(10 * time.Second)
	full = false
	w.status("t1", running)
	w.status("t1", finished)
	w.quiet(time.Minute)
}

// An acknowledgement that cannot be written yet is one all the same, also when the agent registers anew meanwhile.
func TestAnAcknowledgedUpdateIsNotToldToTheNextMaster(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	w.update("t1", running)
	u := w.status("t1", running)
	full := true
	w.a.Disk().Intercept = func(w testkit.Write) (int, error) {
		if full && !w.Frees {
			return 0, testkit.ErrFull
		}
		return 0, nil
	}
	w.send(w.acknowledgement(u))
	w.Advance(time.Second)
	w.Reset(w.master, w.a)
	w.returned()
	w.quiet(30 * time.Second)
	full = false
	w.quiet(30 * time.Second)
	w.update("t1", finished)
	w.status("t1", finished)
}
