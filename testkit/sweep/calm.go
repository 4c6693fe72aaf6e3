package sweep

import (
	"fmt"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit/cast"
)

// calm checks I8: after the weather clears, within the bound every agent is registered, every job gets done, and
// everything that the agents have is offered as a whole: nothing leaked.
func calm(r *Run) {
	total := mustParse(agentResources)
	r.offered = append(r.offered, func(_ *Framework, o *mesospb.Offer) {
		if r.allDone() && total.Equal(resources.FromValid(o.GetResources()).Unallocate()) {
			r.whole[o.GetHostname()] = true
		}
	})
	r.whole = map[string]bool{}
}

func (r *Run) allDone() bool {
	for _, f := range r.Frameworks {
		if !f.Done() {
			return false
		}
	}
	return true
}

// inOrder says whether the cluster is as it should be.
func (r *Run) inOrder() bool {
	if !r.allDone() {
		return false
	}
	for _, a := range r.Agents {
		if !r.whole[a.Name()] && !r.excused(a) {
			return false
		}
	}
	return true
}

// excused: an agent that was given up, and has heard of it, does not return.
func (r *Run) excused(a *cast.Agent) bool { return r.given[a] && len(a.Endings) > 0 }

// disorder is what is wrong, for people.
func (r *Run) disorder() string {
	var s string
	for _, f := range r.Frameworks {
		if !f.Done() {
			s += "\n    " + f.describe()
		}
	}
	for _, a := range r.Agents {
		if !r.whole[a.Name()] && !r.excused(a) {
			s += fmt.Sprintf("\n    %s (%s) was not offered as a whole; up %v, %d processes, ended %v", a.Name(), a.ID(), a.Up(), len(a.Machine.Running()), a.Endings)
		}
	}
	return s
}
