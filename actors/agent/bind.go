package agent

import (
	"context"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// volumes are those that an executor and the tasks that wait for it need from the beginning.
func (e *executor) volumes() []Volume {
	volumes := volumesOf(e.info.GetResources())
	for _, t := range e.queue {
		t.binding, t.bound = true, true
		volumes = append(volumes, volumesOf(t.info.GetResources())...)
	}
	return volumes
}

// bind puts the volumes of tasks that came after the executor was started into its sandbox, before they are handed
// over. It waits until there is a sandbox.
func (a *Agent) bind(e *executor) {
	if e.sandbox == "" || e.ending() {
		return
	}
	for _, t := range e.queue {
		if t.binding || !t.stored {
			continue
		}
		t.binding = true
		volumes := volumesOf(t.info.GetResources())
		if len(volumes) == 0 {
			t.bound = true
			continue
		}
		done := process.Go(a.b, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, a.parts.Disk.Bind(ctx, sandbox(e.run), a.mounted(volumes))
		})
		process.Then(a.b, done, func(_ struct{}, err error) { a.boundTo(e, t, err) })
	}
}

// boundTo hands the task over, or ends it.
func (a *Agent) boundTo(e *executor, t *task, err error) {
	t.bound = err == nil
	if t.bound {
		a.display(e, volumesOf(t.info.GetResources()))
	}
	if err != nil && e.unqueue(t) {
		a.log(e).Warn("cannot put volumes into the sandbox", "task", t.id(), "error", err)
		a.conclude(e.framework, e, t, verdictOnTasks{mesospb.TaskState_TASK_FAILED,
			mesospb.TaskStatus_REASON_CONTAINER_UPDATE_FAILED, "Failed to put volumes into the sandbox: " + err.Error()})
	}
	a.deliver(e)
}
