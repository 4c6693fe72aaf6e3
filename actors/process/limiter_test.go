package process_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

func TestRateLimiter(t *testing.T) {
	// setup asks for n permits of 2 a second.
	setup := func(t *testing.T, n int) (*manualClock, process.Ref[*actor], []process.Future[struct{}]) {
		clock := &manualClock{}
		a := spawn(t, runtimeFor(t, process.Config{Clock: clock}), "a", &actor{})
		return clock, a, get(t, process.Call(a, func(x *actor) (futs []process.Future[struct{}], _ error) {
			l := process.NewRateLimiter(x.Base, 2, time.Second)
			for range n {
				futs = append(futs, l.Acquire())
			}
			return futs, nil
		}))
	}
	granted := func(futs []process.Future[struct{}]) (which []int) {
		for i, f := range futs {
			if !pending(f) {
				if _, err := result(f); err == nil {
					which = append(which, i)
				}
			}
		}
		return which
	}

	t.Run("the first permit is free, the others come at the rate", func(t *testing.T) {
		clock, a, futs := setup(t, 3)
		for _, want := range [][]int{{0}, {0, 1}, {0, 1, 2}} {
			if got := granted(futs); !slices.Equal(got, want) {
				t.Errorf("granted %v, want %v", got, want)
			}
			clock.advance(499 * time.Millisecond)
			settle(t, a)
			if got := granted(futs); !slices.Equal(got, want) {
				t.Errorf("a millisecond early: granted %v, want %v", got, want)
			}
			clock.advance(time.Millisecond)
			settle(t, a)
		}
	})

	t.Run("a discard in the middle gives the place to the next", func(t *testing.T) {
		clock, a, futs := setup(t, 4)
		process.Dispatch(a, func(*actor) { futs[1].Discard() })
		settle(t, a)
		clock.advance(500 * time.Millisecond)
		settle(t, a)
		if got := granted(futs); !slices.Equal(got, []int{0, 2}) {
			t.Errorf("granted %v", got)
		}
	})

	t.Run("a discard of the last leaves no permit behind", func(t *testing.T) {
		clock, a, futs := setup(t, 2)
		process.Dispatch(a, func(*actor) { futs[1].Discard() })
		clock.advance(time.Minute)
		settle(t, a)
		if got := granted(futs); !slices.Equal(got, []int{0}) {
			t.Errorf("granted %v", got)
		}
	})
}

func TestSequence(t *testing.T) {
	type job struct {
		p   *process.Promise[int]
		fut process.Future[int]
	}
	// setup enqueues n jobs that note when they begin.
	setup := func(t *testing.T, n int) (a process.Ref[*actor], began *[]int, jobs []job) {
		a = spawn(t, runtimeFor(t, process.Config{}), "a", &actor{})
		began = new([]int)
		jobs = get(t, process.Call(a, func(x *actor) (jobs []job, _ error) {
			s := process.NewSequence(x.Base)
			for i := range n {
				p, work := process.NewPromise[int](x.Base)
				jobs = append(jobs, job{p, process.Enqueue(s, func() process.Future[int] {
					*began = append(*began, i)
					return work
				})})
			}
			return jobs, nil
		}))
		return a, began, jobs
	}
	// settleTwice lets a continuation of a continuation run.
	settleTwice := func(t *testing.T, a process.Ref[*actor]) { settle(t, a); settle(t, a); settle(t, a) }

	t.Run("one begins when the one before it has ended", func(t *testing.T) {
		a, began, jobs := setup(t, 3)
		for i, j := range jobs {
			settleTwice(t, a)
			if len(*began) != i+1 {
				t.Fatalf("began %v", *began)
			}
			if i == 1 {
				j.p.Complete(0, errBoom) // a failure is an end too
				continue
			}
			j.p.Complete(i, nil)
			if v, err := result(j.fut); v != i || err != nil {
				t.Errorf("got %v, %v", v, err)
			}
		}
	})

	t.Run("one that is discarded before its turn is left out", func(t *testing.T) {
		a, began, jobs := setup(t, 3)
		process.Dispatch(a, func(*actor) { jobs[1].fut.Discard() })
		jobs[0].p.Complete(0, nil)
		settleTwice(t, a)
		if !slices.Equal(*began, []int{0, 2}) {
			t.Errorf("began %v", *began)
		}
	})

	t.Run("all discarded, the one at work too", func(t *testing.T) {
		a, began, jobs := setup(t, 3)
		settleTwice(t, a)
		process.Dispatch(a, func(*actor) {
			for _, j := range jobs {
				j.fut.Discard()
			}
		})
		settleTwice(t, a)
		for _, j := range jobs {
			if _, err := result(j.fut); !errors.Is(err, process.ErrDiscarded) {
				t.Errorf("got %v", err)
			}
		}
		if _, err := result(jobs[0].p.Future()); !errors.Is(err, process.ErrDiscarded) || len(*began) != 1 {
			t.Errorf("the work has %v, began %v", err, *began)
		}
	})

	t.Run("whatever ends how and when, nothing overlaps or changes places", func(t *testing.T) {
		for seed := range uint64(20) {
			chance := rand.New(rand.NewPCG(seed, 0))
			a, began, jobs := setup(t, 30)
			for range 200 {
				j := jobs[chance.IntN(len(jobs))]
				switch chance.IntN(3) {
				case 0:
					process.Dispatch(a, func(*actor) { j.fut.Discard() })
				case 1:
					j.p.Complete(0, nil)
				case 2:
					j.p.Complete(0, fmt.Errorf("no luck"))
				}
				settle(t, a)
			}
			for _, j := range jobs {
				j.p.Complete(0, nil)
			}
			for _, j := range jobs {
				_, _ = result(j.fut) // whichever; it only has to end
			}
			if settleTwice(t, a); !slices.IsSorted(*began) {
				t.Errorf("seed %d: began %v", seed, *began)
			}
		}
	})
}
