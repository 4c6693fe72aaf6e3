package detector_test

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/detector"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// town has three masters that are nothing but heralds, and one node that wants to know who leads.
type town struct {
	*testkit.World
	t       *testing.T
	masters []*hall
	agent   *testkit.Node
	client  detector.Client
	seen    []*cluster.Leader // by the agent, in order
}

// node is a testkit.Node under a name that leaves its method Node to those who embed it.
type node = testkit.Node

// hall is one master's node. It sees an election of its own, so that a test decides what it knows.
type hall struct {
	*node
	election *memory.Cluster
	herald   process.Ref[*detector.Herald]
}

func newTown(t *testing.T, known ...int) *town {
	w := &town{World: testkit.NewWorld(t, testkit.Seed(3)), t: t}
	for _, name := range []string{"h1", "h2", "h3"} {
		h := &hall{}
		h.node = w.Node(name, testkit.Boot(func(n *testkit.Node) {
			h.election = memory.New()
			var err error
			h.herald, err = detector.SpawnHerald(n.Runtime(), n.UPID("master"), h.election, nil)
			if err != nil {
				t.Fatal(err)
			}
		}))
		w.masters = append(w.masters, h)
	}
	var addresses []string
	for _, i := range known {
		addresses = append(addresses, w.masters[i].String())
	}
	w.agent = w.Node("a1", testkit.Boot(func(n *testkit.Node) {
		var err error
		if w.client, err = detector.Spawn(n.Runtime(), "detector", addresses); err != nil {
			t.Fatal(err)
		}
		if _, err := process.Spawn(n.Runtime(), "follower", &follower{w: w}); err != nil {
			t.Fatal(err)
		}
	}))
	return w
}

// follower keeps what a detector says, as an agent does.
type follower struct {
	w *town
	b *process.Base
}

func (f *follower) Initialize(b *process.Base) {
	f.b = b
	f.detect(nil)
}

func (f *follower) detect(previous *cluster.Leader) {
	promise, found := process.NewPromise[*cluster.Leader](f.b)
	f.w.client.Detect(previous, func(l *cluster.Leader, err error) { promise.Complete(l, err) })
	process.Then(f.b, found, func(l *cluster.Leader, err error) {
		if err != nil {
			f.w.t.Fatal(err)
		}
		f.w.seen = append(f.w.seen, l)
		f.detect(l)
	})
}

func (h *hall) info() *mesospb.MasterInfo {
	return &mesospb.MasterInfo{Id: proto.String(h.Name()), Ip: proto.Uint32(1), Port: proto.Uint32(5050), Pid: proto.String("master@" + h.String())}
}

// elect lets the election as an audience sees it make a master the leader, in a term of this epoch.
func (w *town) elect(leader *hall, epoch uint64, audience ...*hall) {
	for _, h := range audience {
		h.election.Depose(nil)
		h.election.Contend(leader.info(), func(term cluster.Term, err error) {
			if err != nil {
				w.t.Fatal(err)
			}
			for term.Epoch() < epoch { // each term is one more than that before
				h.election.Depose(nil)
				h.election.Contend(leader.info(), func(t cluster.Term, _ error) { term = t })
			}
		})
	}
}

// leads makes a master lead: all who see the election hear of it, and it has recovered.
func (w *town) leads(leader *hall, epoch uint64, agents int, audience ...*hall) {
	w.elect(leader, epoch, audience...)
	detector.Serves(leader.herald, leader.info(), epoch, agents)
}

// expect waits until the agent follows a master in an epoch; nil: nobody.
func (w *town) expect(leader *hall, epoch uint64, within time.Duration) {
	w.t.Helper()
	w.Until("the agent follows the right one", within, func() bool {
		if len(w.seen) == 0 {
			return false
		}
		now := w.seen[len(w.seen)-1]
		if leader == nil {
			return now == nil
		}
		return now != nil && now.UPID == "master@"+leader.String() && now.Epoch == epoch
	})
}

// stays sees that nothing changes for a while.
func (w *town) stays(d time.Duration) {
	w.t.Helper()
	before := len(w.seen)
	w.Advance(d)
	if len(w.seen) != before {
		w.t.Errorf("it changed its mind to %v", w.seen[before:])
	}
}

func TestWhoLeadsIsFoundFromAnyMaster(t *testing.T) {
	for i := range 3 {
		w := newTown(t, i)
		w.leads(w.masters[1], 1, 40, w.masters...)
		w.expect(w.masters[1], 1, time.Second)
		if l := w.seen[0]; l.Agents != 40 || l.Info.GetId() != "h2" {
			t.Errorf("from h%d it saw %+v", i+1, l)
		}
		w.stays(time.Hour)
	}
}

// A master that leads and reads its registry is not told to anybody: it would not answer them.
func TestALeaderIsTrustedWhenItServes(t *testing.T) {
	w := newTown(t, 0, 1, 2)
	w.elect(w.masters[2], 1, w.masters...)
	w.stays(time.Minute)
	detector.Serves(w.masters[2].herald, w.masters[2].info(), 1, 0)
	w.expect(w.masters[2], 1, 10*time.Millisecond) // it is pushed, not asked for
}

func TestTheNextLeaderIsFollowed(t *testing.T) {
	w := newTown(t, 0, 1, 2)
	w.leads(w.masters[0], 1, 0, w.masters...)
	w.expect(w.masters[0], 1, time.Second)
	w.masters[0].Crash()
	// The election needs its time to notice. Whoever led is what there is meanwhile.
	w.stays(18 * time.Second)
	w.leads(w.masters[2], 2, 0, w.masters[1], w.masters[2])
	w.expect(w.masters[2], 2, 50*time.Millisecond)
	// The old one comes back and stands by.
	w.masters[0].Restart()
	w.elect(w.masters[2], 2, w.masters[0])
	w.stays(time.Hour)
}

// A leader that resigns while all stay up: its own herald says so at once.
func TestAHandOverIsFollowedAtOnce(t *testing.T) {
	w := newTown(t, 0, 1, 2)
	w.leads(w.masters[0], 1, 0, w.masters...)
	w.expect(w.masters[0], 1, time.Second)
	w.leads(w.masters[1], 2, 0, w.masters...)
	w.expect(w.masters[1], 2, 50*time.Millisecond)
}

// The leader is not among those who were named, and neither is the next one.
func TestASubsetOfTheMastersIsEnough(t *testing.T) {
	w := newTown(t, 0)
	w.leads(w.masters[1], 1, 0, w.masters...)
	w.expect(w.masters[1], 1, time.Second)
	w.masters[1].Crash()
	w.leads(w.masters[2], 2, 0, w.masters[0], w.masters[2])
	w.expect(w.masters[2], 2, 10*time.Second)
	// Even with the only one that was named away, those that led are remembered.
	w.masters[0].Crash()
	w.masters[2].Crash()
	w.masters[1].Restart()
	w.leads(w.masters[1], 3, 0, w.masters[1])
	w.expect(w.masters[1], 3, 20*time.Second)
}

func TestNobodyLeads(t *testing.T) {
	w := newTown(t, 0, 1, 2)
	w.leads(w.masters[0], 1, 0, w.masters...)
	w.expect(w.masters[0], 1, time.Second)
	for _, h := range w.masters {
		h.election.Depose(errors.New("the test"))
	}
	w.masters[0].Restart() // a master ends with its term
	w.expect(nil, 0, time.Second)
	w.leads(w.masters[0], 2, 0, w.masters...)
	w.expect(w.masters[0], 2, time.Second)
}

// What a leader hears of the election may be older than its own term, from a server that was cut off. It goes on to lead, so
// whoever asks it has to hear that it does, then and afterwards.
func TestALeaderIsNotTalkedOutOfIt(t *testing.T) {
	w := newTown(t, 0, 1, 2)
	w.leads(w.masters[0], 5, 0, w.masters...)
	w.expect(w.masters[0], 5, time.Second)
	for _, h := range w.masters {
		h.election.Depose(errors.New("the test")) // nobody leads, it says
	}
	w.stays(time.Minute)
	w.agent.Restart()
	w.expect(w.masters[0], 5, time.Second)
	w.elect(w.masters[1], 4, w.masters[0]) // and now somebody who led before it
	w.stays(time.Minute)
	w.agent.Restart()
	w.expect(w.masters[0], 5, time.Second)
	w.stays(time.Minute)
}

// With all masters down it asks for ever, ever more seldom, and finds the first that comes back within seconds.
func TestAllMastersAreDown(t *testing.T) {
	w := newTown(t, 0, 1, 2)
	w.leads(w.masters[0], 1, 0, w.masters...)
	w.expect(w.masters[0], 1, time.Second)
	asked := w.Watch(testkit.Of[*controlpb.Follow]())
	for _, h := range w.masters {
		h.Crash()
	}
	w.stays(time.Minute)
	first := asked.Count()
	w.stays(time.Hour)
	if n := asked.Count() - first; n < 600 || n > 4000 {
		t.Errorf("it asked %d times in an hour", n)
	}
	w.masters[1].Restart()
	w.leads(w.masters[1], 2, 0, w.masters[1])
	w.expect(w.masters[1], 2, 16*time.Second)
}

// A master that is cut off from the election tells of the old leader for ever. It is not believed.
func TestAStaleMasterLeadsNobodyAstray(t *testing.T) {
	w := newTown(t, 0, 1, 2)
	w.leads(w.masters[0], 1, 0, w.masters...)
	w.expect(w.masters[0], 1, time.Second)
	w.masters[0].Crash()
	w.leads(w.masters[2], 2, 0, w.masters[2]) // h2 does not hear of it
	w.expect(w.masters[2], 2, 15*time.Second)
	w.stays(time.Hour)
}

// A leader that was stopped for long wakes up and believes that it still leads. Its epoch tells.
func TestAnOldLeaderIsNotFollowed(t *testing.T) {
	w := newTown(t, 0, 1, 2)
	w.leads(w.masters[0], 1, 0, w.masters...)
	w.expect(w.masters[0], 1, time.Second)
	w.Cut(w.masters[0], w.agent)
	w.leads(w.masters[1], 2, 0, w.masters[1], w.masters[2])
	w.expect(w.masters[1], 2, 30*time.Second)
	w.HealAll()
	w.masters[1].Crash()
	// Now h1, which claims epoch 1, and h3, which tells of h2, are all that can be asked.
	w.stays(10 * time.Minute)
	w.leads(w.masters[2], 3, 0, w.masters[2])
	w.expect(w.masters[2], 3, 20*time.Second)
}

// One way of a connection is broken: the herald is heard of no more, or does not hear.
func TestAsymmetricCuts(t *testing.T) {
	for _, deaf := range []bool{true, false} {
		w := newTown(t, 0, 1, 2)
		w.leads(w.masters[0], 1, 0, w.masters...)
		w.expect(w.masters[0], 1, time.Second)
		if deaf {
			w.CutOneWay(w.agent, w.masters[0])
		} else {
			w.CutOneWay(w.masters[0], w.agent)
		}
		w.leads(w.masters[1], 2, 0, w.masters[1], w.masters[2])
		w.expect(w.masters[1], 2, time.Minute)
		w.HealAll()
		w.elect(w.masters[1], 2, w.masters[0])
		w.stays(time.Hour)
	}
}

// The leader at the same address in a new term is another leader: its followers have to subscribe anew.
func TestARestartedLeaderIsAnotherLeader(t *testing.T) {
	w := newTown(t, 0)
	w.leads(w.masters[0], 1, 0, w.masters[0])
	w.expect(w.masters[0], 1, time.Second)
	w.masters[0].Restart()
	w.leads(w.masters[0], 2, 0, w.masters[0])
	w.expect(w.masters[0], 2, 6*time.Second)
}

// Whatever a peer says that makes no sense changes nothing.
func TestMalformedAnswersAreRefused(t *testing.T) {
	w := newTown(t, 0)
	liar := w.Node("liar").Probe("herald")
	w.leads(w.masters[0], 5, 0, w.masters...)
	w.expect(w.masters[0], 5, time.Second)
	at := w.agent.UPID("detector")
	follows := w.Watch(testkit.Of[*controlpb.Follow]())
	w.Advance(20 * time.Second)
	attempt := follows.Messages()[0].Msg.(*controlpb.Follow).Attempt
	bad := w.masters[1].info()
	bad.Pid = proto.String("not an address")
	for _, m := range []*controlpb.Leads{
		{Attempt: proto.Uint64(0), Master: w.masters[1].info(), Ready: proto.Bool(true), Epoch: proto.Uint64(9)},
		{Attempt: proto.Uint64(*attempt + 1), Master: w.masters[1].info(), Ready: proto.Bool(true), Epoch: proto.Uint64(9)},
		{Attempt: attempt, Master: bad, Ready: proto.Bool(true), Epoch: proto.Uint64(9)},
	} {
		liar.Send(at, m)
	}
	w.stays(time.Minute)
	// Somebody who guessed the number, and claims to lead: he does, for all that a detector can know, so only numbers
	// that nobody can guess and connections that nobody can fake keep him out.
	liar.Send(w.masters[0].UPID(detector.HeraldID), &controlpb.Follow{Attempt: proto.Uint64(0)})
	liar.ExpectNone(time.Minute, testkit.Of[*controlpb.Leads]())
}

func TestCancelledDetectionsHearNothing(t *testing.T) {
	w := newTown(t, 0)
	cancel := w.client.Detect(nil, func(*cluster.Leader, error) { t.Error("it heard") })
	cancel()
	cancel()
	w.leads(w.masters[0], 1, 0, w.masters...)
	w.expect(w.masters[0], 1, time.Second)
}

func TestBadAddressesAreRefused(t *testing.T) {
	rt, err := process.New(process.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Shutdown(t.Context()) })
	for _, masters := range [][]string{nil, {""}, {"h1"}, {"h1:5050", "h2:x"}, {"h 1:5050"}} {
		if _, err := detector.Spawn(rt, "detector", masters); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %v", masters, err)
		}
	}
}
