package master_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

func drainCall(id string, gone bool) *masterpb.Call {
	return &masterpb.Call{Type: masterpb.Call_DRAIN_AGENT.Enum(), DrainAgent: &masterpb.Call_DrainAgent{
		AgentId: aid(id), MarkGone: proto.Bool(gone), MaxGracePeriod: durationpb.New(10 * time.Second)}}
}

func deactivateCall(id string) *masterpb.Call {
	return &masterpb.Call{Type: masterpb.Call_DEACTIVATE_AGENT.Enum(), DeactivateAgent: &masterpb.Call_DeactivateAgent{AgentId: aid(id)}}
}

func reactivateCall(id string) *masterpb.Call {
	return &masterpb.Call{Type: masterpb.Call_REACTIVATE_AGENT.Enum(), ReactivateAgent: &masterpb.Call_ReactivateAgent{AgentId: aid(id)}}
}

func goneCall(id string) *masterpb.Call {
	return &masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: aid(id)}}
}

// seen is an agent as GET_AGENTS shows it.
func (s *stage) seen(id string) *masterpb.Response_GetAgents_Agent {
	for _, a := range s.ask(masterpb.Call_GET_AGENTS).GetGetAgents().GetAgents() {
		if a.GetAgentInfo().GetId().GetValue() == id {
			return a
		}
	}
	return &masterpb.Response_GetAgents_Agent{}
}

var drainOrder = testkit.Of[*controlpb.DrainAgent]()

// finish has the agent report the end of a task, and the framework acknowledge it.
func (s *stage) finish(f *fakeScheduler, a *fakeAgent, id string) {
	uuid := id + "-end"
	a.update(f.id, id, mesospb.TaskState_TASK_KILLED, uuid)
	f.updated(id, mesospb.TaskState_TASK_KILLED)
	f.acknowledge(a, id, uuid)
	a.Expect(testkit.Of[*controlpb.AcknowledgeStatus]())
	a.tasks = nil
	s.Advance(time.Second)
}

func TestDrainAgent(t *testing.T) {
	t.Run("with a task", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", aware)
		s.running(f, a, "t1")
		s.done(t, drainCall(a.id(), false))
		order := a.Expect(drainOrder)[0].Msg.(*controlpb.DrainAgent)
		if order.GetConfig().GetMaxGracePeriod().GetNanoseconds() != int64(10*time.Second) || order.GetConfig().GetMarkGone() {
			t.Errorf("the order is %v", order)
		}
		v := s.seen(a.id())
		if v.GetActive() || !v.GetDeactivated() || v.GetDrainInfo().GetState() != mesospb.DrainState_DRAINING || v.GetEstimatedDrainStartTime() == nil {
			t.Errorf("it is shown as %v", v)
		}
		refusedWith(t, s.order(reactivateCall(a.id())), controlpb.Refused_INVALID, "DRAINING")
		s.finish(f, a, "t1")
		equal(t, "state", s.seen(a.id()).GetDrainInfo().GetState(), mesospb.DrainState_DRAINED)
		f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
		s.done(t, reactivateCall(a.id()))
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		f.offer()
		v = s.seen(a.id())
		if !v.GetActive() || v.GetDeactivated() || v.GetDrainInfo() != nil || v.GetEstimatedDrainStartTime() != nil {
			t.Errorf("it is shown as %v", v)
		}
	})
	t.Run("without a task", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1")
		f.offer()
		s.done(t, drainCall(a.id(), false))
		f.Expect(event(schedulerpb.Event_RESCIND))
		s.Advance(time.Second)
		equal(t, "state", s.seen(a.id()).GetDrainInfo().GetState(), mesospb.DrainState_DRAINED)
	})
	t.Run("marked gone when it is done", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", aware)
		s.running(f, a, "t1")
		s.done(t, drainCall(a.id(), true))
		s.finish(f, a, "t1")
		a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
		equal(t, "agents", len(s.ask(masterpb.Call_GET_AGENTS).GetGetAgents().GetAgents()), 0)
		refusedWith(t, s.order(drainCall(a.id(), false)), controlpb.Refused_INVALID, "Unknown agent")
	})
	t.Run("without a task, and gone", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		s.done(t, drainCall(a.id(), true))
		a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
		s.done(t, goneCall(a.id()))
	})
	t.Run("the end of its framework is the end of its tasks", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", aware)
		s.running(f, a, "t1")
		s.done(t, drainCall(a.id(), false))
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		s.Advance(time.Second)
		equal(t, "state", s.seen(a.id()).GetDrainInfo().GetState(), mesospb.DrainState_DRAINED)
	})
}

// An agent that is away is drained when it comes back.
func TestDrainAgentThatIsAway(t *testing.T) {
	t.Run("disconnected", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", aware, checkpointing)
		s.running(f, a, "t1")
		a.node.Crash()
		s.Advance(time.Second)
		s.done(t, drainCall(a.id(), false))
		equal(t, "state", s.seen(a.id()).GetDrainInfo().GetState(), mesospb.DrainState_DRAINING)
		a.node.Restart()
		a.Probe = a.node.Probe("slave(1)")
		a.reregister()
		a.Expect(drainOrder)
		s.finish(f, a, "t1")
		equal(t, "state", s.seen(a.id()).GetDrainInfo().GetState(), mesospb.DrainState_DRAINED)
	})
	t.Run("unreachable", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", aware)
		s.running(f, a, "t1")
		a.deaf = true
		f.ExpectWithin(2*time.Minute, update("t1", mesospb.TaskState_TASK_UNREACHABLE))
		s.done(t, drainCall(a.id(), false))
		a.deaf = false
		a.reregister()
		a.Expect(drainOrder)
		s.finish(f, a, "t1")
		equal(t, "state", s.seen(a.id()).GetDrainInfo().GetState(), mesospb.DrainState_DRAINED)
	})
	t.Run("unreachable without a task, and gone", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		a.deaf = true
		s.Advance(2 * time.Minute)
		s.done(t, drainCall(a.id(), true))
		a.deaf = false
		a.reregister()
		a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
	})
	t.Run("after a failover", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", aware, patient(time.Hour))
		s.running(f, a, "t1")
		s.done(t, drainCall(a.id(), true))
		a.Expect(drainOrder)
		s.failover()
		f.subscribe()
		a.reregister()
		a.Expect(drainOrder)
		equal(t, "state", s.seen(a.id()).GetDrainInfo().GetState(), mesospb.DrainState_DRAINING)
		s.finish(f, a, "t1")
		a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
	})
	t.Run("drained before a failover, not yet gone", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		s.done(t, drainCall(a.id(), false))
		s.Advance(time.Second)
		s.failover()
		a.reregister()
		equal(t, "state", s.seen(a.id()).GetDrainInfo().GetState(), mesospb.DrainState_DRAINED)
		s.done(t, reactivateCall(a.id()))
		s.failover()
		a.reregister()
		equal(t, "deactivated", s.seen(a.id()).GetDeactivated(), false)
	})
}

func TestDrainAgentRefused(t *testing.T) {
	s := newStage(t, nil)
	refusedWith(t, s.order(drainCall("nosuch", false)), controlpb.Refused_INVALID, "Unknown agent")
	refusedWith(t, s.order(deactivateCall("nosuch")), controlpb.Refused_INVALID, "Unknown agent")
	refusedWith(t, s.order(reactivateCall("nosuch")), controlpb.Refused_INVALID, "Agent is not deactivated")
	refusedWith(t, s.order(goneCall("nosuch")), controlpb.Refused_NOT_FOUND, "Agent 'nosuch' not found")
	old := s.stranger("a1", "cpus:4;mem:4096")
	old.Send(s.master(), &controlpb.RegisterAgent{Agent: old.info, Version: proto.String("0.1.0")})
	m := old.Expect(testkit.Of[*controlpb.AgentRegistered]())[0].Msg.(*controlpb.AgentRegistered)
	refusedWith(t, s.order(drainCall(m.GetAgentId().GetValue(), false)), controlpb.Refused_INVALID, "not capable")
}

func TestDeactivateAgent(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware)
	s.running(f, a, "t1")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	f.offer()
	s.done(t, deactivateCall(a.id()))
	f.Expect(event(schedulerpb.Event_RESCIND))
	s.done(t, deactivateCall(a.id()))
	if v := s.seen(a.id()); v.GetActive() || !v.GetDeactivated() || v.GetDrainInfo() != nil {
		t.Errorf("it is shown as %v", v)
	}
	a.ExpectNone(time.Second, drainOrder)
	f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS), event(schedulerpb.Event_UPDATE))
	a.deaf = true
	s.Advance(2 * time.Minute)
	a.deaf = false
	a.reregister()
	equal(t, "deactivated", s.seen(a.id()).GetDeactivated(), true)
	s.failover()
	a.reregister()
	equal(t, "deactivated", s.seen(a.id()).GetDeactivated(), true)
	s.done(t, reactivateCall(a.id()))
	equal(t, "active", s.seen(a.id()).GetActive(), true)
	refusedWith(t, s.order(reactivateCall(a.id())), controlpb.Refused_INVALID, "Agent is not deactivated")
}

// While an agent is on its way out of the cluster for ever, nothing else is decided about it.
func TestDrainWhileMarkedGone(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	s.fail(fault{})
	s.desk.Send(s.node.UPID("operator"), goneCall(a.id()))
	other := s.Probe("other")
	s.Advance(50 * time.Millisecond)
	other.Send(s.node.UPID("operator"), drainCall(a.id(), false))
	refusedWith(t, other.ExpectNext(testkit.Any()).Msg.(*controlpb.Refused), controlpb.Refused_CONFLICT, "being marked gone")
	other.Send(s.node.UPID("operator"), goneCall(a.id()))
	refusedWith(t, other.ExpectNext(testkit.Any()).Msg.(*controlpb.Refused), controlpb.Refused_UNAVAILABLE, "")
}
