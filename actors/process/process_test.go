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

	t.Run("initialize is the first that a process does, finalize the last", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		var order []string
		a := spawn(t, r, "a", &actor{
			init:     func(*process.Base) { order = append(order, "initialize") },
			finalize: func() { order = append(order, "finalize") },
		})
		process.Dispatch(a, func(*actor) { order = append(order, "work") })
		process.Terminate(a, false)
		wait(t, a)
		if want := []string{"initialize", "work", "finalize"}; !slices.Equal(order, want) {
			t.Errorf("got %q", order)
		}
	})

	t.Run("one that is ended right after its spawn was initialized before", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		for range 1000 {
			var order []string
			a := spawn(t, r, "a", &actor{
				init:     func(*process.Base) { order = append(order, "initialize") },
				finalize: func() { order = append(order, "finalize") },
			})
			process.Terminate(a, true)
			wait(t, a)
			if want := []string{"initialize", "finalize"}; !slices.Equal(order, want) {
				t.Fatalf("got %q", order)
			}
		}
	})

	t.Run("ids that cannot be written are refused", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		for _, id := range []string{"", "a b", "a\n"} {
			if _, err := process.Spawn(r, id, &actor{}); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%q: %v", id, err)
			}
		}
	})

	t.Run("each type of message has its own handler", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		var got []string
		a := spawn(t, r, "a", &actor{init: func(b *process.Base) {
			process.Install(b, func(_ process.UPID, m *wrapperspb.StringValue) { got = append(got, "string") })
			process.Install(b, func(_ process.UPID, m *wrapperspb.Int64Value) { got = append(got, "int64") })
			// More than are looked for one by one.
			process.Install(b, func(_ process.UPID, m *wrapperspb.Int32Value) { got = append(got, "int32") })
			process.Install(b, func(_ process.UPID, m *wrapperspb.UInt32Value) { got = append(got, "uint32") })
			process.Install(b, func(_ process.UPID, m *wrapperspb.UInt64Value) { got = append(got, "uint64") })
			process.Install(b, func(_ process.UPID, m *wrapperspb.FloatValue) { got = append(got, "float") })
			process.Install(b, func(_ process.UPID, m *wrapperspb.DoubleValue) { got = append(got, "double") })
			process.Install(b, func(_ process.UPID, m *wrapperspb.BoolValue) { got = append(got, "bool") },
				process.AllowFrom(func(from process.UPID, _ process.Principal) bool { return from.ID == "trusted" }))
		}})
		for _, id := range []string{"trusted", "stranger"} {
			s := spawn(t, r, id, &actor{})
			process.Dispatch(s, func(x *actor) { x.Send(a.UPID, wrapperspb.Bool(true)) })
			settle(t, s)
		}
		r.Post(a.UPID, str("x"))
		r.Post(a.UPID, wrapperspb.Double(1))
		r.Post(a.UPID, wrapperspb.Int64(1))
		r.Post(a.UPID, wrapperspb.Bytes(nil))
		settle(t, a)
		if want := []string{"bool", "string", "double", "int64"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := r.Stats().Unhandled; got != 2 {
			t.Errorf("unhandled %d", got)
		}
	})

	t.Run("a second handler for a type is a mistake", func(t *testing.T) {
		var reported atomic.Int32
		r := runtimeFor(t, process.Config{OnPanic: func(process.UPID, any, []byte) { reported.Add(1) }})
		a := spawn(t, r, "a", &actor{init: func(b *process.Base) {
			process.Install(b, func(process.UPID, *wrapperspb.StringValue) {})
			process.Install(b, func(process.UPID, *wrapperspb.StringValue) {})
		}})
		wait(t, a)
		if reported.Load() != 1 {
			t.Errorf("reported %d times", reported.Load())
		}
	})

	t.Run("a tap sees every message and may drop it", func(t *testing.T) {
		var seen atomic.Int32
		r := runtimeFor(t, process.Config{Taps: []process.Tap{func(e process.Envelope) process.Verdict {
			if seen.Add(1); e.Msg.(*wrapperspb.StringValue).Value == "drop" {
				return process.Drop
			}
			return process.Pass
		}}})
		var got []string
		a := spawn(t, r, "a", &actor{init: func(b *process.Base) {
			process.Install(b, func(_ process.UPID, m *wrapperspb.StringValue) { got = append(got, m.Value) })
		}})
		get(t, process.Call(a, func(x *actor) (int, error) {
			for _, s := range []string{"pass", "drop", "pass"} {
				x.Send(x.Self(), str(s))
			}
			return 0, nil
		}))
		settle(t, a)
		if len(got) != 2 || seen.Load() != 3 {
			t.Errorf("got %q, seen %d", got, seen.Load())
		}
	})

	t.Run("what follows a batch runs after it, once for many messages", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		messages, batches := 0, 0
		a := spawn(t, r, "a", &actor{init: func(b *process.Base) { b.AfterBatch(func() { batches++ }) }})
		gate := make(chan struct{})
		process.Dispatch(a, func(*actor) { <-gate })
		for range 100 {
			process.Dispatch(a, func(*actor) { messages++ })
		}
		close(gate)
		settle(t, a)
		get(t, process.Call(a, func(*actor) (int, error) {
			if messages != 100 || batches < 1 || batches > 10 {
				t.Errorf("%d batches for %d messages", batches, messages)
			}
			return 0, nil
		}))
	})

	t.Run("the same seed gives the same chance, another process another", func(t *testing.T) {
		draw := func(seed uint64, id string) uint64 {
			r := runtimeFor(t, process.Config{Seed: seed})
			return get(t, process.Call(spawn(t, r, id, &actor{}), func(x *actor) (uint64, error) { return x.Rand().Uint64(), nil }))
		}
		first := draw(1, "a")
		if first != draw(1, "a") || first == draw(2, "a") || first == draw(1, "b") {
			t.Error("chance is not what the seed says")
		}
	})

	t.Run("each process is counted", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		a := spawn(t, r, "a", &actor{})
		for range 1000 {
			process.Dispatch(a, func(*actor) {})
		}
		settle(t, a)
		settle(t, a) // the batch before this one is counted
		if p := r.Processes(); len(p) != 1 || p[0].UPID != a.UPID || p[0].Handled < 1000 {
			t.Errorf("%+v", p)
		}
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

	t.Run("shutdown ends everybody, the youngest first", func(t *testing.T) {
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
		if !slices.Equal(finalized, []string{"b", "a", "c"}) {
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

// The same seed gives the same secrets, for rehearsals; without one nobody can tell the next.
func TestSecret(t *testing.T) {
	secret := func(seed uint64) string {
		rt, err := process.New(process.Config{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		defer rt.Shutdown(context.Background())
		p := &secretive{made: make(chan string, 1)}
		if _, err := process.Spawn(rt, "p", p); err != nil {
			t.Fatal(err)
		}
		return <-p.made
	}
	if a, b := secret(7), secret(7); a != b {
		t.Errorf("one seed gives %x and %x", a, b)
	}
	if a, b := secret(0), secret(0); a == b || len(a) != 32 {
		t.Errorf("no seed gives %x twice", a)
	}
}

type secretive struct{ made chan string }

func (s *secretive) Initialize(b *process.Base) {
	p := make([]byte, 32)
	b.Secret(p)
	s.made <- string(p)
}

// eager is a transport whose peer speaks before Start has returned.
type eager struct {
	process.Transport
	spoken chan struct{}
}

func (e *eager) Start(in process.Inbound) (string, error) {
	began := make(chan struct{})
	go func() {
		close(began)
		// In the name of a process of the runtime itself.
		in.Receive(process.Envelope{From: process.UPID{ID: "a", Addr: "here:1"}, To: process.UPID{ID: "b", Addr: "here:1"}, Msg: &wrapperspb.StringValue{}})
		close(e.spoken)
	}()
	<-began
	return "here:1", nil
}

func (e *eager) Close(context.Context) error { return nil }

// What comes in while a runtime starts is judged by the address that the runtime will have.
func TestEarlyMessagesWaitForTheAddress(t *testing.T) {
	e := &eager{spoken: make(chan struct{})}
	rt, err := process.New(process.Config{Transport: e})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Shutdown(context.Background())
	<-e.spoken
	if got := rt.Stats().Refused; got != 1 {
		t.Errorf("%d messages were refused", got)
	}
}
