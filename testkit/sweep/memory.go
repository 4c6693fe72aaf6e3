package sweep

import (
	"errors"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
)

var errEnded = errors.New("an operator ended the leader's session")

// loseLeadership ends the term of whoever leads, as the election sees it.
func loseLeadership(r *Run) { r.Cluster.Depose(errEnded) }

// loseAnswers has the next write of the registry happen, or not, without an answer.
func loseAnswers(r *Run) {
	for range 1 + r.Choose(3) {
		r.Cluster.FailApplies(memory.Fault{Err: cluster.ErrUnknownOutcome, Written: r.Choose(2) == 0})
	}
}
