package sweep

import (
	"fmt"

	"github.com/meseta-io/meseta/testkit/cast"
)

// Survives looks how commands end: never by a signal, unless the framework asked for that or the agent was given up.
// (A machine that loses its power tells nobody how its processes ended.) In the end nothing is left running.
var Survives = Checker{"I6: restarting an agent or a master kills no task", survives}

func survives(r *Run) {
	const promise = "restarting an agent or a master kills no task"
	r.ended = append(r.ended, func(a *cast.Agent, p *cast.Process) {
		task, ok := isCommand(p)
		if ok && p.Status().Signaled() && !r.expected(a, task) {
			r.violated(promise, "task %s on %s is ended by signal %d", task, a.Name(), int(p.Status().Signal()))
		}
	})
	r.atEnd("a machine is empty when all tasks have ended", func() error {
		for _, a := range r.Agents {
			if left := a.Machine.Running(); len(left) > 0 {
				return fmt.Errorf("%s has %d processes, the first is %v", a.Name(), len(left), left[0].Spec.Argv)
			}
		}
		return nil
	})
}
