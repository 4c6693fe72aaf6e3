package process

import (
	"context"
	"fmt"

	"github.com/meseta-io/meseta/messages/fault"
)

// Process is what an actor implements. Initialize is its first message: it installs handlers and keeps the
// Base, whose methods are legal only while the process handles a message, unless they say otherwise.
type Process interface{ Initialize(*Base) }

// Finalizer is told when its process ends, as the last thing it does.
type Finalizer interface{ Finalize() }

// Exiter is told when a process that it linked to has ended or cannot be reached any more.
type Exiter interface{ Exited(UPID) }

// Ref is a typed reference to a process here. The zero Ref refers to nobody.
type Ref[P Process] struct {
	UPID
	base *Base
}

// Spawn gives p an id and a life. It fails if the id is taken or not fit for a UPID; an id is free again when
// the process that had it has ended.
func Spawn[P Process](r *Runtime, id string, p P) (Ref[P], error) {
	b, err := r.spawn(id, p)
	if err != nil {
		return Ref[P]{}, err
	}
	return Ref[P]{UPID: b.self, base: b}, nil
}

func (r *Runtime) spawn(id string, p Process) (*Base, error) {
	if r.closed.Load() {
		return nil, fmt.Errorf("spawn %q: the runtime is shut down: %w", id, fault.ErrUnavailable)
	}
	if !isID(id) {
		return nil, fmt.Errorf("spawn %q: an id has 1 to 512 bytes and no white space: %w", id, fault.ErrInvalid)
	}
	b := &Base{rt: r, self: UPID{ID: id, Addr: r.addr}, process: p, number: r.spawned.Add(1)}
	b.box.init(b)
	if !r.registry.add(b) {
		return nil, fmt.Errorf("spawn %q: the id is taken: %w", id, fault.ErrConflict)
	}
	r.stage.Ready(&b.box)
	return b, nil
}

// Terminate ends a process: after everything that it has been sent so far, or, with inject, before any of it.
// It may be called from anywhere and on a process that has ended.
func Terminate[P Process](ref Ref[P], inject bool) {
	switch {
	case ref.base == nil:
	case inject:
		ref.base.box.stop()
	default:
		ref.base.box.post(mail{kind: kindStop})
	}
}

// Wait blocks until a process has ended. It is for outside of all actors.
func Wait[P Process](ctx context.Context, ref Ref[P]) error {
	if ref.base == nil {
		return nil
	}
	return ref.base.box.wait(ctx)
}

// Dispatch runs f on the process, as an ordinary message. From anywhere.
func Dispatch[P Process](ref Ref[P], f func(P)) {
	if b := ref.base; b != nil {
		b.box.post(mail{kind: kindThunk, body: func() { f(b.process.(P)) }})
	}
}

// Call runs f on the process and promises its result. The future fails with ErrGone when the process ends
// first. From anywhere.
func Call[P Process, R any](ref Ref[P], f func(P) (R, error)) Future[R] {
	c := &call[P, R]{f: f}
	if b := ref.base; b == nil || !b.box.post(mail{kind: kindErrand, body: c.on(b)}) {
		c.Drop()
	}
	return Future[R]{&c.state}
}

// call is a function and its future in one allocation.
type call[P Process, R any] struct {
	state state[R]
	f     func(P) (R, error)
	base  *Base
}

func (c *call[P, R]) on(b *Base) errand { c.base = b; return c }

func (c *call[P, R]) Do() {
	if c.state.settled() {
		return // discarded while it waited
	}
	c.state.complete(c.f(c.base.process.(P)))
}

func (c *call[P, R]) Drop() {
	var none R
	c.state.complete(none, ErrGone)
}

// Entrust runs f on the process, which completes the promise then or later; an error of its own making is only for a
// process that has ended before: ErrGone. From anywhere.
func Entrust[P Process, R any](ref Ref[P], f func(P, *Promise[R])) Future[R] {
	promise, future := NewPromise[R](nil)
	e := &entrusted[P, R]{promise: promise, f: f, base: ref.base}
	if b := ref.base; b == nil || !b.box.post(mail{kind: kindErrand, body: e}) {
		e.Drop()
	}
	return future
}

// entrusted is work whose end the process itself tells.
type entrusted[P Process, R any] struct {
	promise *Promise[R]
	f       func(P, *Promise[R])
	base    *Base
}

func (e *entrusted[P, R]) Do() {
	if !e.promise.s.settled() {
		e.f(e.base.process.(P), e.promise)
	}
}

func (e *entrusted[P, R]) Drop() {
	var none R
	e.promise.Complete(none, ErrGone)
}
