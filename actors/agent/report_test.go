package agent_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// A returning agent reports everything that it works on: also a task that has yet to start, whose framework has nothing
// else here, because the master would take what is not mentioned for lost. Only custom executors have names for others.
func TestTheReportOfAReturningAgent(t *testing.T) {
	w := withPuppet(t)
	w.a.Machine.OnFetch = func(fetcher.Request) (time.Duration, error) { return time.Hour, nil }
	other := proto.CloneOf(framework())
	other.Id = &mesospb.FrameworkID{Value: proto.String("G")}
	w.runFor(other, command("pending", "sleep 1000", func(task *mesospb.TaskInfo) {
		task.Command.Uris = []*mesospb.CommandInfo_URI{{Value: proto.String("http://x/y")}}
	}))
	w.Advance(time.Second)
	w.send(&controlpb.Ping{Connected: proto.Bool(false), Epoch: &w.epoch})
	r := w.returned()
	frameworks, tasks := "", map[string]string{}
	for _, f := range r.GetFrameworks() {
		frameworks += f.GetId().GetValue() + " "
	}
	for _, task := range r.GetTasks() {
		tasks[task.GetTaskId().GetValue()] = task.GetState().String() + " of " + task.GetFrameworkId().GetValue() + " in " + task.GetExecutorId().GetValue()
	}
	if want := "F1 G "; frameworks != want {
		t.Errorf("it works for %q, want %q", frameworks, want)
	}
	if got := tasks["pending"]; got != "TASK_STAGING of G in " {
		t.Errorf("the pending task is %q", got)
	}
	if got := tasks["t1"]; got != "TASK_STAGING of F1 in e1" {
		t.Errorf("the task of a custom executor is %q", got)
	}
	if len(tasks) != 2 || len(r.GetExecutors()) != 1 {
		t.Errorf("it reports %v, executors %v", tasks, r.GetExecutors())
	}
}
