package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// A message of many lines leaves the table a table; its numbers follow, and nothing in them steers a terminal.
func TestNumbersOfAStatusFollowTheTable(t *testing.T) {
	task := &mesospb.Task{TaskId: &mesospb.TaskID{Value: proto.String("t")}, Statuses: []*mesospb.TaskStatus{
		{State: mesospb.TaskState_TASK_RUNNING.Enum()},
		{State: mesospb.TaskState_TASK_FAILED.Enum(), Message: proto.String("Memory limit exceeded\n\ncache 0\nrss \x1b[2J7\n")},
	}}
	var out bytes.Buffer
	a := &app{out: screen.Text(&out)}
	if err := a.showTask(snapshotOf(&masterpb.Response_GetState{}), task, time.Now()); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "Memory limit exceeded\n\ncache 0\nrss \uFFFD[2J7\n") {
		t.Errorf("printed\n%s", text)
	}
}
