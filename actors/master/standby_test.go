package master_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/detector"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// house is three masters, of which m1 leads, an agent that finds the leader by asking them, and a framework with a
// running task.
type house struct {
	*cast.World
	masters []*cast.Master
	a       *cast.Agent
	f       *cast.Framework
}

func newHouse(t *testing.T, change ...func(*mesospb.FrameworkInfo)) *house {
	w := cast.New(t, testkit.Seed(11))
	h := &house{World: w}
	for _, name := range []string{"m1", "m2", "m3"} {
		h.masters = append(h.masters, w.Master(name))
		w.Settle()
	}
	h.a = asking(w, "a1", "cpus:4;mem:4096", h.masters...)
	h.f = w.Framework("f1", change...)
	h.f.Launch(h.f.ExpectOffer(h.a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 100000")
	h.f.Expect(cast.Update("t1", mesospb.TaskState_TASK_STARTING), cast.Update("t1", mesospb.TaskState_TASK_RUNNING))
	w.Advance(time.Second)
	return h
}

// asking starts an agent that is told addresses of masters, as --master=h1:5050,h2:5050 does.
func asking(w *cast.World, name, resources string, masters ...*cast.Master) *cast.Agent {
	a := w.Agent(name, resources)
	a.Parts = func(p *agent.Parts) {
		var known []string
		for _, m := range masters {
			known = append(known, m.UPID().Addr)
		}
		found, err := detector.Spawn(a.Runtime(), "detector", known)
		if err != nil {
			w.Fail("%v", err)
		}
		p.Detector = found
	}
	a.Crash()
	a.Restart()
	return a
}

// standsBy sees that a master does not lead, and knows who does.
func (h *house) standsBy(t *testing.T, m, leader *cast.Master) {
	t.Helper()
	v := m.Client.View()
	if v.Serving || !v.Elected.IsZero() || v.Leader.GetPid() != leader.UPID().String() {
		t.Errorf("%s shows %v as the leader; it serves: %v", m.Name(), v.Leader.GetPid(), v.Serving)
	}
	if led := v.Metrics.Snapshot()["master/elected"]; led != 0 {
		t.Errorf("%s counts itself as elected", m.Name())
	}
}

// takesOver waits until a master leads and the agent is back with its task.
func (h *house) takesOver(t *testing.T, m *cast.Master, within time.Duration) {
	t.Helper()
	h.Until(m.Name()+" leads, and the agent and its task are back", within, func() bool {
		v := m.Client.View()
		return v.Serving && v.Agents.Len() == 1 && v.Tasks.Len() == 1
	})
}

func (h *house) taskRuns(t *testing.T) {
	t.Helper()
	if n := len(h.a.Machine.Running()); n != 2 { // the executor and its command
		t.Errorf("%d processes run", n)
	}
	h.f.ExpectNone(0, testkit.Of(func(e *schedulerpb.Event) bool {
		return e.GetUpdate().GetStatus() != nil && e.GetUpdate().GetStatus().GetState() != mesospb.TaskState_TASK_RUNNING
	}))
}

func TestStandbysKnowWhoLeads(t *testing.T) {
	h := newHouse(t)
	h.standsBy(t, h.masters[1], h.masters[0])
	h.standsBy(t, h.masters[2], h.masters[0])
	// They keep silent to those who think that they lead, and say so to operators.
	stranger := h.Probe("stranger")
	stranger.Send(h.masters[1].UPID(), &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(),
		Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: &mesospb.FrameworkInfo{Name: proto.String("s"), User: proto.String("u")}}})
	stranger.ExpectNone(time.Minute, testkit.Any())
	for call, answered := range map[masterpb.Call_Type]bool{masterpb.Call_GET_HEALTH: true, masterpb.Call_GET_VERSION: true, masterpb.Call_GET_STATE: false} {
		stranger.Send(h.masters[1].Operator(), &masterpb.Call{Type: call.Enum()})
		got := stranger.ExpectNext(testkit.Any()).Msg
		if refused, no := got.(*controlpb.Refused); no == answered || no && refused.GetClass() != controlpb.Refused_UNAVAILABLE {
			t.Errorf("%v is answered with %v", call, got)
		}
	}
}

// The leader dies, dies again, and comes back as a standby. The task does not notice.
func TestMastersFailOver(t *testing.T) {
	h := newHouse(t)
	h.Lease = 15 * time.Second
	h.masters[0].Crash()
	h.takesOver(t, h.masters[1], 20*time.Second)
	h.taskRuns(t)
	h.f.Subscribe()
	h.f.ExpectOffer(h.a, "cpus:3;mem:4032")
	h.masters[0].Restart()
	h.Advance(time.Second)
	h.standsBy(t, h.masters[0], h.masters[1])
	h.standsBy(t, h.masters[2], h.masters[1])
	h.masters[1].Crash()
	h.takesOver(t, h.masters[2], 20*time.Second)
	h.taskRuns(t)
	h.f.Subscribe()
	h.f.ExpectOffer(h.a, "cpus:3;mem:4032")
	h.f.Kill("t1")
	h.f.Expect(cast.Update("t1", mesospb.TaskState_TASK_KILLED))
}

// A master that gives its term back is succeeded at once: nobody waits for a lease, or for a backoff that is meant for
// thousands.
func TestAHandOverTakesNoTime(t *testing.T) {
	h := newHouse(t)
	began := h.Elapsed()
	h.masters[0].Crash() // without a lease that others have to wait for
	h.takesOver(t, h.masters[1], time.Second)
	if took := h.Elapsed() - began; took > 200*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	h.taskRuns(t)
}

// What ends while nobody leads is told once to the next leader's framework.
func TestAnUpdateOutlivesItsMaster(t *testing.T) {
	h := newHouse(t)
	h.Lease = 15 * time.Second
	h.masters[0].Crash()
	h.Advance(time.Second)
	h.a.Machine.Running()[1].Exit(0)
	h.takesOver(t, h.masters[1], 20*time.Second)
	h.f.Subscribe()
	h.f.Expect(cast.Update("t1", mesospb.TaskState_TASK_FINISHED))
	h.f.ExpectNone(time.Hour, cast.Update("t1", mesospb.TaskState_TASK_FINISHED))
}

// A leader that is stopped past its lease wakes up with a full mailbox. It reads none of it.
func TestAStoppedLeaderDoesNothingMore(t *testing.T) {
	h := newHouse(t)
	old := h.masters[0]
	old.Mortal = true
	old.Pause()
	// What it finds in its mailbox when it wakes up.
	h.f.Kill("t1")
	h.Cluster.Depose(errors.New("the lease ran out"))
	h.takesOver(t, h.masters[1], time.Minute)
	spoke := h.Watch(testkit.Any().From(old.UPID()))
	old.Continue()
	h.Advance(time.Minute)
	if len(old.Deaths) != 1 || !strings.Contains(old.Deaths[0].(error).Error(), "leadership is lost") {
		t.Errorf("it ended with %v", old.Deaths)
	}
	if n := spoke.Count(); n != 0 {
		t.Errorf("it said %v", spoke.Messages())
	}
	h.taskRuns(t)
}

// A leader that never notices that it is none any more orders in vain: agents know a newer epoch, the registry a newer
// term, and there it ends.
func TestADeludedLeaderOrdersInVain(t *testing.T) {
	w := cast.New(t, testkit.Seed(12))
	h := &house{World: w}
	for _, name := range []string{"m1", "m2"} {
		h.masters = append(h.masters, w.Master(name))
	}
	old := h.masters[0]
	old.Crash()
	h.masters[1].Crash()
	old.Mortal, old.Deluded = true, true
	old.Restart()
	w.Advance(time.Second)
	h.masters[1].Restart()
	h.a, h.f = w.Agent("a1", "cpus:4;mem:4096"), w.Framework("f1") // the agent hears from the election itself
	h.f.Launch(h.f.ExpectOffer(h.a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 100000")
	h.f.Expect(cast.Update("t1", mesospb.TaskState_TASK_STARTING), cast.Update("t1", mesospb.TaskState_TASK_RUNNING))
	w.Advance(time.Second)
	w.Cluster.Depose(errors.New("the lease ran out"))
	h.takesOver(t, h.masters[1], time.Minute)
	orders := w.Watch(testkit.Of[*controlpb.ShutdownFramework]())
	operator := w.Probe("operator")
	operator.Send(old.Operator(), &masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: h.f.Info.Id}})
	w.Advance(time.Minute)
	if orders.Count() == 0 {
		t.Fatal("it ordered nothing, so nothing is shown")
	}
	h.taskRuns(t)
	if h.masters[1].Client.View().Tasks.Len() != 1 {
		t.Error("the leader lost the task")
	}
	if !old.Up() {
		t.Fatal("it ended before it could do harm")
	}
	operator.Send(old.Operator(), &masterpb.Call{Type: masterpb.Call_DEACTIVATE_AGENT.Enum(),
		DeactivateAgent: &masterpb.Call_DeactivateAgent{AgentId: &mesospb.AgentID{Value: proto.String(h.a.ID())}}})
	w.Advance(time.Minute)
	if len(old.Deaths) != 1 || !errors.Is(old.Deaths[0].(error), cluster.ErrFenced) {
		t.Errorf("it ended with %v", old.Deaths)
	}
	if v := h.masters[1].Client.View(); v.Agents.Len() != 1 {
		t.Error("the leader lost the agent")
	}
}

// A master that hears that another leads in a later term ends, should its own lease still seem to last.
func TestALaterTermEndsAMaster(t *testing.T) {
	h := newHouse(t)
	h.masters[0].Mortal = true
	h.Cluster.Depose(errors.New("the lease ran out"))
	h.takesOver(t, h.masters[1], time.Minute)
	if h.masters[0].Up() {
		t.Error("two lead")
	}
}

// A framework whose scheduler died with the master is waited for no longer than any other, and its tasks end. Mesos would
// let them run for ever.
func TestAFrameworkThatNeverReturnsIsRemoved(t *testing.T) {
	h := newHouse(t, func(f *mesospb.FrameworkInfo) { f.FailoverTimeout = proto.Float64(3600) })
	h.masters[0].Crash()
	h.takesOver(t, h.masters[1], time.Minute)
	h.Advance(59 * time.Minute)
	h.taskRuns(t)
	h.Advance(2 * time.Minute)
	v := h.masters[1].Client.View()
	if v.Frameworks.Len() != 0 || v.Past.Len() != 1 {
		t.Errorf("%d frameworks, %d completed", v.Frameworks.Len(), v.Past.Len())
	}
	if left := h.a.Machine.Running(); len(left) != 0 {
		t.Errorf("%d processes are left", len(left))
	}
}

// teller is a detector that says what a test says.
type teller struct {
	now  *cluster.Leader
	done func(*cluster.Leader, error)
}

func (d *teller) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) func() {
	if !d.now.Same(previous) {
		done(d.now, nil)
		return func() {}
	}
	d.done = done
	return func() { d.done = nil }
}

func (d *teller) say(l *cluster.Leader) {
	d.now = l
	if done := d.done; done != nil {
		d.done = nil
		done(l, nil)
	}
}

// An agent that is told that nobody leads, and then that the same master does, asks it to be taken back, and its task
// goes on.
func TestAnAgentReturnsToTheSameMaster(t *testing.T) {
	w := cast.New(t, testkit.Seed(13))
	m := w.Master("m1")
	w.Settle()
	word := &teller{now: &cluster.Leader{UPID: m.UPID().String()}}
	a := w.Agent("a1", "cpus:4;mem:4096")
	a.Parts = func(p *agent.Parts) { p.Detector = word }
	a.Crash()
	a.Restart()
	f := w.Framework("f1")
	f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 100000")
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_STARTING), cast.Update("t1", mesospb.TaskState_TASK_RUNNING))
	w.Advance(time.Second) // the acknowledgement is on its way
	returns := w.Watch(testkit.Of[*controlpb.ReregisterAgent]())
	leader := word.now
	word.say(nil)
	w.Advance(10 * time.Second)
	if returns.Count() != 0 {
		t.Error("it asks somebody though nobody leads")
	}
	word.say(leader)
	w.Advance(10 * time.Second)
	if returns.Count() == 0 || m.Client.View().Agents.Len() != 1 || len(a.Machine.Running()) != 2 {
		t.Errorf("it asked %d times, %d agents, %d processes", returns.Count(), m.Client.View().Agents.Len(), len(a.Machine.Running()))
	}
	f.ExpectNone(time.Minute, testkit.Of(func(e *schedulerpb.Event) bool { return e.GetUpdate() != nil }))
}

// What a framework says of itself when it comes back after a failover is what holds, at the agents too.
func TestAFrameworkChangesAcrossAFailover(t *testing.T) {
	h := newHouse(t)
	h.masters[0].Crash()
	h.takesOver(t, h.masters[1], time.Minute)
	told := h.Watch(testkit.Of[*controlpb.UpdateFramework]())
	h.f.Info.Hostname = proto.String("elsewhere")
	h.f.Subscribe()
	h.Advance(time.Second)
	if told.Count() == 0 || told.Messages()[0].Msg.(*controlpb.UpdateFramework).GetFramework().GetHostname() != "elsewhere" {
		t.Errorf("agents are told %v", told.Messages())
	}
	one, _ := h.masters[1].Client.View().Frameworks.Get(h.f.Info.GetId().GetValue())
	if one.GetFrameworkInfo().GetHostname() != "elsewhere" || one.GetRecovered() {
		t.Errorf("the master has %v", one)
	}
}
