package master_test

import (
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

// metric asks the desk for one.
func (s *stage) metric(name string) float64 {
	for _, m := range s.ask(masterpb.Call_GET_METRICS).GetGetMetrics().GetMetrics() {
		if m.GetName() == name {
			return m.GetValue()
		}
	}
	s.Fail("no metric %s", name)
	return 0
}

func (s *stage) tasks() *masterpb.Response_GetTasks {
	return s.ask(masterpb.Call_GET_TASKS).GetGetTasks()
}

// lost expects the word that an agent is lost.
func (f *fakeScheduler) lost(a *fakeAgent) {
	f.Expect(testkit.Of(func(e *schedulerpb.Event) bool {
		return e.GetType() == schedulerpb.Event_FAILURE && e.GetFailure().GetAgentId().GetValue() == a.id() && e.GetFailure().ExecutorId == nil
	}).Named("FAILURE of the agent"))
}

// An agent that does not answer pings is given up after five of them, written down first, and everybody is told.
func TestPartition(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	o := f.offer()
	a.deaf = true
	written := s.store.Writes()
	s.Advance(89 * time.Second)
	f.ExpectNone(0, event(schedulerpb.Event_FAILURE))
	s.Advance(2 * time.Second)
	f.Expect(testkit.Of(func(e *schedulerpb.Event) bool { return e.GetRescind().GetOfferId().GetValue() == o.GetId().GetValue() }))
	f.lost(a)
	equal(t, "writes", s.store.Writes()-written, 1)
	equal(t, "scheduled", s.metric("master/slave_unreachable_scheduled"), 1)
	equal(t, "completed", s.metric("master/slave_unreachable_completed"), 1)
	equal(t, "canceled", s.metric("master/slave_unreachable_canceled"), 0)
	equal(t, "removals", s.metric("master/slave_removals/reason_unhealthy"), 1)
	equal(t, "unreachable", s.metric("master/slaves_unreachable"), 1)
	f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
}

// The registry comes first: while it cannot be written nobody is told, and pings that are missed meanwhile
// change nothing.
func TestPartitionIsWrittenFirst(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	slow := make([]fault, 150)
	s.fail(slow...)
	a.deaf = true
	s.Advance(101 * time.Second)
	f.ExpectNone(0, event(schedulerpb.Event_FAILURE))
	s.Advance(10 * time.Second)
	f.lost(a)
	equal(t, "completed", s.metric("master/slave_unreachable_completed"), 1)
}

func TestPartitionAnswerInTime(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	for range 5 {
		a.deaf = true
		s.Advance(60 * time.Second)
		a.deaf = false
		s.Advance(30 * time.Second)
	}
	f.ExpectNone(0, event(schedulerpb.Event_FAILURE))
	equal(t, "active", s.metric("master/slaves_active"), 1)
}

// The rate limit lets one agent go at a time; an answer that comes while it waits keeps the agent.
func TestPartitionRateLimit(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.AgentRemovalRateLimit = "1/10mins" })
	a, b, c := s.agent("a1", "cpus:1;mem:64"), s.agent("a2", "cpus:1;mem:64"), s.agent("a3", "cpus:1;mem:64")
	f := s.framework("f1")
	a.deaf, b.deaf, c.deaf = true, true, true
	s.Advance(91 * time.Second)
	f.lost(a)
	equal(t, "completed", s.metric("master/slave_unreachable_completed"), 1)
	b.deaf = false
	s.Advance(30 * time.Second)
	equal(t, "canceled", s.metric("master/slave_unreachable_canceled"), 1)
	s.Advance(10 * time.Minute)
	f.lost(c)
	equal(t, "completed", s.metric("master/slave_unreachable_completed"), 2)
	equal(t, "active", s.metric("master/slaves_active"), 1)
}

// A partition that heals kills nothing, for either kind of framework.
func TestPartitionReturn(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape []shape
		state mesospb.TaskState
	}{
		{"partition aware", []shape{aware}, mesospb.TaskState_TASK_UNREACHABLE},
		{"not partition aware", nil, mesospb.TaskState_TASK_LOST},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", append(c.shape, checkpointing)...)
			s.running(f, a, "t1")
			outOfReach(s, a)
			lost := f.updated("t1", c.state)
			equal(t, "the reason", lost.GetReason(), mesospb.TaskStatus_REASON_AGENT_REMOVED)
			if lost.UnreachableTime == nil || lost.Uuid != nil {
				t.Errorf("the update is %v", lost)
			}
			f.lost(a)
			equal(t, "unreachable tasks", len(s.tasks().GetUnreachableTasks()), 1)
			equal(t, "the state kept", s.tasks().GetUnreachableTasks()[0].GetState(), c.state)
			equal(t, "tasks", len(s.tasks().GetTasks()), 0)

			a.deaf = false
			a.reregister()
			back := f.updated("t1", mesospb.TaskState_TASK_RUNNING)
			equal(t, "the reason", back.GetReason(), mesospb.TaskStatus_REASON_AGENT_REREGISTERED)
			if back.Uuid != nil || back.UnreachableTime != nil {
				t.Errorf("the update is %v", back)
			}
			a.ExpectNone(time.Minute, testkit.Of[*controlpb.ShutdownFramework](), testkit.Of[*controlpb.KillTask]())
			equal(t, "unreachable tasks", len(s.tasks().GetUnreachableTasks()), 0)
			equal(t, "tasks", len(s.tasks().GetTasks()), 1)
			equal(t, "used", s.metric("master/cpus_used"), 1)
			equal(t, "the next offer", amounts(t, f.offer().GetResources()), "cpus:3; mem:4032")
			equal(t, "unreachable", s.metric("master/slaves_unreachable"), 0)
		})
	}
}

// A task that ended behind the partition is told by its end.
func TestPartitionTaskEnded(t *testing.T) {
	for name, shapes := range map[string][]shape{"partition aware": {aware}, "not partition aware": nil} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", shapes...)
			s.running(f, a, "t1")
			outOfReach(s, a)
			f.lost(a)
			a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u2") // dropped: the agent is not registered
			f.ExpectNone(time.Second, update("t1", mesospb.TaskState_TASK_FINISHED))
			a.deaf = false
			a.reregister()
			equal(t, "the reason", f.updated("t1", mesospb.TaskState_TASK_FINISHED).GetReason(), mesospb.TaskStatus_REASON_AGENT_REREGISTERED)
			a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u2")
			equal(t, "the uuid", string(f.updated("t1", mesospb.TaskState_TASK_FINISHED).GetUuid()), string(sixteen("u2")))
			f.acknowledge(a, "t1", "u2")
			a.Expect(testkit.Of[*controlpb.AcknowledgeStatus]())
			tasks := s.tasks()
			equal(t, "tasks", len(tasks.GetTasks()), 0)
			equal(t, "unreachable tasks", len(tasks.GetUnreachableTasks()), 0)
			equal(t, "completed tasks", len(tasks.GetCompletedTasks()), 1)
			equal(t, "the state", tasks.GetCompletedTasks()[0].GetState(), mesospb.TaskState_TASK_FINISHED)
		})
	}
}

// A task that ended before the partition, and whose end was not acknowledged, keeps its end.
func TestPartitionTerminalTask(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.running(f, a, "t1")
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u2")
	f.updated("t1", mesospb.TaskState_TASK_FINISHED)
	outOfReach(s, a)
	f.lost(a)
	tasks := s.tasks()
	equal(t, "tasks", len(tasks.GetTasks()), 0)
	equal(t, "unreachable tasks", len(tasks.GetUnreachableTasks()), 1)
	equal(t, "the state", tasks.GetUnreachableTasks()[0].GetState(), mesospb.TaskState_TASK_FINISHED)
	f.ExpectNone(0, update("t1", mesospb.TaskState_TASK_LOST))
}

// A framework that still waits for RUNNING must not hear FINISHED, then RUNNING: what an agent has to tell comes in order,
// also around a partition.
func TestPartitionUntoldEnd(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware, checkpointing)
	s.running(f, a, "t1")
	a.later(f.id, "t1", mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_FINISHED, "u2")
	f.updated("t1", mesospb.TaskState_TASK_RUNNING)
	outOfReach(s, a)
	f.updated("t1", mesospb.TaskState_TASK_UNREACHABLE)
	a.deaf = false
	a.reregister()
	f.updated("t1", mesospb.TaskState_TASK_RUNNING)
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u3")
	f.updated("t1", mesospb.TaskState_TASK_FINISHED)
}

// An order to launch that was lost on the way to an agent that then is unreachable leaves nothing behind.
func TestPartitionLostLaunch(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware)
	s.Drop(testkit.Of[*controlpb.RunTask]())
	f.launch(f.offer(), command("t1", &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
	outOfReach(s, a)
	f.updated("t1", mesospb.TaskState_TASK_UNREACHABLE)
	a.deaf = false
	a.reregister()
	f.reconcile("t1", a.id())
	answered(t, f, "t1", mesospb.TaskState_TASK_GONE)
}

func TestPartitionedAgentSpeaks(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.running(f, a, "t1")
	outOfReach(s, a)
	f.updated("t1", mesospb.TaskState_TASK_LOST)
	f.lost(a)
	a.Forget()
	t.Run("a status update is dropped", func(t *testing.T) {
		a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "u2")
		f.ExpectNone(time.Second, event(schedulerpb.Event_UPDATE))
	})
	t.Run("the end of an executor is dropped", func(t *testing.T) {
		a.Send(s.master(), &controlpb.ExitedExecutor{AgentId: a.info.Id, FrameworkId: fid(f.id), ExecutorId: &mesospb.ExecutorID{Value: proto.String("t1")}, Status: proto.Int32(0)})
		f.ExpectNone(time.Second, event(schedulerpb.Event_FAILURE))
	})
	a.ExpectNone(0, testkit.Of[*controlpb.ShutdownAgent]())
}

// The agent of a framework that waits for its scheduler is lost as well; its framework learns by asking.
func TestPartitionDisconnectedFramework(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware, patient(time.Hour))
	s.running(f, a, "t1")
	f.node.Crash()
	outOfReach(s, a)
	equal(t, "unreachable tasks", len(s.tasks().GetUnreachableTasks()), 1)
	g := s.scheduler("f1again")
	g.info = f.info
	g.subscribe()
	g.reconcile("t1", a.id())
	answered(t, g, "t1", mesospb.TaskState_TASK_UNREACHABLE)
}

// The scheduler ends while its agent is away: what still runs there is shut down on return.
func TestPartitionOrphans(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware)
	s.running(f, a, "t1")
	outOfReach(s, a)
	f.updated("t1", mesospb.TaskState_TASK_UNREACHABLE)
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	s.Advance(100 * time.Millisecond)
	a.deaf = false
	a.reregister()
	a.Expect(testkit.Of(func(m *controlpb.ShutdownFramework) bool { return m.GetFrameworkId().GetValue() == f.id }))
	tasks := s.tasks()
	equal(t, "tasks", len(tasks.GetTasks()), 0)
	equal(t, "used", s.metric("master/cpus_used"), 0)
}

// An agent comes back to the next master after the last one had given it up.
func TestPartitionReturnAfterFailover(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware, patient(time.Hour))
	g := s.framework("f2", patient(time.Hour))
	f.accept(f.offers(1), 0, command("t1", &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
	a.run("t1")
	g.launch(g.offer(), command("t2", &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
	a.run("t2")
	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "u1")
	a.update(g.id, "t2", mesospb.TaskState_TASK_RUNNING, "u2")
	outOfReach(s, a)
	f.updated("t1", mesospb.TaskState_TASK_UNREACHABLE)
	g.updated("t2", mesospb.TaskState_TASK_LOST)
	s.failover()
	f.subscribe()
	g.subscribe()
	f.Forget()
	g.Forget()
	a.deaf = false
	a.reregister()
	equal(t, "the reason", f.updated("t1", mesospb.TaskState_TASK_RUNNING).GetReason(), mesospb.TaskStatus_REASON_AGENT_REREGISTERED)
	equal(t, "the reason", g.updated("t2", mesospb.TaskState_TASK_RUNNING).GetReason(), mesospb.TaskStatus_REASON_AGENT_REREGISTERED)
	a.ExpectNone(time.Minute, testkit.Of[*controlpb.ShutdownFramework](), testkit.Of[*controlpb.KillTask]())
}

// An agent that is registered and re-registers all the same keeps its tasks.
func TestSpuriousReregistration(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.running(f, a, "t1")
	f.Forget()
	again := a.reregister()
	equal(t, "questions", len(again.GetReconciliations()), 0)
	f.ExpectNone(time.Second, event(schedulerpb.Event_UPDATE), event(schedulerpb.Event_FAILURE))
	equal(t, "tasks", len(s.tasks().GetTasks()), 1)
	equal(t, "used", s.metric("master/cpus_used"), 1)
}

// The master's side of the connection breaks and the agent does not notice: the next ping tells it.
func TestOneWayPartition(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", checkpointing)
	s.running(f, a, "t1")
	s.CutOneWay(s.node, a.node)
	s.Advance(30 * time.Second)
	s.HealAll()
	a.Expect(testkit.Of(func(p *controlpb.Ping) bool { return !p.GetConnected() }).Named("a ping that says disconnected"))
	a.reregister()
	equal(t, "connected", s.metric("master/slaves_connected"), 1)
	equal(t, "tasks", len(s.tasks().GetTasks()), 1)
	f.ExpectNone(0, update("t1", mesospb.TaskState_TASK_LOST))
}

// A broken connection gives up the tasks of frameworks that do not checkpoint, and nothing else.
func TestDisconnect(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", checkpointing, aware)
	g := s.framework("f2", aware)
	f.accept(f.offers(1), 0, command("t1", &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
	a.run("t1")
	g.accept(g.offers(1), 1e6, command("t2", &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
	a.run("t2")
	o := f.offer()
	// Long enough to break the connection, too short to miss five pings.
	s.Cut(s.node, a.node)
	s.Advance(30 * time.Second)
	s.HealAll()
	f.Expect(testkit.Of(func(e *schedulerpb.Event) bool { return e.GetRescind().GetOfferId().GetValue() == o.GetId().GetValue() }))
	equal(t, "the reason", g.updated("t2", mesospb.TaskState_TASK_LOST).GetReason(), mesospb.TaskStatus_REASON_AGENT_DISCONNECTED)
	// It answers pings again and yet does not re-register.
	f.ExpectNone(9*time.Minute, event(schedulerpb.Event_UPDATE), event(schedulerpb.Event_OFFERS), event(schedulerpb.Event_FAILURE))
	s.Advance(2 * time.Minute)
	f.updated("t1", mesospb.TaskState_TASK_UNREACHABLE)
	f.lost(a)
}

// An agent that says goodbye is forgotten, with its tasks.
func TestUnregister(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware)
	s.running(f, a, "t1")
	a.Send(s.master(), &controlpb.UnregisterAgent{AgentId: a.info.Id})
	equal(t, "the reason", f.updated("t1", mesospb.TaskState_TASK_LOST).GetReason(), mesospb.TaskStatus_REASON_AGENT_REMOVED)
	f.lost(a)
	equal(t, "removals", s.metric("master/slave_removals/reason_unregistered"), 1)
	equal(t, "tasks", len(s.tasks().GetTasks())+len(s.tasks().GetUnreachableTasks()), 0)
	equal(t, "past tasks", s.tasks().GetCompletedTasks()[0].GetState(), mesospb.TaskState_TASK_LOST)
	equal(t, "executors", len(s.ask(masterpb.Call_GET_EXECUTORS).GetGetExecutors().GetExecutors()), 0)
	for _, e := range s.store.Records() {
		if e.Key == "agents/"+a.id() {
			t.Error("the registry still has it")
		}
	}
}

// A gone agent never returns, and its tasks are told so, also those that were unreachable already.
func TestGone(t *testing.T) {
	gone := func(s *stage, a *fakeAgent) {
		if refused := s.order(&masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: a.info.Id}}); refused != nil {
			s.Fail("refused: %v", refused)
		}
	}
	for name, shapes := range map[string][]shape{"partition aware": {aware}, "not partition aware": nil} {
		t.Run(name, func(t *testing.T) {
			state, reason := mesospb.TaskState_TASK_LOST, mesospb.TaskStatus_REASON_AGENT_REMOVED
			if shapes != nil {
				state, reason = mesospb.TaskState_TASK_GONE_BY_OPERATOR, mesospb.TaskStatus_REASON_AGENT_REMOVED_BY_OPERATOR
			}
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", shapes...)
			s.running(f, a, "t1")
			gone(s, a)
			a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
			equal(t, "the reason", f.updated("t1", state).GetReason(), reason)
			f.lost(a)
			gone(s, a) // again
			a.Forget()
			a.Send(s.master(), a.report())
			a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
			s.failover()
			a.Send(s.master(), a.report())
			a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
		})
		t.Run(name+", unreachable before", func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", shapes...)
			s.running(f, a, "t1")
			outOfReach(s, a)
			f.lost(a)
			f.Forget()
			gone(s, a)
			want := mesospb.TaskState_TASK_LOST
			if shapes != nil {
				want = mesospb.TaskState_TASK_GONE_BY_OPERATOR
			}
			f.updated("t1", want)
			equal(t, "unreachable tasks", len(s.tasks().GetUnreachableTasks()), 0)
		})
	}
	s := newStage(t, nil)
	refused := s.order(&masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: aid("nobody")}})
	equal(t, "the class for an unknown agent", refused.GetClass(), controlpb.Refused_NOT_FOUND)
}

// The registry forgets unreachable agents that are old or too many; then they are unknown.
func TestPrune(t *testing.T) {
	t.Run("by age", func(t *testing.T) {
		s := newStage(t, func(c *master.Config) { c.RegistryMaxAgentAge = 20 * time.Minute })
		a := s.agent("a1", "cpus:1;mem:64")
		f := s.framework("f1", aware)
		outOfReach(s, a)
		s.Advance(10 * time.Minute)
		b := s.agent("a2", "cpus:1;mem:64")
		outOfReach(s, b)
		states := func(wantA, wantB mesospb.TaskState) {
			t.Helper()
			f.reconcile("t", a.id())
			answered(t, f, "t", wantA)
			f.reconcile("t", b.id())
			answered(t, f, "t", wantB)
		}
		s.Advance(3 * time.Minute) // 16 minutes have passed
		states(mesospb.TaskState_TASK_UNREACHABLE, mesospb.TaskState_TASK_UNREACHABLE)
		s.Advance(15 * time.Minute)
		states(mesospb.TaskState_TASK_UNKNOWN, mesospb.TaskState_TASK_UNREACHABLE)
		s.Advance(15 * time.Minute)
		states(mesospb.TaskState_TASK_UNKNOWN, mesospb.TaskState_TASK_UNKNOWN)
		// It may come back even so.
		a.deaf = false
		a.reregister()
		equal(t, "active", s.metric("master/slaves_active"), 1)
	})
	t.Run("by count, the oldest first", func(t *testing.T) {
		s := newStage(t, func(c *master.Config) { c.RegistryMaxAgentCount = 2 })
		f := s.framework("f1", aware)
		var agents []*fakeAgent
		for _, name := range []string{"a1", "a2", "a3", "a4"} {
			a := s.agent(name, "cpus:1;mem:64")
			outOfReach(s, a)
			agents = append(agents, a)
		}
		s.Advance(15 * time.Minute)
		for i, a := range agents {
			want := mesospb.TaskState_TASK_UNKNOWN
			if i >= 2 {
				want = mesospb.TaskState_TASK_UNREACHABLE
			}
			f.reconcile("t", a.id())
			answered(t, f, "t", want)
		}
	})
	t.Run("while one of them returns", func(t *testing.T) {
		s := newStage(t, func(c *master.Config) { c.RegistryMaxAgentCount = 1 })
		f := s.framework("f1", aware)
		a, b := s.agent("a1", "cpus:1;mem:64"), s.agent("a2", "cpus:1;mem:64")
		outOfReach(s, a)
		outOfReach(s, b)
		// The registry is slow, so that the return is asked for while it prunes.
		s.fail(make([]fault, 20)...)
		s.Until("the pruning to begin", time.Hour, func() bool { return s.Elapsed() > 15*time.Minute+time.Second })
		a.deaf = false
		a.Send(s.master(), a.report())
		a.Expect(testkit.Of[*controlpb.AgentReregistered]())
		s.Advance(time.Minute)
		f.reconcile("t", a.id())
		answered(t, f, "t", mesospb.TaskState_TASK_GONE)
		f.reconcile("t", b.id())
		answered(t, f, "t", mesospb.TaskState_TASK_UNREACHABLE)
	})
}

// The agent asks to come back while it is being given up: it waits, and then comes back.
func TestReturnDuringMarking(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware)
	s.running(f, a, "t1")
	s.fail(make([]fault, 100)...)
	outOfReach(s, a)
	a.deaf = false
	a.Send(s.master(), a.report())
	a.ExpectNone(5*time.Second, testkit.Of[*controlpb.AgentReregistered]())
	f.updated("t1", mesospb.TaskState_TASK_UNREACHABLE)
	a.reregister()
	f.updated("t1", mesospb.TaskState_TASK_RUNNING)
}

// An agent says goodbye while it is being given up, or the other way round: it is lost once, for the reason that was first.
func TestGoodbyeOfOneThatIsGivenUp(t *testing.T) {
	const patience = 90 * time.Second // one ping that is answered and five that are not, from the beginning
	for _, c := range []struct {
		name   string
		early  time.Duration // of the goodbye before the last ping is missed
		slow   bool          // the registry takes 5 seconds
		state  mesospb.TaskState
		reason string
	}{
		{"goodbye, and no ping is missed any more", 2 * time.Second, false, mesospb.TaskState_TASK_LOST, "unregistered"},
		{"goodbye, and pings are missed meanwhile", 2 * time.Second, true, mesospb.TaskState_TASK_LOST, "unregistered"},
		{"given up, and goodbye meanwhile", -2 * time.Second, true, mesospb.TaskState_TASK_UNREACHABLE, "unhealthy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", aware)
			s.running(f, a, "t1")
			a.deaf = true
			s.Advance(patience - c.early - s.Elapsed())
			if c.slow {
				s.fail(make([]fault, 50)...)
			}
			a.Send(s.master(), &controlpb.UnregisterAgent{AgentId: a.info.Id})
			s.Advance(time.Minute)
			f.updated("t1", c.state)
			f.lost(a)
			f.ExpectNone(time.Minute, event(schedulerpb.Event_UPDATE), event(schedulerpb.Event_FAILURE))
			for _, reason := range []string{"unregistered", "unhealthy"} {
				want := 0.0
				if reason == c.reason {
					want = 1
				}
				equal(t, reason, s.metric("master/slave_removals/reason_"+reason), want)
			}
			equal(t, "agents", len(s.agents().GetAgents()), 0)
		})
	}
}

// The same while a recovered agent comes back just before its time is over: it is kept.
func TestReturnAtTheLastMoment(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	s.failover()
	f := s.framework("f1", aware)
	s.Advance(10*time.Minute - 2*time.Second)
	s.fail(make([]fault, 50)...)
	a.info = proto.CloneOf(a.info)
	a.info.Hostname = proto.String("renamed")
	a.Send(s.master(), a.report())
	s.Advance(time.Minute)
	a.Expect(testkit.Of[*controlpb.AgentReregistered]())
	f.ExpectNone(time.Minute, event(schedulerpb.Event_FAILURE))
	equal(t, "agents", len(s.agents().GetAgents()), 1)
}

// The master's side of a scheduler's connection breaks and the scheduler does not notice: what it says is
// refused until it subscribes again.
func TestOneWayPartitionOfScheduler(t *testing.T) {
	s := newStage(t, nil)
	f := s.framework("f1", patient(time.Hour))
	s.CutOneWay(s.node, f.node)
	s.Advance(30 * time.Second)
	s.HealAll()
	f.kill("t1", nil)
	refused := f.Expect(testkit.Of[*controlpb.Refused]())[0].Msg.(*controlpb.Refused)
	equal(t, "the message", refused.GetMessage(), "Framework is not subscribed: not allowed")
	equal(t, "unsubscribed", refused.GetUnsubscribed(), true)
	f.subscribe()
	f.kill("t1", nil)
	answered(t, f, "t1", mesospb.TaskState_TASK_LOST)
}
