package sweep

import (
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// endsOnce checks that a task ends once: after a framework was told of a terminal state it is told no other. A
// machine that loses its power may forget its last seconds, and what it said in them.
func endsOnce(r *Run) {
	const promise = "a task ends once"
	ends := map[taskKey]mesospb.TaskState{}
	r.told = append(r.told, func(f *Framework, s *mesospb.TaskStatus) {
		task := taskKey{f.id.GetValue(), s.GetTaskId().GetValue()}
		if end, ended := ends[task]; ended && s.GetState() != end && !r.dark[r.ids[s.GetAgentId().GetValue()]] {
			r.violated(promise, "task %s is %s (%s) after it was %s", task, s.GetState(), s.GetMessage(), end)
		}
		if scheduler.Terminal(s.GetState()) {
			ends[task] = s.GetState()
		}
	})
}
