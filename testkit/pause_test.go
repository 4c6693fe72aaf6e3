package testkit_test

import (
	"context"
	"testing"
	"time"

	wpb "google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/testkit"
)

func TestAPausedNodeDoesNothingAndThenEverything(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(5*time.Second))
	p := w.Probe("p")
	p.Send(n.UPID("echo"), wpb.String("early"))
	w.Advance(time.Second)
	n.Pause()
	p.Send(n.UPID("echo"), wpb.String("late"))
	p.ExpectNone(9 * time.Second)
	n.Continue()
	p.ExpectWithin(time.Second, text("re: early")) // its timer was due
	p.ExpectNone(3*time.Second, text("re: late"))  // and this one begins now
	p.ExpectWithin(3*time.Second, text("re: late"))
	if n.Paused() {
		t.Error("still paused")
	}
}

func TestALongPauseBreaksConnections(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(0))
	p := w.Probe("p")
	p.Link(n.UPID("echo"))
	p.Send(n.UPID("echo"), wpb.String("hello"))
	p.Expect(text("re: hello"))
	n.Pause()
	p.ExpectExit(n.UPID("echo"))
	if at := w.Elapsed(); at < testkit.Calm.KeepAlive || at > 2*testkit.Calm.KeepAlive {
		t.Errorf("noticed at %v", at)
	}
	p.Link(n.UPID("echo")) // its kernel accepts, but nobody answers
	p.ExpectExit(n.UPID("echo"))
	n.Continue()
	p.Send(n.UPID("echo"), wpb.String("again"))
	p.Expect(text("re: again"))
}

func TestAPausedNodeMayCrash(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n", spawnEcho(time.Second))
	p := w.Probe("p")
	p.Send(n.UPID("echo"), wpb.String("lost"))
	w.Advance(100 * time.Millisecond)
	n.Pause()
	w.Advance(5 * time.Second)
	p.Send(n.UPID("echo"), wpb.String("in its socket"))
	w.Advance(time.Minute) // its connections break
	p.Send(n.UPID("echo"), wpb.String("in its socket"))
	w.Advance(time.Second)
	n.Restart()
	p.ExpectNone(time.Minute)
	p.Send(n.UPID("echo"), wpb.String("hello"))
	p.Expect(text("re: hello"))
}

func TestTimesHaveTwoReadings(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n")
	before := n.Now()
	if !before.Equal(testkit.Start) || before.Location() != time.UTC || before.String()[:19] != "2026-01-01 00:00:00" {
		t.Errorf("it is %v", before)
	}
	w.Advance(time.Second)
	n.JumpClock(-time.Hour)
	after := n.Now()
	if d := after.Sub(before); d != time.Second {
		t.Errorf("a second took %v", d)
	}
	if want := testkit.Start.Add(time.Second - time.Hour); after.UnixNano() != want.UnixNano() || !after.Round(0).Equal(want) {
		t.Errorf("the wall says %v, want %v", after, want)
	}
	n.Restart()
	if n.Now().Round(0) != after.Round(0) {
		t.Error("the clock belongs to the machine")
	}
}

// asker is an actor whose blocking work asks another node and waits for the answer.
type asker struct {
	n, far *testkit.Node
	got    []string
}

func (a *asker) Initialize(b *process.Base) {
	process.Install(b, func(_ process.UPID, m *wpb.StringValue) {
		answer := process.Go(b, func(context.Context) (string, error) {
			w, answer := a.n.World(), "nothing"
			w.Await(func(wake func()) {
				w.Carry(a.n, a.far, "question", func() {
					w.Carry(a.far, a.n, "answer", func() { answer = "re: " + m.Value; wake() }, nil)
				}, func(err error) { answer = err.Error(); wake() })
			})
			return answer, nil
		})
		process.Then(b, answer, func(text string, _ error) { a.got = append(a.got, text) })
	})
}

func askers(t *testing.T) (w *testkit.World, n, far *testkit.Node, a *asker, ask func(string)) {
	w = testkit.NewWorld(t)
	far = w.Node("far")
	a = &asker{far: far}
	n = w.Node("n", testkit.Waits(), testkit.Boot(func(n *testkit.Node) {
		a.n = n
		if _, err := process.Spawn(n.Runtime(), "asker", a); err != nil {
			t.Fatal(err)
		}
	}))
	p := w.Probe("p")
	return w, n, far, a, func(text string) {
		p.Send(n.UPID("asker"), wpb.String(text))
		w.Advance(100 * time.Millisecond)
	}
}

func TestWorkWaitsForTheWorld(t *testing.T) {
	w, n, far, a, ask := askers(t)
	got := func(want ...string) {
		t.Helper()
		if len(a.got) != len(want) {
			t.Fatalf("got %q, want %q", a.got, want)
		}
		for i := range want {
			if a.got[i] != want[i] {
				t.Errorf("got %q, want %q", a.got, want)
			}
		}
	}
	ask("a")
	got("re: a")
	far.Pause()
	ask("b")
	got("re: a")
	far.Continue()
	w.Advance(time.Second)
	got("re: a", "re: b")
	w.CutOneWay(far, n)
	ask("c")
	w.Heal(far, n)
	w.Advance(time.Second)
	got("re: a", "re: b", "re: c")
	w.Cut(far, n)
	ask("d")
	w.Advance(testkit.Calm.KeepAlive)
	got("re: a", "re: b", "re: c", "no answer to keepalives")
	w.Heal(far, n)
	far.Crash()
	ask("e")
	got("re: a", "re: b", "re: c", "no answer to keepalives", "connection refused")
	far.Restart()
	far.Pause()
	ask("f")
	n.Crash() // while its work waits
	far.Continue()
	w.Advance(time.Minute)
	got("re: a", "re: b", "re: c", "no answer to keepalives", "connection refused")
}

// Work that ends its own node, as that of a process that ends its node while it is terminated, goes on to its own end: nobody else
// would ever unwind it, and its world would be kept for ever.
func TestWorkThatEndsItsNode(t *testing.T) {
	w := testkit.NewWorld(t)
	ended := false
	n := w.Node("n", testkit.Waits(), testkit.Boot(func(n *testkit.Node) {
		if _, err := process.Spawn(n.Runtime(), "last", &last{n, &ended}); err != nil {
			t.Fatal(err)
		}
	}))
	w.Settle()
	n.Terminate(time.Second)
	w.Advance(time.Minute)
	if n.Up() || !ended {
		t.Errorf("up %v, ended %v", n.Up(), ended)
	}
}

// last crashes its node with its last words.
type last struct {
	n     *testkit.Node
	ended *bool
}

func (l *last) Initialize(*process.Base) {}

func (l *last) Finalize() {
	l.n.Crash()
	*l.ended = true
}

// polite waits for the far node before it ends.
type polite struct {
	*asker
	said string
}

func (p *polite) Finalize() {
	w := p.n.World()
	w.Await(func(wake func()) {
		w.Carry(p.n, p.far, "goodbye", func() { p.said = "goodbye"; w.Carry(p.far, p.n, "answer", wake, nil) }, nil)
	})
	p.said += " at " + w.Elapsed().Truncate(10*time.Millisecond).String()
}

func TestATerminatedNodeSaysItsLastWords(t *testing.T) {
	for _, c := range []struct{ silent, want string }{{"", "goodbye at 0s"}, {"far", ""}} {
		w := testkit.NewWorld(t)
		far := w.Node("far")
		p := &polite{asker: &asker{far: far}}
		n := w.Node("n", testkit.Waits(), testkit.Boot(func(n *testkit.Node) {
			p.n = n
			if _, err := process.Spawn(n.Runtime(), "asker", p); err != nil {
				t.Fatal(err)
			}
		}))
		w.Settle()
		if c.silent != "" {
			far.Pause()
		}
		n.Terminate(5 * time.Second)
		w.Advance(time.Second)
		if n.Up() != (c.silent != "") {
			t.Errorf("silent %q: up after a second: %v", c.silent, n.Up())
		}
		w.Advance(10 * time.Second)
		if n.Up() || p.said != c.want {
			t.Errorf("silent %q: up %v, said %q", c.silent, n.Up(), p.said)
		}
	}
}

// ticker says something to somebody every second.
type ticker struct{ to process.UPID }

func (t *ticker) Initialize(b *process.Base) {
	b.Every(time.Second, func() { b.Send(t.to, wpb.String("tick")) })
}

// Found by the sweep (seed 121): what a dying node had sent to a stopped one stayed in the way of all that came after.
func TestANodeThatDiesWhileItIsPausedHearsOthersAgain(t *testing.T) {
	for seed := range uint64(20) {
		w := testkit.NewWorld(t, testkit.Seed(seed))
		n := w.Node("n", spawnEcho(time.Hour))
		s := w.Node("s", testkit.Boot(func(s *testkit.Node) {
			if _, err := process.Spawn(s.Runtime(), "ticker", &ticker{n.UPID("echo")}); err != nil {
				t.Fatal(err)
			}
		}))
		w.Advance(2500 * time.Millisecond)
		n.Pause()
		w.Advance(3 * time.Second)
		s.Crash()
		n.Restart()
		s.Restart()
		heard := 0
		w.ObserveArrivals(func(m testkit.Message) { heard++ })
		w.Advance(time.Minute)
		if heard < 50 {
			t.Fatalf("seed %d: %d of 60 ticks were heard", seed, heard)
		}
	}
}
