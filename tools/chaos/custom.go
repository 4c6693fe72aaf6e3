package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// custom is an executor that stays: its tasks are waits, and leave the same marks as those of the shell.
type custom struct {
	Child
	tasks map[string]process.Timer // nil until the first mark is there
}

// Launch implements executor.Executor.
func (c *custom) Launch(d *executor.Driver, task *mesospb.TaskInfo) {
	id := task.GetTaskId()
	length, err := time.ParseDuration(string(task.GetData()))
	if err != nil {
		d.Update(executor.Explained(executor.Status(id, mesospb.TaskState_TASK_FAILED), err.Error()))
		return
	}
	c.tasks[id.GetValue()] = nil
	c.write(d, id, "begin", func() {
		if _, wanted := c.tasks[id.GetValue()]; !wanted {
			return
		}
		d.Update(executor.Status(id, mesospb.TaskState_TASK_RUNNING))
		c.tasks[id.GetValue()] = d.Base().Delay(length, func() {
			delete(c.tasks, id.GetValue())
			c.write(d, id, "end", func() { d.Update(executor.Status(id, mesospb.TaskState_TASK_FINISHED)) })
		})
	})
}

// write leaves a mark. What follows may speak of it.
func (c *custom) write(d *executor.Driver, id *mesospb.TaskID, mark string, then func()) {
	name := c.mark(id.GetValue())
	process.Then(d.Base(), process.Go(d.Base(), func(context.Context) (struct{}, error) {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return struct{}{}, err
		}
		defer f.Close()
		_, err = fmt.Fprintf(f, "%s %d\n", mark, time.Now().UnixNano())
		return struct{}{}, err
	}), func(_ struct{}, err error) {
		if err != nil {
			d.Update(executor.Explained(executor.Status(id, mesospb.TaskState_TASK_ERROR), err.Error()))
			return
		}
		then()
	})
}

// Kill implements executor.Executor.
func (c *custom) Kill(d *executor.Driver, id *mesospb.TaskID, _ *mesospb.KillPolicy) {
	timer, live := c.tasks[id.GetValue()]
	if !live {
		return
	}
	if timer != nil {
		timer.Stop()
	}
	delete(c.tasks, id.GetValue())
	d.Update(executor.Status(id, mesospb.TaskState_TASK_KILLED))
}
