package sweep

import "github.com/meseta-io/meseta/testkit/cast"

// Once counts how often commands are started.
var Once = Checker{"I1: a task id runs at most once for each framework", once}

func once(r *Run) {
	const promise = "a task id runs at most once for each framework"
	ran := map[taskKey]*cast.Agent{}
	r.started = append(r.started, func(a *cast.Agent, p *cast.Process) {
		task, ok := isCommand(p)
		if !ok {
			return
		}
		if before := ran[task]; before != nil {
			r.violated(promise, "task %s is started on %s, and was on %s before", task, a.Name(), before.Name())
		}
		ran[task] = a
	})
}
