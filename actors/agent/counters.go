package agent

import (
	"time"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// counters count events since the agent started; what can be counted from a view is not here.
type counters struct {
	launched, refused, launchErrors uint64
	messages, messagesDropped       uint64
	updates, invalidUpdates         uint64
	finished, failed, killed, lost  uint64
	gone, errored                   uint64
	executorsTerminated             uint64
	recoveryErrors                  uint64        // checkpoints that could not be read
	keptFor                         time.Duration // how long a sandbox may be kept now that it is over
}

// destroyErrors counts containers that could not be ended at the first attempt.
const destroyErrors = "containerizer/mesos/container_destroy_errors"

// update counts a task's update.
func (c *counters) update(s mesospb.TaskState) {
	c.updates++
	switch s {
	case mesospb.TaskState_TASK_FINISHED:
		c.finished++
	case mesospb.TaskState_TASK_FAILED:
		c.failed++
	case mesospb.TaskState_TASK_KILLED:
		c.killed++
	case mesospb.TaskState_TASK_LOST, mesospb.TaskState_TASK_DROPPED:
		c.lost++
	case mesospb.TaskState_TASK_GONE:
		c.gone++
	case mesospb.TaskState_TASK_ERROR:
		c.errored++
	}
}
