package taskstate_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
)

func TestTerminal(t *testing.T) {
	alive := map[mesospb.TaskState]bool{
		mesospb.TaskState_TASK_STAGING: true, mesospb.TaskState_TASK_STARTING: true, mesospb.TaskState_TASK_RUNNING: true,
		mesospb.TaskState_TASK_KILLING: true, mesospb.TaskState_TASK_UNREACHABLE: true, mesospb.TaskState_TASK_UNKNOWN: true,
	}
	for n := range mesospb.TaskState_name {
		if s := mesospb.TaskState(n); taskstate.Terminal(s) == alive[s] {
			t.Errorf("%v is terminal: %v", s, taskstate.Terminal(s))
		}
	}
}
