// Package chair decides who leads among the candidates of one operating-system process: whoever asks first,
// then whoever asked next. The implementations of cluster that need no service share it.
package chair

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Chair is taken by one candidate at a time.
type Chair struct {
	// next makes an epoch larger than all before durable. It is called with the lock held, for each term.
	next func() (uint64, error)

	mu     sync.Mutex
	queue  []*candidate
	held   *Term
	closed bool
	watch  []*watcher // in the order of asking, so that a deterministic test stays so
}

type candidate struct {
	info *mesospb.MasterInfo
	done func(cluster.Term, error)
}

type watcher struct {
	previous *cluster.Leader
	done     func(*cluster.Leader, error)
}

// New returns an empty chair. next hands out epochs; an error of it is reported to the candidate.
func New(next func() (uint64, error)) *Chair {
	return &Chair{next: next}
}

// Contend implements cluster.Contender.
func (c *Chair) Contend(info *mesospb.MasterInfo, done func(cluster.Term, error)) func() {
	who := &candidate{info: proto.CloneOf(info), done: done}
	c.mu.Lock()
	if info.GetPid() == "" || c.closed {
		err := fmt.Errorf("a candidate needs a MasterInfo with its pid: %w", fault.ErrInvalid)
		if c.closed {
			err = cluster.ErrClosed
		}
		c.mu.Unlock()
		done(nil, err)
		return func() {}
	}
	c.queue = append(c.queue, who)
	calls := c.settle()
	c.mu.Unlock()
	run(calls)
	return func() { c.withdraw(who) }
}

func (c *Chair) withdraw(who *candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.queue {
		if other == who {
			c.queue = append(c.queue[:i:i], c.queue[i+1:]...)
			return
		}
	}
}

// settle seats the first candidate if the chair is free and tells the watchers who see a change. It returns
// the calls to make once the lock is released, in the order in which things happened.
func (c *Chair) settle() (calls []func()) {
	for c.held == nil && len(c.queue) > 0 && !c.closed {
		who := c.queue[0]
		c.queue = c.queue[1:]
		epoch, err := c.next()
		if err != nil {
			calls = append(calls, func() { who.done(nil, err) })
			continue
		}
		term := &Term{chair: c, info: who.info, epoch: epoch}
		c.held = term
		calls = append(calls, func() { who.done(term, nil) })
	}
	now := c.leader()
	var patient []*watcher
	for _, w := range c.watch {
		if now.Same(w.previous) {
			patient = append(patient, w)
		} else {
			calls = append(calls, func() { w.done(now, nil) })
		}
	}
	c.watch = patient
	return calls
}

// leader is called with the lock held.
func (c *Chair) leader() *cluster.Leader {
	if c.held == nil {
		return nil
	}
	return &cluster.Leader{UPID: c.held.info.GetPid(), Info: c.held.info, Epoch: c.held.epoch}
}

// Detect implements cluster.Detector.
func (c *Chair) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) func() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		done(nil, cluster.ErrClosed)
		return func() {}
	}
	w := &watcher{previous: previous, done: done}
	c.watch = append(c.watch, w)
	calls := c.settle()
	c.mu.Unlock()
	run(calls)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.watch = without(c.watch, w)
	}
}

// Holds reports whether t is the term that lasts now. The answer may be old when it arrives; whoever must
// not act on an old answer asks inside Fenced.
func (c *Chair) Holds(t cluster.Term) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holds(t)
}

func (c *Chair) holds(t cluster.Term) bool {
	mine, ok := t.(*Term)
	return ok && mine != nil && mine == c.held
}

// Fenced runs f while t is certain to last, and returns cluster.ErrFenced without running it otherwise.
func (c *Chair) Fenced(t cluster.Term, f func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return cluster.ErrClosed
	case !c.holds(t):
		return cluster.ErrFenced
	}
	return f()
}

// Depose ends the term that lasts now for the given reason; it does nothing when nobody leads.
func (c *Chair) Depose(why error) {
	c.mu.Lock()
	calls := c.end(c.held, why)
	c.mu.Unlock()
	run(calls)
}

// end is called with the lock held.
func (c *Chair) end(t *Term, why error) (calls []func()) {
	if t == nil || c.held != t {
		return nil
	}
	c.held = nil
	t.over, t.why = true, why
	t.ended.Store(true)
	for _, w := range t.lost {
		calls = append(calls, func() { w.done(why) })
	}
	t.lost = nil
	return append(calls, c.settle()...)
}

// Close ends the term and refuses everybody who waits.
func (c *Chair) Close() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	calls := c.end(c.held, cluster.ErrClosed)
	for _, who := range c.queue {
		calls = append(calls, func() { who.done(nil, cluster.ErrClosed) })
	}
	for _, w := range c.watch {
		calls = append(calls, func() { w.done(nil, cluster.ErrClosed) })
	}
	c.queue, c.watch = nil, nil
	c.mu.Unlock()
	run(calls)
}

// Term is a candidate's time in the chair.
type Term struct {
	chair *Chair
	info  *mesospb.MasterInfo
	epoch uint64
	ended atomic.Bool

	// Guarded by the chair's lock.
	over bool
	why  error
	lost []*waiter
}

type waiter struct{ done func(error) }

// Epoch implements cluster.Term.
func (t *Term) Epoch() uint64 { return t.epoch }

// Valid implements cluster.Term: the chair is in this process, so its term lasts as long as it is held. It takes no lock,
// because the chair's is held while a change is written to a disk.
func (t *Term) Valid() bool { return !t.ended.Load() }

// Lost implements cluster.Term.
func (t *Term) Lost(done func(error)) func() {
	t.chair.mu.Lock()
	if t.over {
		why := t.why
		t.chair.mu.Unlock()
		done(why)
		return func() {}
	}
	w := &waiter{done: done}
	t.lost = append(t.lost, w)
	t.chair.mu.Unlock()
	return func() {
		t.chair.mu.Lock()
		defer t.chair.mu.Unlock()
		t.lost = without(t.lost, w)
	}
}

// Resign implements cluster.Term.
func (t *Term) Resign(context.Context) error {
	t.chair.mu.Lock()
	calls := t.chair.end(t, nil)
	t.chair.mu.Unlock()
	run(calls)
	return nil
}

// without is list less one element, in a new slice: the old one may be walked at this moment.
func without[E comparable](list []E, one E) []E {
	return slices.DeleteFunc(slices.Clone(list), func(e E) bool { return e == one })
}

func run(calls []func()) {
	for _, call := range calls {
		call()
	}
}
