package master_test

import (
	"testing"
	"time"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

// TestWalk goes the whole way of one task: registration, subscription, offer, launch, updates,
// acknowledgements, end.
func TestWalk(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")

	o := f.offer()
	equal(t, "the offer", amounts(t, o.GetResources()), "cpus:4; mem:4096")
	equal(t, "the host", o.GetHostname(), "a1")
	equal(t, "the agent", o.GetAgentId().GetValue(), a.id())
	equal(t, "the path", o.GetUrl().GetPath(), "/slave(1)")
	if o.AllocationInfo != nil || o.GetResources()[0].AllocationInfo != nil {
		t.Error("a framework with one role is told of allocations")
	}

	f.launch(o, command("t1", o, "cpus:1;mem:128"))
	run := a.run("t1")
	equal(t, "the role of the task's resources", run.GetTask().GetResources()[0].GetAllocationInfo().GetRole(), "*")
	equal(t, "the epoch", run.GetEpoch(), 1)
	equal(t, "launch_executor", run.GetLaunchExecutor(), true)
	tasks := s.ask(masterpb.Call_GET_TASKS).GetGetTasks()
	equal(t, "the state", tasks.GetTasks()[0].GetState(), mesospb.TaskState_TASK_STAGING)
	agents := s.ask(masterpb.Call_GET_AGENTS).GetGetAgents()
	equal(t, "allocated", amounts(t, agents.GetAgents()[0].GetAllocatedResources()), "cpus:1; mem:128")

	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "u1")
	status := f.updated("t1", mesospb.TaskState_TASK_RUNNING)
	equal(t, "the uuid", string(status.GetUuid()), string(sixteen("u1")))
	equal(t, "the agent of the status", status.GetAgentId().GetValue(), a.id())
	equal(t, "the executor of the status", status.GetExecutorId().GetValue(), "t1")
	f.acknowledge(a, "t1", "u1")
	ack := a.Expect(testkit.Of[*controlpb.AcknowledgeStatus]())[0].Msg.(*controlpb.AcknowledgeStatus)
	equal(t, "the acknowledged uuid", string(ack.GetUuid()), string(sixteen("u1")))

	f.kill("t1", nil)
	a.Expect(testkit.Of[*controlpb.KillTask]())
	a.update(f.id, "t1", mesospb.TaskState_TASK_KILLED, "u2")
	f.updated("t1", mesospb.TaskState_TASK_KILLED)
	tasks = s.ask(masterpb.Call_GET_TASKS).GetGetTasks()
	equal(t, "tasks before the acknowledgement", len(tasks.GetTasks()), 1)
	agents = s.ask(masterpb.Call_GET_AGENTS).GetGetAgents()
	equal(t, "allocated after the end", len(agents.GetAgents()[0].GetAllocatedResources()), 0)
	f.acknowledge(a, "t1", "u2")
	s.Advance(100 * time.Millisecond)
	tasks = s.ask(masterpb.Call_GET_TASKS).GetGetTasks()
	equal(t, "tasks after the acknowledgement", len(tasks.GetTasks()), 0)
	equal(t, "completed tasks", len(tasks.GetCompletedTasks()), 1)

	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	equal(t, "the next offer", amounts(t, f.offer().GetResources()), "cpus:4; mem:4096")
}
