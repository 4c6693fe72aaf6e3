package consul

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meseta-io/meseta/messages/fault"
)

// begin makes the session, after the check that it depends on.
func (w *candidate) begin() {
	if !w.c.config.Check {
		w.create()
		return
	}
	c := w.c.config
	check := RegisterCheck{ID: w.checkID(), Service: "meseta-master", Address: address(w.info.GetPid()), Interval: c.CheckInterval,
		Timeout: min(c.CheckInterval, time.Second), Failures: c.CheckFailures}
	w.question = w.c.ask(w.sessions.server(), check, requestTimeout, func(_ Reply, err error) {
		if err != nil {
			w.again("registering the health check", err)
			return
		}
		w.create()
	})
}

// checkID names the service and its check at Consul's agent; empty without.
func (w *candidate) checkID() string {
	if !w.c.config.Check {
		return ""
	}
	return "meseta-master-" + address(w.info.GetPid())
}

// create makes a session. The lease runs from when it was asked for.
func (w *candidate) create() {
	c := w.c.config
	session := CreateSession{Name: "meseta " + w.info.GetPid(), TTL: c.TTL, LockDelay: c.LockDelay}
	if c.Check {
		session.Checks = []string{w.checkID()}
	}
	begun := w.c.clock.Now()
	// The answer is heard also by a candidate that has left meanwhile, or the session would be nobody's.
	w.c.ask(w.sessions.server(), session, requestTimeout, func(r Reply, err error) {
		if w.over {
			if err == nil && !w.c.closed {
				w.c.retire(r.Session, w.checkID())
			}
			return
		}
		if err == nil && r.Session == "" {
			err = errors.New("it answered without a session")
		}
		if err != nil {
			w.again("making a session", err)
			return
		}
		w.sessions.fine()
		w.relax()
		w.session, w.lease, w.index = r.Session, begun.Add(c.TTL), 0
		w.pulse = w.c.after(c.pulse(), w.renew)
		w.await()
	})
}

func (w *candidate) again(what string, err error) {
	if w.refused(err) {
		return
	}
	w.grumble(what, err)
	w.rest(w.sessions.next(), w.begin)
}

// renew asks for another TTL. One that fails is tried at the next server at once, and then again and again: only
// the end of the lease, or Consul's own word, is the end of the session.
func (w *candidate) renew() {
	begun := w.c.clock.Now()
	w.renewal = w.c.ask(w.sessions.server(), RenewSession{ID: w.session}, w.c.config.pulse(), func(r Reply, err error) {
		switch {
		case err != nil:
			w.grumble("renewing the session", err)
			if d := w.sessions.next(); d > 0 {
				w.pulse = w.c.after(d, w.renew)
			} else {
				w.renew()
			}
		case !r.Found:
			w.sessions.fine()
			w.restart("Consul ended the session")
		default:
			w.sessions.fine()
			w.relax()
			w.lease = begun.Add(w.c.config.TTL)
			if w.term != nil {
				w.term.extend(w.lease)
				w.guard()
			}
			w.pulse = w.c.after(w.c.config.pulse(), w.renew)
		}
	})
}

// guard ends the term with the lease.
func (w *candidate) guard() {
	w.c.quiet(nil, w.end)
	w.end = w.c.after(w.lease.Sub(w.c.clock.Now()), func() {
		w.depose(fmt.Errorf("Consul did not renew the session for %s: %w", w.c.config.TTL, fault.ErrUnavailable))
	})
}

// restart goes on without the session: with a new one if nobody was told of a term, else not at all.
func (w *candidate) restart(why string) {
	if w.term != nil {
		w.depose(fmt.Errorf("%s: %w", why, fault.ErrNotLeader))
		return
	}
	c := w.c
	c.log.Warn("contending with a new session", "reason", why)
	c.quiet(w.renewal, w.pulse)
	c.quiet(w.question, w.pause)
	c.retire(w.session, "")
	w.session = ""
	w.begin()
}

// retirement is a session that nobody needs any more.
type retirement struct {
	session, check string
	writes         ring
	until          time.Time
	asking         *asking
	alarm          *alarm
}

// retire ends a session, however often Consul has to be asked: one that is left over holds the lock for up to twice
// its TTL after Consul is back. After that it has expired by itself.
func (c *Cluster) retire(session, check string) {
	if session == "" {
		return
	}
	r := &retirement{session: session, check: check, writes: ring{servers: c.config.Servers}, until: c.clock.Now().Add(3 * c.config.TTL)}
	c.retired = append(c.retired, r)
	c.end(r)
}

func (c *Cluster) end(r *retirement) {
	r.asking = c.ask(r.writes.server(), DestroySession{ID: r.session}, requestTimeout, func(_ Reply, err error) {
		if err == nil || denied(err) || !c.clock.Now().Before(r.until) {
			c.retired = without(c.retired, r)
			c.forgetCheck(r.check)
			return
		}
		if d := r.writes.next(); d > 0 {
			r.alarm = c.after(d, func() { c.end(r) })
		} else {
			c.end(r)
		}
	})
}

// forgetCheck takes a check from the servers that may have it. They forget it by themselves when it fails for
// long, so once is enough.
func (c *Cluster) forgetCheck(id string) {
	if id == "" {
		return
	}
	for _, server := range c.config.Servers {
		c.ask(server, DeregisterCheck{ID: id}, requestTimeout, func(Reply, error) {})
	}
}

// destroyNow ends a session in the caller's time, at any server.
func (c *Cluster) destroyNow(id string) error {
	return c.insist(context.Background(), DestroySession{ID: id}, nil)
}

// insist asks one server after the other until one answers.
func (c *Cluster) insist(ctx context.Context, r Request, heard func(Reply) error) error {
	var last error
	for _, server := range c.config.Servers[:min(3, len(c.config.Servers))] {
		reply, err := c.wire.Wait(ctx, server, r, requestTimeout)
		if err == nil {
			if heard == nil {
				return nil
			}
			return heard(reply)
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("%w: %w", last, fault.ErrUnavailable)
}
