package main_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// witness is a framework that launches its tasks once and writes down every update that it is told.
type witness struct {
	mu      sync.Mutex
	tasks   []*mesospb.TaskInfo
	updates map[string][]mesospb.TaskState
	ended   chan struct{} // closed when all have
}

func (w *witness) Offers(d *scheduler.Driver, offers []*mesospb.Offer) {
	for _, o := range offers {
		plan := scheduler.NewPlan(o)
		for len(w.tasks) > 0 && plan.Launch(w.tasks[0]) {
			w.tasks = w.tasks[1:]
		}
		d.Accept(plan)
	}
}

func (w *witness) Update(_ *scheduler.Driver, s *mesospb.TaskStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := s.GetTaskId().GetValue()
	w.updates[id] = append(w.updates[id], s.GetState())
	for _, states := range w.updates {
		if !scheduler.Terminal(states[len(states)-1]) {
			return
		}
	}
	close(w.ended)
}

// running says whether all tasks were reported running.
func (w *witness) running(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, states := range w.updates {
		if !slices.Contains(states, mesospb.TaskState_TASK_RUNNING) {
			return false
		}
	}
	return len(w.updates) == n
}

// finished counts the tasks that are reported finished.
func (w *witness) finished() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, states := range w.updates {
		if slices.Contains(states, mesospb.TaskState_TASK_FINISHED) {
			n++
		}
	}
	return n
}

// witnessed runs tasks of a line each, in a framework of the test's own.
func witnessed(t testing.TB, master string, script ...string) *witness {
	t.Helper()
	w := &witness{updates: map[string][]mesospb.TaskState{}, ended: make(chan struct{})}
	needs, err := resources.Parse("cpus:0.1;mem:32")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range script {
		w.tasks = append(w.tasks, scheduler.Shell(fmt.Sprint("t", i), line, needs))
	}
	subscribe(t, master, w, &mesospb.FrameworkInfo{Name: proto.String("witness"), Checkpoint: proto.Bool(true), FailoverTimeout: proto.Float64(60)})
	return w
}

// subscribe runs a framework of the test's own until the test ends.
func subscribe(t testing.TB, master string, s scheduler.Scheduler, info *mesospb.FrameworkInfo) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	transport, err := remote.New(remote.Config{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	rt, err := process.New(process.Config{Transport: transport, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	driver, err := scheduler.Spawn(rt, info.GetName(), s, scheduler.Config{Master: process.UPID{ID: "master", Addr: master}, Framework: info})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Dispatch(driver, (*scheduler.Driver).Stop) // its tasks are over
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := process.Wait(ctx, driver); err != nil {
			t.Error(err)
		}
		_ = rt.Shutdown(ctx)
	})
}

// once checks that each task was reported starting, running and finished, once each and in this order, and that its
// line ran once.
func (w *witness) once(t *testing.T, marks []string) {
	t.Helper()
	await(t, "every task has ended", func() bool {
		select {
		case <-w.ended:
			return true
		default:
			return false
		}
	})
	want := []mesospb.TaskState{mesospb.TaskState_TASK_STARTING, mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_FINISHED}
	for id, states := range w.updates {
		if !slices.Equal(states, want) {
			t.Errorf("%s was reported %v", id, states)
		}
	}
	for _, file := range marks {
		if got := lines(t, file); !slices.Equal(got, []string{"begin", "end"}) {
			t.Errorf("%s holds %q", filepath.Base(file), got)
		}
	}
}

// gated are tasks that write down that they begin and end, and end when the gate is there.
func gated(dir string, n int) (script, marks []string, gate string) {
	gate = filepath.Join(dir, "gate")
	for i := range n {
		mark := filepath.Join(dir, fmt.Sprint("mark", i))
		marks = append(marks, mark)
		script = append(script, fmt.Sprintf("echo begin >> %s; while [ ! -e %s ]; do sleep 0.01; done; echo end >> %[1]s", mark, gate))
	}
	return script, marks, gate
}

func open(t *testing.T, gate string) {
	t.Helper()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestTasksOutliveAKilledAgent(t *testing.T) {
	t.Parallel()
	c := newLastingCluster(t)
	script, marks, gate := gated(c.dir, 3)
	w := witnessed(t, c.at, script...)
	await(t, "the tasks run", func() bool { return w.running(3) })
	port := portOf(t, c.agentAt)
	c.agent.signal(syscall.SIGKILL)
	<-c.agent.exited
	c.startAgent(port)
	c.agent.sees(c.agent.err, "a member of the cluster")
	open(t, gate)
	w.once(t, marks)
}

// What ends while the agent is away is told when it returns, also at another port.
func TestTasksThatEndWhileTheirAgentIsAwayAreReported(t *testing.T) {
	t.Parallel()
	c := newLastingCluster(t)
	script, marks, gate := gated(c.dir, 3)
	w := witnessed(t, c.at, script...)
	await(t, "the tasks run", func() bool { return w.running(3) })
	port := portOf(t, c.agentAt)
	c.agent.signal(syscall.SIGKILL)
	<-c.agent.exited
	open(t, gate)
	for _, m := range marks {
		await(t, "the task has ended", func() bool { return len(lines(t, m)) == 2 })
	}
	c.startAgent(port)
	w.once(t, marks)
}

func TestTasksOutliveAKilledMaster(t *testing.T) {
	t.Parallel()
	c := newLastingCluster(t)
	script, marks, gate := gated(c.dir, 2)
	w := witnessed(t, c.at, script...)
	run := c.run("--", "echo in; while [ ! -e "+gate+" ]; do sleep 0.01; done; echo out")
	run.sees(run.out, "in\n")
	await(t, "the tasks run", func() bool { return w.running(2) })
	port := portOf(t, c.at)
	c.master.signal(syscall.SIGKILL)
	<-c.master.exited
	run.sees(run.err, "lost the master")
	c.startMaster(port)
	open(t, gate)
	w.once(t, marks)
	run.ends(0).sees(run.out, "out\n")
}

func TestNodesEndGracefully(t *testing.T) {
	t.Parallel()
	c := newLastingCluster(t)
	p := c.run("--", "echo pid $$; sleep 1000")
	pid := c.outside(p.sees(p.out, `pid (\d+)\n`))
	c.agent.signal(syscall.SIGTERM)
	c.agent.ends(0)
	if !alive(pid) {
		t.Error("the task ended with its agent")
	}
	c.startAgent(portOf(t, c.agentAt))
	p.signal(syscall.SIGTERM)
	p.ends(143)
	c.master.signal(syscall.SIGTERM)
	c.master.ends(0)
	for _, node := range []*program{c.agent, c.master} {
		if strings.Contains(node.err.String(), "panic") {
			t.Errorf("%s printed %s", node.cmd, node.err)
		}
	}
}
