package master_test

import (
	"fmt"
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

// answered expects the answer to a reconciliation and looks at what all of them have in common.
func answered(t *testing.T, f *fakeScheduler, id string, state mesospb.TaskState) *mesospb.TaskStatus {
	t.Helper()
	s := f.updated(id, state)
	equal(t, "the reason", s.GetReason(), mesospb.TaskStatus_REASON_RECONCILIATION)
	equal(t, "the source", s.GetSource(), mesospb.TaskStatus_SOURCE_MASTER)
	if s.Uuid != nil || s.GetTimestamp() == 0 || s.GetMessage() == "" {
		t.Errorf("uuid %x, timestamp %v, message %q", s.Uuid, s.GetTimestamp(), s.GetMessage())
	}
	return s
}

// outOfReach makes an agent miss its pings and reports when it was given up.
func outOfReach(s *stage, a *fakeAgent) {
	a.deaf = true
	s.Advance(91 * time.Second) // up to 15 s to the next ping, and five that are missed
}

func TestReconcileKnown(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.running(f, a, "t1")

	t.Run("by name", func(t *testing.T) {
		f.reconcile("t1", a.id())
		answered(t, f, "t1", mesospb.TaskState_TASK_RUNNING)
	})
	t.Run("by name without agent", func(t *testing.T) {
		f.reconcile("t1", "")
		equal(t, "the agent", answered(t, f, "t1", mesospb.TaskState_TASK_RUNNING).GetAgentId().GetValue(), a.id())
	})
	t.Run("by name with another agent", func(t *testing.T) {
		f.reconcile("t1", "elsewhere")
		answered(t, f, "t1", mesospb.TaskState_TASK_RUNNING)
	})
	t.Run("implicitly", func(t *testing.T) {
		f.reconcile()
		answered(t, f, "t1", mesospb.TaskState_TASK_RUNNING)
	})
	t.Run("the state that was told, not the newest", func(t *testing.T) {
		a.later(f.id, "t1", mesospb.TaskState_TASK_KILLING, mesospb.TaskState_TASK_KILLED, "u2")
		f.updated("t1", mesospb.TaskState_TASK_KILLING)
		f.reconcile("t1", a.id())
		answered(t, f, "t1", mesospb.TaskState_TASK_KILLING)
	})
	t.Run("an end that is not acknowledged", func(t *testing.T) {
		a.update(f.id, "t1", mesospb.TaskState_TASK_KILLED, "u3")
		f.updated("t1", mesospb.TaskState_TASK_KILLED)
		f.reconcile()
		answered(t, f, "t1", mesospb.TaskState_TASK_KILLED)
	})
	t.Run("nothing after the acknowledgement", func(t *testing.T) {
		f.acknowledge(a, "t1", "u3")
		f.reconcile()
		f.ExpectNone(10*time.Second, event(schedulerpb.Event_UPDATE))
	})
}

func TestReconcileHealthAndContainer(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.running(f, a, "t1")
	a.Send(s.master(), &controlpb.StatusUpdate{FrameworkId: fid(f.id), AgentId: a.info.Id, Status: &mesospb.TaskStatus{
		TaskId: tid("t1"), State: mesospb.TaskState_TASK_RUNNING.Enum(), Healthy: proto.Bool(false), Uuid: sixteen("u2"), Data: []byte("opaque"),
		ContainerStatus: &mesospb.ContainerStatus{ExecutorPid: proto.Uint32(42)}, ExecutorId: &mesospb.ExecutorID{Value: proto.String("t1")}}})
	equal(t, "the data", string(f.updated("t1", mesospb.TaskState_TASK_RUNNING).GetData()), "opaque")
	f.reconcile("t1", a.id())
	status := answered(t, f, "t1", mesospb.TaskState_TASK_RUNNING)
	if status.Healthy == nil || status.GetHealthy() || status.GetContainerStatus().GetExecutorPid() != 42 || status.Data != nil {
		t.Errorf("the answer is %v", status)
	}
	for _, kept := range s.ask(masterpb.Call_GET_TASKS).GetGetTasks().GetTasks()[0].GetStatuses() {
		if kept.Data != nil {
			t.Error("the master keeps data")
		}
	}
}

func TestReconcileUnknown(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape []shape
		want  map[string]mesospb.TaskState
	}{
		{"partition aware", []shape{aware}, map[string]mesospb.TaskState{
			"registered": mesospb.TaskState_TASK_GONE, "unreachable": mesospb.TaskState_TASK_UNREACHABLE,
			"gone": mesospb.TaskState_TASK_GONE_BY_OPERATOR, "unknown": mesospb.TaskState_TASK_UNKNOWN, "": mesospb.TaskState_TASK_UNKNOWN}},
		{"not partition aware", nil, map[string]mesospb.TaskState{
			"registered": mesospb.TaskState_TASK_LOST, "unreachable": mesospb.TaskState_TASK_LOST,
			"gone": mesospb.TaskState_TASK_LOST, "unknown": mesospb.TaskState_TASK_LOST, "": mesospb.TaskState_TASK_LOST}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			here, away, gone := s.agent("here", "cpus:4;mem:4096"), s.agent("away", "cpus:4;mem:4096"), s.agent("gone", "cpus:4;mem:4096")
			f := s.framework("f1", c.shape...)
			outOfReach(s, away)
			if refused := s.order(&masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: gone.info.Id}}); refused != nil {
				t.Fatal(refused)
			}
			agents := map[string]string{"registered": here.id(), "unreachable": away.id(), "gone": gone.id(), "unknown": "nobody", "": ""}
			for where, state := range c.want {
				t.Run("on agent "+where, func(t *testing.T) {
					f.reconcile("t1", agents[where])
					status := answered(t, f, "t1", state)
					equal(t, "unreachable_time is there", status.UnreachableTime != nil, where == "unreachable")
				})
			}
		})
	}
}

func TestReconcileKillOfUnknown(t *testing.T) {
	s := newStage(t, nil)
	f := s.framework("f1")
	f.kill("t1", nil)
	answered(t, f, "t1", mesospb.TaskState_TASK_LOST)
	g := s.framework("f2", aware)
	g.kill("t1", aid("nobody"))
	answered(t, g, "t1", mesospb.TaskState_TASK_UNKNOWN)
}

// While an agent may still come back with a task nobody says anything about it.
func TestReconcileRecovered(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	a.deaf = true
	s.failover()
	f := s.framework("f1", aware)
	t.Run("silence while the agent is expected", func(t *testing.T) {
		f.reconcile("t1", a.id(), "t2", "")
		f.kill("t3", nil)
		f.ExpectNone(10*time.Second, event(schedulerpb.Event_UPDATE))
		f.reconcile("t4", "nobody")
		answered(t, f, "t4", mesospb.TaskState_TASK_UNKNOWN)
	})
	t.Run("silence while the agent is being taken back", func(t *testing.T) {
		// It has a new name, which is written slowly.
		s.fail(make([]fault, 30)...)
		a.info = proto.CloneOf(a.info)
		a.info.Hostname = proto.String("renamed")
		a.Send(s.master(), a.report())
		s.Advance(time.Second)
		f.reconcile("t1", a.id())
		f.ExpectNone(time.Second, event(schedulerpb.Event_UPDATE))
		a.Expect(testkit.Of[*controlpb.AgentReregistered]())
	})
	t.Run("the truth when it is back", func(t *testing.T) {
		f.reconcile("t1", a.id())
		answered(t, f, "t1", mesospb.TaskState_TASK_GONE)
		f.reconcile("t2", "")
		answered(t, f, "t2", mesospb.TaskState_TASK_UNKNOWN)
	})
}

func TestReconcileRecoveredThatNeverReturns(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	s.failover()
	f := s.framework("f1", aware)
	s.Advance(10*time.Minute + time.Second)
	f.Expect(event(schedulerpb.Event_FAILURE))
	f.reconcile("t1", a.id())
	if answered(t, f, "t1", mesospb.TaskState_TASK_UNREACHABLE).UnreachableTime == nil {
		t.Error("no unreachable_time")
	}
}

// A partition that began under one master is told of by the next one in the same words.
func TestReconcileUnreachableAfterFailover(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour))
	s.running(f, a, "t1")
	outOfReach(s, a)
	lost := f.updated("t1", mesospb.TaskState_TASK_LOST)
	equal(t, "the reason", lost.GetReason(), mesospb.TaskStatus_REASON_AGENT_REMOVED)
	f.reconcile("t1", a.id())
	before := answered(t, f, "t1", mesospb.TaskState_TASK_LOST)
	s.failover()
	f.subscribe()
	f.reconcile("t1", a.id())
	after := answered(t, f, "t1", mesospb.TaskState_TASK_LOST)
	for _, at := range []*mesospb.TimeInfo{before.UnreachableTime, after.UnreachableTime} {
		if at == nil || !proto.Equal(at, lost.UnreachableTime) {
			t.Errorf("unreachable_time is %v, first told was %v", at, lost.UnreachableTime)
		}
	}
}

// After a failover the state that was told last comes back with the agent.
func TestReconcileToldStateAfterFailover(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour))
	f.launch(f.offer(), command("t1", &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
	a.run("t1")
	dropped := s.Drop(testkit.Of[*controlpb.StatusUpdate]())
	a.later(f.id, "t1", mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_FINISHED, "u1")
	s.failover()
	dropped.Stop()
	f.subscribe()
	a.reregister()
	f.reconcile()
	answered(t, f, "t1", mesospb.TaskState_TASK_RUNNING)
	tasks := s.ask(masterpb.Call_GET_TASKS).GetGetTasks().GetTasks()
	equal(t, "the state", tasks[0].GetState(), mesospb.TaskState_TASK_FINISHED)
}

// An agent that is on its way out of the registry still has its tasks.
func TestReconcileDuringRemoval(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.fail(make([]fault, 50)...)
	a.Send(s.master(), &controlpb.UnregisterAgent{AgentId: a.info.Id})
	s.Advance(time.Second)
	f.reconcile("t1", a.id())
	if answered(t, f, "t1", mesospb.TaskState_TASK_LOST).UnreachableTime != nil {
		t.Error("a removed agent was called unreachable")
	}
}

func TestReconcileOperations(t *testing.T) {
	s := newStage(t, nil)
	away, here := s.agent("away", "cpus:1;mem:64"), s.agent("here", "cpus:1;mem:64")
	f := s.framework("f1")
	outOfReach(s, away)
	for agent, want := range map[string]mesospb.OperationState{
		here.id(): mesospb.OperationState_OPERATION_UNKNOWN, away.id(): mesospb.OperationState_OPERATION_UNREACHABLE,
		"nobody": mesospb.OperationState_OPERATION_UNKNOWN, "": mesospb.OperationState_OPERATION_UNKNOWN,
	} {
		q := &schedulerpb.Call_ReconcileOperations_Operation{OperationId: &mesospb.OperationID{Value: proto.String("op")}}
		if agent != "" {
			q.AgentId = aid(agent)
		}
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE_OPERATIONS.Enum(),
			ReconcileOperations: &schedulerpb.Call_ReconcileOperations{Operations: []*schedulerpb.Call_ReconcileOperations_Operation{q}}})
		e := f.Expect(event(schedulerpb.Event_UPDATE_OPERATION_STATUS))[0].Msg.(*schedulerpb.Event)
		equal(t, "the state on "+agent, e.GetUpdateOperationStatus().GetStatus().GetState(), want)
	}
}

// A question that crosses an end on the way is answered with that end, and so is every later one: nobody hears of two ends.
func TestReconcileAfterTheEnd(t *testing.T) {
	gone := &mesospb.OfferID{Value: proto.String("gone")}
	for _, c := range []struct {
		name          string
		shape         []shape
		refused, lost mesospb.TaskState
		unknown       mesospb.TaskState
	}{
		{"partition aware", []shape{aware}, mesospb.TaskState_TASK_DROPPED, mesospb.TaskState_TASK_LOST, mesospb.TaskState_TASK_GONE},
		{"not partition aware", nil, mesospb.TaskState_TASK_LOST, mesospb.TaskState_TASK_LOST, mesospb.TaskState_TASK_LOST},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, func(c *master.Config) { c.MaxCompletedTasksPerFramework = 2 })
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", c.shape...)
			launch := func(id string) {
				f.launch(&mesospb.Offer{Id: gone, AgentId: a.info.Id}, command(id, &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
			}
			launch("t1")
			f.reconcile("t1", a.id())
			f.updated("t1", c.refused)
			answered(t, f, "t1", c.refused)

			// It is launched again, and again while it runs: the answer is how it is.
			s.running(f, a, "t1")
			launch("t1")
			f.updated("t1", c.refused)
			f.reconcile("t1", a.id())
			answered(t, f, "t1", mesospb.TaskState_TASK_RUNNING)
			a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u3")
			f.updated("t1", mesospb.TaskState_TASK_FINISHED)
			f.acknowledge(a, "t1", "u3")
			f.reconcile("t1", "")
			answered(t, f, "t1", mesospb.TaskState_TASK_FINISHED)
			f.kill("t1", a.info.Id)
			answered(t, f, "t1", mesospb.TaskState_TASK_FINISHED)
			launch("t1")
			f.updated("t1", c.refused)
			f.reconcile("t1", a.id())
			answered(t, f, "t1", c.refused)

			// The memory has an end: of what the master decides the latest thousand, of what ran as much as is shown.
			for i := range 1000 {
				launch(fmt.Sprint("r", i))
				f.updated(fmt.Sprint("r", i), c.refused)
			}
			f.reconcile("t1", a.id())
			answered(t, f, "t1", mesospb.TaskState_TASK_FINISHED)
			f.reconcile("r0", a.id())
			answered(t, f, "r0", c.refused)
			launch(strings.Repeat("x", 300))
			f.updated(strings.Repeat("x", 300), c.refused)
			f.reconcile("r0", a.id(), strings.Repeat("x", 300), a.id())
			answered(t, f, "r0", c.refused)
			answered(t, f, strings.Repeat("x", 300), c.unknown)

			// More are lost at once than are shown as completed.
			ids := []string{"t2", "t3", "t4"}
			var tasks []*mesospb.TaskInfo
			for _, id := range ids {
				tasks = append(tasks, command(id, &mesospb.Offer{AgentId: a.info.Id}, "cpus:0.1;mem:8"))
			}
			f.launch(f.offer(), tasks...)
			a.run("t4")
			a.Send(s.master(), &controlpb.UnregisterAgent{AgentId: a.info.Id})
			for _, id := range ids {
				f.updated(id, c.lost)
			}
			for _, id := range ids {
				f.reconcile(id, a.id())
				answered(t, f, id, c.lost)
			}
		})
	}
}
