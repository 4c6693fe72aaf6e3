package master_test

import (
	"math"
	"strings"
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

// errorEvent fits an ERROR whose text holds the words.
func errorEvent(words string) testkit.Pattern {
	return testkit.Of(func(e *schedulerpb.Event) bool {
		return e.GetType() == schedulerpb.Event_ERROR && strings.Contains(e.GetError().GetMessage(), words)
	}).Named("an ERROR with " + words)
}

func (s *stage) frameworks() *masterpb.Response_GetFrameworks {
	return s.ask(masterpb.Call_GET_FRAMEWORKS).GetGetFrameworks()
}

func TestSubscribe(t *testing.T) {
	s := newStage(t, nil)
	f := s.scheduler("f1")
	e := f.subscribe()
	equal(t, "the interval", e.GetHeartbeatIntervalSeconds(), 15.0)
	info := s.ask(masterpb.Call_GET_MASTER).GetGetMaster().GetMasterInfo()
	if !proto.Equal(e.GetMasterInfo(), info) {
		t.Errorf("told of %v, led by %v", e.GetMasterInfo(), info)
	}
	equal(t, "the id", f.id, info.GetId()+"-0000")
	equal(t, "the next id", s.framework("f2").id, info.GetId()+"-0001")
	t.Run("a heartbeat at once, then every 15 seconds", func(t *testing.T) {
		f.ExpectNext(event(schedulerpb.Event_HEARTBEAT))
		f.ExpectNone(14*time.Second, event(schedulerpb.Event_HEARTBEAT))
		for range 4 {
			f.ExpectWithin(16*time.Second, event(schedulerpb.Event_HEARTBEAT))
		}
	})
	t.Run("an id that is empty is none", func(t *testing.T) {
		g := s.scheduler("f3")
		g.info.Id = fid("")
		g.subscribe()
		equal(t, "the id", g.id, info.GetId()+"-0002")
	})
	t.Run("asked twice, the answer is the same", func(t *testing.T) {
		g := s.scheduler("f4")
		g.Send(s.master(), g.subscribeCall())
		g.Send(s.master(), g.subscribeCall())
		var ids []string
		for range 2 {
			ids = append(ids, g.Expect(event(schedulerpb.Event_SUBSCRIBED))[0].Msg.(*schedulerpb.Event).GetSubscribed().GetFrameworkId().GetValue())
		}
		equal(t, "the second id", ids[1], ids[0])
	})
}

func TestSubscribeRefused(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.Roles = []string{"*", "eng"}; c.RootSubmissions = false })
	for _, c := range []struct {
		name, words string
		shape       shape
	}{
		{"a role with a blank", "role", func(i *mesospb.FrameworkInfo) { i.Role = proto.String("a b") }},
		{"a role that is not in the whitelist", `unknown role "ops"`, func(i *mesospb.FrameworkInfo) { i.Role = proto.String("ops") }},
		{"roles without MULTI_ROLE", "MULTI_ROLE", func(i *mesospb.FrameworkInfo) { i.Roles = []string{"eng"} }},
		{"role with MULTI_ROLE", "MULTI_ROLE", func(i *mesospb.FrameworkInfo) {
			capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(i)
			i.Role = proto.String("eng")
		}},
		{"the same role twice", "twice", func(i *mesospb.FrameworkInfo) {
			capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(i)
			i.Roles = []string{"eng", "eng"}
		}},
		{"root", "root", func(i *mesospb.FrameworkInfo) { i.User = proto.String("root") }},
		{"an endless failover timeout", "failover_timeout", func(i *mesospb.FrameworkInfo) { i.FailoverTimeout = proto.Float64(math.MaxFloat64) }},
		{"no number as failover timeout", "failover_timeout", func(i *mesospb.FrameworkInfo) { i.FailoverTimeout = proto.Float64(math.NaN()) }},
		{"an id with a slash", "id", func(i *mesospb.FrameworkInfo) { i.Id = fid("a/b") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := s.scheduler("f-"+c.name, c.shape)
			f.Send(s.master(), f.subscribeCall())
			f.ExpectNext(errorEvent(c.words))
		})
	}
	t.Run("a suppressed role that it has not", func(t *testing.T) {
		f := s.scheduler("f-suppressed")
		call := f.subscribeCall()
		call.Subscribe.SuppressedRoles = []string{"eng"}
		f.Send(s.master(), call)
		f.ExpectNext(errorEvent("suppressed"))
	})
	t.Run("constraints that no agent could be tested by", func(t *testing.T) {
		f := s.scheduler("f-constraints")
		call := f.subscribeCall()
		call.Subscribe.OfferConstraints = &schedulerpb.OfferConstraints{
			RoleConstraints: map[string]*schedulerpb.OfferConstraints_RoleConstraints{"*": {}}}
		f.Send(s.master(), call)
		f.ExpectNext(errorEvent("no groups"))
	})
	t.Run("constraints for a role that it has not", func(t *testing.T) {
		f := s.scheduler("f-elsewhere")
		call := f.subscribeCall()
		call.Subscribe.OfferConstraints = &schedulerpb.OfferConstraints{
			RoleConstraints: map[string]*schedulerpb.OfferConstraints_RoleConstraints{"eng": {Groups: []*schedulerpb.OfferConstraints_RoleConstraints_Group{{}}}}}
		f.Send(s.master(), call)
		f.ExpectNext(errorEvent("eng"))
	})
	t.Run("ids that differ", func(t *testing.T) {
		f := s.scheduler("f-differ")
		call := f.subscribeCall()
		call.FrameworkId = fid("x")
		f.Send(s.master(), call)
		f.ExpectNext(errorEvent("id"))
	})
	equal(t, "frameworks", len(s.frameworks().GetFrameworks()), 0)
}

// The last scheduler to subscribe with an id wins; the tasks do not notice.
func TestSchedulerFailover(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour))
	s.running(f, a, "t1")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	o := f.offer()
	g := s.scheduler("f1b")
	g.info = proto.CloneOf(f.info)
	g.info.Hostname = proto.String("elsewhere")
	g.subscribe()
	equal(t, "the id", g.id, f.id)
	f.Expect(errorEvent("Framework failed over"))
	f.ExpectNone(0, event(schedulerpb.Event_RESCIND))
	a.Expect(testkit.Of(func(u *controlpb.UpdateFramework) bool { return u.GetFramework().GetHostname() == "elsewhere" }))
	t.Run("the old one is not listened to", func(t *testing.T) {
		f.kill("t1", nil)
		f.Expect(testkit.Of[*controlpb.Refused]())
		a.ExpectNone(time.Second, testkit.Of[*controlpb.KillTask]())
	})
	t.Run("its end means nothing", func(t *testing.T) {
		f.node.Crash()
		s.Advance(time.Minute)
		equal(t, "connected", s.frameworks().GetFrameworks()[0].GetConnected(), true)
	})
	t.Run("its offers are not valid any more", func(t *testing.T) {
		g.accept([]*mesospb.Offer{o}, 0, command("t2", o, "cpus:1;mem:64"))
		equal(t, "the reason", g.updated("t2", mesospb.TaskState_TASK_LOST).GetReason(), mesospb.TaskStatus_REASON_INVALID_OFFERS)
	})
	executor := &mesospb.ExecutorID{Value: proto.String("e")}
	t.Run("messages of executors reach the new one", func(t *testing.T) {
		a.Send(s.master(), &controlpb.ExecutorMessage{FrameworkId: fid(f.id), AgentId: a.info.Id, ExecutorId: executor, Data: []byte("hi")})
		equal(t, "the data", string(g.Expect(event(schedulerpb.Event_MESSAGE))[0].Msg.(*schedulerpb.Event).GetMessage().GetData()), "hi")
	})
	t.Run("messages of the new one reach executors", func(t *testing.T) {
		g.call(&schedulerpb.Call{Type: schedulerpb.Call_MESSAGE.Enum(), Message: &schedulerpb.Call_Message{AgentId: a.info.Id, ExecutorId: executor, Data: []byte("hello")}})
		equal(t, "the data", string(a.Expect(testkit.Of[*controlpb.FrameworkMessage]())[0].Msg.(*controlpb.FrameworkMessage).GetData()), "hello")
	})
	t.Run("it may ask again", func(t *testing.T) {
		g.Send(s.master(), g.subscribeCall())
		g.Expect(event(schedulerpb.Event_SUBSCRIBED))
		equal(t, "frameworks", len(s.frameworks().GetFrameworks()), 1)
	})
	equal(t, "the resources", amounts(t, g.offer().GetResources()), "cpus:3; mem:4032")
	g.kill("t1", nil)
	a.Expect(testkit.Of[*controlpb.KillTask]())
}

// The same scheduler subscribes again with its id: what was offered is rescinded, because it may have
// answered into the void.
func TestResubscribe(t *testing.T) {
	s := newStage(t, nil)
	s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	o := f.offer()
	f.subscribe()
	f.Expect(testkit.Of(func(e *schedulerpb.Event) bool { return e.GetRescind().GetOfferId().GetValue() == o.GetId().GetValue() }))
	f.offer()
	f.ExpectNone(0, errorEvent(""))
	equal(t, "frameworks", len(s.frameworks().GetFrameworks()), 1)
	if s.frameworks().GetFrameworks()[0].ReregisteredTime == nil {
		t.Error("no reregistered_time")
	}
}

// What cannot change is kept silently, but for the principal.
func TestResubscribeChanges(t *testing.T) {
	s := newStage(t, nil)
	f := s.framework("f1", func(i *mesospb.FrameworkInfo) { i.Principal = proto.String("p") })
	f.info.User, f.info.Checkpoint, f.info.Name = proto.String("somebody"), proto.Bool(true), proto.String("renamed")
	f.info.FailoverTimeout = proto.Float64(60)
	f.subscribe()
	now := s.frameworks().GetFrameworks()[0].GetFrameworkInfo()
	equal(t, "the user", now.GetUser(), "nobody")
	equal(t, "checkpoint", now.GetCheckpoint(), false)
	equal(t, "the name", now.GetName(), "renamed")
	equal(t, "failover_timeout", now.GetFailoverTimeout(), 60.0)
	f.info.Principal = proto.String("q")
	f.Send(s.master(), f.subscribeCall())
	f.Expect(errorEvent("principal"))
}

// A scheduler that goes away loses its offers, and its tasks when it does not come back in time.
func TestFailoverTimeout(t *testing.T) {
	for name, timeout := range map[string]time.Duration{"none": 0, "an hour": time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", patient(timeout))
			s.running(f, a, "t1")
			f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
			f.offer()
			f.node.Crash()
			if timeout > 0 {
				a.ExpectNone(timeout-time.Minute, testkit.Of[*controlpb.ShutdownFramework]())
				equal(t, "connected", s.frameworks().GetFrameworks()[0].GetConnected(), false)
				equal(t, "outstanding offers", s.metric("master/outstanding_offers"), 0)
			}
			a.ExpectWithin(2*time.Minute, testkit.Of[*controlpb.ShutdownFramework]())
			all := s.frameworks()
			equal(t, "frameworks", len(all.GetFrameworks()), 0)
			equal(t, "completed frameworks", len(all.GetCompletedFrameworks()), 1)
			tasks := s.tasks()
			equal(t, "completed tasks", len(tasks.GetCompletedTasks()), 1)
			last := tasks.GetCompletedTasks()[0]
			equal(t, "the state", last.GetState(), mesospb.TaskState_TASK_KILLED)
			equal(t, "the reason", last.GetStatuses()[len(last.GetStatuses())-1].GetReason(), mesospb.TaskStatus_REASON_FRAMEWORK_REMOVED)
			equal(t, "used", s.metric("master/cpus_used"), 0)
			g := s.scheduler("late")
			g.info = f.info
			g.Send(s.master(), g.subscribeCall())
			g.Expect(errorEvent("Framework has been removed"))
		})
	}
}

func TestComesBackInTime(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour))
	s.running(f, a, "t1")
	f.node.Crash()
	s.Advance(59 * time.Minute)
	g := s.scheduler("f1b")
	g.info = f.info
	g.subscribe()
	a.ExpectNone(2*time.Hour, testkit.Of[*controlpb.ShutdownFramework]())
	g.reconcile()
	answered(t, g, "t1", mesospb.TaskState_TASK_RUNNING)
}

func TestTeardown(t *testing.T) {
	teardown := map[string]func(s *stage, f *fakeScheduler){
		"by the framework": func(s *stage, f *fakeScheduler) {
			f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		},
		"by an operator": func(s *stage, f *fakeScheduler) {
			if refused := s.order(&masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: fid(f.id)}}); refused != nil {
				s.Fail("refused: %v", refused)
			}
			f.Expect(errorEvent("removed"))
		},
	}
	for name, end := range teardown {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", patient(time.Hour))
			g := s.framework("f2")
			s.running(f, a, "t1")
			f.Forget()
			end(s, f)
			a.Expect(testkit.Of(func(m *controlpb.ShutdownFramework) bool { return m.GetFrameworkId().GetValue() == f.id }))
			f.ExpectNone(time.Minute, event(schedulerpb.Event_UPDATE), event(schedulerpb.Event_HEARTBEAT))
			equal(t, "completed frameworks", len(s.frameworks().GetCompletedFrameworks()), 1)
			// The rest was refused by nobody else.
			total := 0.0
			for _, o := range g.offers(1) {
				for _, r := range o.GetResources() {
					if r.GetName() == "cpus" {
						total += r.GetScalar().GetValue()
					}
				}
			}
			if total == 0 {
				t.Error("nothing was offered again")
			}
			f.kill("t1", nil)
			f.Expect(testkit.Of(func(r *controlpb.Refused) bool { return strings.Contains(r.GetMessage(), "cannot be found") }))
			f.Forget()
			f.Send(s.master(), f.subscribeCall())
			f.Expect(errorEvent("Framework has been removed"))
		})
	}
	s := newStage(t, nil)
	refused := s.order(&masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: fid("nobody")}})
	equal(t, "the class for an unknown framework", refused.GetClass(), controlpb.Refused_INVALID)
}

// Completed frameworks and tasks are remembered up to a number, the newest.
func TestCompletedAreBounded(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.MaxCompletedFrameworks = 2; c.MaxCompletedTasksPerFramework = 3 })
	a := s.agent("a1", "cpus:64;mem:4096")
	for _, name := range []string{"f1", "f2", "f3"} {
		f := s.framework(name)
		o := f.offer()
		var tasks []*mesospb.TaskInfo
		for _, id := range []string{"t1", "t2", "t3", "t4", "t5"} {
			tasks = append(tasks, command(id, o, "cpus:1;mem:32"))
		}
		f.launch(o, tasks...)
		for _, task := range tasks {
			id := task.GetTaskId().GetValue()
			a.run(id)
			a.update(f.id, id, mesospb.TaskState_TASK_FINISHED, id)
			f.updated(id, mesospb.TaskState_TASK_FINISHED)
			f.acknowledge(a, id, id)
			a.Expect(testkit.Of[*controlpb.AcknowledgeStatus]())
		}
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		s.Advance(10 * time.Second)
	}
	past := s.frameworks().GetCompletedFrameworks()
	equal(t, "completed frameworks", len(past), 2)
	equal(t, "the first of them", past[0].GetFrameworkInfo().GetName(), "f2")
	tasks := s.tasks().GetCompletedTasks()
	equal(t, "completed tasks", len(tasks), 6)
	equal(t, "the first of them", tasks[0].GetTaskId().GetValue(), "t3")
}

// After a master failover a framework lives by its agents' word, is taken back with its id, and is not kept
// for ever when its scheduler never returns.
func TestRecoveredFramework(t *testing.T) {
	start := func(t *testing.T) (*stage, *fakeAgent, *fakeScheduler) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", patient(30*time.Minute))
		s.running(f, a, "t1")
		s.failover()
		a.reregister()
		one := s.frameworks().GetFrameworks()
		if len(one) != 1 || !one[0].GetRecovered() || one[0].GetConnected() {
			t.Fatalf("the frameworks are %v", one)
		}
		equal(t, "tasks", len(s.tasks().GetTasks()), 1)
		return s, a, f
	}
	t.Run("it returns", func(t *testing.T) {
		s, a, f := start(t)
		f.subscribe()
		equal(t, "recovered", s.frameworks().GetFrameworks()[0].GetRecovered(), false)
		f.kill("t1", nil)
		a.Expect(testkit.Of[*controlpb.KillTask]())
		equal(t, "the offer", amounts(t, f.offer().GetResources()), "cpus:3; mem:4032")
	})
	t.Run("it never returns", func(t *testing.T) {
		s, a, _ := start(t)
		a.ExpectNone(29*time.Minute, testkit.Of[*controlpb.ShutdownFramework]())
		a.ExpectWithin(2*time.Minute, testkit.Of[*controlpb.ShutdownFramework]())
		equal(t, "frameworks", len(s.frameworks().GetFrameworks()), 0)
	})
	t.Run("an executor's message to it is dropped", func(t *testing.T) {
		s, a, f := start(t)
		a.Send(s.master(), &controlpb.ExecutorMessage{FrameworkId: fid(f.id), AgentId: a.info.Id, ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}, Data: []byte("x")})
		s.Advance(100 * time.Millisecond)
		equal(t, "invalid messages", s.metric("master/invalid_executor_to_framework_messages"), 1)
	})
}

func TestUpdateFramework(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", func(i *mesospb.FrameworkInfo) {
		capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(i)
		i.Roles = []string{"eng", "ops"}
	})
	o := f.offer()
	change := func(edit func(*mesospb.FrameworkInfo)) *schedulerpb.Call {
		info := proto.CloneOf(f.info)
		edit(info)
		return &schedulerpb.Call{Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum(), UpdateFramework: &schedulerpb.Call_UpdateFramework{FrameworkInfo: info}}
	}
	t.Run("what may not change is refused as a whole", func(t *testing.T) {
		f.call(change(func(i *mesospb.FrameworkInfo) { i.Name = proto.String("renamed"); i.User = proto.String("somebody") }))
		f.Expect(testkit.Of(func(r *controlpb.Refused) bool { return r.GetClass() == controlpb.Refused_INVALID }))
		equal(t, "the name", s.frameworks().GetFrameworks()[0].GetFrameworkInfo().GetName(), "f1")
	})
	t.Run("offers for a role that is left are rescinded", func(t *testing.T) {
		left := o.GetAllocationInfo().GetRole()
		f.call(change(func(i *mesospb.FrameworkInfo) {
			i.Roles = []string{"sre"}
			i.Name = proto.String("renamed")
		}))
		f.Expect(event(schedulerpb.Event_RESCIND))
		next := f.offer()
		if role := next.GetAllocationInfo().GetRole(); role != "sre" || role == left {
			t.Errorf("offered for %q", role)
		}
		equal(t, "the name", s.frameworks().GetFrameworks()[0].GetFrameworkInfo().GetName(), "renamed")
	})
	a.ExpectNone(0, testkit.Of[*controlpb.UpdateFramework]()) // it runs nothing there
}

func TestMessages(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	executor := &mesospb.ExecutorID{Value: proto.String("e")}
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_MESSAGE.Enum(), Message: &schedulerpb.Call_Message{AgentId: a.info.Id, ExecutorId: executor, Data: []byte("hello")}})
	equal(t, "the data", string(a.Expect(testkit.Of[*controlpb.FrameworkMessage]())[0].Msg.(*controlpb.FrameworkMessage).GetData()), "hello")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_MESSAGE.Enum(), Message: &schedulerpb.Call_Message{AgentId: aid("nobody"), ExecutorId: executor, Data: []byte("hello")}})
	a.Send(s.master(), &controlpb.ExecutorMessage{FrameworkId: fid(f.id), AgentId: a.info.Id, ExecutorId: executor, Data: []byte("hi")})
	e := f.Expect(event(schedulerpb.Event_MESSAGE))[0].Msg.(*schedulerpb.Event)
	equal(t, "the answer", string(e.GetMessage().GetData()), "hi")
	equal(t, "valid", s.metric("master/valid_framework_to_executor_messages"), 1)
	equal(t, "invalid", s.metric("master/invalid_framework_to_executor_messages"), 1)
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_SHUTDOWN.Enum(), Shutdown: &schedulerpb.Call_Shutdown{AgentId: a.info.Id, ExecutorId: executor}})
	a.Expect(testkit.Of[*controlpb.ShutdownExecutor]())
}
