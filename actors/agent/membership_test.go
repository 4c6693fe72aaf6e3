package agent_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

func TestRegistration(t *testing.T) {
	w := newTown(t)
	r := w.master.Expect(testkit.Of[*controlpb.RegisterAgent]())[0].Msg.(*controlpb.RegisterAgent)
	if w.Elapsed() > 1100*time.Millisecond {
		t.Errorf("it took %v, more than the backoff factor", w.Elapsed())
	}
	if r.GetAgent().GetHostname() != "a" || r.GetAgent().GetPort() != 5051 || len(r.GetAgent().GetResources()) != 2 || r.GetAgent().Id != nil {
		t.Errorf("it registered as %v", r.GetAgent())
	}
	w.Advance(time.Second)
	if w.a.ID() != "A1" {
		t.Error("its id is not on disk")
	}
	// It has what it wanted, and asks no more.
	w.master.ExpectNone(time.Minute, testkit.Of[*controlpb.RegisterAgent]())
}

// A master that does not answer is asked again and again, ever more seldom, and at least about once a minute.
func TestRegistrationBacksOff(t *testing.T) {
	w := newTown(t)
	w.closed = true
	asked := w.Watch(testkit.Of[*controlpb.RegisterAgent]())
	w.Advance(10 * time.Minute)
	first := asked.Count()
	w.Advance(time.Hour)
	if n := asked.Count() - first; n < 60 || n > 300 {
		t.Errorf("asked %d times in an hour", n)
	}
	w.closed = false
	w.Advance(time.Minute)
	if w.a.ID() != "A1" {
		t.Error("not registered")
	}
}

func TestPings(t *testing.T) {
	w := joined(t)
	for range 10 {
		w.send(&controlpb.Ping{Connected: proto.Bool(true), Epoch: &w.epoch})
		w.master.Expect(testkit.Of(func(p *controlpb.Pong) bool { return p.GetAgentId().GetValue() == "A1" }))
		w.master.ExpectNone(15*time.Second, testkit.Of[*controlpb.ReregisterAgent]())
	}
	// The pings stop: after 75 seconds it looks for its master again.
	w.master.ExpectNone(59*time.Second, testkit.Of[*controlpb.ReregisterAgent]())
	w.returned()
}

func TestNoPingAtAll(t *testing.T) {
	w := joined(t)
	w.master.ExpectNone(70*time.Second, testkit.Of[*controlpb.ReregisterAgent]())
	w.returned()
}

// The master thinks that the agent is not connected: it has missed something.
func TestAPingThatSaysDisconnected(t *testing.T) {
	w := joined(t)
	w.send(&controlpb.Ping{Connected: proto.Bool(false), Epoch: &w.epoch})
	w.returned()
}

// With no election service nobody tells of a master that was restarted; the broken link does, and the agent is back
// in seconds, where Mesos waits for the pings to miss.
func TestARestartedMasterIsNoticedAtOnce(t *testing.T) {
	w := joined(t)
	w.master.Node().Crash()
	w.Advance(20 * time.Second)
	back := false
	w.Observe(func(m testkit.Message) {
		if _, ok := m.Msg.(*controlpb.ReregisterAgent); ok && m.To == w.master.UPID() {
			back = true
		}
	})
	w.master.Node().Restart()
	w.Until("the agent is back", 10*time.Second, func() bool { return back })
}

// Orders of whoever does not lead change nothing.
func TestStrangersGiveNoOrders(t *testing.T) {
	w := withPuppet(t)
	stranger := w.Probe("stranger")
	for _, m := range []proto.Message{
		&controlpb.KillTask{FrameworkId: framework().Id, TaskId: taskID("t1"), Epoch: &w.epoch},
		&controlpb.ShutdownFramework{FrameworkId: framework().Id, Epoch: &w.epoch},
		&controlpb.ShutdownAgent{Epoch: &w.epoch},
		&controlpb.RunTask{Framework: framework(), Task: command("t2", "exit 0"), Epoch: &w.epoch},
		&controlpb.AgentRegistered{AgentId: &mesospb.AgentID{Value: proto.String("B")}, Epoch: &w.epoch},
	} {
		stranger.Send(w.a.UPID(), m)
	}
	w.quiet(time.Minute)
	if w.puppet.shutdown || len(w.puppet.killed) > 0 || len(w.a.Machine.Running()) != 1 || w.a.ID() != "A1" {
		t.Error("it obeyed")
	}
}

func TestShutdownAgent(t *testing.T) {
	w := withPuppet(t)
	w.send(&controlpb.ShutdownAgent{Message: proto.String("gone for good"), Epoch: &w.epoch})
	w.Until("it ends", time.Minute, func() bool { return len(w.a.Endings) == 1 })
	if w.a.Endings[0] != nil || len(w.a.Machine.Running()) != 0 || !w.puppet.shutdown {
		t.Errorf("it ended with %v, %d processes are left", w.a.Endings[0], len(w.a.Machine.Running()))
	}
	w.a.Restart()
	w.master.Expect(testkit.Of[*controlpb.RegisterAgent]()) // as a new one
}

// It was admitted under another id: this is another cluster.
func TestAnotherClusterIsNotJoined(t *testing.T) {
	w := joined(t)
	w.closed = true
	w.restart()
	w.returned()
	w.send(&controlpb.AgentReregistered{AgentId: &mesospb.AgentID{Value: proto.String("B")}, Epoch: &w.epoch})
	w.Until("it ends", time.Minute, func() bool { return len(w.a.Endings) == 1 })
	if w.a.Endings[0] == nil {
		t.Error("it does not say why")
	}
}

// Tasks that the master has and the agent does not.
func TestReconciliationWithTheMaster(t *testing.T) {
	w := withPuppet(t)
	w.closed = true
	w.restart()
	w.returned()
	w.send(&controlpb.AgentReregistered{AgentId: agentID, Epoch: &w.epoch, Reconciliations: []*controlpb.ReconcileTasks{{
		Framework: framework(), Statuses: []*mesospb.TaskStatus{
			{TaskId: taskID("t1"), State: staging.Enum()}, {TaskId: taskID("t7"), State: staging.Enum()}}}}})
	w.status("t7", dropped, because(mesospb.TaskStatus_REASON_RECONCILIATION))
	w.quiet(time.Minute)
}

var _ = agent.Version
