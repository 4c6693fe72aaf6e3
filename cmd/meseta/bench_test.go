package main_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
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

// BenchmarkAgentRestart kills an agent that has 200 containers, and measures from the start of the next one until it is a
// member of the cluster again with all of them.
func BenchmarkAgentRestart(b *testing.B) {
	const containers = 200
	c := &testCluster{t: b, dir: b.TempDir(), ip: loopback(), resources: "cpus:40;mem:16384;disk:8192;ports:[31000-32000]"}
	c.startBoth()
	script := make([]string, containers)
	for i := range script {
		script[i] = "sleep 100000"
	}
	w := witnessed(b, c.at, script...)
	awaitFor(b, 10*patience, "the tasks run", func() bool { return w.running(containers) })
	_, port, err := net.SplitHostPort(c.agentAt)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		c.agent.signal(syscall.SIGKILL)
		<-c.agent.exited
		b.StartTimer()
		c.startAgent(port)
		c.agent.sees(c.agent.err, "a member of the cluster")
	}
	b.StopTimer()
	if !w.running(containers) || len(w.updates) != containers {
		b.Errorf("not all tasks have come back")
	}
	for id, states := range w.updates {
		if scheduler.Terminal(states[len(states)-1]) {
			b.Errorf("%s was reported %v", id, states)
		}
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
	begun                time.Time
	took                 time.Duration
	err                  error
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
		f.ended++
	case scheduler.Terminal(s.GetState()):
		f.err = fmt.Errorf("task %s: %v %s", s.GetTaskId().GetValue(), s.GetState(), s.GetMessage())
	}
	if f.ended == f.tasks || f.err != nil {
		f.took = d.Now().Sub(f.begun)
		d.Teardown()
	}
}

var need, _ = resources.Parse("cpus:0.01;mem:1")

// runBurst runs one to its end, which has to be a good one.
func runBurst(t testing.TB, master string, tasks, atOnce int) *burst {
	t.Helper()
	f := &burst{tasks: tasks, atOnce: atOnce, accepted: map[string]time.Time{}, begun: time.Now()}
	err := scheduler.Run(t.Context(), f, scheduler.Config{
		Master:    process.UPID{ID: "master", Addr: master},
		Framework: &mesospb.FrameworkInfo{User: proto.String("root"), Name: proto.String("burst"), Checkpoint: proto.Bool(true)},
	})
	if err = errors.Join(err, f.err); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFrameworkOfTheLibraryIsAProgram(t *testing.T) {
	if f := runBurst(t, newCluster(t).at, 5, 5); f.ended != 5 {
		t.Errorf("%d of 5 tasks finished", f.ended)
	}
}
