package process_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

var errBoom = errors.New("boom")

// result is what a future has, or the error of a short wait.
func result[R any](f process.Future[R]) (R, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return f.Get(ctx)
}

// pending says that a future has no result.
func pending[R any](f process.Future[R]) bool {
	select {
	case <-f.Done():
		return false
	default:
		return true
	}
}

func TestFuture(t *testing.T) {
	t.Run("it has what the promise was completed with", func(t *testing.T) {
		p, fut := process.NewPromise[bool](nil)
		if !pending(fut) {
			t.Fatal("done before it was completed")
		}
		p.Complete(true, nil)
		if v, err := result(fut); !v || err != nil || pending(fut) {
			t.Errorf("got %v, %v", v, err)
		}
		if v, err := result(p.Future()); !v || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
	})

	t.Run("ready and failed ones need no promise", func(t *testing.T) {
		if v, err := result(process.Ready(7)); v != 7 || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
		if _, err := result(process.Failed[int](errBoom)); err != errBoom {
			t.Errorf("got %v", err)
		}
	})

	t.Run("a get gives up with its context", func(t *testing.T) {
		_, fut := process.NewPromise[int](nil)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := fut.Get(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})

	t.Run("a discard ends it and tells the promise, once", func(t *testing.T) {
		p, fut := process.NewPromise[int](nil)
		told := 0
		p.OnDiscard(func() { told++ })
		if !fut.Discard() || fut.Discard() {
			t.Error("the first discard counts, and only that")
		}
		p.Complete(1, nil)
		if _, err := result(fut); !errors.Is(err, process.ErrDiscarded) {
			t.Errorf("got %v", err)
		}
		p.OnDiscard(func() { told++ }) // late, told at once
		if told != 2 {
			t.Errorf("told %d times", told)
		}
	})

	t.Run("a discard comes too late for one that has a result", func(t *testing.T) {
		p, fut := process.NewPromise[int](nil)
		p.OnDiscard(func() { t.Error("told of a discard that did nothing") })
		p.Complete(1, nil)
		if fut.Discard() {
			t.Error("discarded a result")
		}
		if v, err := result(fut); v != 1 || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
	})

	t.Run("associated promises pass on results and discards", func(t *testing.T) {
		for _, want := range []error{nil, errBoom} {
			inner, source := process.NewPromise[int](nil)
			outer, fut := process.NewPromise[int](nil)
			outer.Associate(source)
			inner.Complete(3, want)
			if v, err := result(fut); v != 3 || err != want {
				t.Errorf("got %v, %v", v, err)
			}
		}
		_, source := process.NewPromise[int](nil)
		outer, fut := process.NewPromise[int](nil)
		outer.Associate(source)
		fut.Discard()
		if _, err := result(source); !errors.Is(err, process.ErrDiscarded) {
			t.Errorf("the source has %v", err)
		}
	})

	t.Run("an undiscardable one goes on", func(t *testing.T) {
		p, fut := process.NewPromise[int](nil)
		sure := fut.Undiscardable()
		if sure.Discard() || !pending(sure) || !pending(fut) {
			t.Error("discarded")
		}
		p.Complete(5, nil)
		if v, err := result(sure); v != 5 || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
	})

	t.Run("the first of several", func(t *testing.T) {
		_, one := process.NewPromise[int](nil)
		p, two := process.NewPromise[int](nil)
		_, three := process.NewPromise[int](nil)
		first := process.Select(one, two, three)
		if !pending(first) {
			t.Error("selected nothing")
		}
		p.Complete(2, nil)
		f, err := result(first)
		if v, _ := result(f); v != 2 || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
		if !pending(one) || !pending(three) {
			t.Error("the others are done too")
		}
	})
}

func TestMeasure(t *testing.T) {
	clock := &manualClock{}
	r := runtimeFor(t, process.Config{Clock: clock})
	timer := r.Metrics().Timer("work_ms", time.Millisecond)
	p, fut := process.NewPromise[int](nil)
	if process.Measure(timer, fut) != fut {
		t.Error("another future")
	}
	if _, ok := timer.Value(); ok {
		t.Error("measured before the end")
	}
	clock.advance(3 * time.Second)
	p.Complete(0, errBoom)
	if v, ok := timer.Value(); !ok || v != 3000 {
		t.Errorf("measured %v, %v", v, ok)
	}
}

// onActor runs f on a process of a fresh runtime and gives what it returns.
func onActor[R any](t *testing.T, c process.Config, f func(*actor) process.Future[R]) process.Future[R] {
	t.Helper()
	r := runtimeFor(t, c)
	a := spawn(t, r, "a", &actor{})
	return get(t, process.Call(a, func(x *actor) (process.Future[R], error) { return f(x), nil }))
}

func TestMap(t *testing.T) {
	t.Run("a chain of them", func(t *testing.T) {
		p, fut := process.NewPromise[int](nil)
		last := onActor(t, process.Config{}, func(x *actor) process.Future[string] {
			double := process.Map(x.Base, fut, func(v int, err error) (int, error) { return 2 * v, err })
			return process.Map(x.Base, double, func(v int, err error) (string, error) { return time.Duration(v).String(), err })
		})
		if !pending(last) {
			t.Error("done before its source")
		}
		p.Complete(21, nil)
		if v, err := result(last); v != "42ns" || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
	})

	t.Run("it repairs a failure, a discard, and the end of who was to answer", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		gone := spawn(t, r, "gone", &actor{})
		process.Terminate(gone, true)
		wait(t, gone)
		_, discarded := process.NewPromise[int](nil)
		discarded.Discard()
		for name, fut := range map[string]process.Future[int]{
			"failed": process.Failed[int](errBoom), "discarded": discarded,
			"abandoned": process.Call(gone, func(*actor) (int, error) { return 0, nil }),
		} {
			repaired := onActor(t, process.Config{}, func(x *actor) process.Future[string] {
				return process.Map(x.Base, fut, func(_ int, err error) (string, error) {
					if err == nil {
						t.Error(name, ": no error to repair")
					}
					return "repaired", nil
				})
			})
			if v, err := result(repaired); v != "repaired" || err != nil {
				t.Errorf("%s: %v, %v", name, v, err)
			}
		}
	})

	t.Run("its discard discards the source", func(t *testing.T) {
		_, fut := process.NewPromise[int](nil)
		mapped := onActor(t, process.Config{}, func(x *actor) process.Future[int] {
			return process.Map(x.Base, fut, func(int, error) (int, error) { t.Error("ran"); return 0, nil })
		})
		mapped.Discard()
		if _, err := result(fut); !errors.Is(err, process.ErrDiscarded) {
			t.Errorf("the source has %v", err)
		}
	})

	t.Run("it fails when its process ends first", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		a := spawn(t, r, "a", &actor{})
		p, fut := process.NewPromise[int](nil)
		mapped := get(t, process.Call(a, func(x *actor) (process.Future[int], error) {
			return process.Map(x.Base, fut, func(v int, err error) (int, error) { return v, err }), nil
		}))
		process.Terminate(a, true)
		wait(t, a)
		p.Complete(1, nil)
		if _, err := result(mapped); !errors.Is(err, process.ErrGone) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAfter(t *testing.T) {
	setup := func(t *testing.T, late func(process.Future[int]) process.Future[int]) (*manualClock, *process.Promise[int], process.Future[int], process.Future[int]) {
		clock := &manualClock{}
		p, fut := process.NewPromise[int](nil)
		after := onActor(t, process.Config{Clock: clock}, func(x *actor) process.Future[int] {
			return process.After(x.Base, fut, time.Minute, late)
		})
		return clock, p, fut, after
	}

	t.Run("too late, somebody else decides", func(t *testing.T) {
		clock, _, fut, after := setup(t, func(f process.Future[int]) process.Future[int] {
			f.Discard()
			return process.Failed[int](errBoom)
		})
		if !pending(after) {
			t.Error("done before anything happened")
		}
		clock.advance(time.Minute)
		if _, err := result(after); err != errBoom {
			t.Errorf("got %v", err)
		}
		if _, err := result(fut); !errors.Is(err, process.ErrDiscarded) {
			t.Errorf("the source has %v", err)
		}
	})

	t.Run("in time, nobody else is asked", func(t *testing.T) {
		clock, p, _, after := setup(t, func(process.Future[int]) process.Future[int] {
			t.Error("asked though it was in time")
			return process.Failed[int](errBoom)
		})
		p.Complete(9, nil)
		if v, err := result(after); v != 9 || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
		clock.advance(time.Hour)
	})

	t.Run("its discard discards the source", func(t *testing.T) {
		_, _, fut, after := setup(t, func(f process.Future[int]) process.Future[int] { return f })
		after.Discard()
		if _, err := result(fut); !errors.Is(err, process.ErrDiscarded) {
			t.Errorf("the source has %v", err)
		}
	})
}

func TestCollect(t *testing.T) {
	t.Run("all values in the order of the futures", func(t *testing.T) {
		p1, one := process.NewPromise[int](nil)
		p2, two := process.NewPromise[int](nil)
		all := process.Collect(one, two, process.Ready(3))
		p2.Complete(2, nil)
		if !pending(all) {
			t.Error("done before all were")
		}
		p1.Complete(1, nil)
		if v, err := result(all); !slices.Equal(v, []int{1, 2, 3}) || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
		if v, err := result(process.Collect[int]()); len(v) != 0 || err != nil {
			t.Errorf("of nothing: %v, %v", v, err)
		}
	})

	t.Run("the first failure fails it and discards the rest", func(t *testing.T) {
		p, one := process.NewPromise[int](nil)
		_, two := process.NewPromise[int](nil)
		all := process.Collect(one, two)
		p.Complete(0, errBoom)
		if _, err := result(all); err != errBoom {
			t.Errorf("got %v", err)
		}
		if _, err := result(two); !errors.Is(err, process.ErrDiscarded) {
			t.Errorf("the other has %v", err)
		}
	})

	t.Run("collect passes its discard on", func(t *testing.T) {
		_, one := process.NewPromise[int](nil)
		_, two := process.NewPromise[int](nil)
		process.Collect(one, two).Discard()
		for _, f := range []process.Future[int]{one, two} {
			if _, err := result(f); !errors.Is(err, process.ErrDiscarded) {
				t.Errorf("it has %v", err)
			}
		}
	})

	t.Run("collect fails when who was to answer has ended", func(t *testing.T) {
		_, one := process.NewPromise[int](nil)
		if _, err := result(process.Collect(one, process.Call(process.Ref[*actor]{}, func(*actor) (int, error) { return 0, nil }))); !errors.Is(err, process.ErrGone) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAwait(t *testing.T) {
	t.Run("done when each has a value or an error", func(t *testing.T) {
		p1, one := process.NewPromise[int](nil)
		p2, two := process.NewPromise[int](nil)
		_, three := process.NewPromise[int](nil)
		all := process.Await(one, two, three)
		p1.Complete(1, nil)
		p2.Complete(0, errBoom)
		if !pending(all) {
			t.Error("done before all were")
		}
		three.Discard()
		futs, err := result(all)
		if err != nil || len(futs) != 3 {
			t.Fatalf("got %v, %v", futs, err)
		}
		if v, _ := result(futs[0]); v != 1 {
			t.Errorf("the first has %v", v)
		}
		if _, err := result(futs[1]); err != errBoom {
			t.Errorf("the second has %v", err)
		}
		if _, err := result(futs[2]); !errors.Is(err, process.ErrDiscarded) {
			t.Errorf("the third has %v", err)
		}
	})

	t.Run("await passes its discard on", func(t *testing.T) {
		_, one := process.NewPromise[int](nil)
		_, two := process.NewPromise[int](nil)
		process.Await(one, two).Discard()
		for _, f := range []process.Future[int]{one, two} {
			if _, err := result(f); !errors.Is(err, process.ErrDiscarded) {
				t.Errorf("it has %v", err)
			}
		}
	})

	t.Run("await is not held up by one whose process has ended", func(t *testing.T) {
		gone := process.Call(process.Ref[*actor]{}, func(*actor) (int, error) { return 0, nil })
		if futs, err := result(process.Await(gone)); err != nil || len(futs) != 1 {
			t.Errorf("got %v, %v", futs, err)
		}
	})
}

func TestGo(t *testing.T) {
	t.Run("its result comes back to the process", func(t *testing.T) {
		r := runtimeFor(t, process.Config{})
		a := spawn(t, r, "a", &actor{})
		got := make(chan string, 1)
		process.Dispatch(a, func(x *actor) {
			fut := process.Go(x.Base, func(context.Context) (string, error) { return "done", errBoom })
			process.Then(x.Base, fut, func(s string, err error) { got <- s + " " + err.Error() })
		})
		if s := receive(t, got); s != "done boom" {
			t.Error(s)
		}
	})

	t.Run("a discard cancels it", func(t *testing.T) {
		began, cancelled := make(chan struct{}), make(chan struct{})
		fut := onActor(t, process.Config{}, func(x *actor) process.Future[int] {
			return process.Go(x.Base, func(ctx context.Context) (int, error) {
				close(began)
				<-ctx.Done()
				close(cancelled)
				return 0, ctx.Err()
			})
		})
		receive(t, began)
		fut.Discard()
		receive(t, cancelled)
	})

	t.Run("a panic in it is reported as one of its process", func(t *testing.T) {
		reports := make(chan process.UPID, 1)
		c := process.Config{OnPanic: func(u process.UPID, _ any, _ []byte) { reports <- u }}
		fut := onActor(t, c, func(x *actor) process.Future[int] {
			return process.Go(x.Base, func(context.Context) (int, error) { panic("boom") })
		})
		if u := receive(t, reports); u.ID != "a" {
			t.Errorf("reported for %v", u)
		}
		if _, err := result(fut); !errors.Is(err, process.ErrGone) {
			t.Errorf("got %v", err)
		}
	})
}
