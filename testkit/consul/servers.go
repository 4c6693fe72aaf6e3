package consul

import (
	"fmt"
	"time"

	api "github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/testkit"
)

// Servers are the nodes of a Consul cluster in a world.
type Servers struct {
	// Store is what they agree about.
	Store *Store
	// Nodes are the servers, to be paused, crashed, cut off and restarted.
	Nodes []*testkit.Node

	// Repeated is how many of a thousand writes are made twice, the second time up to eight seconds later: by an agent of Consul
	// that lost its server and asked another, or by a proxy.
	Repeated int

	w        *testkit.World
	leader   int // an index of Nodes, -1 while there is none
	last     int // who led last
	slow     map[*testkit.Node]time.Duration
	reign    int // counts elections
	electing bool
}

// electionTakes is how long servers need to notice that their leader is gone and to agree on another (measured: 2.7 to 3 s with
// three servers and raft_multiplier=1, 1.2 to 1.4 s when a single one starts).
var electionTakes = [...]time.Duration{1300 * time.Millisecond, 2 * time.Second, 2700 * time.Millisecond, 3 * time.Second}

// Start puts n servers into a world, consul1 to consul<n>, of which the first leads.
func Start(w *testkit.World, n int) *Servers {
	s := &Servers{w: w, slow: map[*testkit.Node]time.Duration{}}
	s.Store = NewStore(timepiece{s})
	for i := range n {
		name := fmt.Sprintf("consul%d", i+1)
		s.Nodes = append(s.Nodes, w.Node(name, testkit.Address(name+":8500"), testkit.Died(func(*testkit.Node) {
			if s.leader == i {
				s.Unseat()
			}
		})))
	}
	return s
}

// Addresses are what a consul.Config has as Servers.
func (s *Servers) Addresses() (all []string) {
	for _, n := range s.Nodes {
		all = append(all, n.String())
	}
	return all
}

// Leader is the server that leads, nil if none does.
func (s *Servers) Leader() *testkit.Node {
	if s.leader < 0 {
		return nil
	}
	return s.Nodes[s.leader]
}

// Unseat ends the rule of whoever leads, as when the others did not hear of it for a moment. The next request has them elect
// another, or the same one if there is no other.
func (s *Servers) Unseat() {
	if s.leader >= 0 {
		s.last, s.leader = s.leader, -1
	}
}

// Slow makes every answer to a node take longer; by nothing, as usual again.
func (s *Servers) Slow(n *testkit.Node, by time.Duration) { s.slow[n] = by }

// Wipe empties the store, as when all servers lose their disks at once.
func (s *Servers) Wipe() {
	watch, commit := s.Store.OnWrite, s.Store.OnCommit
	for id := range s.Store.sessions {
		if stop := s.Store.sessions[id].stop; stop != nil {
			stop()
		}
	}
	s.Store = NewStore(timepiece{s})
	s.Store.OnWrite, s.Store.OnCommit = watch, commit
	for _, n := range s.Nodes {
		n.Restart()
	}
	s.Unseat()
}

// works says whether a server can lead: it runs and reaches a majority.
func (s *Servers) works(i int) bool {
	reached := 0
	for _, n := range s.Nodes {
		if n.Up() && !n.Paused() && (n == s.Nodes[i] || s.w.Reaches(n, s.Nodes[i]) && s.w.Reaches(s.Nodes[i], n)) {
			reached++
		}
	}
	return s.Nodes[i].Up() && !s.Nodes[i].Paused() && 2*reached > len(s.Nodes)
}

// ready looks whether somebody leads; if not, an election begins.
func (s *Servers) ready() bool {
	if s.leader >= 0 && s.works(s.leader) {
		return true
	}
	if !s.electing {
		s.electing = true
		s.w.At(electionTakes[s.w.Choose(len(electionTakes))], s.elect)
	}
	return false
}

// elect ends an election: the next server that can leads, if the last leader still cannot.
func (s *Servers) elect() {
	s.electing = false
	if s.leader >= 0 && s.works(s.leader) {
		return
	}
	s.Unseat()
	for i := range s.Nodes {
		if n := (s.last + 1 + i) % len(s.Nodes); s.works(n) {
			s.leader = n
			s.reign++
			s.Store.WindAll()
			return
		}
	}
}

// Serve answers a request that has reached a server from somebody. If nobody leads, the server says so, or holds it until its asker gives up.
func (s *Servers) Serve(by string, at *testkit.Node, r api.Request, done func(api.Reply, error)) {
	life := at.Lives()
	if !s.ready() || !s.w.Reaches(at, s.Leader()) || !s.w.Reaches(s.Leader(), at) {
		if s.w.Choose(2) == 1 {
			return
		}
		s.w.At(time.Millisecond, func() {
			if at.Up() && at.Lives() == life {
				done(api.Reply{}, &api.StatusError{Code: 500, Text: "No cluster leader"})
			}
		})
		return
	}
	reign, leader := s.reign, s.Leader()
	s.Store.by = by
	defer func() { s.Store.by = "" }()
	s.Store.Serve(r, func(reply api.Reply, err error) {
		// What waited at a server that died, or for a leader that is none any more, is never answered.
		if at.Up() && at.Lives() == life && s.reign == reign && leader.Up() {
			done(reply, err)
		}
	})
}

// timepiece is the clock of whoever leads: its alarms die with it, and wait while it is stopped.
type timepiece struct{ of *Servers }

// Now implements consul.Clock.
func (t timepiece) Now() time.Time { return t.of.w.Now() }

// AfterFunc implements consul.Clock.
func (t timepiece) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	leader := t.of.Leader()
	if leader == nil {
		return func() bool { return false }
	}
	reign := t.of.reign
	return leader.AfterFunc(d, func() {
		if t.of.reign == reign && t.of.Leader() == leader {
			f()
		}
	})
}
