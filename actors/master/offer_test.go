package master_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

func TestOffersOfManyAgents(t *testing.T) {
	s := newStage(t, nil)
	for i := range 10 {
		s.agent(fmt.Sprintf("a%d", i), "cpus:2;mem:1024")
	}
	f := s.framework("f1")
	hosts := map[string]bool{}
	for _, o := range f.offers(10) {
		equal(t, "the offer of "+o.GetHostname(), amounts(t, o.GetResources()), "cpus:2; mem:1024")
		hosts[o.GetHostname()] = true
	}
	equal(t, "hosts", len(hosts), 10)
}

func TestOfferedAgain(t *testing.T) {
	t.Run("after the framework stops", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:2;mem:1024")
		f := s.framework("f1")
		f.offer()
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		equal(t, "the offer", amounts(t, s.framework("f2").offer().GetResources()), "cpus:2; mem:1024")
	})
	t.Run("when unused", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:2;mem:1024")
		f := s.framework("f1")
		f.accept([]*mesospb.Offer{f.offer()}, 0)
		equal(t, "the offer", amounts(t, f.offer().GetResources()), "cpus:2; mem:1024")
	})
	t.Run("after a task that is refused", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:2;mem:1024")
		f := s.framework("f1")
		o := f.offer()
		bad := command("t1", o, "cpus:1;mem:64")
		bad.Resources = nil
		f.accept([]*mesospb.Offer{o}, 0, bad)
		status := f.updated("t1", mesospb.TaskState_TASK_ERROR)
		equal(t, "the reason", status.GetReason(), mesospb.TaskStatus_REASON_TASK_INVALID)
		if status.Uuid != nil || status.GetMessage() == "" {
			t.Errorf("the update is %v", status)
		}
		equal(t, "the offer", amounts(t, f.offer().GetResources()), "cpus:2; mem:1024")
	})
	t.Run("after a task that ended, before its acknowledgement", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:2;mem:1024")
		f := s.framework("f1")
		s.running(f, a, "t1")
		a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u2")
		f.updated("t1", mesospb.TaskState_TASK_FINISHED)
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		equal(t, "the offer", amounts(t, f.offer().GetResources()), "cpus:2; mem:1024")
	})
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		name    string
		filters *mesospb.Filters
		least   time.Duration
		most    time.Duration
	}{
		{"five seconds unless told otherwise", nil, 4 * time.Second, 7 * time.Second},
		{"none", &mesospb.Filters{RefuseSeconds: proto.Float64(0)}, 0, 2 * time.Second},
		{"a negative one is the default", &mesospb.Filters{RefuseSeconds: proto.Float64(-1)}, 4 * time.Second, 7 * time.Second},
		{"an hour", &mesospb.Filters{RefuseSeconds: proto.Float64(3600)}, 3599 * time.Second, 3602 * time.Second},
		{"at most a year", &mesospb.Filters{RefuseSeconds: proto.Float64(1e12)}, 364 * 24 * time.Hour, 366 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.most > 24*time.Hour {
				t.Log("a year is told by the pure function; a world would have to ping through it")
				return
			}
			s := newStage(t, nil)
			s.agent("a1", "cpus:2;mem:1024")
			f := s.framework("f1")
			f.call(&schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{OfferIds: []*mesospb.OfferID{f.offer().Id}, Filters: c.filters}})
			f.ExpectNone(c.least, event(schedulerpb.Event_OFFERS))
			f.ExpectWithin(c.most-c.least, event(schedulerpb.Event_OFFERS))
		})
	}
}

func TestOfferTimeout(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.OfferTimeout = 30 * time.Second })
	a := s.agent("a1", "cpus:2;mem:1024")
	f := s.framework("f1")
	o := f.offer()
	f.ExpectNone(29*time.Second, event(schedulerpb.Event_RESCIND))
	f.ExpectWithin(2*time.Second, testkit.Of(func(e *schedulerpb.Event) bool { return e.GetRescind().GetOfferId().GetValue() == o.GetId().GetValue() }))
	o = f.offer()
	t.Run("one that was declined is not rescinded", func(t *testing.T) {
		f.accept([]*mesospb.Offer{o}, 3600)
		f.ExpectNone(time.Minute, event(schedulerpb.Event_RESCIND))
	})
	t.Run("one that was used is not rescinded", func(t *testing.T) {
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		o = f.offer()
		f.launch(o, command("t1", o, "cpus:2;mem:1024"))
		a.run("t1")
		f.ExpectNone(time.Minute, event(schedulerpb.Event_RESCIND))
	})
}

func TestSuppress(t *testing.T) {
	s := newStage(t, nil)
	s.agent("a1", "cpus:2;mem:1024")
	f := s.framework("f1")
	f.accept(f.offers(1), 0)
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum()})
	s.Advance(100 * time.Millisecond)
	f.Forget()
	f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	f.ExpectWithin(time.Second, event(schedulerpb.Event_OFFERS))
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum(), Suppress: &schedulerpb.Call_Suppress{Roles: []string{"not its own"}}})
	f.Expect(testkit.Of[*controlpb.Refused]())
}

// What the resources were offered for says who may use them, to those who have several roles.
func TestOfferOfMultiRole(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:2;mem:1024")
	f := s.framework("f1", func(i *mesospb.FrameworkInfo) {
		capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(i)
		i.Roles = []string{"eng"}
	})
	o := f.offer()
	equal(t, "the role of the offer", o.GetAllocationInfo().GetRole(), "eng")
	equal(t, "the role of its resources", o.GetResources()[0].GetAllocationInfo().GetRole(), "eng")
	f.launch(o, command("t1", o, "cpus:1;mem:64"))
	equal(t, "the role of the task", a.run("t1").GetTask().GetResources()[0].GetAllocationInfo().GetRole(), "eng")
}

// REQUEST does nothing and does no harm.
func TestRequest(t *testing.T) {
	s := newStage(t, nil)
	f := s.framework("f1")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REQUEST.Enum(), Request: &schedulerpb.Call_Request{Requests: []*mesospb.Request{{}}}})
	s.Advance(100 * time.Millisecond)
	equal(t, "requests", s.metric("master/messages_resource_request"), 1)
	f.ExpectNone(time.Second, testkit.Of[*controlpb.Refused]())
}

func TestAcceptSeveral(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	// Half of the agent comes back later than the other half, so it makes two offers.
	s.running(f, a, "t0")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	first := f.offer()
	a.update(f.id, "t0", mesospb.TaskState_TASK_FINISHED, "u2")
	second := f.offer()
	f.accept([]*mesospb.Offer{first, second}, 0, command("t1", first, "cpus:4;mem:4096"))
	a.run("t1")
	equal(t, "accepted offers", s.metric("master/offers_accepted"), 3)
}

func TestAcceptRefused(t *testing.T) {
	for name, shapes := range map[string][]shape{"partition aware": {aware}, "not partition aware": nil} {
		state := mesospb.TaskState_TASK_LOST
		if shapes != nil {
			state = mesospb.TaskState_TASK_DROPPED
		}
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				name string
				pick func(offers []*mesospb.Offer) []*mesospb.Offer
			}{
				{"an offer that never was", func(o []*mesospb.Offer) []*mesospb.Offer {
					return append(o[:1:1], &mesospb.Offer{Id: &mesospb.OfferID{Value: proto.String("never")}})
				}},
				{"an offer twice", func(o []*mesospb.Offer) []*mesospb.Offer { return []*mesospb.Offer{o[0], o[0]} }},
				{"offers of two agents", func(o []*mesospb.Offer) []*mesospb.Offer { return o[:2] }},
				{"no offer", func(o []*mesospb.Offer) []*mesospb.Offer { return nil }},
			} {
				t.Run(c.name, func(t *testing.T) {
					s := newStage(t, nil)
					s.agent("a1", "cpus:2;mem:1024")
					s.agent("a2", "cpus:2;mem:1024")
					f := s.framework("f1", shapes...)
					offers := f.offers(2)
					picked := c.pick(offers)
					f.accept(picked, 0, command("t1", offers[0], "cpus:1;mem:64"))
					status := f.updated("t1", state)
					equal(t, "the reason", status.GetReason(), mesospb.TaskStatus_REASON_INVALID_OFFERS)
					if len(picked) > 0 {
						f.offer() // what could be returned is offered again
					}
				})
			}
		})
	}
	t.Run("offers for two roles", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", func(i *mesospb.FrameworkInfo) {
			capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(i)
			i.Roles = []string{"eng", "ops"}
		})
		one := f.offer()
		f.accept([]*mesospb.Offer{one}, 3600, command("t1", one, "cpus:1;mem:64"))
		a.run("t1")
		var other, again *mesospb.Offer
		other = f.offer() // the rest, for the other role, since this one refused it
		if other.GetAllocationInfo().GetRole() == one.GetAllocationInfo().GetRole() {
			t.Fatalf("both offers are for %s", one.GetAllocationInfo().GetRole())
		}
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum(), Suppress: &schedulerpb.Call_Suppress{Roles: []string{other.GetAllocationInfo().GetRole()}}})
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), Revive: &schedulerpb.Call_Revive{Roles: []string{one.GetAllocationInfo().GetRole()}}})
		a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u1")
		again = f.offer()
		equal(t, "the role of the third offer", again.GetAllocationInfo().GetRole(), one.GetAllocationInfo().GetRole())
		f.accept([]*mesospb.Offer{other, again}, 0, command("t2", other, "cpus:1;mem:64"))
		equal(t, "the reason", f.updated("t2", mesospb.TaskState_TASK_LOST).GetReason(), mesospb.TaskStatus_REASON_INVALID_OFFERS)
	})
}

// One task that is refused takes nothing from the next.
func TestLaunchRefused(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.running(f, a, "taken")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	o := f.offer()
	elsewhere := command("elsewhere", &mesospb.Offer{AgentId: aid("elsewhere")}, "cpus:1;mem:64")
	f.launch(o, command("big", o, "cpus:64;mem:64"), command("taken", o, "cpus:1;mem:64"), elsewhere,
		command("a/b", o, "cpus:1;mem:64"), command("fine", o, "cpus:1;mem:64"), command("fine", o, "cpus:1;mem:64"))
	for _, id := range []string{"big", "taken", "elsewhere", "a/b", "fine"} {
		equal(t, "the reason for "+id, f.updated(id, mesospb.TaskState_TASK_ERROR).GetReason(), mesospb.TaskStatus_REASON_TASK_INVALID)
	}
	a.run("fine")
	equal(t, "tasks", len(s.tasks().GetTasks()), 2)
	equal(t, "used", s.metric("master/cpus_used"), 2)
	equal(t, "errors", s.metric("master/tasks_error"), 5)
}

// Tasks of one executor share it; what it holds is paid once and freed when it ends.
func TestExecutor(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	o := f.offer()
	with := func(id string) *mesospb.TaskInfo {
		task := command(id, o, "cpus:1;mem:64")
		task.Command = nil
		task.Executor = &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")},
			Command: &mesospb.CommandInfo{Value: proto.String("exec")}, Resources: command("", o, "cpus:0.5;mem:32").Resources,
			Labels: &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("k"), Value: proto.String("v")}}}}
		return task
	}
	f.launch(o, with("t1"), with("t2"))
	equal(t, "the first starts it", a.run("t1").GetLaunchExecutor(), true)
	equal(t, "the second starts it", a.run("t2").GetLaunchExecutor(), false)
	equal(t, "used", s.metric("master/cpus_used"), 2.5)
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u1")
	a.update(f.id, "t2", mesospb.TaskState_TASK_FINISHED, "u2")
	s.Advance(100 * time.Millisecond)
	equal(t, "used by the executor", s.metric("master/cpus_used"), 0.5)
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	equal(t, "executors in the offer", f.offer().GetExecutorIds()[0].GetValue(), "e1")
	a.Send(s.master(), &controlpb.ExitedExecutor{AgentId: a.info.Id, FrameworkId: fid(f.id), ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Status: proto.Int32(256)})
	e := f.Expect(event(schedulerpb.Event_FAILURE))[0].Msg.(*schedulerpb.Event)
	equal(t, "the status", e.GetFailure().GetStatus(), 256)
	equal(t, "used after its end", s.metric("master/cpus_used"), 0)
}

// Agents that have only one kind of resource are offered, and tasks that want only one kind run.
func TestOneKindOfResource(t *testing.T) {
	for _, kind := range []string{"cpus:2", "mem:512"} {
		t.Run(kind, func(t *testing.T) {
			s := newStage(t, nil)
			f := s.framework("f1")
			f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
			a := s.agent("a1", kind) // one that comes later is offered at once
			o := f.offer()
			equal(t, "the offer", amounts(t, o.GetResources()), kind)
			f.accept([]*mesospb.Offer{o}, 0, command("t1", o, kind))
			a.run("t1")
			a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u1")
			f.updated("t1", mesospb.TaskState_TASK_FINISHED)
			equal(t, "the offer", amounts(t, f.offer().GetResources()), kind)
		})
	}
}

// What comes back of an offer after its framework is over does no harm, nor does an agent that goes with its offers.
func TestReturnsThatAreLate(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:2;mem:1024")
	f := s.framework("f1")
	o := f.offer()
	decline := s.Hold(testkit.Of(func(c *schedulerpb.Call) bool { return c.GetType() == schedulerpb.Call_DECLINE }))
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{OfferIds: []*mesospb.OfferID{o.Id}}})
	decline.Await(1)
	s.order(&masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: fid(f.id)}})
	decline.Release()
	g := s.framework("f2")
	equal(t, "the offer", amounts(t, g.offer().GetResources()), "cpus:2; mem:1024")
	a.Send(s.master(), &controlpb.UnregisterAgent{AgentId: a.info.Id})
	g.lost(a)
	s.agent("a2", "cpus:1;mem:64")
	equal(t, "the offer", amounts(t, g.offer().GetResources()), "cpus:1; mem:64")
}
