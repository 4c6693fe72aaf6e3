package consul_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	model "github.com/meseta-io/meseta/testkit/consul"
)

// contest is candidates in a simulated world, with the election's own code over a model of Consul. At every step at
// most one of those that run believes that it leads.
type contest struct {
	*testkit.World
	t          *testing.T
	servers    *model.Servers
	config     consul.Config
	candidates []*contestant
}

// contestant is one master through its lives.
type contestant struct {
	c      *contest
	node   *testkit.Node
	config consul.Config
	memory *memory

	cl    *consul.Cluster
	term  cluster.Term
	lost  bool
	why   error // of lost
	fatal error
}

// memory is a disk that survives.
type memory struct{ mark consul.Mark }

func (m *memory) Load() (consul.Mark, error)  { return m.mark, nil }
func (m *memory) Save(mark consul.Mark) error { m.mark = mark; return nil }

func newContest(t *testing.T, servers, masters int, change func(*consul.Config)) *contest {
	w := testkit.NewWorld(t)
	c := &contest{World: w, t: t, servers: model.Start(w, servers), config: consul.Default()}
	c.config.Servers = c.servers.Addresses()
	if change != nil {
		change(&c.config)
	}
	w.Always("one leads", func() error {
		var who []string
		for _, m := range c.candidates {
			if m.leads() {
				who = append(who, m.node.Name())
			}
		}
		if len(who) > 1 {
			return fmt.Errorf("%v believe that they lead", who)
		}
		return nil
	})
	for i := range masters {
		m := &contestant{c: c, config: c.config, memory: &memory{}}
		m.config.Place = fmt.Sprint("place-", i)
		m.node = w.Node(fmt.Sprint("m", i), testkit.Boot(func(*testkit.Node) { m.boot() }))
		c.candidates = append(c.candidates, m)
		m.boot()
	}
	return c
}

// boot is the life of a master's process: it contends once.
func (m *contestant) boot() {
	if m.node == nil {
		return // the node is being made
	}
	m.term, m.lost, m.why, m.fatal = nil, false, nil, nil
	config := m.config
	config.Memory = m.memory
	m.cl = consul.New(config, m.c.servers.Wire(m.node), model.Clock(m.node), slog.New(slog.DiscardHandler))
	m.contend()
}

func (m *contestant) contend() {
	info := &mesospb.MasterInfo{Id: proto.String(m.node.Name()), Ip: proto.Uint32(1), Port: proto.Uint32(5050), Pid: proto.String("master@" + m.node.String())}
	m.cl.Contend(info, func(term cluster.Term, err error) {
		m.term, m.fatal = term, err
		if err == nil {
			term.Lost(func(err error) { m.lost, m.why = true, err })
		}
	})
}

func (m *contestant) leads() bool {
	return m.node.Up() && !m.node.Paused() && m.term != nil && m.term.Valid()
}

// leader waits until somebody leads, and returns who and the other.
func (c *contest) leader(within time.Duration) (leads, other *contestant) {
	c.t.Helper()
	c.Until("a leader", within, func() bool {
		for _, m := range c.candidates {
			if m.leads() {
				leads = m
			}
		}
		return leads != nil
	})
	for _, m := range c.candidates {
		if m != leads {
			other = m
		}
	}
	return leads, other
}

// takes waits until m leads and returns how long that took.
func (c *contest) takes(m *contestant, within time.Duration) time.Duration {
	c.t.Helper()
	began := c.Elapsed()
	c.Until(m.node.Name()+" leads", within, m.leads)
	return c.Elapsed() - began
}

const ttl = 10 * time.Second

func TestLeaderDies(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, two := c.leader(5 * time.Second)
	epoch := one.term.Epoch()
	one.node.Crash()
	if took := c.takes(two, 2*ttl+time.Second); took < 2*ttl-3*time.Second {
		t.Errorf("another leads after %s, though the session lasts", took)
	}
	if two.term.Epoch() <= epoch {
		t.Errorf("epoch %d after %d", two.term.Epoch(), epoch)
	}
}

// Whoever comes back to the address that is in the lock knows that its predecessor is dead.
func TestLeaderDiesAndComesBack(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, two := c.leader(5 * time.Second)
	one.node.Crash()
	one.node.Restart()
	c.Until("a leader", 2*time.Second, func() bool { return one.leads() || two.leads() })
}

// The address alone proves nothing: it may be another machine's loopback.
func TestSameAddressElsewhere(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, _ := c.leader(5 * time.Second)
	one.node.Crash()
	one.config.Place = "elsewhere"
	began := c.Elapsed()
	one.node.Restart()
	c.leader(2*ttl + time.Second)
	if took := c.Elapsed() - began; took < 2*ttl-3*time.Second {
		t.Errorf("a session of somewhere else was ended after %s", took)
	}
}

func TestLeaderIsStopped(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, two := c.leader(5 * time.Second)
	one.node.Pause()
	c.takes(two, 2*ttl+time.Second)
	c.Advance(4 * time.Second)
	one.node.Continue()
	if one.term.Valid() {
		t.Error("it believes in its term before it has heard anything")
	}
	c.Until("the end", 10*time.Millisecond, func() bool { return one.lost })
	if one.why == nil || two.lost {
		t.Errorf("it ended with %v; the other's term is over: %v", one.why, two.lost)
	}
}

func TestConsulIsStopped(t *testing.T) {
	for _, d := range []time.Duration{3 * time.Second, 15 * time.Second, 25 * time.Second} {
		t.Run(d.String(), func(t *testing.T) {
			c := newContest(t, 1, 2, nil)
			one, _ := c.leader(5 * time.Second)
			c.Advance(7 * time.Second)
			epoch := one.term.Epoch()
			c.servers.Nodes[0].Pause()
			if d < ttl/2 {
				c.Advance(d)
				c.Until("the leader notices", 2*time.Second, func() bool { return one.cl.Reach().Silence > 0 })
				if r := one.cl.Reach(); r.Silence > d+4*time.Second || r.Lease <= 0 || r.Lease >= ttl-time.Second || !r.Ends() {
					t.Errorf("the leader says %#v", r)
				}
				c.servers.Nodes[0].Continue()
				c.Advance(ttl)
				if r := one.cl.Reach(); r.Silence != 0 || r.Lease <= ttl/2 || r.String() != "" {
					t.Errorf("the leader says %#v after a pause", r)
				}
				if one.lost {
					t.Fatalf("a short pause cost the term: %v", one.why)
				}
				return
			}
			c.Until("the end", ttl, func() bool { return one.lost })
			c.Advance(d - ttl)
			if one.leads() {
				t.Fatal("somebody leads without Consul")
			}
			c.servers.Nodes[0].Continue()
			one.contend()
			next, _ := c.leader(5 * time.Second)
			if next.term.Epoch() <= epoch {
				t.Errorf("epoch %d after %d", next.term.Epoch(), epoch)
			}
		})
	}
}

// A session that outlives its term holds the lock until it is destroyed, and its timer starts again with Consul.
func TestConsulIsAwayLongerThanTheLease(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, _ := c.leader(5 * time.Second)
	c.Advance(3 * time.Second)
	c.servers.Nodes[0].Crash()
	c.Advance(13 * time.Second)
	if !one.lost {
		t.Fatal("the lease goes on without Consul")
	}
	c.servers.Nodes[0].Restart()
	c.leader(6 * time.Second)
}

func TestLeaderIsCutOff(t *testing.T) {
	for name, cut := range map[string]func(c *contest, m *contestant){
		"both ways": func(c *contest, m *contestant) { c.Cut(m.node, c.servers.Nodes[0]) },
		"answers":   func(c *contest, m *contestant) { c.CutOneWay(c.servers.Nodes[0], m.node) },
		"requests":  func(c *contest, m *contestant) { c.CutOneWay(m.node, c.servers.Nodes[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newContest(t, 1, 2, nil)
			one, two := c.leader(5 * time.Second)
			c.Advance(5 * time.Second)
			cut(c, one)
			c.Until("the end", ttl+time.Millisecond, func() bool { return one.lost })
			if name == "answers" {
				// Its renewals go on arriving until it gives up, so the session lasts that much longer.
				c.takes(two, 4*ttl)
				return
			}
			c.takes(two, 2*ttl)
		})
	}
}

func TestLeaderOfConsulDies(t *testing.T) {
	c := newContest(t, 3, 2, nil)
	one, _ := c.leader(5 * time.Second)
	c.Advance(5 * time.Second)
	c.servers.Leader().Crash()
	c.Advance(3 * ttl)
	if one.lost {
		t.Errorf("the term did not survive: %v", one.why)
	}
}

func TestLeaderOfConsulIsStopped(t *testing.T) {
	c := newContest(t, 3, 2, nil)
	one, _ := c.leader(5 * time.Second)
	c.Advance(5 * time.Second)
	c.servers.Leader().Pause()
	c.Advance(3 * ttl)
	if one.lost {
		t.Errorf("the term did not survive: %v", one.why)
	}
}

func TestLockDelay(t *testing.T) {
	c := newContest(t, 1, 2, func(config *consul.Config) { config.LockDelay = 5 * time.Second })
	one, two := c.leader(5 * time.Second)
	c.servers.Store.Expire(c.config.Prefix + "/leader")
	c.Until("the end", time.Second, func() bool { return one.lost })
	if took := c.takes(two, 6*time.Second); took < 4*time.Second {
		t.Errorf("it leads after %s", took)
	}
}

// A session that an operator destroys ends the term at once.
func TestSessionIsDestroyed(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, two := c.leader(5 * time.Second)
	c.servers.Store.Expire(c.config.Prefix + "/leader")
	c.Until("the end", 100*time.Millisecond, func() bool { return one.lost })
	c.takes(two, 2*time.Second)
}

// A standby whose session is lost makes another, and leads when it is needed.
func TestStandbyLosesItsSession(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, two := c.leader(5 * time.Second)
	c.Cut(two.node, c.servers.Nodes[0])
	c.Advance(3 * ttl)
	c.Heal(two.node, c.servers.Nodes[0])
	c.Advance(3 * time.Second)
	if one.lost {
		t.Fatalf("the leader suffered: %v", one.why)
	}
	one.node.Crash()
	c.takes(two, 2*ttl+time.Second)
}

func TestWipedConsul(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, two := c.leader(5 * time.Second)
	c.Advance(3 * time.Second)
	epoch := one.term.Epoch()
	c.servers.Wipe()
	c.Until("the end", ttl+time.Second, func() bool { return one.lost })
	c.Until("the refusal", ttl, func() bool { return two.fatal != nil })
	if !errors.Is(two.fatal, consul.ErrWentBack) {
		t.Fatalf("the standby says %v", two.fatal)
	}
	one.node.Crash()
	one.node.Restart()
	c.Until("the refusal", ttl, func() bool { return one.fatal != nil })
	if !errors.Is(one.fatal, consul.ErrWentBack) {
		t.Fatalf("the old leader says %v", one.fatal)
	}

	// One consent is for one loss.
	two.config.Abandon = epoch
	two.node.Crash()
	two.node.Restart()
	c.takes(two, 5*time.Second)
	if two.term.Epoch() <= epoch {
		t.Errorf("epoch %d after %d", two.term.Epoch(), epoch)
	}
	one.node.Crash()
	one.node.Restart()
	c.Advance(3 * time.Second)
	if one.fatal != nil {
		t.Errorf("the other master does not follow: %v", one.fatal)
	}
	c.servers.Wipe()
	c.Until("the end", ttl+time.Second, func() bool { return two.lost })
	two.node.Crash()
	two.node.Restart()
	c.Until("the refusal", ttl, func() bool { return two.fatal != nil })
}

// A master without memory has begun anew on a Consul that was wiped. Those who remember do not follow.
func TestStandbyRefusesAnOlderLeader(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, two := c.leader(5 * time.Second)
	c.Advance(3 * time.Second)
	one.node.Crash()
	c.takes(two, 2*ttl+time.Second)
	two.node.Crash()
	c.servers.Wipe()
	one.memory.mark = consul.Mark{}
	one.node.Restart()
	c.takes(one, 8*time.Second)
	two.node.Restart()
	c.Until("the refusal", ttl, func() bool { return two.fatal != nil })
	if !errors.Is(two.fatal, consul.ErrWentBack) {
		t.Fatalf("it says %v", two.fatal)
	}
	var seen []*cluster.Leader
	two.cl.Detect(nil, func(l *cluster.Leader, _ error) { seen = append(seen, l) })
	c.Advance(3 * time.Second)
	if len(seen) != 0 {
		t.Errorf("it detects %+v", seen[0])
	}
}

func TestDetectorKeepsTheLeaderThroughTrouble(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, two := c.leader(5 * time.Second)
	var leader *cluster.Leader
	two.cl.Detect(nil, func(l *cluster.Leader, _ error) { leader = l })
	c.Until("the leader", time.Second, func() bool { return leader != nil })
	if leader.UPID != "master@"+one.node.String() || leader.Epoch != one.term.Epoch() {
		t.Fatalf("detected %+v", leader)
	}
	changes := 0
	two.cl.Detect(leader, func(*cluster.Leader, error) { changes++ })
	c.servers.Nodes[0].Pause()
	c.Advance(5 * time.Second)
	c.servers.Nodes[0].Continue()
	c.Advance(5 * time.Second)
	c.servers.Nodes[0].Crash()
	c.Advance(3 * time.Second)
	c.servers.Nodes[0].Restart()
	c.Advance(8 * time.Second)
	if changes != 0 || one.lost {
		t.Fatalf("%d changes; lost: %v", changes, one.why)
	}
	c.servers.Store.Expire(c.config.Prefix + "/leader")
	c.Until("the change", time.Second, func() bool { return changes == 1 })
}

// Who begins to contend while Consul is away leads when it is there.
func TestContendingWhileConsulIsAway(t *testing.T) {
	c := newContest(t, 1, 0, nil)
	c.servers.Nodes[0].Crash()
	m := &contestant{c: c, config: c.config, memory: &memory{}}
	m.node = c.Node("m0", testkit.Boot(func(*testkit.Node) { m.boot() }))
	c.candidates = append(c.candidates, m)
	m.boot()
	c.Advance(time.Minute)
	if m.term != nil || m.fatal != nil {
		t.Fatalf("without Consul: %v, %v", m.term, m.fatal)
	}
	c.servers.Nodes[0].Restart()
	c.takes(m, 10*time.Second)
}

// A detector that was cut off while another began to lead finds out when it is back, and not that nobody leads.
func TestDetectorFindsTheNextLeaderAfterTrouble(t *testing.T) {
	c := newContest(t, 1, 2, nil)
	one, two := c.leader(5 * time.Second)
	far := c.Node("far")
	cl := consul.New(c.config, c.servers.Wire(far), model.Clock(far), slog.New(slog.DiscardHandler))
	var leaders []*cluster.Leader
	var follow func(previous *cluster.Leader)
	follow = func(previous *cluster.Leader) {
		cl.Detect(previous, func(l *cluster.Leader, err error) {
			if err != nil {
				t.Errorf("detected %v", err)
				return
			}
			leaders = append(leaders, l)
			follow(l)
		})
	}
	follow(nil)
	c.Until("the leader", time.Second, func() bool { return len(leaders) == 1 })
	c.Cut(far, c.servers.Nodes[0])
	one.node.Crash()
	c.takes(two, 2*ttl+time.Second)
	c.Advance(time.Second)
	if len(leaders) != 1 {
		t.Fatalf("it knows though it is cut off: %v", leaders)
	}
	c.Heal(far, c.servers.Nodes[0])
	c.Until("the next leader", 15*time.Second, func() bool { return len(leaders) == 2 })
	if l := leaders[1]; l == nil || l.UPID != "master@"+two.node.String() || l.Epoch <= leaders[0].Epoch {
		t.Fatalf("detected %+v", l)
	}
}

// Withdrawing frees what was held for the candidate.
func TestWithdrawnCandidateLeavesNoSession(t *testing.T) {
	c := newContest(t, 1, 1, nil)
	c.leader(5 * time.Second)
	cancel := c.candidates[0].cl.Contend(&mesospb.MasterInfo{Pid: proto.String("master@b:1")}, func(cluster.Term, error) { t.Error("it was told") })
	c.Until("its session", time.Second, func() bool { return c.servers.Store.Sessions() == 2 })
	cancel()
	c.Until("its end", time.Second, func() bool { return c.servers.Store.Sessions() == 1 })
}
