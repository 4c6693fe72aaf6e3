package authorization

import "github.com/meseta-io/meseta/messages/mesos/mesospb"

// Unrunnable finds what of a launch a framework may not run: a task, or the executor of tasks, which is somebody, too.
func Unrunnable(may Approver, f *mesospb.FrameworkInfo, executor *mesospb.ExecutorInfo, tasks ...*mesospb.TaskInfo) (Object, bool) {
	if executor != nil {
		if o := (Object{Framework: f, Executor: executor}); !may(o) {
			return o, true
		}
	}
	for _, t := range tasks {
		if o := (Object{Framework: f, Executor: executor, TaskInfo: t}); !may(o) {
			return o, true
		}
		if own := t.GetExecutor(); own != nil && own.GetCommand().GetUser() != "" {
			// A task with a command of another user must not smuggle its executor's in.
			if o := (Object{Framework: f, Executor: own}); !may(o) {
				return o, true
			}
		}
	}
	return Object{}, false
}
