package agent

import (
	"context"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// share is what a container may use: Resources are promised to it, Limits say by name how far it may go beyond.
type share struct {
	resources resources.Resources
	limits    map[string]float64
}

func (s share) equal(that share) bool {
	if len(s.limits) != len(that.limits) || !s.resources.Equal(that.resources) {
		return false
	}
	for name, limit := range s.limits {
		if other, ok := that.limits[name]; !ok || other != limit {
			return false
		}
	}
	return true
}

// share is what an executor may use together with its tasks that have not ended.
func (e *executor) share() share {
	own := resources.FromValid(e.info.GetResources())
	s := share{resources: own}
	var tasks []*mesospb.TaskInfo
	for _, t := range e.sorted() {
		if !taskstate.Terminal(t.state) {
			tasks = append(tasks, t.info)
			s.resources = s.resources.Add(resources.FromValid(t.info.GetResources()))
		}
	}
	s.limits = limitsOf(own, tasks)
	return s
}

// limitsOf are Mesos': a resource that no task limits is limited by what is promised of it. Else the limits of tasks add up,
// for those without with what they were promised, and the executor's own share comes on top; one task without an end to its
// limit lifts that of all.
func limitsOf(own resources.Resources, tasks []*mesospb.TaskInfo) map[string]float64 {
	limits := map[string]float64{}
	for _, name := range []string{"cpus", "mem"} {
		limited, total := false, scalarOf(own, name)
		for _, t := range tasks {
			limit, ok := t.GetLimits()[name]
			if !ok {
				total += scalarOf(resources.FromValid(t.GetResources()), name)
				continue
			}
			limited = true
			total += limit.GetValue()
		}
		if limited {
			limits[name] = total
		}
	}
	return limits
}

func scalarOf(r resources.Resources, name string) float64 {
	amount, _ := r.Scalar(name)
	return amount.Float64()
}

// allot puts what an executor is to begin with into its container, and notes it.
func (e *executor) allot(spec *specOf) {
	e.allotted = e.share()
	for _, t := range e.queue {
		t.allotted = true
	}
	spec.Resources, spec.Limits = e.allotted.resources.Proto(), e.allotted.limits
}

// resize has the launcher give a running container what its tasks need by now. Tasks that came since are handed over only
// then, or they would run with too little.
func (a *Agent) resize(e *executor) {
	if e.process.PID == 0 || e.ending() || e.resizing {
		return // started, or who is at it, looks again
	}
	now := e.share()
	if now.equal(e.allotted) {
		a.resized(e)
		return
	}
	e.resizing = true
	launcher, p := a.parts.Launcher, e.process
	done := process.Go(a.b, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, launcher.Update(ctx, p, now.resources.Proto(), now.limits)
	})
	process.Then(a.b, done, func(_ struct{}, err error) {
		e.resizing = false
		if err != nil && !e.ending() {
			a.log(e).Error("cannot change what the container may use; ending it", "error", err)
			e.verdict = &verdictOnTasks{mesospb.TaskState_TASK_FAILED, mesospb.TaskStatus_REASON_CONTAINER_UPDATE_FAILED,
				"Failed to update the resources of the container: " + err.Error()}
			a.destroy(e)
			return
		}
		e.allotted = now
		a.resize(e)
	})
}

// resized hands over the tasks that the container has room for.
func (a *Agent) resized(e *executor) {
	for _, t := range e.queue {
		t.allotted = true
	}
	a.deliver(e)
}

// launch starts a container and asks what is known of it from outside.
func (a *Agent) launch(ctx context.Context, spec containerizer.Spec) (launched, error) {
	l := launched{sandbox: spec.Dir}
	var err error
	if l.process, err = a.parts.Launcher.Launch(ctx, spec); err != nil {
		return l, err
	}
	if l.status, err = a.parts.Launcher.Status(ctx, l.process); err != nil {
		a.b.Log().Warn("cannot tell the status of a container", "container", spec.ContainerID, "error", err)
	}
	return l, nil
}
