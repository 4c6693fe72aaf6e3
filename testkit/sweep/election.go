package sweep

import (
	"errors"
	"time"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/testkit"
)

// inMemory is what may happen to an election and a registry over cluster/memory.
var inMemory = []disaster{
	{1, loseLeadership},
	{1, loseAnswers},
}

// overConsul is what may happen to those over Consul.
var overConsul = []disaster{
	{1, loseLeadership},
	{3, cutFromConsul},
	{2, pauseConsul},
	{2, crashConsul},
	{1, unseatConsul},
	{1, slowConsul},
	{1, endSession},
}

var errEnded = errors.New("an operator ended the leader's session")

func loseLeadership(r *Run) { r.EndTerm() }

// EndTerm ends the term of whoever leads before its lease is over, as the election sees it.
func (r *Run) EndTerm() {
	r.force()
	r.Depose(errEnded)
}

// force notes that the session of whoever leads is ended before its lease.
func (r *Run) force() {
	if l := r.Lead(); l != nil {
		r.forced[l.Epoch] = true
	}
}

// loseAnswers has the next write of the registry happen, or not, without an answer.
func loseAnswers(r *Run) {
	for range 1 + r.Choose(3) {
		r.Cluster.FailApplies(memory.Fault{Err: cluster.ErrUnknownOutcome, Written: r.Choose(2) == 0})
	}
}

func (r *Run) someServer() *testkit.Node { return r.Consul.Nodes[r.Choose(len(r.Consul.Nodes))] }

// cutFromConsul cuts a master off from one server or from all, in one direction or both, for less or more than its lease. What
// it has sent may arrive when that is over.
func cutFromConsul(r *Run) {
	m := r.someMaster()
	servers := r.Consul.Nodes
	if r.Choose(3) == 0 {
		servers = []*testkit.Node{r.someServer()}
	}
	way := r.Choose(4)
	for _, s := range servers {
		r.cutWay(way, m, s)
	}
	r.soon(func() {
		for _, s := range servers {
			r.Heal(m, s)
		}
	}, time.Second, 4*time.Second, 8*time.Second, 30*time.Second)
}

// pauseConsul stops a server for less than a lease, about one, or as long as a session can last.
func pauseConsul(r *Run) {
	s := r.someServer()
	s.Pause()
	r.soon(s.Continue, 3*time.Second, 8*time.Second, 12*time.Second, 25*time.Second)
}

func crashConsul(r *Run) {
	s := r.someServer()
	s.Crash()
	r.soon(func() { restart(s) }, time.Second, 5*time.Second, 25*time.Second)
}

// unseatConsul has the servers elect another leader.
func unseatConsul(r *Run) { r.Consul.Unseat() }

// slowConsul makes answers to a master late: hardly, or so that every renewal takes too long.
func slowConsul(r *Run) {
	m := r.someMaster()
	r.Consul.Slow(m.Node(), r.someTime(300*time.Millisecond, 1500*time.Millisecond, 3*time.Second))
	r.soon(func() { r.Consul.Slow(m.Node(), 0) }, 5*time.Second, 20*time.Second)
}

// endSession ends the session of a master that leads, or of one that waits to.
func endSession(r *Run) {
	if ids := r.Consul.Store.SessionIDs(); len(ids) > 0 {
		id := ids[r.Choose(len(ids))]
		if held, _ := r.Consul.Store.Holder(r.LockKey()); held == id {
			r.force()
		}
		r.Consul.Store.Destroy(id)
	}
}

// repeatedWrites is how many of a thousand writes Consul makes twice in a storm.
const repeatedWrites = 30

// clearConsul mends what the storm has done to Consul.
func (r *Run) clearConsul() {
	if r.Consul == nil {
		return
	}
	r.Consul.Repeated = 0
	for _, s := range r.Consul.Nodes {
		s.Continue()
		restart(s)
	}
	for _, m := range r.Masters {
		r.Consul.Slow(m.Node(), 0)
	}
}
