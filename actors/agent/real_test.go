package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// stage is a master that a test speaks for, and an agent in a process of its own, over a real network.
type stage struct {
	t       testing.TB
	rt      *process.Runtime
	master  *speaker
	ref     process.Ref[*speaker]
	workDir string
	listen  string
	agent   *exec.Cmd
	agentID process.UPID
}

// speaker is the actor that a test speaks and hears through.
type speaker struct {
	b      *process.Base
	heard  chan proto.Message
	silent bool // does not acknowledge
}

func (s *speaker) Initialize(b *process.Base) {
	s.b = b
	process.Install(b, func(from process.UPID, m *controlpb.RegisterAgent) {
		b.Send(from, &controlpb.AgentRegistered{AgentId: agentID, Epoch: proto.Uint64(1)})
		s.heard <- m
	})
	process.Install(b, func(from process.UPID, m *controlpb.ReregisterAgent) {
		b.Send(from, &controlpb.AgentReregistered{AgentId: agentID, Epoch: proto.Uint64(1)})
		s.heard <- m
	})
	process.Install(b, func(from process.UPID, m *controlpb.StatusUpdate) {
		if !s.silent {
			b.Send(from, &controlpb.AcknowledgeStatus{FrameworkId: m.FrameworkId, AgentId: m.AgentId,
				TaskId: m.Status.TaskId, Uuid: m.Status.Uuid, Epoch: proto.Uint64(1)})
		}
		s.heard <- m
	})
	process.Install(b, func(_ process.UPID, m *agentpb.Response) { s.heard <- m })
	process.Install(b, func(_ process.UPID, m *controlpb.Refused) { s.heard <- m })
	process.Install(b, func(_ process.UPID, m *controlpb.UnregisterAgent) { s.heard <- m })
}

var agentID = &mesospb.AgentID{Value: proto.String("A1")}

func newStage(t testing.TB) *stage {
	t.Helper()
	transport, err := remote.New(remote.Config{})
	if err != nil {
		t.Fatal(err)
	}
	rt, err := process.New(process.Config{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, rt: rt, workDir: t.TempDir(), master: &speaker{heard: make(chan proto.Message, 10_000)}}
	if s.ref, err = process.Spawn(rt, "master", s.master); err != nil {
		t.Fatal(err)
	}
	s.listen = freePort(t)
	s.agentID = process.UPID{ID: "slave(1)", Addr: s.listen}
	t.Cleanup(func() {
		s.shutdown()
		rt.Shutdown(context.Background())
	})
	s.start()
	return s
}

// freePort is an address that the agent will have before and after its restart.
func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *stage) start() {
	s.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.agent = exec.Command(exe, "agent", s.ref.UPID.String(), s.listen, s.workDir)
	log, err := os.OpenFile(filepath.Join(s.workDir, "agent.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	s.agent.Stderr = log
	if err := s.agent.Start(); err != nil {
		s.t.Fatal(err)
	}
	log.Close()
}

// kill is kill -9.
func (s *stage) kill() {
	s.agent.Process.Kill()
	s.agent.Wait()
	s.agent = nil
}

// shutdown ends the agent and everything that it started.
func (s *stage) shutdown() {
	if s.agent == nil {
		return
	}
	s.send(&controlpb.ShutdownAgent{Message: proto.String("the test is over"), Epoch: proto.Uint64(1)})
	s.agent.Wait()
	if s.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(s.workDir, "agent.log"))
		s.t.Logf("the agent said:\n%s", log)
	}
}

func (s *stage) send(m proto.Message) {
	process.Dispatch(s.ref, func(p *speaker) { p.b.Send(s.agentID, m) })
}

// expect waits for a message of a type.
func expect[M proto.Message](s *stage) M {
	s.t.Helper()
	for m := range s.master.heard {
		if m, ok := m.(M); ok {
			return m
		}
	}
	panic("unreachable")
}

func (s *stage) run(id, script string, change ...func(*mesospb.TaskInfo)) {
	info := &mesospb.TaskInfo{Name: proto.String(id), TaskId: &mesospb.TaskID{Value: proto.String(id)}, AgentId: agentID,
		Command: &mesospb.CommandInfo{Value: proto.String(script)}}
	for _, c := range change {
		c(info)
	}
	s.send(&controlpb.RunTask{Framework: framework(), Task: info, Epoch: proto.Uint64(1)})
}

func framework() *mesospb.FrameworkInfo {
	me, err := user.Current()
	if err != nil {
		panic(err)
	}
	return &mesospb.FrameworkInfo{User: proto.String(me.Username), Name: proto.String("test"),
		Id: &mesospb.FrameworkID{Value: proto.String("F1")}, Checkpoint: proto.Bool(true), Capabilities: []*mesospb.FrameworkInfo_Capability{
			{Type: mesospb.FrameworkInfo_Capability_PARTITION_AWARE.Enum()}, {Type: mesospb.FrameworkInfo_Capability_TASK_KILLING_STATE.Enum()}}}
}

// settled waits until the agent has stored every acknowledgement so far. It stores in order, so what it says of a task
// that it has refused since comes later.
func (s *stage) settled() {
	s.t.Helper()
	s.send(&controlpb.RunTask{Framework: framework(), Epoch: proto.Uint64(1), Task: &mesospb.TaskInfo{
		Name: proto.String("no"), TaskId: &mesospb.TaskID{Value: proto.String("refused")}, AgentId: agentID}})
	for expect[*controlpb.StatusUpdate](s).GetStatus().GetTaskId().GetValue() != "refused" {
	}
}

// updates waits for the next updates and returns their states.
func (s *stage) updates(n int) (states string, last *mesospb.TaskStatus) {
	s.t.Helper()
	var all []string
	for range n {
		last = expect[*controlpb.StatusUpdate](s).GetStatus()
		all = append(all, strings.TrimPrefix(last.GetState().String(), "TASK_"))
	}
	return strings.Join(all, " "), last
}

func (s *stage) sandbox(task string) string {
	return filepath.Join(s.workDir, "slaves/A1/frameworks/F1/executors", task, "runs/latest")
}

func TestRealCommand(t *testing.T) {
	s := newStage(t)
	expect[*controlpb.RegisterAgent](s)
	for _, c := range []struct{ name, script, states, message string }{
		{"finishes", "echo out; echo err >&2", "STARTING RUNNING FINISHED", "Command exited with status 0"},
		{"fails", "echo out; echo err >&2; exit 3", "STARTING RUNNING FAILED", "Command exited with status 3"},
		{"is ended by a signal", "echo out; echo err >&2; kill -9 $$", "STARTING RUNNING FAILED", "Command terminated with signal Killed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := strings.ReplaceAll(c.name, " ", "-")
			s.run(id, c.script)
			states, last := s.updates(3)
			if states != c.states || last.GetMessage() != c.message || last.GetSource() != mesospb.TaskStatus_SOURCE_EXECUTOR {
				t.Errorf("%s: %s from %v, want %s: %s", states, last.GetMessage(), last.GetSource(), c.states, c.message)
			}
			if len(last.GetLabels().GetLabels()) != 2 {
				t.Errorf("labels %v", last.GetLabels())
			}
			for file, want := range map[string]string{"stdout": "out\n", "stderr": "err\n"} {
				if got, err := os.ReadFile(filepath.Join(s.sandbox(id), file)); err != nil || string(got) != want {
					t.Errorf("%s: %q, %v", file, got, err)
				}
			}
		})
	}
}

// alive tells whether a process is there and is no zombie.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

// A task goes on while its agent is dead, and its updates arrive exactly once.
func TestRealAgentIsKilled(t *testing.T) {
	s := newStage(t)
	expect[*controlpb.RegisterAgent](s)
	fifo := filepath.Join(t.TempDir(), "go")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("t1", "cat "+fifo+"; exit 7")
	if states, _ := s.updates(2); states != "STARTING RUNNING" {
		t.Fatal(states)
	}
	s.settled()
	s.kill()
	s.start()
	back := expect[*controlpb.ReregisterAgent](s)
	if len(back.GetTasks()) != 1 || back.GetTasks()[0].GetState() != mesospb.TaskState_TASK_RUNNING {
		t.Fatalf("came back with %v", back.GetTasks())
	}
	if err := os.WriteFile(fifo, []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if states, last := s.updates(1); states != "FAILED" || last.GetMessage() != "Command exited with status 7" {
		t.Errorf("%s %s", states, last.GetMessage())
	}
}

// The task ends while nobody is there to hear it.
func TestRealTaskEndsWhileTheAgentIsDead(t *testing.T) {
	s := newStage(t)
	expect[*controlpb.RegisterAgent](s)
	dir := t.TempDir()
	fifo := filepath.Join(dir, "go")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("t1", "echo $$ > "+dir+"/pid; cat "+fifo+"; exit 7")
	if states, _ := s.updates(2); states != "STARTING RUNNING" {
		t.Fatal(states)
	}
	s.settled()
	s.kill()
	if err := os.WriteFile(fifo, []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	s.start()
	expect[*controlpb.ReregisterAgent](s)
	if states, last := s.updates(1); states != "FAILED" || last.GetMessage() != "Command exited with status 7" {
		t.Errorf("%s %s", states, last.GetMessage())
	}
}

// Killing a task ends everything that it started, also what does not listen to SIGTERM.
func TestRealKill(t *testing.T) {
	s := newStage(t)
	expect[*controlpb.RegisterAgent](s)
	pids := filepath.Join(t.TempDir(), "pids")
	if err := syscall.Mkfifo(pids, 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("t1", "trap '' TERM; setsid sh -c 'sleep 1000 & sleep 1000 & exit'; sleep 1000 & (echo $$; echo $!) > "+pids+"; wait; wait; sleep 1000")
	written, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	s.updates(2)
	s.send(&controlpb.KillTask{FrameworkId: framework().Id, TaskId: &mesospb.TaskID{Value: proto.String("t1")}, Epoch: proto.Uint64(1),
		KillPolicy: &mesospb.KillPolicy{GracePeriod: &mesospb.DurationInfo{Nanoseconds: proto.Int64(1e6)}}})
	states, last := s.updates(2)
	if states != "KILLING KILLED" || last.GetMessage() != "Command terminated with signal Killed" {
		t.Errorf("%s %s", states, last.GetMessage())
	}
	for _, pid := range strings.Fields(string(written)) {
		if alive(pid) {
			t.Errorf("process %s is alive", pid)
		}
	}
}

// The shells of a task do not outlive its executor, as they do with Mesos' posix launcher.
func TestRealExecutorIsKilled(t *testing.T) {
	s := newStage(t)
	expect[*controlpb.RegisterAgent](s)
	pids := filepath.Join(t.TempDir(), "pids")
	if err := syscall.Mkfifo(pids, 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("t1", "setsid sleep 1000 & (echo $$; echo $PPID; echo $!) > "+pids+"; wait")
	written, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(string(written))
	s.updates(2)
	var executorPID int
	fmt.Sscan(all[1], &executorPID)
	syscall.Kill(executorPID, syscall.SIGKILL)
	states, last := s.updates(1)
	if states != "FAILED" || last.GetReason() != mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED ||
		last.GetSource() != mesospb.TaskStatus_SOURCE_AGENT || last.GetMessage() != "Executor ended: by signal SIGKILL" {
		t.Errorf("%s %v", states, last)
	}
	for _, pid := range all {
		if alive(pid) {
			t.Errorf("process %s is alive", pid)
		}
	}
}
