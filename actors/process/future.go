package process

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/meseta-io/meseta/messages/fault"
)

var (
	// ErrGone: the process that was to answer has ended.
	ErrGone = fmt.Errorf("the process has ended: %w", fault.ErrUnavailable)
	// ErrDiscarded: the future was discarded before it had a result.
	ErrDiscarded = errors.New("discarded")
)

// Future is a result that will be there. It is a value; the zero Future never has a result.
type Future[R any] struct{ s *state[R] }

// Promise is the other end of a Future.
type Promise[R any] struct{ s *state[R] }

// state is shared by a promise and its futures. It is completed once and never changes after that.
type state[R any] struct {
	mu      sync.Mutex
	ended   bool
	value   R
	err     error
	done    chan struct{}
	then    []func()
	discard []func() // run when somebody discards it

	shielded bool // cannot be discarded
}

// NewPromise makes a promise and its future. b may be nil outside of actors.
func NewPromise[R any](b *Base) (*Promise[R], Future[R]) {
	s := &state[R]{}
	return &Promise[R]{s}, Future[R]{s}
}

// Ready is a future that has its value.
func Ready[R any](v R) Future[R] { return Future[R]{&state[R]{ended: true, value: v}} }

// Failed is a future that has its error.
func Failed[R any](err error) Future[R] { return Future[R]{&state[R]{ended: true, err: err}} }

// Complete gives the result; only the first one counts. From any goroutine.
func (p *Promise[R]) Complete(r R, err error) { p.s.complete(r, err) }

// OnDiscard runs f if somebody discards the future before it has a result, in the discarder's goroutine.
func (p *Promise[R]) OnDiscard(f func()) {
	p.s.mu.Lock()
	discarded := p.s.ended && errors.Is(p.s.err, ErrDiscarded)
	if !p.s.ended {
		p.s.discard = append(p.s.discard, f)
	}
	p.s.mu.Unlock()
	if discarded {
		f()
	}
}

// Future is the promise's future.
func (p *Promise[R]) Future() Future[R] { return Future[R]{p.s} }

// Done is closed when there is a result.
func (f Future[R]) Done() <-chan struct{} {
	if f.s == nil {
		return nil
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if f.s.done == nil {
		f.s.done = make(chan struct{})
		if f.s.ended {
			close(f.s.done)
		}
	}
	return f.s.done
}

// Get waits for the result. Never from an actor: it would block the worker that runs it.
func (f Future[R]) Get(ctx context.Context) (R, error) {
	select {
	case <-f.Done():
		return f.s.value, f.s.err
	case <-ctx.Done():
		var none R
		return none, context.Cause(ctx)
	}
}

// Discard ends the future with ErrDiscarded if it has no result yet, and says whether it did. Work behind it is
// told: the context of Go is cancelled, a Call that waits is not run.
func (f Future[R]) Discard() bool {
	if f.s == nil || f.s.shielded {
		return false
	}
	var none R
	hooks, ok := f.s.finish(none, ErrDiscarded)
	for _, h := range hooks {
		h()
	}
	return ok
}

func (s *state[R]) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

func (s *state[R]) complete(v R, err error) bool {
	_, ok := s.finish(v, err)
	return ok
}

// finish settles the state, wakes everybody in the order in which they asked, and returns what is to be told
// about a discard.
func (s *state[R]) finish(v R, err error) (discard []func(), ok bool) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil, false
	}
	s.ended, s.value, s.err = true, v, err
	then, discard := s.then, s.discard
	s.then, s.discard = nil, nil
	if s.done != nil {
		close(s.done)
	}
	s.mu.Unlock()
	for _, f := range then {
		f()
	}
	return discard, true
}

// whenDone runs f when there is a result, now if there is, in the goroutine that completes it.
func (s *state[R]) whenDone(f func()) {
	s.mu.Lock()
	if !s.ended {
		s.then = append(s.then, f)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	f()
}

// Then runs h on b's process with the result, as an ordinary message that queues behind what came first. If
// the process ends first, h never runs.
func Then[R any](b *Base, fut Future[R], h func(R, error)) {
	if fut.s == nil {
		return
	}
	fut.s.whenDone(func() {
		b.box.post(mail{kind: kindThunk, body: func() { h(fut.s.value, fut.s.err) }})
	})
}

// Go runs blocking work off the actor. The context is cancelled when the future is discarded or the stage
// closes. A panic in f ends the operating-system process as one in a handler does.
func Go[R any](b *Base, f func(context.Context) (R, error)) Future[R] {
	p, fut := NewPromise[R](b)
	r, self := b.rt, b.self
	r.stage.Go(func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		p.OnDiscard(cancel)
		defer func() {
			if what := recover(); what != nil {
				r.onPanic(self, what, debug.Stack())
				var none R
				p.Complete(none, ErrGone)
			}
		}()
		if !p.s.settled() {
			p.Complete(f(ctx))
		}
	})
	return fut
}
