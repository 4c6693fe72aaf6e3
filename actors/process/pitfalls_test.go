package process_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
)

// Proto.Actor has twenty known pitfalls between here and package remote. Each subtest fails without what
// protects us from it. The numbers are kept in both packages' tests.
func TestPitfall(t *testing.T) {
	t.Run("06 exited does not overtake what was sent before", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		heard := 0
		exits := make(chan int, 1)
		l := spawn(t, r, "l", &actor{
			init: func(b *process.Base) {
				process.Install(b, func(process.UPID, *wrapperspb.StringValue) { heard++ })
			},
			exited: func(process.UPID) { exits <- heard },
		})
		for round := range 50 {
			target := spawn(t, r, "target", &actor{})
			process.Dispatch(l, func(x *actor) { x.Link(target.UPID) })
			settle(t, l)
			process.Dispatch(target, func(x *actor) {
				for range 10 {
					x.Send(l.UPID, str("x"))
				}
				x.Terminate()
			})
			if got := receive(t, exits); got != 10*(round+1) {
				t.Fatalf("round %d: exited after %d messages", round, got)
			}
			wait(t, target)
		}
	})

	t.Run("11 a name means the process of its own runtime, also when two share an operating-system process", func(t *testing.T) {
		n := newNetwork()
		a, b := pairOf(t, n, process.Config{})
		got := make(chan string, 2)
		ears := func(where string) *actor {
			return &actor{init: func(base *process.Base) {
				process.Install(base, func(process.UPID, *wrapperspb.StringValue) { got <- where })
			}}
		}
		inA, inB := spawn(t, a, "x", ears("a")), spawn(t, b, "x", ears("b"))
		s := spawn(t, a, "s", &actor{})
		for _, to := range []process.UPID{inA.UPID, inB.UPID, inA.UPID} {
			process.Dispatch(s, func(x *actor) { x.Send(to, str("x")) })
			if where := receive(t, got); where != to.Addr[:1] {
				t.Errorf("sent to %v, heard by %s", to, where)
			}
		}
	})

	t.Run("12 a future wakes all who wait", func(t *testing.T) {
		p, fut := process.NewPromise[int](nil)
		var waiters sync.WaitGroup
		for range 10 {
			waiters.Go(func() {
				if v, err := fut.Get(context.Background()); v != 7 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			})
		}
		p.Complete(7, nil)
		waiters.Wait()
	})

	t.Run("13 a future's result does not change", func(t *testing.T) {
		p, fut := process.NewPromise[int](nil)
		var racers sync.WaitGroup
		for i := range 10 {
			racers.Go(func() { p.Complete(i, nil) })
		}
		first := get(t, fut)
		racers.Wait()
		p.Complete(100, errors.New("late"))
		if again := get(t, fut); again != first {
			t.Errorf("%d became %d", first, again)
		}
	})

	t.Run("14 a timer runs on its actor, where it races with nothing", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		done := make(chan struct{})
		count := 0 // unguarded: the race detector watches
		a := spawn(t, r, "a", &actor{})
		process.Dispatch(a, func(x *actor) {
			var every process.Timer
			every = x.Every(time.Microsecond, func() {
				if count++; count >= 300 {
					if every.Stop() {
						close(done)
					}
				}
			})
		})
		for range 300 {
			process.Dispatch(a, func(*actor) { count++ })
		}
		receive(t, done)
	})

	t.Run("15 a continuation waits its turn", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		var got []string
		a := spawn(t, r, "a", &actor{init: func(b *process.Base) {
			process.Install(b, func(_ process.UPID, m *wrapperspb.StringValue) { got = append(got, m.Value) })
		}})
		get(t, process.Call(a, func(x *actor) (int, error) {
			p, fut := process.NewPromise[int](x.Base)
			process.Then(x.Base, fut, func(int, error) { got = append(got, "continuation") })
			x.Send(x.Self(), str("b"))
			x.Send(x.Self(), str("c"))
			p.Complete(1, nil)
			x.Send(x.Self(), str("end"))
			return 0, nil
		}))
		settle(t, a)
		if want := []string{"b", "c", "continuation", "end"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})

	t.Run("15 a continuation of a process that has ended does not run", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		p, fut := process.NewPromise[int](nil)
		a := spawn(t, r, "a", &actor{})
		process.Dispatch(a, func(x *actor) {
			process.Then(x.Base, fut, func(int, error) { t.Error("ran after the end") })
		})
		process.Terminate(a, false)
		wait(t, a)
		p.Complete(1, nil)
		settle(t, spawn(t, r, "a", &actor{}))
	})

	t.Run("17 a full inbox neither blocks who sends nor loses what local actors say", func(t *testing.T) {
		n := newNetwork()
		a, b := pairOf(t, n, process.Config{Inbox: process.Limits{Msgs: 5, Bytes: 1 << 20}})
		heard := make(chan process.UPID, 100)
		sink := spawn(t, b, "sink", &actor{init: func(base *process.Base) {
			process.Install(base, func(from process.UPID, _ *wrapperspb.StringValue) { heard <- from })
		}})
		gate := make(chan struct{})
		process.Dispatch(sink, func(*actor) { <-gate })
		far, near := spawn(t, a, "far", &actor{}), spawn(t, b, "near", &actor{})
		for range 20 {
			process.Dispatch(far, func(x *actor) { x.Send(sink.UPID, str("x")) })
			process.Dispatch(near, func(x *actor) { x.Send(sink.UPID, str("x")) })
		}
		settle(t, far)
		settle(t, near)
		for b.Stats().Overflow < 15 {
			settle(t, near)
		}
		close(gate)
		counts := map[process.UPID]int{}
		for range 25 {
			counts[receive(t, heard)]++
		}
		if counts[far.UPID] != 5 || counts[near.UPID] != 20 {
			t.Errorf("heard %v", counts)
		}
		// There is room again.
		process.Dispatch(far, func(x *actor) { x.Send(sink.UPID, str("x")) })
		receive(t, heard)
	})

	t.Run("17 the bytes of an inbox are bounded too", func(t *testing.T) {
		n := newNetwork()
		_, b := pairOf(t, n, process.Config{Inbox: process.Limits{Bytes: 10_000}})
		sink := spawn(t, b, "sink", &actor{})
		gate := make(chan struct{})
		process.Dispatch(sink, func(*actor) { <-gate })
		in := n.nodes["b:1"].in
		for range 20 {
			in.Receive(process.Envelope{From: process.UPID{ID: "x", Addr: "a:1"}, To: sink.UPID, Msg: wrapperspb.Bytes(make([]byte, 990))})
		}
		if got := b.Stats().Overflow; got != 10 {
			t.Errorf("overflow %d", got)
		}
		close(gate)
	})

	t.Run("18 counting costs no memory for a message, and nothing stays of a process that has ended", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		a := spawn(t, r, "a", &actor{init: func(b *process.Base) {
			process.Install(b, func(process.UPID, *wrapperspb.StringValue) {})
		}})
		m := str("x")
		allocs := testing.AllocsPerRun(10, func() {
			process.Dispatch(a, func(x *actor) {
				for range 10_000 {
					x.Send(x.Self(), m)
				}
			})
			settle(t, a)
		})
		if allocs > 1000 { // of 10,000 messages; the queue's chunks are shared, so some may have to be made
			t.Errorf("%v allocations for 10,000 messages", allocs)
		}
		short := func() {
			for range 2000 {
				x := spawn(t, r, "short-lived", &actor{})
				process.Terminate(x, false)
				wait(t, x)
			}
		}
		short()
		before := heap()
		short()
		if grown := int64(heap()) - int64(before); grown > 200_000 {
			t.Errorf("2000 processes that ended left %d bytes", grown)
		}
	})

	t.Run("19 nobody is a name like any other", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		a := spawn(t, r, "a", &actor{})
		get(t, process.Call(a, func(x *actor) (int, error) {
			x.Send(process.UPID{}, str("x"))
			x.Link(process.UPID{})
			x.Unlink(process.UPID{})
			process.Terminate(process.Ref[*actor]{}, true)
			process.Dispatch(process.Ref[*actor]{}, func(*actor) {})
			process.Then(x.Base, process.Future[int]{}, func(int, error) { t.Error("the zero future has a result") })
			if (process.Future[int]{}).Discard() || !(process.UPID{}).IsZero() || (process.UPID{}).String() != "" {
				t.Error("zero values are not nobody")
			}
			return 0, nil
		}))
		if err := process.Wait(context.Background(), process.Ref[*actor]{}); err != nil {
			t.Error(err)
		}
	})

	t.Run("20 an exit is heard on the actor, not in the goroutine that noticed", func(t *testing.T) {
		n := newNetwork()
		a, b := pairOf(t, n, process.Config{})
		l, exits := linker(t, a, "l")
		target := spawn(t, b, "target", &actor{})
		process.Dispatch(l, func(x *actor) { x.Link(target.UPID) })
		settle(t, l)
		gate := make(chan struct{})
		process.Dispatch(l, func(*actor) { <-gate })
		n.nodes["a:1"].in.PeerLost("b:1", errors.New("cut")) // returns though the actor is busy
		if len(exits) != 0 {
			t.Error("heard while the actor was busy")
		}
		close(gate)
		receive(t, exits)
	})
}
