// Package taskstate says what the states of a task mean.
package taskstate

import "github.com/meseta-io/meseta/messages/mesos/mesospb"

// Terminal says whether a task in this state is over for good. Unreachable and unknown are not: both are words of a
// master that does not see the task, which may turn out to be running.
func Terminal(s mesospb.TaskState) bool {
	switch s {
	case mesospb.TaskState_TASK_FINISHED, mesospb.TaskState_TASK_FAILED, mesospb.TaskState_TASK_KILLED,
		mesospb.TaskState_TASK_ERROR, mesospb.TaskState_TASK_LOST, mesospb.TaskState_TASK_DROPPED,
		mesospb.TaskState_TASK_GONE, mesospb.TaskState_TASK_GONE_BY_OPERATOR:
		return true
	}
	return false
}
