package sweep

import (
	"errors"
	"fmt"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Calm waits for order after the storm: every agent is registered, every job gets done, and everything that an
// agent has is offered as a whole, so that nothing leaked.
var Calm = Checker{"I8: after the weather clears everybody is registered, and whoever fits is served", calm}

func calm(r *Run) {
	total := mustParse(jobResources)
	r.offered = append(r.offered, func(_ *Framework, o *mesospb.Offer) {
		if r.allDone() && resources.FromValid(o.GetResources()).Unallocate().Contains(total) {
			r.whole[o.GetHostname()] = true
		}
	})
	r.whole = map[string]bool{}
	r.atEnd("after the weather clears everybody is registered and every job gets done", r.inOrder)
}

func (r *Run) allDone() bool {
	for _, f := range r.Frameworks {
		if !f.Done() {
			return false
		}
	}
	return true
}

// inOrder says what is not as it should be.
func (r *Run) inOrder() error {
	var wrong []error
	for _, f := range r.Frameworks {
		if !f.Done() {
			wrong = append(wrong, errors.New(f.describe()))
		}
	}
	for _, a := range r.Agents {
		if !r.whole[a.Name()] && !r.excused(a) {
			wrong = append(wrong, fmt.Errorf("%s (%s) was not offered as a whole; up %v, %d processes, ended %v",
				a.Name(), a.ID(), a.Up(), len(a.Machine.Running()), a.Endings))
		}
	}
	return errors.Join(wrong...)
}

// excused: an agent that was given up, and has heard of it, does not return.
func (r *Run) excused(a *cast.Agent) bool { return r.given[a] && len(a.Endings) > 0 }
