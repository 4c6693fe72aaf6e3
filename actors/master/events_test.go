package master_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// says checks the text at a path of an event.
func (e *eye) says(event []byte, want string, path ...any) {
	e.Helper()
	if got := strings.Trim(string(at(e.T, event, path...)), `"`); got != want {
		e.Errorf("%v is %s, want %s", path, got, want)
	}
}

// Who watches hears of every kind of change, once, in order, and with what Mesos tells of it.
func TestEventsOfEveryType(t *testing.T) {
	s := newStage(t, nil)
	e, hello := s.doors(t).watch("")
	equal(t, "agents at first", count(t, hello, "subscribed", "get_state", "get_agents", "agents"), 0)

	a := s.agent("a1", "cpus:4;mem:4096")
	added := e.expect("AGENT_ADDED")
	e.says(added, a.id(), "agent_added", "agent", "agent_info", "id", "value")
	e.says(added, "0.1.0", "agent_added", "agent", "version")
	e.says(added, a.String(), "agent_added", "agent", "pid")
	equal(t, "what the agent has", count(t, added, "agent_added", "agent", "total_resources"), 2)

	f := s.framework("f1", patient(time.Hour))
	added = e.expect("FRAMEWORK_ADDED")
	e.says(added, f.id, "framework_added", "framework", "framework_info", "id", "value")
	e.says(added, "true", "framework_added", "framework", "active")
	e.says(added, "true", "framework_added", "framework", "connected")

	f.launch(f.offer(), command("t1", &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
	a.run("t1")
	added = e.expect("TASK_ADDED")
	e.says(added, "t1", "task_added", "task", "task_id", "value")
	e.says(added, "TASK_STAGING", "task_added", "task", "state")

	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "1")
	updated := e.expect("TASK_UPDATED")
	e.says(updated, f.id, "task_updated", "framework_id", "value")
	e.says(updated, "TASK_RUNNING", "task_updated", "state")
	e.says(updated, "t1", "task_updated", "status", "task_id", "value")

	// The same state once more is of interest only if a check found something.
	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "2")
	for i, healthy := range []bool{true, false} {
		a.Send(s.master(), &controlpb.StatusUpdate{FrameworkId: fid(f.id), AgentId: a.info.Id, LatestState: mesospb.TaskState_TASK_RUNNING.Enum(),
			Status: &mesospb.TaskStatus{TaskId: tid("t1"), State: mesospb.TaskState_TASK_RUNNING.Enum(), Uuid: sixteen("h" + string(rune('0'+i))), Healthy: proto.Bool(healthy),
				Source: mesospb.TaskStatus_SOURCE_EXECUTOR.Enum(), Reason: mesospb.TaskStatus_REASON_TASK_HEALTH_CHECK_STATUS_UPDATED.Enum(), Timestamp: proto.Float64(2)}})
		updated = e.expect("TASK_UPDATED")
		e.says(updated, "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED", "task_updated", "status", "reason")
		e.says(updated, map[bool]string{true: "true", false: "false"}[healthy], "task_updated", "status", "healthy")
	}
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "3")
	e.says(e.expect("TASK_UPDATED"), "TASK_FINISHED", "task_updated", "state")
	f.acknowledge(a, "t1", "3")

	f.info.Name = proto.String("renamed")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum(), UpdateFramework: &schedulerpb.Call_UpdateFramework{FrameworkInfo: f.info}})
	e.says(e.expect("FRAMEWORK_UPDATED"), "renamed", "framework_updated", "framework", "framework_info", "name")
	f.subscribe() // again, as after a failover of its scheduler
	e.says(e.expect("FRAMEWORK_UPDATED"), "true", "framework_updated", "framework", "active")
	s.order(&masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: fid(f.id)}})
	e.says(e.expect("FRAMEWORK_REMOVED"), f.id, "framework_removed", "framework_info", "id", "value")

	a.Send(s.master(), &controlpb.UnregisterAgent{AgentId: a.info.Id})
	e.says(e.expect("AGENT_REMOVED"), a.id(), "agent_removed", "agent_id", "value")
}

// A status that only repeats the last one's state is news if the task is further by then: whoever adds up events has to come
// to what the views show.
func TestEventOfATaskThatIsFurtherThanItsStatus(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.running(f, a, "t1")
	e, _ := s.doors(t).watch("")
	a.later(f.id, "t1", mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_FINISHED, "2")
	updated := e.expect("TASK_UPDATED")
	e.says(updated, "TASK_FINISHED", "task_updated", "state")
	e.says(updated, "TASK_RUNNING", "task_updated", "status", "state")
	equal(t, "the state in the view", s.tasks().GetTasks()[0].GetState(), mesospb.TaskState_TASK_FINISHED)

	// Told again, it is none.
	a.later(f.id, "t1", mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_FINISHED, "2")
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "3")
	e.says(e.expect("TASK_UPDATED"), "TASK_FINISHED", "task_updated", "status", "state")
}

// Of an agent that is marked gone, its tasks tell: at once if it was at work, and if it was unreachable before.
func TestEventsOfAnAgentThatIsGone(t *testing.T) {
	for name, lost := range map[string]bool{"while it is at work": false, "while it is unreachable": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", aware)
			s.running(f, a, "t1")
			e, hello := s.doors(t).watch("")
			equal(t, "tasks", count(t, hello, "subscribed", "get_state", "get_tasks", "tasks"), 1)
			if lost {
				a.deaf = true
				s.Advance(2 * time.Minute)
				e.says(e.expect("TASK_UPDATED"), "TASK_UNREACHABLE", "task_updated", "state")
			}
			if refused := s.order(&masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: a.info.Id}}); refused != nil {
				t.Fatal(refused)
			}
			updated := e.expect("TASK_UPDATED")
			e.says(updated, "TASK_GONE_BY_OPERATOR", "task_updated", "state")
			e.says(updated, "t1", "task_updated", "status", "task_id", "value")
			e.says(updated, "REASON_AGENT_REMOVED_BY_OPERATOR", "task_updated", "status", "reason")
			f.updated("t1", mesospb.TaskState_TASK_GONE_BY_OPERATOR)
		})
	}
}

// Who watches a master that has just begun to lead hears of the frameworks that agents bring back, and of the agents.
func TestEventsAfterFailover(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour))
	s.running(f, a, "t1")
	f.node.Crash() // the framework does not come back by itself
	s.failover()
	d := s.doors(t)
	e, hello := d.watch("")
	equal(t, "recovered agents", count(t, hello, "subscribed", "get_state", "get_agents", "recovered_agents"), 1)
	equal(t, "frameworks", count(t, hello, "subscribed", "get_state", "get_frameworks", "frameworks"), 0)
	equal(t, "the recovered agent of GET_AGENTS", each(t, at(t, d.say("", `{"type":"GET_AGENTS"}`), "get_agents", "recovered_agents"), "hostname"), "a1")
	a.reregister()
	seen := map[string]bool{}
	for range 3 {
		event := e.next()
		seen[strings.Trim(string(at(t, event, "type")), `"`)] = true
		if strings.Contains(string(event), "FRAMEWORK_ADDED") {
			e.says(event, f.id, "framework_added", "framework", "framework_info", "id", "value")
			e.says(event, "true", "framework_added", "framework", "recovered")
		}
	}
	for _, kind := range []string{"AGENT_ADDED", "FRAMEWORK_ADDED", "TASK_ADDED"} {
		if !seen[kind] {
			t.Errorf("nobody tells of %s: %v", kind, seen)
		}
	}
	equal(t, "recovered agents", count(t, d.say("", `{"type":"GET_AGENTS"}`), "get_agents", "recovered_agents"), 0)
	s.node.Crash()
}
