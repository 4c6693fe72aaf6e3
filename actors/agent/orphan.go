package agent

import (
	"context"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
)

// endOrphans ends containers that run and that nobody knows: somebody removed what was written about them, or it was
// damaged. Their sandboxes are still there, and name them; the posix launcher finds their processes by the name in their
// environment. What they use is offered to others already.
func (a *Agent) endOrphans(found []refuse) {
	var want []containerizer.Process
	for _, r := range found {
		if a.inUse(r.dir) {
			continue
		}
		for _, id := range r.containers {
			want = append(want, containerizer.Process{ContainerID: id})
		}
	}
	if len(want) == 0 {
		return
	}
	launcher := a.parts.Launcher
	alive := process.Go(a.b, func(ctx context.Context) ([]containerizer.Process, error) { return launcher.Find(ctx, want) })
	process.Then(a.b, alive, func(orphans []containerizer.Process, err error) {
		if err != nil {
			a.b.Log().Warn("cannot look for containers that nobody knows", "error", err)
		}
		for _, p := range orphans {
			if !a.knowsContainer(p.ContainerID) {
				a.endOrphan(p)
			}
		}
	})
}

func (a *Agent) endOrphan(p containerizer.Process) {
	a.b.Log().Warn("ending a container that runs and that nobody knows", "container", p.ContainerID, "pid", p.PID)
	promise, done := process.NewPromise[struct{}](a.b)
	a.parts.Launcher.Destroy(p, func(err error) { promise.Complete(struct{}{}, err) })
	process.Then(a.b, done, func(_ struct{}, err error) {
		if err == nil {
			return
		}
		a.b.Log().Error("cannot end a container that nobody knows; trying again", "container", p.ContainerID, "error", err)
		a.b.Metrics().Counter(destroyErrors).Inc()
		a.b.Delay(a.config.ExecutorShutdownGracePeriod, func() { a.endOrphan(p) })
	})
}

func (a *Agent) knowsContainer(id string) bool {
	for _, f := range a.frameworks {
		for _, e := range f.executors {
			if e.run.container == id {
				return true
			}
		}
	}
	return false
}
