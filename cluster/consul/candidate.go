package consul

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// candidate is one master that asks to lead, until it has led. It keeps a session from the start, so that a
// standby whose session Consul would refuse says so before it is needed.
//
//	begin → (check) → create → await → look → acquire → lead → leave
//	                    ↑        held by another: await again; lost a race or in lock-delay: look again
//	                    └─ the session is over while it does not lead
type candidate struct {
	c    *Cluster
	info *mesospb.MasterInfo
	done func(cluster.Term, error)

	sessions, reads, writes ring // each purpose at a server of its own

	session string
	lease   time.Time // until when nobody else can hold what the session holds
	denied  time.Time // since when Consul says that this may not be asked; zero if it does not
	index   uint64    // of the lock, where the watch goes on
	heard   time.Time // when Consul answered last, or the candidate began
	failing bool      // it was said in the log that Consul does not answer

	term *Term // nil until elected
	told bool  // done was called
	over bool

	renewal, question *asking
	pulse, pause, end *alarm
}

// Contend implements cluster.Contender.
func (c *Cluster) Contend(info *mesospb.MasterInfo, done func(cluster.Term, error)) func() {
	who := &candidate{c: c, info: proto.CloneOf(info), done: done, sessions: ring{servers: c.config.Servers},
		reads: ring{servers: c.config.Servers}, writes: ring{servers: c.config.Servers}}
	c.turn(func() {
		switch {
		case c.closed:
			c.later(func() { done(nil, cluster.ErrClosed) })
			who.over = true
		case c.forgot != nil:
			c.later(func() { done(nil, c.forgot) })
			who.over = true
		case info.GetPid() == "":
			c.later(func() {
				done(nil, fmt.Errorf("a candidate needs a MasterInfo with its pid: %w", fault.ErrInvalid))
			})
			who.over = true
		default:
			c.candidates = append(c.candidates, who)
			who.heard = c.clock.Now()
			who.begin()
		}
	})
	return func() { c.turn(who.withdraw) }
}

// withdraw gives up, also a term that was won but not told yet.
func (w *candidate) withdraw() {
	if !w.over && !w.told {
		w.told = true // never
		w.leave(nil)
	}
}

// fail ends the candidate for a reason that waiting does not change.
func (w *candidate) fail(err error) {
	w.c.log.Error("this master does not contend any more", "error", err)
	w.leave(fmt.Errorf("leadership through %s: %w", w.c.config, err))
}

// leave ends everything of the candidate, its term included, and its session as soon as Consul can be told.
func (w *candidate) leave(why error) {
	if w.over {
		return
	}
	w.over = true
	c := w.c
	c.quiet(w.renewal, w.pulse)
	c.quiet(w.question, w.pause)
	c.quiet(nil, w.end)
	c.candidates = without(c.candidates, w)
	if w.term != nil {
		w.term.finish(why)
	}
	if !w.told {
		w.told = true
		c.later(func() { w.done(nil, why) })
	}
	if !c.closed {
		c.retire(w.session, w.checkID())
	}
}

// rest does f after a while, or at once if there is nothing to wait for.
func (w *candidate) rest(d time.Duration, f func()) {
	if d == 0 {
		f()
		return
	}
	w.pause = w.c.after(d, f)
}

// grumble says once that something does not work, until something does.
func (w *candidate) grumble(what string, err error) {
	if w.failing {
		return
	}
	w.failing = true
	about := []any{"error", err}
	if w.term != nil {
		about = append(about, "steps_down_in", w.lease.Sub(w.c.clock.Now()))
	}
	w.c.log.Warn("Consul: "+what+" does not work; it is tried again", about...)
}

func (w *candidate) relax() {
	now := w.c.clock.Now()
	if w.failing {
		w.failing = false
		w.c.log.Info("Consul answers again", "after", now.Sub(w.heard))
	}
	w.heard, w.denied = now, time.Time{}
}

// patience is how long a refusal of the token is taken for one that will pass: Consul's servers hear of a new
// token one after the other.
const patience = 10 * time.Second

// refused reports whether the token has been refused for so long that it is no accident, and ends the candidate.
func (w *candidate) refused(err error) bool {
	if !denied(err) {
		w.denied = time.Time{}
		return false
	}
	now := w.c.clock.Now()
	if w.denied.IsZero() {
		w.denied = now
	}
	if now.Sub(w.denied) < patience {
		return false
	}
	w.fail(fmt.Errorf("%w: give the token key_prefix write on %s and session write: %w", err, w.c.config.Prefix, fault.ErrDenied))
	return true
}

// await waits until the lock is free, or whatever else happens to it.
func (w *candidate) await() {
	get := Get{Key: w.c.leaderKey(), Index: w.index, Wait: waitTime, Consistent: true}
	w.question = w.c.ask(w.reads.server(), get, get.timeout(), w.awaited)
}

func (w *candidate) awaited(r Reply, err error) {
	if err != nil {
		w.index = 0
		if w.refused(err) {
			return
		}
		w.grumble("reading the lock", err)
		w.rest(w.reads.next(), w.await)
		return
	}
	w.reads.fine()
	w.relax()
	w.index = follow(w.index, r.Index)
	if len(r.Pairs) == 0 || r.Pairs[0].Session == "" || r.Pairs[0].Session == w.session {
		w.look()
		return
	}
	w.held(r.Pairs[0])
}

// held is what happens while another session holds the lock.
func (w *candidate) held(p Pair) {
	record, err := decodeLeader(p.Value)
	switch {
	case err != nil:
		w.fail(fmt.Errorf("key %s: %w", p.Key, err))
	case w.c.config.Place != "" && record.Place == w.c.config.Place && record.UPID == w.info.GetPid():
		// This process has this address, so the one that locked it from here is dead. Why wait for its
		// session to expire?
		w.c.log.Info("ending the session of this master's earlier life", "session", p.Session)
		w.question = w.c.ask(w.writes.server(), DestroySession{ID: p.Session}, requestTimeout, w.cleared)
	case w.index == 0:
		// An answer without an index cannot be waited on.
		w.rest(retryPause, w.await)
	case w.c.mark.Cluster != "" && (record.Cluster != w.c.mark.Cluster || record.Epoch < w.c.mark.Epoch):
		w.look() // an old answer, or a Consul that went back
	default:
		w.c.see(Mark{Cluster: record.Cluster, Epoch: record.Epoch})
		w.await()
	}
}

func (w *candidate) cleared(_ Reply, err error) {
	w.index = 0
	if err != nil {
		w.grumble("ending an old session", err)
		w.rest(w.writes.next(), w.await)
		return
	}
	w.writes.fine()
	w.await()
}

// look reads everything that an acquisition depends on.
func (w *candidate) look() {
	known := w.c.mark
	w.question = w.c.ask(w.reads.server(), w.c.look(), requestTimeout, func(r Reply, err error) { w.looked(known, r, err) })
}

func (w *candidate) looked(known Mark, r Reply, err error) {
	var s state
	if err == nil {
		s, err = w.c.state(r)
	}
	switch {
	case errors.Is(err, fault.ErrUnsupported):
		w.fail(err)
	case err != nil:
		if w.refused(err) {
			return
		}
		w.grumble("reading the lock", err)
		w.rest(w.reads.next(), w.look)
	case s.leader.Session != "" && s.leader.Session == w.session:
		w.reads.fine()
		w.resume(s)
	case s.leader.Session != "":
		w.reads.fine()
		if err := w.c.foreign(s.mark.Mark, known); err != nil && !w.c.abandons() {
			w.fail(err)
			return
		}
		w.index = 0
		w.held(s.leader)
	default:
		w.reads.fine()
		w.acquire(s, known)
	}
}

// acquire takes the free lock and moves the revision to the new term, both or none.
func (w *candidate) acquire(s state, known Mark) {
	c := w.c
	if err := c.foreign(s.mark.Mark, known); err != nil {
		if !c.abandons() {
			w.fail(err)
			return
		}
		c.log.Warn("what Consul lost is given up, as the operator asked", "lost", err)
	}
	if s.revision.Key == "" && s.leader.LockIndex > 0 && !c.abandons() {
		w.fail(c.wentBack("it has a lock but no revision of", Mark{Cluster: s.record.Cluster, Epoch: max(s.record.Epoch, s.leader.LockIndex)}))
		return
	}
	if w.session == "" || !c.clock.Now().Before(w.lease) {
		w.rest(retryPause, w.look) // a lease that may be over is no base for a term; the renewal is on its way
		return
	}
	mark := s.next(c.mark, w.session)
	record := leaderRecord{Version: version, Cluster: mark.Cluster, Epoch: mark.Epoch, UPID: w.info.GetPid(), Place: c.config.Place, Info: marshal(w.info)}
	txn := Txn{Ops: []Op{{Verb: Lock, Key: c.leaderKey(), Value: record.encode(), Session: w.session},
		{Verb: CAS, Key: c.revisionKey(), Value: revisionRecord{Version: version, Mark: mark}.encode(), Index: s.revision.ModifyIndex}}}
	w.question = c.ask(w.writes.server(), txn, requestTimeout, func(r Reply, err error) { w.acquired(mark, r, err) })
}

func (w *candidate) acquired(mark Mark, r Reply, err error) {
	switch {
	case err != nil:
		// Perhaps it was made: looking tells.
		if w.refused(err) {
			return
		}
		w.grumble("taking the lock", err)
		w.rest(w.writes.next(), w.look)
	case len(r.Refused) > 0:
		w.writes.fine()
		if err := refusal(r.Refused[0]); denied(err) && w.refused(err) {
			return
		}
		w.rest(retryPause, w.look) // another was faster, or its lock-delay lasts
	case len(r.Pairs) != 2:
		w.fail(fmt.Errorf("Consul answered a transaction of 2 with %d results: %w", len(r.Pairs), fault.ErrUnsupported))
	default:
		w.writes.fine()
		w.lead(mark, r.Pairs[1].ModifyIndex)
	}
}

// resume leads with a lock that this session holds already: the answer to its acquisition was lost.
func (w *candidate) resume(s state) {
	if s.mark.Epoch != s.record.Epoch || s.mark.Cluster != s.record.Cluster {
		w.fail(w.c.wentBack("the lock and the revision disagree about", s.mark.Mark))
		return
	}
	w.lead(s.mark.Mark, s.revision.ModifyIndex)
}

// lead begins the term.
func (w *candidate) lead(mark Mark, revision uint64) {
	w.relax()
	c := w.c
	if !c.clock.Now().Before(w.lease) {
		// It took so long that the lease is over. Nobody has heard of the term yet.
		w.restart("the lease ended while the lock was taken")
		return
	}
	w.term = &Term{candidate: w, epoch: mark.Epoch, mark: mark, revision: revision, servers: ring{servers: c.config.Servers, at: w.writes.at}}
	w.term.extend(w.lease)
	c.see(mark)
	w.guard()
	c.log.Info("elected", "epoch", mark.Epoch, "cluster", mark.Cluster, "session", w.session)
	term := w.term
	c.later(func() {
		c.mu.Lock()
		told := w.told
		w.told = true
		c.mu.Unlock()
		if !told {
			w.done(term, nil)
		}
	})
	w.index = 0
	w.observe()
}

func marshal(info *mesospb.MasterInfo) []byte {
	b, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(info)
	if err != nil {
		return nil // the address is in the record itself
	}
	return b
}

// follow is the index for the next wait. Consul's may go back (a restore, another server), and then waiting for it
// to pass the old one could miss a change.
func follow(old, now uint64) uint64 {
	if now < old {
		return 0
	}
	return now
}

func without[E comparable](list []E, one E) (rest []E) {
	for _, e := range list {
		if e != one {
			rest = append(rest, e)
		}
	}
	return rest
}
