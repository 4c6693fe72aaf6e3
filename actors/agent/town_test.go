package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// town is an agent on a simulated machine, and a master that the test speaks for. The master admits everybody and
// acknowledges every update, unless told otherwise.
type town struct {
	*cast.World
	t      *testing.T
	master *testkit.Probe
	a      *cast.Agent
	silent bool // the master does not acknowledge
	closed bool // the master does not admit
	epoch  uint64
	puppet *puppet // the last executor of the program "puppet"
}

func newTown(t *testing.T, change ...func(*agent.Config)) *town {
	t.Helper()
	w := &town{World: cast.New(t), t: t, epoch: 1}
	w.master = w.Node("m", testkit.Address("m:5050")).Probe("master")
	w.master.Reply(testkit.Of[*controlpb.RegisterAgent](), func(testkit.Message) proto.Message {
		if w.closed {
			return nil
		}
		return &controlpb.AgentRegistered{AgentId: agentID, Epoch: &w.epoch}
	})
	w.master.Reply(testkit.Of[*controlpb.ReregisterAgent](), func(testkit.Message) proto.Message {
		if w.closed {
			return nil
		}
		return &controlpb.AgentReregistered{AgentId: agentID, Epoch: &w.epoch}
	})
	w.master.Reply(testkit.Of[*controlpb.StatusUpdate](), func(m testkit.Message) proto.Message {
		if w.silent {
			return nil
		}
		return w.acknowledgement(m.Msg.(*controlpb.StatusUpdate))
	})
	w.Cluster.Contend(&mesospb.MasterInfo{Id: proto.String("M"), Ip: proto.Uint32(0), Port: proto.Uint32(5050),
		Pid: proto.String(w.master.UPID().String())}, func(cluster.Term, error) {})
	w.a = w.Agent("a", "cpus:4;mem:4096", change...)
	w.program()
	return w
}

// joined is a town whose agent has registered.
func joined(t *testing.T, change ...func(*agent.Config)) *town {
	t.Helper()
	w := newTown(t, change...)
	w.master.Expect(testkit.Of[*controlpb.RegisterAgent]())
	w.Advance(time.Second) // it is a member, and that is on disk
	return w
}

// program lets the machine run the puppet and an executor that never speaks.
func (w *town) program() {
	w.a.Machine.Program("puppet", cast.Executor(func(*cast.Process) executor.Executor {
		w.puppet = &puppet{}
		return w.puppet
	}))
	w.a.Machine.Program("mute", func(*cast.Process) {})
	w.a.Machine.Program("broken", func(p *cast.Process) { p.Exit(9) })
}

func (w *town) acknowledgement(u *controlpb.StatusUpdate) *controlpb.AcknowledgeStatus {
	return &controlpb.AcknowledgeStatus{FrameworkId: u.FrameworkId, AgentId: u.AgentId, TaskId: u.Status.TaskId,
		Uuid: u.Status.Uuid, Epoch: &w.epoch}
}

func (w *town) send(m proto.Message) { w.master.Send(w.a.UPID(), m) }

// puppet is a custom executor that does what the test says.
type puppet struct {
	d        *executor.Driver
	launched []string
	killed   []string
	messages []string
	shutdown bool
	welcomes int
	stubborn bool // does not end when it is told to
}

func (p *puppet) Launch(d *executor.Driver, t *mesospb.TaskInfo) {
	p.d = d
	p.launched = append(p.launched, t.GetTaskId().GetValue())
}
func (p *puppet) Kill(_ *executor.Driver, id *mesospb.TaskID, _ *mesospb.KillPolicy) {
	p.killed = append(p.killed, id.GetValue())
}
func (p *puppet) Message(_ *executor.Driver, data []byte) {
	p.messages = append(p.messages, string(data))
}
func (p *puppet) Subscribed(d *executor.Driver, _ *executorpb.Event_Subscribed) {
	p.d = d
	p.welcomes++
}
func (p *puppet) Shutdown(d *executor.Driver) {
	p.shutdown = true
	if !p.stubborn {
		d.Stop()
	}
}

// update has the puppet send an update. It runs on the driver's actor.
func (w *town) update(task string, state mesospb.TaskState, change ...func(*mesospb.TaskStatus)) {
	s := executor.Status(taskID(task), state)
	for _, c := range change {
		c(s)
	}
	p := w.puppet
	p.d.Base().Dispatch(func() { p.d.Update(s) })
}

func taskID(id string) *mesospb.TaskID { return &mesospb.TaskID{Value: proto.String(id)} }

// command is a task that is a command.
func command(id, script string, change ...func(*mesospb.TaskInfo)) *mesospb.TaskInfo {
	t := &mesospb.TaskInfo{Name: proto.String(id), TaskId: taskID(id), AgentId: agentID, Command: &mesospb.CommandInfo{Value: proto.String(script)}}
	for _, c := range change {
		c(t)
	}
	return t
}

// custom is a task of an executor whose program is one of the machine's.
func custom(id, executorID, program string, change ...func(*mesospb.TaskInfo)) *mesospb.TaskInfo {
	t := &mesospb.TaskInfo{Name: proto.String(id), TaskId: taskID(id), AgentId: agentID, Executor: &mesospb.ExecutorInfo{
		Type: mesospb.ExecutorInfo_CUSTOM.Enum(), ExecutorId: &mesospb.ExecutorID{Value: proto.String(executorID)},
		Command: &mesospb.CommandInfo{Shell: proto.Bool(false), Value: proto.String(program)}}}
	for _, c := range change {
		c(t)
	}
	return t
}

func (w *town) run(t *mesospb.TaskInfo) { w.runFor(framework(), t) }

func (w *town) runFor(f *mesospb.FrameworkInfo, t *mesospb.TaskInfo) {
	w.send(&controlpb.RunTask{Framework: f, Task: t, Epoch: &w.epoch})
}

func (w *town) kill(id string) {
	w.send(&controlpb.KillTask{FrameworkId: framework().Id, TaskId: taskID(id), Epoch: &w.epoch})
}

// status expects an update of a task.
func (w *town) status(task string, state mesospb.TaskState, checks ...func(*controlpb.StatusUpdate) error) *controlpb.StatusUpdate {
	w.t.Helper()
	return w.master.Expect(update(task, state, checks...))[0].Msg.(*controlpb.StatusUpdate)
}

func update(task string, state mesospb.TaskState, checks ...func(*controlpb.StatusUpdate) error) testkit.Pattern {
	return testkit.That(fmt.Sprintf("%v of %s", state, task), func(u *controlpb.StatusUpdate) error {
		if id := u.GetStatus().GetTaskId().GetValue(); id != task {
			return fmt.Errorf("the task is %s", id)
		}
		if s := u.GetStatus().GetState(); s != state {
			return fmt.Errorf("the state is %v, because %v: %s", s, u.GetStatus().GetReason(), u.GetStatus().GetMessage())
		}
		for _, check := range checks {
			if err := check(u); err != nil {
				return err
			}
		}
		return nil
	})
}

// because checks an update of the agent's own.
func because(reason mesospb.TaskStatus_Reason) func(*controlpb.StatusUpdate) error {
	return func(u *controlpb.StatusUpdate) error {
		if u.GetStatus().GetReason() != reason || u.GetStatus().GetSource() != mesospb.TaskStatus_SOURCE_AGENT || len(u.GetStatus().GetUuid()) != 16 {
			return fmt.Errorf("the update is %v", u)
		}
		return nil
	}
}

// quiet checks that nothing more is told about a task.
func (w *town) quiet(during time.Duration) {
	w.t.Helper()
	w.master.ExpectNone(during, testkit.Of[*controlpb.StatusUpdate]())
}

// ask asks the agent's desk, for an answer of the type M.
func ask[M proto.Message](w *town, c *agentpb.Call) M {
	w.t.Helper()
	w.master.Send(process.UPID{ID: "operator(1)", Addr: w.a.UPID().Addr}, c)
	return w.master.Expect(testkit.Of[M]())[0].Msg.(M)
}

func (w *town) get(t agentpb.Call_Type) *agentpb.Response {
	w.t.Helper()
	return ask[*agentpb.Response](w, &agentpb.Call{Type: t.Enum()})
}

// onDisk tells whether a file that ends like this is on the agent's disk.
func (w *town) onDisk(suffix string) bool {
	var walk func(dir string) bool
	walk = func(dir string) bool {
		for _, f := range w.a.Disk().List(dir) {
			if strings.HasSuffix(f.Path, suffix) || f.Dir && walk(f.Path) {
				return true
			}
		}
		return false
	}
	return walk("meta") || walk("slaves")
}

const (
	staging  = mesospb.TaskState_TASK_STAGING
	starting = mesospb.TaskState_TASK_STARTING
	running  = mesospb.TaskState_TASK_RUNNING
	killing  = mesospb.TaskState_TASK_KILLING
	finished = mesospb.TaskState_TASK_FINISHED
	failed   = mesospb.TaskState_TASK_FAILED
	killed   = mesospb.TaskState_TASK_KILLED
	dropped  = mesospb.TaskState_TASK_DROPPED
	lost     = mesospb.TaskState_TASK_LOST
	gone     = mesospb.TaskState_TASK_GONE
	wrong    = mesospb.TaskState_TASK_ERROR
)

// acknowledgedEvent fits what tells an executor that its update is stored.
func acknowledgedEvent(e *executorpb.Event) error {
	if e.GetType() != executorpb.Event_ACKNOWLEDGED {
		return fmt.Errorf("it is %v", e.GetType())
	}
	return nil
}

func launchEvent(e *executorpb.Event) error {
	if e.GetType() != executorpb.Event_LAUNCH {
		return fmt.Errorf("it is %v", e.GetType())
	}
	return nil
}
