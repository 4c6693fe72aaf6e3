package consul

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

// Term is a candidate's time as the leader.
type Term struct {
	candidate *candidate
	epoch     uint64

	until atomic.Pointer[time.Time] // when the lease ends
	ended atomic.Bool

	// Guarded by the cluster's lock.
	why  error
	lost []*waiter

	// write is held by whoever writes the registry, so that writes are made in order.
	write    sync.Mutex
	servers  ring
	revision uint64 // ModifyIndex of the revision after the last write that was answered
	mark     Mark   // what the revision says since then
	doubt    bool   // a write was sent whose answer is missing; it may still arrive
}

type waiter struct{ done func(error) }

// Epoch implements cluster.Term.
func (t *Term) Epoch() uint64 { return t.epoch }

// Valid implements cluster.Term. It takes no lock and asks only the clock.
func (t *Term) Valid() bool {
	return !t.ended.Load() && t.candidate.c.clock.Now().Before(*t.until.Load())
}

func (t *Term) extend(lease time.Time) { t.until.Store(&lease) }

// Lost implements cluster.Term.
func (t *Term) Lost(done func(error)) func() {
	c, w := t.candidate.c, &waiter{done}
	c.turn(func() {
		if t.ended.Load() {
			why := t.why
			c.later(func() { done(why) })
			return
		}
		t.lost = append(t.lost, w)
	})
	return func() { c.turn(func() { t.lost = without(t.lost, w) }) }
}

// finish tells everybody that the term is over. It is called in a turn.
func (t *Term) finish(why error) {
	if t.ended.Swap(true) {
		return
	}
	t.why = why
	for _, w := range t.lost {
		t.candidate.c.later(func() { w.done(why) })
	}
	t.lost = nil
}

// Resign implements cluster.Term. The lock is given back before the session ends, because the end of a session
// that holds a lock keeps it locked for the lock-delay.
func (t *Term) Resign(ctx context.Context) error {
	w := t.candidate
	c := w.c
	mine := false
	c.turn(func() {
		if mine = !t.ended.Load(); mine {
			t.finish(nil)
			session := w.session
			w.session = "" // it is ended below, not by leave
			w.leave(nil)
			w.session = session
		}
	})
	if !mine {
		return nil
	}
	record := leaderRecord{Version: version, Cluster: t.mark.Cluster, Epoch: t.epoch}
	unlock := Txn{Ops: []Op{{Verb: Unlock, Key: c.leaderKey(), Value: record.encode(), Session: w.session}}}
	err := c.insist(ctx, unlock, nil) // a refusal says that it was not locked by us any more
	if err == nil {
		err = c.destroyNow(w.session)
	}
	c.turn(func() {
		if err != nil {
			c.retire(w.session, w.checkID())
		} else {
			c.forgetCheck(w.checkID())
		}
	})
	if err != nil {
		return fmt.Errorf("the lock is not given back; it is freed when the session expires: %w", err)
	}
	return nil
}

// depose ends the term for a reason.
func (w *candidate) depose(why error) {
	w.c.log.Error("leadership is lost", "epoch", w.term.epoch, "reason", why)
	w.leave(why)
}

// observe watches the lock while leading: a term that ended is known within milliseconds instead of at the next
// renewal. After each wait, at the latest after waitTime, it also looks whether the registry is the one that this
// term has written.
func (w *candidate) observe() {
	get := Get{Key: w.c.leaderKey(), Index: w.index, Wait: waitTime, Consistent: true}
	w.question = w.c.ask(w.reads.server(), get, get.timeout(), func(r Reply, err error) {
		if err != nil {
			w.index = 0
			w.grumble("watching the lock", err)
			w.rest(w.reads.next(), w.observe)
			return
		}
		w.reads.fine()
		w.index = follow(w.index, r.Index)
		if len(r.Pairs) == 0 || r.Pairs[0].Session != w.session {
			w.depose(unlocked(r.Pairs))
			return
		}
		w.inspect()
	})
}

func unlocked(pairs []Pair) error {
	if len(pairs) == 0 {
		return fmt.Errorf("the lock is gone from Consul, which was wiped or restored, or somebody deleted it: %w", fault.ErrNotLeader)
	}
	if pairs[0].Session == "" {
		return fmt.Errorf("Consul ended the session, or somebody released the lock: %w", fault.ErrNotLeader)
	}
	return fmt.Errorf("the lock is held by session %s: %w", pairs[0].Session, fault.ErrNotLeader)
}

func (w *candidate) inspect() {
	known := w.c.mark
	w.question = w.c.ask(w.reads.server(), w.c.look(), requestTimeout, func(r Reply, err error) {
		var s state
		if err == nil {
			s, err = w.c.state(r)
		}
		if err != nil && !errors.Is(err, fault.ErrUnsupported) {
			w.grumble("looking at the registry's revision", err)
			w.rest(w.reads.next(), w.observe)
			return
		}
		if err == nil && s.leader.Session != w.session {
			err = unlocked([]Pair{s.leader})
		}
		if err == nil {
			err = w.c.foreign(s.mark.Mark, known)
		}
		if err != nil {
			w.depose(err)
			return
		}
		w.c.see(s.mark.Mark)
		w.rest(w.lull(), w.observe)
	})
}

// lull is the pause before the next wait: none if there is an index to wait on.
func (w *candidate) lull() time.Duration {
	if w.index == 0 {
		return retryPause
	}
	return 0
}

var _ cluster.Term = (*Term)(nil)
