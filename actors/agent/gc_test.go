package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// sandboxes are the directories of runs that are there.
func (w *town) sandboxes() int {
	n := 0
	for _, path := range w.a.Disk().Paths() {
		if parts := strings.Split(path, "/"); len(parts) == 8 && parts[0] == "slaves" && parts[6] == "runs" && parts[7] != "latest" {
			n++
		}
	}
	return n
}

func (w *town) number(name string) float64 {
	return w.a.Runtime().Metrics().Snapshot()[name]
}

func (w *town) wantGarbage(pending, succeeded, failed float64) {
	w.t.Helper()
	p, s, f := w.number("gc/path_removals_pending"), w.number("gc/path_removals_succeeded"), w.number("gc/path_removals_failed")
	if p != pending || s != succeeded || f != failed {
		w.t.Errorf("%v wait, %v are removed, %v could not be; want %v, %v, %v", p, s, f, pending, succeeded, failed)
	}
}

// over runs a task to its end.
func (w *town) over(id string) {
	w.t.Helper()
	w.run(command(id, "exit 0"))
	w.status(id, finished)
	w.Advance(10 * time.Second)
}

// A sandbox is kept for as long as was said after its executor is over, and nothing of it stays then.
func TestSandboxesAreRemoved(t *testing.T) {
	w := joined(t, func(c *agent.Config) { c.GCDelay = time.Hour; c.GCDiskHeadroom = 0 })
	w.over("t1")
	w.wantGarbage(1, 0, 0)
	w.Advance(50 * time.Minute)
	if n := w.sandboxes(); n != 1 {
		t.Fatalf("%d sandboxes are there, want 1", n)
	}
	w.Advance(15 * time.Minute)
	for _, path := range w.a.Disk().Paths() {
		if strings.HasPrefix(path, "slaves/") {
			t.Errorf("%s is left", path)
		}
	}
	w.wantGarbage(0, 1, 0)
}

// The sandbox of an executor that is not over stays, however long it runs and however full the disk is.
func TestLiveSandboxesStay(t *testing.T) {
	w := joined(t, func(c *agent.Config) { c.GCDelay = time.Minute })
	w.run(command("t1", "sleep 100000000"))
	w.status("t1", running)
	w.over("t2")
	w.a.Machine.DiskUsed = 1
	w.Advance(5 * time.Hour)
	if n := w.sandboxes(); n != 1 {
		t.Errorf("%d sandboxes are there, want 1", n)
	}
	w.restart()
	w.returned()
	w.Advance(5 * time.Hour)
	if n := w.sandboxes(); n != 1 {
		t.Errorf("after a restart %d sandboxes are there, want 1", n)
	}
	w.kill("t1")
	w.status("t1", killed)
	w.Advance(time.Hour)
	if n := w.sandboxes(); n != 0 {
		t.Errorf("%d sandboxes are left", n)
	}
}

// Mesos' formula: the fuller the disk, the shorter sandboxes are kept.
func TestFullDisk(t *testing.T) {
	for used, want := range map[float64]time.Duration{0: 9 * time.Hour, 0.4: 5 * time.Hour, 0.8: time.Hour, 0.9: 0, 1: 0} {
		w := joined(t, func(c *agent.Config) { c.GCDelay = 10 * time.Hour; c.GCDiskHeadroom = 0.1 })
		w.over("t1")
		w.a.Machine.DiskUsed = used
		if want > 0 {
			w.Advance(want - 5*time.Minute)
			if n := w.sandboxes(); n != 1 {
				t.Errorf("with %v used the sandbox is gone before %v", used, want)
			}
		}
		w.Advance(10 * time.Minute)
		if n := w.sandboxes(); n != 0 {
			t.Errorf("with %v used the sandbox is there after %v", used, want)
		}
	}
}

// Time goes on while the agent is away: what an earlier process left is removed when its time has come, no sooner.
func TestSandboxesAreRemovedAfterARestart(t *testing.T) {
	w := joined(t, func(c *agent.Config) { c.GCDelay = 10 * time.Hour; c.GCDiskHeadroom = 0 })
	w.over("t1")
	w.Advance(6 * time.Hour)
	w.over("t2")
	w.restart()
	w.returned()
	w.Advance(3 * time.Hour)
	if n := w.sandboxes(); n != 2 {
		t.Errorf("%d sandboxes are there, want 2", n)
	}
	w.wantGarbage(2, 0, 0)
	w.Advance(2 * time.Hour)
	if n := w.sandboxes(); n != 1 {
		t.Errorf("%d sandboxes are there, want 1", n)
	}
	w.Advance(6 * time.Hour)
	if n := w.sandboxes(); n != 0 {
		t.Errorf("%d sandboxes are left", n)
	}
	w.wantGarbage(0, 2, 0)
}

// What belongs to an agent id of before goes too, checkpoints included.
func TestEarlierAgentsAreRemoved(t *testing.T) {
	w := joined(t, func(c *agent.Config) { c.GCDelay = 10 * time.Hour; c.GCDiskHeadroom = 0 })
	disk := w.a.Disk()
	w.over("t1")
	for _, path := range []string{"meta/slaves/OLD", "slaves/OLD"} {
		if err := disk.Mkdir(path); err != nil {
			t.Fatal(err)
		}
		if err := disk.Put(path+"/frameworks/F/x", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	w.restart()
	w.returned()
	old := func() (n int) {
		for _, path := range disk.Paths() {
			if strings.Contains(path, "/OLD") {
				n++
			}
		}
		return n
	}
	w.Advance(9 * time.Hour)
	if old() != 4 {
		t.Errorf("%d of 4 paths are there", old())
	}
	w.Advance(2 * time.Hour)
	if old() != 0 {
		t.Errorf("%d paths are left", old())
	}
	if !w.onDisk("slave.info") {
		t.Error("the agent's own identity is gone")
	}
}

// A removal does not meddle with a new run of the same executor.
func TestAnExecutorThatReturns(t *testing.T) {
	w := joined(t, func(c *agent.Config) { c.GCDelay = time.Hour; c.GCDiskHeadroom = 0 })
	end := func() {
		w.puppet.d.Stop()
		w.Advance(time.Minute)
	}
	w.run(custom("t1", "e1", "puppet"))
	w.Advance(time.Second)
	w.update("t1", mesospb.TaskState_TASK_FINISHED)
	w.status("t1", finished)
	end()
	w.Advance(50 * time.Minute)
	w.run(custom("t2", "e1", "puppet"))
	w.Advance(time.Second)
	if n := w.sandboxes(); n != 2 {
		t.Fatalf("%d sandboxes are there, want 2", n)
	}
	w.Advance(time.Hour)
	if n := w.sandboxes(); n != 1 {
		t.Errorf("%d sandboxes are there, want 1", n)
	}
	if !w.onDisk("executors/e1/runs/latest") {
		t.Error("the link to the latest run is gone")
	}
}
