package sweep

import (
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// EndsOnce compares what frameworks are told after a terminal state. A machine that loses its power may forget its
// last seconds, and what it said in them. A master that never heard of a refused task, because it is younger, calls it
// gone when it is asked, and then the agent's own word arrives. And a master that is asked for a task of an agent that is
// gone for good says so, as in Mesos, even if the task had ended before.
var EndsOnce = Checker{"a task ends once: after a terminal state no other is told", endsOnce}

func endsOnce(r *Run) {
	const promise = "a task ends once"
	ends := map[taskKey]mesospb.TaskState{}
	r.told = append(r.told, func(f *Framework, s *mesospb.TaskStatus) {
		task := taskKey{f.id.GetValue(), s.GetTaskId().GetValue()}
		if end, ended := ends[task]; ended && s.GetState() != end && !refused(end, s.GetState()) && !goneForGood(s) && !r.dark[r.ids[s.GetAgentId().GetValue()]] {
			r.violated(promise, "task %s is %s (%s) after it was %s", task, s.GetState(), s.GetMessage(), end)
		}
		if scheduler.Terminal(s.GetState()) {
			ends[task] = s.GetState()
		}
	})
}

func refused(end, then mesospb.TaskState) bool {
	return end == mesospb.TaskState_TASK_GONE && then == mesospb.TaskState_TASK_DROPPED
}

func goneForGood(s *mesospb.TaskStatus) bool {
	return s.GetState() == mesospb.TaskState_TASK_GONE_BY_OPERATOR && s.GetReason() == mesospb.TaskStatus_REASON_RECONCILIATION
}
