package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// BenchmarkRunTrue is what somebody at a shell waits for: `meseta run -- true`, from the start of the program to
// its end, on a cluster of a master and an agent in processes of their own.
func BenchmarkRunTrue(b *testing.B) {
	c := newCluster(b)
	c.run("--quiet", "--", "true").ends(0) // the agent is there and has been offered
	for b.Loop() {
		c.run("--quiet", "--", "true").ends(0)
	}
}

// BenchmarkLaunch launches 200 one-command tasks on one agent, as many at once as it has cpus for, and waits for
// the last one to finish. It also tells how long a task takes from ACCEPT to TASK_RUNNING when it is alone.
func BenchmarkLaunch(b *testing.B) {
	c := newCluster(b)
	for b.Loop() {
		alone := runBurst(b, c.at, 20, 1)
		b.ReportMetric(alone.toRunning.Seconds()*1e3/20, "ms-to-running")
		burst := runBurst(b, c.at, 200, 200)
		b.ReportMetric(200/burst.took.Seconds(), "tasks/s")
	}
}

// BenchmarkIdle is the resident memory of a master and an agent that have just run a task and have nothing to do.
func BenchmarkIdle(b *testing.B) {
	c := newCluster(b)
	c.run("--quiet", "--", "true").ends(0)
	for b.Loop() {
		b.ReportMetric(residentMB(b, c.master), "master-MB")
		b.ReportMetric(residentMB(b, c.agent), "agent-MB")
	}
}

// residentMB reads VmRSS, in millions of bytes.
func residentMB(b *testing.B, p *program) float64 {
	b.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(kb)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(n) * 1024 / 1e6
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// burst is a framework that runs a number of tasks, so many at once, and is done.
type burst struct {
	tasks, atOnce        int
	started, ended, live int
	accepted             map[string]time.Time
	toRunning            time.Duration // summed over the tasks
	done                 chan error
}

func (f *burst) Offers(d *scheduler.Driver, offers []*mesospb.Offer) {
	for _, o := range offers {
		plan := scheduler.NewPlan(o)
		for f.started < f.tasks && f.live < f.atOnce {
			id := fmt.Sprint("t", f.started)
			if !plan.Launch(scheduler.Shell(id, "true", need)) {
				break
			}
			f.started, f.live = f.started+1, f.live+1
			f.accepted[id] = d.Now()
		}
		d.Accept(plan.Refuse(0))
	}
}

func (f *burst) Update(d *scheduler.Driver, s *mesospb.TaskStatus) {
	switch {
	case s.GetState() == mesospb.TaskState_TASK_RUNNING:
		f.toRunning += d.Now().Sub(f.accepted[s.GetTaskId().GetValue()])
	case s.GetState() == mesospb.TaskState_TASK_FINISHED:
		f.live--
		if f.ended++; f.ended == f.tasks {
			f.done <- nil
		}
	case scheduler.Terminal(s.GetState()):
		f.done <- fmt.Errorf("task %s: %v %s", s.GetTaskId().GetValue(), s.GetState(), s.GetMessage())
	}
}

var need, _ = resources.Parse("cpus:0.01;mem:1")

type burstResult struct{ took, toRunning time.Duration }

func runBurst(b *testing.B, master string, tasks, atOnce int) burstResult {
	b.Helper()
	t, err := remote.New(remote.Config{})
	if err != nil {
		b.Fatal(err)
	}
	rt, err := process.New(process.Config{Transport: t})
	if err != nil {
		b.Fatal(err)
	}
	f := &burst{tasks: tasks, atOnce: atOnce, accepted: map[string]time.Time{}, done: make(chan error, tasks)}
	begun := time.Now()
	ref, err := scheduler.Spawn(rt, "burst", f, scheduler.Config{
		Master:    process.UPID{ID: "master", Addr: master},
		Framework: &mesospb.FrameworkInfo{User: proto.String("root"), Name: proto.String("burst"), Checkpoint: proto.Bool(true)},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := <-f.done; err != nil {
		b.Fatal(err)
	}
	took := time.Since(begun)
	process.Dispatch(ref, func(d *scheduler.Driver) { d.Teardown() })
	if err := process.Wait(b.Context(), ref); err != nil {
		b.Fatal(err)
	}
	if err := rt.Shutdown(b.Context()); err != nil {
		b.Fatal(err)
	}
	return burstResult{took, f.toRunning}
}
