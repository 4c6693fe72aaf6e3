package scheduler_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

func TestCallsReachTheMaster(t *testing.T) {
	task, agent, executor := &mesospb.TaskID{Value: proto.String("t")}, &mesospb.AgentID{Value: proto.String("A")}, &mesospb.ExecutorID{Value: proto.String("E")}
	o := offer("o", "cpus:1")
	for _, c := range []struct {
		kind schedulerpb.Call_Type
		say  func(*scheduler.Driver)
		want *schedulerpb.Call
	}{
		{schedulerpb.Call_DECLINE, func(d *scheduler.Driver) { d.Decline(scheduler.Refuse(time.Minute), o) },
			&schedulerpb.Call{Decline: &schedulerpb.Call_Decline{OfferIds: []*mesospb.OfferID{o.Id}, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(60)}}}},
		{schedulerpb.Call_ACCEPT, func(d *scheduler.Driver) { d.AcceptOffers(nil, []*mesospb.OfferID{o.Id}) },
			&schedulerpb.Call{Accept: &schedulerpb.Call_Accept{OfferIds: []*mesospb.OfferID{o.Id}}}},
		{schedulerpb.Call_REVIVE, func(d *scheduler.Driver) { d.Revive() }, &schedulerpb.Call{Revive: &schedulerpb.Call_Revive{}}},
		{schedulerpb.Call_SUPPRESS, func(d *scheduler.Driver) { d.Suppress("r") }, &schedulerpb.Call{Suppress: &schedulerpb.Call_Suppress{Roles: []string{"r"}}}},
		{schedulerpb.Call_KILL, func(d *scheduler.Driver) { d.Kill(task, agent, nil) }, &schedulerpb.Call{Kill: &schedulerpb.Call_Kill{TaskId: task, AgentId: agent}}},
		{schedulerpb.Call_SHUTDOWN, func(d *scheduler.Driver) { d.ShutdownExecutor(agent, executor) },
			&schedulerpb.Call{Shutdown: &schedulerpb.Call_Shutdown{AgentId: agent, ExecutorId: executor}}},
		{schedulerpb.Call_RECONCILE, func(d *scheduler.Driver) { d.Reconcile(&schedulerpb.Call_Reconcile_Task{TaskId: task, AgentId: agent}) },
			&schedulerpb.Call{Reconcile: &schedulerpb.Call_Reconcile{Tasks: []*schedulerpb.Call_Reconcile_Task{{TaskId: task, AgentId: agent}}}}},
		{schedulerpb.Call_RECONCILE_OPERATIONS, func(d *scheduler.Driver) { d.ReconcileOperations() },
			&schedulerpb.Call{ReconcileOperations: &schedulerpb.Call_ReconcileOperations{}}},
		{schedulerpb.Call_MESSAGE, func(d *scheduler.Driver) { d.SendMessage(agent, executor, []byte("x")) },
			&schedulerpb.Call{Message: &schedulerpb.Call_Message{AgentId: agent, ExecutorId: executor, Data: []byte("x")}}},
		{schedulerpb.Call_REQUEST, func(d *scheduler.Driver) { d.Request(&mesospb.Request{AgentId: agent}) },
			&schedulerpb.Call{Request: &schedulerpb.Call_Request{Requests: []*mesospb.Request{{AgentId: agent}}}}},
		{schedulerpb.Call_ACCEPT_INVERSE_OFFERS, func(d *scheduler.Driver) { d.AcceptInverseOffers(nil, o.Id) },
			&schedulerpb.Call{AcceptInverseOffers: &schedulerpb.Call_AcceptInverseOffers{InverseOfferIds: []*mesospb.OfferID{o.Id}}}},
		{schedulerpb.Call_DECLINE_INVERSE_OFFERS, func(d *scheduler.Driver) { d.DeclineInverseOffers(nil, o.Id) },
			&schedulerpb.Call{DeclineInverseOffers: &schedulerpb.Call_DeclineInverseOffers{InverseOfferIds: []*mesospb.OfferID{o.Id}}}},
		{schedulerpb.Call_TEARDOWN, (*scheduler.Driver).Teardown, &schedulerpb.Call{}},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			s := subscribed(t)
			s.do(c.say)
			c.want.Type, c.want.FrameworkId = c.kind.Enum(), &mesospb.FrameworkID{Value: proto.String("F")}
			if got := s.master.Expect(call(c.kind))[0].Msg; !proto.Equal(got, c.want) {
				t.Errorf("got %v\nwant %v", got, c.want)
			}
		})
	}
}

func TestCallsWithoutAMasterAreNotSent(t *testing.T) {
	s := newStage(t)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.do(func(d *scheduler.Driver) {
		d.Decline(nil, offer("o", "cpus:1"))
		d.Reconcile()
		d.Revive()
		d.UpdateFramework(d.Framework(), nil, nil)
	})
	s.master.ExpectNone(200*time.Millisecond, call(schedulerpb.Call_DECLINE), call(schedulerpb.Call_RECONCILE), call(schedulerpb.Call_REVIVE),
		call(schedulerpb.Call_UPDATE_FRAMEWORK))
}

func launch(o *mesospb.Offer, tasks ...*mesospb.TaskInfo) func(*scheduler.Driver) {
	return func(d *scheduler.Driver) {
		plan := scheduler.NewPlan(o)
		for _, task := range tasks {
			plan.Launch(task)
		}
		d.Accept(plan)
	}
}

func TestALaunchWithoutAMasterIsLostAtOnce(t *testing.T) {
	for want, capability := range map[string]mesospb.FrameworkInfo_Capability_Type{
		"t TASK_LOST": mesospb.FrameworkInfo_Capability_MULTI_ROLE, "t TASK_DROPPED": mesospb.FrameworkInfo_Capability_PARTITION_AWARE,
	} {
		s := newStage(t, func(c *scheduler.Config) {
			c.Framework.Capabilities = []*mesospb.FrameworkInfo_Capability{{Type: capability.Enum()}}
		})
		s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
		s.do(launch(offer("o", "cpus:4;mem:64"), scheduler.Shell("t", "true", small(t))))
		s.expect(want)
		if got := s.f.statuses[0]; got.GetReason() != mesospb.TaskStatus_REASON_MASTER_DISCONNECTED || got.GetUuid() != nil || got.GetAgentId().GetValue() != "A" {
			t.Errorf("got %v", got)
		}
	}
}

// A kill is said again after each subscription until the task is known to have ended.
func TestKillsSurviveADisconnection(t *testing.T) {
	s := newStage(t)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	for _, id := range []string{"t2", "t1", "t3"} {
		s.do(func(d *scheduler.Driver) { d.Kill(&mesospb.TaskID{Value: proto.String(id)}, nil, nil) })
	}
	s.welcome()
	for _, id := range []string{"t1", "t2", "t3"} {
		s.master.Expect(call(schedulerpb.Call_KILL, func(c *schedulerpb.Call) bool { return c.GetKill().GetTaskId().GetValue() == id }))
	}
	s.say(update("t1", mesospb.TaskState_TASK_KILLED, "u", "A"), update("t2", mesospb.TaskState_TASK_UNKNOWN, "", ""), running("t3", "u3"))
	s.do((*scheduler.Driver).Reconnect)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.welcome()
	got := s.master.Expect(call(schedulerpb.Call_KILL))[0].Msg.(*schedulerpb.Call)
	if id := got.GetKill().GetTaskId().GetValue(); id != "t3" {
		t.Errorf("killed %s again", id)
	}
	s.master.ExpectNone(time.Second, call(schedulerpb.Call_KILL))
}

func suppressedIn(s *stage) []string {
	return s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))[0].Msg.(*schedulerpb.Call).GetSubscribe().GetSuppressedRoles()
}

func TestSuppressedRolesStaySuppressed(t *testing.T) {
	s := newStage(t, func(c *scheduler.Config) {
		c.Framework.Roles = []string{"a", "b", "c"}
		c.Framework.Capabilities = []*mesospb.FrameworkInfo_Capability{{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()}}
		c.SuppressedRoles = []string{"b"}
	})
	if got := suppressedIn(s); !slices.Equal(got, []string{"b"}) {
		t.Errorf("at first %v", got)
	}
	s.welcome()
	for _, step := range []struct {
		say  func(*scheduler.Driver)
		want []string
	}{
		{func(d *scheduler.Driver) { d.Suppress("a") }, []string{"a", "b"}},
		{func(d *scheduler.Driver) { d.Revive("b") }, []string{"a"}},
		{func(d *scheduler.Driver) { d.Suppress() }, []string{"a", "b", "c"}},
		{func(d *scheduler.Driver) { d.Revive() }, nil},
		{func(d *scheduler.Driver) { d.UpdateFramework(d.Framework(), []string{"c"}, nil) }, []string{"c"}},
	} {
		s.do(step.say)
		s.master.Forget()
		s.do((*scheduler.Driver).Reconnect)
		if got := suppressedIn(s); !slices.Equal(got, step.want) {
			t.Errorf("got %v, want %v", got, step.want)
		}
		s.welcome()
	}
}

func TestAFrameworkWithOneRoleSuppressesThat(t *testing.T) {
	s := subscribed(t)
	s.do(func(d *scheduler.Driver) { d.Suppress() })
	s.do((*scheduler.Driver).Reconnect)
	if got := suppressedIn(s); !slices.Equal(got, []string{"*"}) {
		t.Errorf("got %v", got)
	}
}

func TestUpdateFrameworkHoldsForLaterSubscriptions(t *testing.T) {
	s := subscribed(t)
	s.do(func(d *scheduler.Driver) {
		f := d.Framework()
		f.Name, f.Id, f.User = proto.String("renamed"), nil, nil
		d.UpdateFramework(f, nil, &schedulerpb.OfferConstraints{})
	})
	got := s.master.Expect(call(schedulerpb.Call_UPDATE_FRAMEWORK))[0].Msg.(*schedulerpb.Call).GetUpdateFramework()
	if f := got.GetFrameworkInfo(); f.GetName() != "renamed" || f.GetId().GetValue() != "F" || f.GetUser() != "u" || got.GetOfferConstraints() == nil {
		t.Errorf("got %v", got)
	}
	s.do((*scheduler.Driver).Reconnect)
	again := s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))[0].Msg.(*schedulerpb.Call).GetSubscribe()
	if again.GetFrameworkInfo().GetName() != "renamed" || again.GetOfferConstraints() == nil {
		t.Errorf("got %v", again)
	}
}

func TestStopLeavesTheFrameworkToItsNextInstance(t *testing.T) {
	s := subscribed(t)
	s.do((*scheduler.Driver).Stop)
	s.ended()
	s.master.ExpectNone(time.Minute)
}

func TestTeardownWaitsForAMaster(t *testing.T) {
	s := newStage(t)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.do((*scheduler.Driver).Teardown)
	s.welcome()
	s.master.Expect(call(schedulerpb.Call_TEARDOWN))
	s.ended()
	s.expect()
}

func TestTeardownWhenDisconnectedIsToldLater(t *testing.T) {
	s := subscribed(t)
	s.do(func(d *scheduler.Driver) { d.Reconnect(); d.Teardown() })
	s.expect("disconnected")
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.welcome()
	s.master.Expect(call(schedulerpb.Call_TEARDOWN))
	s.ended()
	s.expect()
}

func TestStopInsideOfDisconnected(t *testing.T) {
	s := subscribed(t)
	s.f.gone = (*scheduler.Driver).Stop
	s.do((*scheduler.Driver).Reconnect)
	s.ended()
	s.master.ExpectNone(time.Minute, call(schedulerpb.Call_SUBSCRIBE))
}
