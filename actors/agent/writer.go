package agent

import (
	"context"

	"github.com/meseta-io/meseta/actors/process"
)

// writer puts changes on disk in the order in which they were decided, and runs what waits for them in that
// order. One call is underway at a time; what is decided meanwhile goes together in the next, so a hundred tasks
// that start at once cost a few calls.
type writer struct {
	busy    bool
	waiting []pendingWrite
}

type pendingWrite struct {
	changes []Change
	then    func()
}

// write stores and then goes on. Nothing that must survive is told to anybody outside of then. A disk that fails
// ends the agent: it could not keep a promise any more, and its executors go on without it.
func (a *Agent) write(changes []Change, then func()) {
	a.writer.waiting = append(a.writer.waiting, pendingWrite{changes, then})
	if !a.writer.busy {
		a.flush()
	}
}

func (a *Agent) flush() {
	group := a.writer.waiting
	a.writer.waiting = nil
	var changes []Change
	for _, w := range group {
		changes = append(changes, w.changes...)
	}
	a.writer.busy = true
	stored := process.Go(a.b, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, a.parts.Disk.Apply(ctx, changes)
	})
	process.Then(a.b, stored, func(_ struct{}, err error) {
		if err != nil {
			a.fatal("checkpoint", err)
			return
		}
		for _, w := range group {
			if w.then != nil {
				w.then()
			}
		}
		a.writer.busy = false
		if len(a.writer.waiting) > 0 {
			a.flush()
		}
	})
}
