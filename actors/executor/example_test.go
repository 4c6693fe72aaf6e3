package executor_test

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Counter is an executor whose tasks count to three, a second for each number.
type Counter struct{ timers map[string]process.Timer }

func (c *Counter) Launch(d *executor.Driver, t *mesospb.TaskInfo) {
	d.Update(executor.Status(t.TaskId, mesospb.TaskState_TASK_RUNNING))
	c.timers[t.GetTaskId().GetValue()] = d.Base().Delay(3*time.Second, func() {
		d.Message([]byte("three"))
		d.Update(executor.Status(t.TaskId, mesospb.TaskState_TASK_FINISHED))
	})
}

func (c *Counter) Kill(d *executor.Driver, id *mesospb.TaskID, _ *mesospb.KillPolicy) {
	if t := c.timers[id.GetValue()]; t != nil && t.Stop() {
		d.Update(executor.Status(id, mesospb.TaskState_TASK_KILLED))
	}
}

// As a program an executor is one line, os.Exit(executor.Main(&Counter{…})). Here it is rehearsed: a master, an
// agent and a framework, and Counter as the program "counter" of the agent's machine.
func Example() {
	w := cast.New(testkit.Alone())
	w.Master("m")
	a := w.Agent("a", "cpus:1;mem:128")
	a.Machine.Program("counter", cast.Executor(func(*cast.Process) executor.Executor {
		return &Counter{timers: map[string]process.Timer{}}
	}))
	f := w.Framework("f")

	o := f.ExpectOffer(a, "cpus:1;mem:128")
	task := cast.Task(o, "t1", "cpus:0.5;mem:64", "")
	task.Command, task.Executor = nil, &mesospb.ExecutorInfo{
		ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, FrameworkId: f.Info.Id,
		Type:    mesospb.ExecutorInfo_CUSTOM.Enum(),
		Command: &mesospb.CommandInfo{Shell: proto.Bool(false), Value: proto.String("counter")},
	}
	f.Accept(o, task)
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_RUNNING))
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_FINISHED))
	fmt.Println("counted to three")
	// Output: counted to three
}
