package job_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cmd/meseta/internal/job"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		state   mesospb.TaskState
		message string
		want    int
	}{
		{mesospb.TaskState_TASK_FINISHED, "Command exited with status 0", 0},
		{mesospb.TaskState_TASK_FAILED, "Command exited with status 3", 3},
		{mesospb.TaskState_TASK_FAILED, "Command exited with status 255", 255},
		{mesospb.TaskState_TASK_FAILED, "Command terminated with signal Killed", 137},
		{mesospb.TaskState_TASK_FAILED, "Command terminated with signal Segmentation fault (core dumped)", 139},
		{mesospb.TaskState_TASK_FAILED, "Command terminated with signal Terminated", 143},
		{mesospb.TaskState_TASK_FAILED, "Command terminated with signal SIGTERM", 143},
		{mesospb.TaskState_TASK_FAILED, "Command terminated with signal 9", 137},
		{mesospb.TaskState_TASK_KILLED, "", 143},
		{mesospb.TaskState_TASK_KILLED, "Command terminated with signal Killed", 137},
		{mesospb.TaskState_TASK_FAILED, "Failed to launch the command: nix: command not found in PATH=/bin", 127},
		{mesospb.TaskState_TASK_FAILED, "Failed to launch the command: run /nix in /: no such file or directory", 127},
		{mesospb.TaskState_TASK_FAILED, "Failed to launch the command: run /etc/passwd in /: permission denied", 126},
		{mesospb.TaskState_TASK_FAILED, "Failed to launch container: no user \"x\" on this machine: not found", 125},
		{mesospb.TaskState_TASK_FAILED, "Executor ended: by signal SIGKILL", 125},
		{mesospb.TaskState_TASK_LOST, "", 125},
		{mesospb.TaskState_TASK_ERROR, "task t: no resources", 125},
	} {
		s := &mesospb.TaskStatus{State: c.state.Enum(), Message: proto.String(c.message)}
		if got := job.ExitCode(s); got != c.want {
			t.Errorf("%v %q: got %d, want %d", c.state, c.message, got, c.want)
		}
	}
	limited := &mesospb.TaskStatus{State: mesospb.TaskState_TASK_FAILED.Enum(), Message: proto.String("Memory limit exceeded"), Limitation: &mesospb.TaskResourceLimitation{}}
	if got := job.ExitCode(limited); got != 137 {
		t.Errorf("a task that broke a limit: got %d", got)
	}
}
