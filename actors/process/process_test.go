package process_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/fault"
)

func TestProcess(t *testing.T) {
	t.Run("an id is taken until its process has ended", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		a := spawn(t, r, "a", &actor{})
		if _, err := process.Spawn(r, "a", &actor{}); !errors.Is(err, fault.ErrConflict) {
			t.Fatalf("second spawn: %v", err)
		}
		process.Terminate(a, false)
		wait(t, a)
		spawn(t, r, "a", &actor{})
	})

	t.Run("mail of every kind is handled in the order of sending", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		var got []string
		note := func(s string) { got = append(got, s) }
		a := spawn(t, r, "a", &actor{init: func(b *process.Base) {
			process.Install(b, func(_ process.UPID, m *wrapperspb.StringValue) { note(m.Value) })
		}})
		get(t, process.Call(a, func(x *actor) (int, error) {
			x.Send(a.UPID, str("message"))
			x.Dispatch(func() { note("dispatch") })
			process.Then(x.Base, process.Ready(1), func(int, error) { note("continuation") })
			x.Link(r.UPID("nobody"))
			x.exited = func(u process.UPID) { note("exited " + u.ID) }
			x.Send(a.UPID, str("last"))
			return 0, nil
		}))
		settle(t, a)
		want := []string{"message", "dispatch", "continuation", "exited nobody", "last"}
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})

	t.Run("terminate waits its turn, an injected one does not", func(t *testing.T) {
		for _, inject := range []bool{false, true} {
			r := runtimeFor(t, process.Config{})
			var ran atomic.Int32
			var finalized atomic.Bool
			a := spawn(t, r, "a", &actor{finalize: func() { finalized.Store(true) }})
			gate := make(chan struct{})
			process.Dispatch(a, func(*actor) { <-gate })
			for range 10 {
				process.Dispatch(a, func(*actor) { ran.Add(1) })
			}
			process.Terminate(a, inject)
			close(gate)
			wait(t, a)
			if want := map[bool]int32{false: 10, true: 0}[inject]; ran.Load() != want || !finalized.Load() {
				t.Errorf("inject=%v: %d ran, want %d; finalized: %v", inject, ran.Load(), want, finalized.Load())
			}
		}
	})

	t.Run("a call on a process that ends first fails", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		a := spawn(t, r, "a", &actor{})
		gate := make(chan struct{})
		process.Dispatch(a, func(*actor) { <-gate })
		fut := process.Call(a, func(*actor) (int, error) { return 1, nil })
		process.Terminate(a, true)
		close(gate)
		if _, err := fut.Get(context.Background()); !errors.Is(err, process.ErrGone) {
			t.Errorf("queued call: %v", err)
		}
		wait(t, a)
		if _, err := process.Call(a, func(*actor) (int, error) { return 1, nil }).Get(context.Background()); !errors.Is(err, process.ErrGone) {
			t.Errorf("late call: %v", err)
		}
	})

	t.Run("a panic ends the process and is reported once", func(t *testing.T) {
		var reported []any
		r := runtimeFor(t, process.Config{OnPanic: func(_ process.UPID, what any, _ []byte) { reported = append(reported, what) }})
		exits := make(chan process.UPID, 2)
		a := spawn(t, r, "a", &actor{finalize: func() { t.Error("finalized after a panic") }})
		w := spawn(t, r, "w", &actor{exited: func(u process.UPID) { exits <- u }})
		process.Dispatch(w, func(x *actor) { x.Link(a.UPID) })
		settle(t, w)
		process.Dispatch(a, func(x *actor) { x.Fatal(errors.New("boom")) })
		process.Dispatch(a, func(x *actor) { t.Error("ran after the panic") })
		wait(t, a)
		if got := receive(t, exits); got != a.UPID {
			t.Errorf("exited %v", got)
		}
		if len(reported) != 1 {
			t.Errorf("reported %v", reported)
		}
	})

	t.Run("an actor's messages arrive in order from many senders", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		last := map[process.UPID]int64{}
		var count int
		done := make(chan struct{})
		const senders, each = 8, 5000
		sink := spawn(t, r, "sink", &actor{init: func(b *process.Base) {
			process.Install(b, func(from process.UPID, m *wrapperspb.Int64Value) {
				if m.Value != last[from]+1 {
					t.Errorf("%v: %d after %d", from, m.Value, last[from])
				}
				last[from] = m.Value
				if count++; count == senders*each {
					close(done)
				}
			})
		}})
		for i := range senders {
			s := spawn(t, r, string(rune('a'+i)), &actor{})
			for n := range each {
				process.Dispatch(s, func(x *actor) { x.Send(sink.UPID, wrapperspb.Int64(int64(n+1))) })
			}
		}
		receive(t, done)
	})

	t.Run("shutdown ends everybody", func(t *testing.T) {
		r, err := process.New(process.Config{})
		if err != nil {
			t.Fatal(err)
		}
		var finalized []string
		for _, id := range []string{"c", "a", "b"} {
			spawn(t, r, id, &actor{finalize: func() { finalized = append(finalized, id) }})
		}
		if err := r.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(finalized, []string{"c", "a", "b"}) {
			t.Errorf("finalized %v", finalized)
		}
		if _, err := process.Spawn(r, "d", &actor{}); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("spawn after shutdown: %v", err)
		}
	})
}

func TestTimer(t *testing.T) {
	t.Run("delay runs on the process, every again and again", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		ticks := make(chan string, 100)
		spawn(t, r, "a", &actor{init: func(b *process.Base) {
			b.Delay(time.Microsecond, func() { ticks <- "delay" })
			n := 0
			var every process.Timer
			every = b.Every(time.Microsecond, func() {
				if n++; n == 3 {
					ticks <- "every"
					if !every.Stop() || every.Stop() {
						t.Error("stop said the wrong thing")
					}
				}
			})
		}})
		got := []string{receive(t, ticks), receive(t, ticks)}
		slices.Sort(got)
		if !slices.Equal(got, []string{"delay", "every"}) {
			t.Error(got)
		}
	})

	t.Run("stop is exact even when the timer's mail is queued", func(t *testing.T) {
		clock := &manualClock{}
		r := runtimeFor(t, process.Config{Clock: clock})
		a := spawn(t, r, "a", &actor{})
		get(t, process.Call(a, func(x *actor) (int, error) {
			timer := x.Delay(time.Second, func() { t.Error("ran though stopped") })
			clock.advance(time.Second) // the mail is in the queue, behind us
			if !timer.Stop() {
				t.Error("stop was in time but said no")
			}
			return 0, nil
		}))
		settle(t, a)
	})
}
