package testkit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	wpb "google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/testkit"
)

// echo answers each string, after a while if it has one.
type echo struct {
	after time.Duration
	base  *process.Base
}

func (e *echo) Initialize(b *process.Base) {
	e.base = b
	process.Install(b, func(from process.UPID, m *wpb.StringValue) {
		answer := wpb.String("re: " + m.Value)
		if e.after == 0 {
			b.Send(from, answer)
			return
		}
		b.Delay(e.after, func() { b.Send(from, answer) })
	})
}

func spawnEcho(after time.Duration) testkit.NodeOption {
	return testkit.Boot(func(n *testkit.Node) {
		if _, err := process.Spawn(n.Runtime(), "echo", &echo{after: after}); err != nil {
			n.World().Fail("%v", err)
		}
	})
}

func text(s string) testkit.Pattern {
	return testkit.That(fmt.Sprintf("%q", s), func(m *wpb.StringValue) error {
		if m.Value != s {
			return fmt.Errorf("the text is %q", m.Value)
		}
		return nil
	})
}

func TestProbeTalksToAnActorOnAnotherNode(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(0))
	p := w.Probe("p")
	p.Send(n.UPID("echo"), wpb.String("hello"))
	got := p.Expect(text("re: hello"))
	if got[0].From != n.UPID("echo") {
		t.Errorf("from %v", got[0].From)
	}
	if w.Elapsed() <= 0 || w.Elapsed() > 2*testkit.Calm.MaxLatency {
		t.Errorf("a round trip took %v", w.Elapsed())
	}
	p.ExpectNone(time.Hour)
}

func TestProbeTalksToAnActorOnItsNodeInNoTime(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(0))
	p := n.Probe("p")
	p.Send(n.UPID("echo"), wpb.String("hello"))
	p.ExpectWithin(0, text("re: hello"))
	if w.Elapsed() != 0 {
		t.Errorf("time moved by %v", w.Elapsed())
	}
}

func TestTimeMovesOnlyWhenNothingIsRunnable(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(time.Hour))
	p := n.Probe("p")
	p.Send(n.UPID("echo"), wpb.String("x"))
	w.Settle()
	if w.Elapsed() != 0 || len(p.Messages()) != 0 {
		t.Fatalf("settling took %v and brought %v", w.Elapsed(), p.Messages())
	}
	w.Advance(time.Hour - 1)
	p.ExpectNone(0)
	w.Advance(1)
	p.ExpectWithin(0, text("re: x"))
	if !w.Now().Equal(testkit.Start.Add(time.Hour)) {
		t.Errorf("it is %v", w.Now())
	}
}

func TestExpectFindsAMatchingWhateverTheOrder(t *testing.T) {
	w := testkit.NewWorld(t)
	p, q := w.Probe("p"), w.Probe("q")
	q.Send(p, wpb.String("a"))
	q.Send(p, wpb.String("b"))
	// The wide pattern comes first but must leave "a" to the narrow one.
	got := p.Expect(testkit.Of[*wpb.StringValue](), text("a"))
	if got[0].Msg.(*wpb.StringValue).Value != "b" || got[1].Msg.(*wpb.StringValue).Value != "a" {
		t.Errorf("got %v", got)
	}
}

func TestMessagesFromOneProcessToAnotherStayInOrder(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		w := testkit.NewWorld(t, testkit.Seed(seed))
		p, q := w.Probe("p"), w.Probe("q")
		for i := range 20 {
			q.Send(p, wpb.String(fmt.Sprint(i)))
		}
		w.Advance(time.Second)
		for i := range 20 {
			p.ExpectNext(text(fmt.Sprint(i)))
		}
	}
}

func TestNodesShareNoMemory(t *testing.T) {
	w := testkit.NewWorld(t)
	p, q := w.Probe("p"), w.Probe("q")
	m := wpb.String("a")
	q.Send(p, m)
	if got := p.Expect(text("a")); got[0].Msg == m {
		t.Error("the receiver has the sender's message")
	}
}

func TestDropHoldAndWatch(t *testing.T) {
	for _, local := range []bool{true, false} {
		t.Run(fmt.Sprintf("local=%v", local), func(t *testing.T) {
			w := testkit.NewWorld(t)
			p := w.Probe("p")
			q := p
			if local {
				q = p.Node().Probe("q")
			} else {
				q = w.Probe("q")
			}
			all := w.Watch(testkit.Of[*wpb.StringValue]().From(q))
			dropped := w.Drop(text("a")).Times(1)
			held := w.Hold(text("b").To(p))
			for _, s := range []string{"a", "b", "c", "a"} {
				q.Send(p, wpb.String(s))
			}
			p.Expect(text("c"), text("a"))
			p.ExpectNone(time.Minute)
			if dropped.Count() != 1 || held.Count() != 1 {
				t.Errorf("%d dropped, %d held", dropped.Count(), held.Count())
			}
			held.Release()
			if got := p.Expect(text("b")); got[0].From != q.UPID() {
				t.Errorf("released in the name of %v", got[0].From)
			}
			all.Stop()
			q.Send(p, wpb.String("d"))
			p.Expect(text("d"))
			// The watch is older than the others, so it did not see what they kept.
			if all.Count() != 2 {
				t.Errorf("watched %d", all.Count())
			}
		})
	}
}

func TestALinkBreaksOnceWhenANodeCrashes(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(0))
	p := w.Probe("p")
	p.Link(n.UPID("echo"))
	w.Advance(time.Second)
	n.Crash()
	crashed := w.Elapsed()
	p.ExpectExit(n.UPID("echo"))
	if took := w.Elapsed() - crashed; took > 10*time.Millisecond {
		t.Errorf("a reset connection was noticed after %v", took)
	}
	n.Restart()
	w.Advance(time.Hour)
	if len(p.Exits()) != 0 {
		t.Errorf("told again: %v", p.Exits())
	}
}

func TestAPulledPlugIsNoticedByKeepalives(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(0))
	p := w.Probe("p")
	p.Link(n.UPID("echo"))
	w.Advance(time.Second)
	n.PowerOff()
	w.Advance(testkit.Calm.KeepAlive - time.Millisecond)
	if len(p.Exits()) != 0 {
		t.Fatal("noticed too early")
	}
	p.ExpectExit(n.UPID("echo"))
}

func TestALinkToNobodyBreaks(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n")
	p := w.Probe("p")
	p.Link(n.UPID("nobody"))
	p.ExpectExit(n.UPID("nobody"))
	p.Link(process.UPID{ID: "x", Addr: "nowhere:1"})
	p.ExpectExit(process.UPID{ID: "x", Addr: "nowhere:1"})
}

func TestAShortCutOnlyDelays(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(0))
	p := w.Probe("p")
	p.Link(n.UPID("echo"))
	w.Advance(time.Second)
	w.Cut(p, n)
	p.Send(n.UPID("echo"), wpb.String("x"))
	p.ExpectNone(5 * time.Second)
	w.Heal(p, n)
	p.ExpectWithin(time.Second, text("re: x"))
	w.Advance(time.Minute)
	if len(p.Exits()) != 0 {
		t.Error("a short cut broke a link")
	}
}

func TestALongCutBreaksLinksAndLosesWhatWasUnderway(t *testing.T) {
	for name, cut := range map[string]func(w *testkit.World, a, b testkit.Placed){
		"both ways": (*testkit.World).Cut,
		"there":     (*testkit.World).CutOneWay,
		"back":      func(w *testkit.World, a, b testkit.Placed) { w.CutOneWay(b, a) },
	} {
		t.Run(name, func(t *testing.T) {
			w := testkit.NewWorld(t)
			n := w.Node("n", spawnEcho(0))
			p := w.Probe("p")
			p.Link(n.UPID("echo"))
			w.Advance(time.Second)
			cut(w, p, n)
			p.Send(n.UPID("echo"), wpb.String("x"))
			p.ExpectExit(n.UPID("echo"))
			p.Send(n.UPID("echo"), wpb.String("y"))
			w.Advance(time.Minute)
			w.HealAll()
			p.ExpectNone(time.Minute)
			p.Send(n.UPID("echo"), wpb.String("z"))
			p.Expect(text("re: z"))
		})
	}
}

func TestIsolateCutsAGroupOff(t *testing.T) {
	w := testkit.NewWorld(t)
	a, b, c := w.Probe("a"), w.Probe("b"), w.Probe("c")
	w.Isolate(a, b)
	a.Send(b, wpb.String("inside"))
	a.Send(c, wpb.String("out"))
	c.Send(a, wpb.String("in"))
	b.Expect(text("inside"))
	c.ExpectNone(time.Minute)
	a.ExpectNone(0)
}

func TestLossAndDuplicatesComeAsOftenAsAsked(t *testing.T) {
	weather := testkit.Calm
	weather.Loss, weather.Duplicate = 200, 100
	w := testkit.NewWorld(t, testkit.In(weather))
	p, q := w.Probe("p"), w.Probe("q")
	const n = 2000
	for i := range n {
		q.Send(p, wpb.Int64(int64(i)))
	}
	w.Advance(time.Minute)
	stats := w.NetworkStats()
	if stats.Lost < n*150/1000 || stats.Lost > n*250/1000 || stats.Duplicated < n*70/1000 || stats.Duplicated > n*130/1000 {
		t.Errorf("%+v of %d", stats, n)
	}
	if got := len(p.Messages()); got != n-stats.Lost+stats.Duplicated {
		t.Errorf("%d arrived, %+v", got, stats)
	}
}

// worker does blocking work on its node's disk.
type worker struct{ node *testkit.Node }

func (k *worker) Initialize(b *process.Base) {
	process.Install(b, func(from process.UPID, m *wpb.StringValue) {
		process.Then(b, process.Go(b, func(context.Context) (int, error) {
			return 0, errors.Join(k.node.Disk().Append("log", []byte(m.Value)), k.node.Disk().Append("log", []byte(";")))
		}), func(int, error) { b.Send(from, wpb.Bool(true)) })
	})
}

func TestWorkIsAChoiceAndACrashMayTearIt(t *testing.T) {
	logs := map[string]bool{}
	for seed := uint64(1); seed <= 200; seed++ {
		w := testkit.NewWorld(t, testkit.Seed(seed))
		n := w.Node("n", testkit.Boot(func(n *testkit.Node) {
			if _, err := process.Spawn(n.Runtime(), "worker", &worker{n}); err != nil {
				t.Fatal(err)
			}
		}))
		p := n.Probe("p")
		p.Send(n.UPID("worker"), wpb.String("abc"))
		w.Settle() // the work may be underway now
		n.Crash()
		data, _ := n.Disk().Read("log")
		logs[string(data)] = true
	}
	for _, want := range []string{"", "a", "ab", "abc", "abc;"} {
		if !logs[want] {
			t.Errorf("no crash left %q; seen: %v", want, logs)
		}
	}
	for log := range logs {
		if !strings.HasPrefix("abc;", log) {
			t.Errorf("a crash left %q", log)
		}
	}
}

type fragile struct{}

func (fragile) Initialize(b *process.Base) {
	process.Install(b, func(process.UPID, *wpb.StringValue) { b.Fatal(errors.New("the disk is gone")) })
}

func TestAMortalNodeCrashesWithItsActors(t *testing.T) {
	w := testkit.NewWorld(t)
	died := ""
	n := w.Node("n", testkit.Mortal(func(_ *testkit.Node, who process.UPID, why any) { died = fmt.Sprint(who.ID, ": ", why) }),
		testkit.Boot(func(n *testkit.Node) { _, _ = process.Spawn(n.Runtime(), "fragile", fragile{}) }))
	p := w.Probe("p")
	p.Link(n.UPID("fragile"))
	w.Advance(time.Second)
	p.Send(n.UPID("fragile"), wpb.String("x"))
	p.ExpectExit(n.UPID("fragile"))
	if n.Up() || died != "fragile: the disk is gone" {
		t.Errorf("up %v, died of %q", n.Up(), died)
	}
	n.Restart()
	if n.Lives() != 2 || !n.Up() {
		t.Errorf("%d lives", n.Lives())
	}
}

func TestNothingOfAnEarlierLifeReachesALaterOne(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(time.Second))
	p := w.Probe("p")
	p.Send(n.UPID("echo"), wpb.String("x"))
	w.Advance(500 * time.Millisecond)
	n.Restart()
	p.ExpectNone(time.Minute)
	p.Send(n.UPID("echo"), wpb.String("y"))
	p.Expect(text("re: y"))
}

func TestAResetLosesAndIsNoticedByBothSides(t *testing.T) {
	w := testkit.NewWorld(t)
	p, q := w.Probe("p"), w.Probe("q")
	p.Link(q)
	q.Link(p)
	w.Advance(time.Second)
	q.Send(p, wpb.String("lost"))
	w.Settle()
	w.Reset(p, q)
	p.ExpectExit(q)
	q.ExpectExit(p)
	q.Send(p, wpb.String("next"))
	p.ExpectNext(text("next"))
	weather := testkit.Calm
	weather.Reset = 1000
	w.SetWeather(weather)
	p.Link(q)
	p.ExpectExit(q)
}

func TestAProbeKeepsPartsOfMessages(t *testing.T) {
	w := testkit.NewWorld(t)
	p, q := w.Probe("p"), w.Probe("q")
	p.Split(func(m proto.Message) (parts []proto.Message) {
		for _, word := range strings.Fields(m.(*wpb.StringValue).Value) {
			parts = append(parts, wpb.String(word))
		}
		return parts
	})
	q.Send(p, wpb.String("a b"))
	p.Expect(text("b"), text("a"))
}

func TestDeathIsTold(t *testing.T) {
	w := testkit.NewWorld(t)
	deaths := 0
	n := w.Node("n", testkit.Died(func(*testkit.Node) { deaths++ }))
	n.Crash()
	n.Crash()
	n.Restart()
	n.PowerOff()
	if deaths != 2 {
		t.Errorf("%d deaths", deaths)
	}
}
