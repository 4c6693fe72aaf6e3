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
	"github.com/meseta-io/meseta/testkit/cast"
)

func withoutCapability(c mesospb.FrameworkInfo_Capability_Type) func(*mesospb.FrameworkInfo) {
	return func(i *mesospb.FrameworkInfo) {
		var kept []*mesospb.FrameworkInfo_Capability
		for _, have := range i.Capabilities {
			if have.GetType() != c {
				kept = append(kept, have)
			}
		}
		i.Capabilities = kept
	}
}

// A launch that never reaches its agent is found when the agent returns, and told by the agent in the framework's words.
func TestALaunchThatIsLostIsFound(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*mesospb.FrameworkInfo)
		state  mesospb.TaskState
	}{
		{"partition aware", func(*mesospb.FrameworkInfo) {}, mesospb.TaskState_TASK_DROPPED},
		{"not partition aware", withoutCapability(mesospb.FrameworkInfo_Capability_PARTITION_AWARE), mesospb.TaskState_TASK_LOST},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := cast.New(t)
			m, a, f := w.Master("m1"), w.Agent("a1", "cpus:4;mem:4096"), w.Framework("f1", c.change)
			launch := w.Drop(testkit.Of[*controlpb.RunTask]())
			f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 1000")
			launch.Await(1)
			launch.Stop()
			w.Reset(m, a)
			f.Expect(cast.Update("t1", c.state, cast.Because(mesospb.TaskStatus_REASON_RECONCILIATION)))
			f.ExpectOffer(a, "cpus:4;mem:4096")
		})
	}
}

// A launch that crosses the agent's report on its way is asked about, and the agent, which has it by then, says nothing.
func TestALaunchThatCrossesAReport(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", checkpointing)
	o := f.offer()
	report := s.Hold(testkit.Of[*controlpb.ReregisterAgent]())
	a.Send(s.master(), a.report())
	report.Await(1)
	f.launch(o, command("t1", o, "cpus:1;mem:64"))
	a.run("t1")
	report.Release()
	again := a.Expect(testkit.Of[*controlpb.AgentReregistered]())[0].Msg.(*controlpb.AgentReregistered)
	equal(t, "the question", again.GetReconciliations()[0].GetStatuses()[0].GetTaskId().GetValue(), "t1")
	f.ExpectNone(time.Minute, event(schedulerpb.Event_UPDATE), event(schedulerpb.Event_FAILURE))
	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "u")
	f.updated("t1", mesospb.TaskState_TASK_RUNNING)
	equal(t, "used", s.metric("master/cpus_used"), 1)
}

// A task that ended, and whose end the master has not heard of, is not lost because its agent reports it as over.
func TestAnEndThatIsOnItsWay(t *testing.T) {
	w := cast.New(t)
	m, a, f := w.Master("m1"), w.Agent("a1", "cpus:4;mem:4096"), w.Framework("f1")
	end := w.Drop(testkit.Of(func(u *controlpb.StatusUpdate) bool {
		return u.GetStatus().GetState() == mesospb.TaskState_TASK_FINISHED
	}))
	f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 1")
	end.Await(1)
	back := w.Watch(testkit.Of[*controlpb.ReregisterAgent]())
	w.Reset(m, a)
	back.Await(1)
	f.ExpectNone(time.Second, cast.Update("t1", mesospb.TaskState_TASK_LOST), cast.Update("t1", mesospb.TaskState_TASK_DROPPED))
	end.Stop()
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_FINISHED))
	f.ExpectNone(time.Hour, cast.Update("t1", mesospb.TaskState_TASK_LOST), cast.Update("t1", mesospb.TaskState_TASK_DROPPED))
}

// Which executor a task has survives the master: a name for custom ones, and none for those that agents make up.
func TestExecutorsOfTasksAfterFailover(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour))
	o := f.offer()
	own := withExecutor(command("own", o, "cpus:1;mem:64"), "e1")
	f.launch(o, command("plain", o, "cpus:1;mem:64"), own)
	a.run("plain")
	a.run("own")
	executors := func() string {
		of := map[string]string{}
		for _, task := range s.tasks().GetTasks() {
			of[task.GetTaskId().GetValue()] = task.GetExecutorId().GetValue()
		}
		return "plain: " + of["plain"] + ", own: " + of["own"]
	}
	equal(t, "before", executors(), "plain: , own: e1")
	s.failover()
	a.reregister()
	equal(t, "after", executors(), "plain: , own: e1")
}

// withExecutor gives a task an executor that holds a cpu and 32 MB.
func withExecutor(task *mesospb.TaskInfo, id string) *mesospb.TaskInfo {
	task.Command = nil
	task.Executor = &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String(id)}, Command: &mesospb.CommandInfo{Value: proto.String("run")},
		Resources: command("", &mesospb.Offer{}, "cpus:1;mem:32").Resources}
	return task
}

// An agent that was restarted with something new while the registry still took it back is known as it is now.
func TestAReportThatOvertakesAReturn(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	outOfReach(s, a)
	a.deaf = false
	s.fail(make([]fault, 10)...)
	a.Send(s.master(), a.report())
	a.ExpectNone(500*time.Millisecond, testkit.Of[*controlpb.AgentReregistered]())
	upgraded := a.report()
	upgraded.Version, upgraded.Capabilities = proto.String("1.99.0"), agentCapabilities[:2]
	a.Send(s.master(), upgraded) // while the first is being written
	a.Expect(testkit.Of[*controlpb.AgentReregistered]())
	a.Send(s.master(), upgraded) // it asks until it is answered, and asks as it is
	a.Expect(testkit.Of[*controlpb.AgentReregistered]())
	one := s.agents().GetAgents()
	equal(t, "agents", len(one), 1)
	equal(t, "its version", one[0].GetVersion(), "1.99.0")
	equal(t, "what it can", len(one[0].GetCapabilities()), 2)
}

// An executor outlives the master that started it: the next one gives it more work, and books it once.
func TestAnExecutorOutlivesItsMaster(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:8;mem:4096")
	f := s.framework("f1", patient(time.Hour))
	o := f.offer()
	f.launch(o, withExecutor(command("t1", o, "cpus:1;mem:64"), "e1"))
	equal(t, "the first starts it", a.run("t1").GetLaunchExecutor(), true)
	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "u1")
	s.failover()
	f.subscribe()
	a.reregister()
	o = f.offer()
	equal(t, "the offer", amounts(t, o.GetResources()), "cpus:6; mem:4000")
	f.launch(o, withExecutor(command("t2", o, "cpus:1;mem:64"), "e1"))
	equal(t, "the second starts it", a.run("t2").GetLaunchExecutor(), false)
	equal(t, "used", s.metric("master/cpus_used"), 3)
	f.Forget()
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_MESSAGE.Enum(), Message: &schedulerpb.Call_Message{AgentId: a.info.Id,
		ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Data: []byte("more")}})
	a.Expect(testkit.Of[*controlpb.FrameworkMessage]())
}

// Two executors on one agent are two: each task has its own, and the end of one is not the other's.
func TestTwoExecutorsOnOneAgent(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:8;mem:4096")
	f := s.framework("f1")
	o := f.offer()
	f.launch(o, withExecutor(command("t1", o, "cpus:1;mem:64"), "e1"), withExecutor(command("t2", o, "cpus:1;mem:64"), "e2"))
	for _, id := range []string{"t1", "t2"} {
		equal(t, id+" starts one", a.run(id).GetLaunchExecutor(), true)
		a.update(f.id, id, mesospb.TaskState_TASK_RUNNING, id)
		f.updated(id, mesospb.TaskState_TASK_RUNNING)
	}
	equal(t, "used", s.metric("master/cpus_used"), 4)
	a.Send(s.master(), &controlpb.ExitedExecutor{AgentId: a.info.Id, FrameworkId: fid(f.id), ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Status: proto.Int32(0)})
	equal(t, "who ended", f.Expect(event(schedulerpb.Event_FAILURE))[0].Msg.(*schedulerpb.Event).GetFailure().GetExecutorId().GetValue(), "e1")
	executors := s.ask(masterpb.Call_GET_EXECUTORS).GetGetExecutors().GetExecutors()
	equal(t, "executors", len(executors), 1)
	equal(t, "who is left", executors[0].GetExecutorInfo().GetExecutorId().GetValue(), "e2")
}

// An executor without a task goes with its agent's connection, too, if its framework does not checkpoint.
func TestDisconnectWithAnExecutorAlone(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:8;mem:4096")
	f := s.framework("f1", aware)
	o := f.offer()
	f.launch(o, withExecutor(command("t1", o, "cpus:1;mem:64"), "e1"))
	a.run("t1")
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u1")
	f.updated("t1", mesospb.TaskState_TASK_FINISHED)
	f.acknowledge(a, "t1", "u1")
	s.Advance(time.Second)
	equal(t, "used", s.metric("master/cpus_used"), 1)
	s.Reset(s.node, a.node)
	s.Advance(time.Second)
	equal(t, "used while it is away", s.metric("master/cpus_used"), 0)
	a.tasks, a.execs, a.fws = nil, nil, nil
	a.reregister()
	equal(t, "executors", len(s.ask(masterpb.Call_GET_EXECUTORS).GetGetExecutors().GetExecutors()), 0)
	f.Forget()
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	equal(t, "the offer", amounts(t, f.offer().GetResources()), "cpus:8; mem:4096")
}

// A framework that never comes back after a failover can be torn down by an operator: its tasks end on every agent, and
// nobody sees an orphan.
func TestOrphansOfSeveralAgents(t *testing.T) {
	s := newStage(t, nil)
	a, b := s.agent("a1", "cpus:4;mem:4096"), s.agent("a2", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour), checkpointing)
	for _, o := range f.offers(2) {
		on, id := a, "t1"
		if o.GetAgentId().GetValue() == b.id() {
			on, id = b, "t2"
		}
		f.launch(o, command(id, o, "cpus:1;mem:64"))
		on.run(id)
		on.update(f.id, id, mesospb.TaskState_TASK_RUNNING, id)
	}
	f.node.Crash()
	s.failover()
	a.reregister()
	b.reregister()
	equal(t, "tasks", len(s.tasks().GetTasks()), 2)
	if refused := s.order(&masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: fid(f.id)}}); refused != nil {
		t.Fatal(refused)
	}
	a.Expect(testkit.Of[*controlpb.ShutdownFramework]())
	b.Expect(testkit.Of[*controlpb.ShutdownFramework]())
	d := s.doors(t)
	state := d.get("", "/state")
	for _, list := range []string{"frameworks", "orphan_tasks", "unregistered_frameworks"} {
		equal(t, list, count(t, state, list), 0)
	}
	equal(t, "unregistered frameworks", count(t, d.get("", "/frameworks"), "unregistered_frameworks"), 0)
	equal(t, "past frameworks", count(t, state, "completed_frameworks"), 1)
}

// A task whose framework is not back yet ends: what it held is for others.
func TestAnOrphanEnds(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour))
	s.running(f, a, "t1")
	f.node.Crash()
	s.failover()
	g := s.framework("f2")
	a.reregister()
	equal(t, "the offer", amounts(t, g.offer().GetResources()), "cpus:3; mem:4032")
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u2")
	equal(t, "what it gives back", amounts(t, g.offer().GetResources()), "cpus:1; mem:64")
	equal(t, "used", s.metric("master/cpus_used"), 0)
}

// Agents that went away and do not register again are given up one by one, as the limit wants it. That they answer pings
// is not enough; to register is.
func TestAgentsThatStayAwayAreLimited(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.AgentRemovalRateLimit = "1/20mins" })
	var away []*fakeAgent
	for _, name := range []string{"a1", "a2", "a3"} {
		a := s.agent(name, "cpus:4;mem:4096")
		away = append(away, a)
		s.Reset(s.node, a.node)
	}
	f := s.framework("f1", aware)
	f.ExpectNone(9*time.Minute, event(schedulerpb.Event_FAILURE))
	s.Advance(2 * time.Minute)
	f.lost(away[0])
	equal(t, "scheduled", s.metric("master/slave_unreachable_scheduled"), 3)
	f.ExpectNone(10*time.Minute, event(schedulerpb.Event_FAILURE))
	away[1].reregister()
	equal(t, "canceled", s.metric("master/slave_unreachable_canceled"), 1)
	s.Advance(10 * time.Minute)
	f.lost(away[2])
	f.ExpectNone(time.Hour, event(schedulerpb.Event_FAILURE))
	equal(t, "agents", len(s.agents().GetAgents()), 1)
}

// A report that was on its way when the end of a task was acknowledged does not bring the task back: it would be missed in
// the next report, and the framework would hear of its loss.
func TestAReportThatTheLastAcknowledgementCrosses(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", checkpointing)
	o := f.offer()
	f.launch(o, command("t1", o, "cpus:1;mem:64"))
	a.run("t1")
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u")
	f.updated("t1", mesospb.TaskState_TASK_FINISHED)
	before := a.report()
	before.Tasks[0].State = mesospb.TaskState_TASK_FINISHED.Enum()
	before.Tasks[0].StatusUpdateState, before.Tasks[0].StatusUpdateUuid = mesospb.TaskState_TASK_FINISHED.Enum(), []byte("u")
	report := s.Hold(testkit.Of[*controlpb.ReregisterAgent]())
	a.Send(s.master(), before)
	report.Await(1)
	f.acknowledge(a, "t1", "u")
	a.Expect(testkit.Of[*controlpb.AcknowledgeStatus]())
	report.Release()
	a.Expect(testkit.Of[*controlpb.AgentReregistered]())
	a.tasks = nil
	again := a.reregister()
	equal(t, "questions", len(again.GetReconciliations()), 0)
	equal(t, "tasks", len(s.tasks().GetTasks()), 0)
	f.ExpectNone(time.Minute, event(schedulerpb.Event_UPDATE))
}
