package process

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/meseta-io/meseta/actors/process/metrics"
)

// Associate completes the promise with what another future brings, and passes a discard on to it.
func (p *Promise[R]) Associate(fut Future[R]) {
	if fut.s == nil {
		return
	}
	p.OnDiscard(func() { fut.Discard() })
	fut.s.whenDone(func() { p.Complete(fut.s.value, fut.s.err) })
}

// Undiscardable gives the same result and cannot be discarded, for work that others count on.
func (f Future[R]) Undiscardable() Future[R] {
	s := &state[R]{shielded: true}
	if f.s != nil {
		f.s.whenDone(func() { s.complete(f.s.value, f.s.err) })
	}
	return Future[R]{s}
}

// Measure observes how long it takes until a future has a result, whatever it is.
func Measure[R any](t *metrics.Timer, fut Future[R]) Future[R] {
	if fut.s != nil {
		fut.s.whenDone(t.Start())
	}
	return fut
}

// Map is Then with a result: f runs on b's process, and the new future has what it returns. It fails with
// ErrGone if the process ends first; discarding it discards fut.
func Map[A, B any](b *Base, fut Future[A], f func(A, error) (B, error)) Future[B] {
	p, mapped := NewPromise[B](b)
	if fut.s == nil {
		return mapped
	}
	p.OnDiscard(func() { fut.Discard() })
	fut.s.whenDone(func() {
		e := &mapping[A, B]{fut, p, f}
		if !b.box.post(mail{kind: kindErrand, body: e}) {
			e.Drop()
		}
	})
	return mapped
}

type mapping[A, B any] struct {
	fut Future[A]
	p   *Promise[B]
	f   func(A, error) (B, error)
}

func (m *mapping[A, B]) Do() {
	if !m.p.s.settled() {
		m.p.Complete(m.f(m.fut.s.value, m.fut.s.err))
	}
}

func (m *mapping[A, B]) Drop() {
	var none B
	m.p.Complete(none, ErrGone)
}

// After gives fut's result if it comes within d, and otherwise what late makes of it, on b's process; late may
// discard fut, wait on, or give up. Discarding the new future discards fut.
func After[R any](b *Base, fut Future[R], d time.Duration, late func(Future[R]) Future[R]) Future[R] {
	p, after := NewPromise[R](b)
	timer := b.Delay(d, func() {
		if !p.s.settled() {
			p.Associate(late(fut))
		}
	})
	if fut.s == nil {
		return after
	}
	p.OnDiscard(func() { fut.Discard() })
	fut.s.whenDone(func() {
		if timer.Stop() {
			p.Complete(fut.s.value, fut.s.err)
		}
	})
	return after
}

// Collect has all values, in the order of the futures, or the first error; then, and when it is discarded, the
// futures that are still waiting are discarded.
func Collect[R any](futs ...Future[R]) Future[[]R] {
	p, all := NewPromise[[]R](nil)
	discard := func() {
		for _, f := range futs {
			f.Discard()
		}
	}
	p.OnDiscard(discard)
	g := newGather(len(futs), func() {
		values := make([]R, len(futs))
		for i, f := range futs {
			values[i] = f.s.value
		}
		p.Complete(values, nil)
	})
	for _, f := range futs {
		if f.s == nil {
			continue // a future that never has a result
		}
		f.s.whenDone(func() {
			if f.s.err == nil {
				g.one()
			} else if p.s.complete(nil, f.s.err) {
				discard()
			}
		})
	}
	return all
}

// Await has all futures themselves, once each has a value or an error.
func Await[R any](futs ...Future[R]) Future[[]Future[R]] {
	p, all := NewPromise[[]Future[R]](nil)
	p.OnDiscard(func() {
		for _, f := range futs {
			f.Discard()
		}
	})
	g := newGather(len(futs), func() { p.Complete(slices.Clone(futs), nil) })
	for _, f := range futs {
		if f.s != nil {
			f.s.whenDone(g.one)
		}
	}
	return all
}

// gather runs done when one has been called often enough.
type gather struct {
	left atomic.Int64
	done func()
}

func newGather(n int, done func()) *gather {
	g := &gather{done: done}
	g.left.Store(int64(n))
	if n == 0 {
		done()
	}
	return g
}

func (g *gather) one() {
	if g.left.Add(-1) == 0 {
		g.done()
	}
}

// Select has the first of the futures that has a result. The others go on.
func Select[R any](futs ...Future[R]) Future[Future[R]] {
	p, first := NewPromise[Future[R]](nil)
	for _, f := range futs {
		if f.s != nil {
			f.s.whenDone(func() { p.Complete(f, nil) })
		}
	}
	return first
}
