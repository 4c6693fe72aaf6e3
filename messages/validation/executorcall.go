package validation

import (
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// ExecutorCall checks an executor's call.
func ExecutorCall(c *executorpb.Call) error {
	if c.Type == nil {
		return refuse("call has no type")
	}
	kind := c.GetType().String()
	if err := body(c, kind); err != nil {
		return err
	}
	if c.GetType() == executorpb.Call_UPDATE {
		return in(executorUpdate(c), "call %s", kind)
	}
	return nil
}

func executorUpdate(c *executorpb.Call) error {
	status, id := c.GetUpdate().GetStatus(), c.GetExecutorId().GetValue()
	switch {
	case status.ExecutorId != nil && status.GetExecutorId().GetValue() != id:
		return refuse("executor_id is %q, but the status is of %q", id, status.GetExecutorId().GetValue())
	case status.GetSource() != mesospb.TaskStatus_SOURCE_EXECUTOR:
		return refuse("source is %s: executors use SOURCE_EXECUTOR", status.GetSource())
	case status.GetState() == mesospb.TaskState_TASK_STAGING:
		return refuse("TASK_STAGING is the master's: executors begin with TASK_STARTING")
	case status.CheckStatus != nil:
		return first(uuid(status.GetUuid()), CheckStatus(status.CheckStatus))
	}
	return uuid(status.GetUuid())
}
