package master

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/ratelimits"
)

// throttles hold back what frameworks say too fast, by principal: however they come in, as actors or over HTTP. A
// framework is throttled from its subscription on, as in Mesos, whose scheduler has to be known first.
type throttles struct {
	limits *ratelimits.Limits
	queues map[string]*throttle // by principal; of those who share a limit ""
	tells  map[string]*earful   // by principal
}

// throttle is what waits under one limit, in the order in which it came.
type throttle struct {
	limit   ratelimits.Limit
	next    time.Time // when the next call may be obeyed
	waiting []held
	timer   process.Timer
}

// held is a call that waits. Whoever said it is answered already, unless he waits for what comes of it.
type held struct {
	framework *framework
	from      process.UPID
	call      *schedulerpb.Call
	done      func(error)
}

// earful counts what the frameworks of a principal say.
type earful struct {
	received, processed *metrics.Counter
	frameworks          int
}

func (t *throttles) init(limits *ratelimits.Limits) {
	t.limits, t.queues, t.tells = limits, map[string]*throttle{}, map[string]*earful{}
}

// overflow is why a call is not taken: too many of the same principal wait.
type overflow struct{ text string }

func (o overflow) Error() string { return o.text }

// Is makes it one of those errors after which the same may be tried again later.
func (overflow) Is(class error) bool { return class == fault.ErrUnavailable }

// HTTPStatus is Too Many Requests. To Mesos' clients it is a call that failed; only 403 would make them subscribe anew.
func (overflow) HTTPStatus() int { return 429 }

// throttled obeys a call now, or when its turn comes. done hears of a call that was obeyed, or will never be.
func (m *Master) throttled(f *framework, from process.UPID, c *schedulerpb.Call, done func(error)) {
	principal := f.subject().Principal
	m.hear(principal).received.Inc()
	t := m.throttles.of(principal)
	if t == nil || t.free(m.Now()) {
		m.takeTurn(held{f, from, c, done})
		return
	}
	if len(t.waiting) >= t.limit.Capacity {
		done(overflow{fmt.Sprintf("Message %s dropped: capacity(%d) exceeded", c.GetType(), t.limit.Capacity)})
		return
	}
	if c.GetType() != schedulerpb.Call_UPDATE_FRAMEWORK {
		// It is accepted. Nobody can do anything about it any more, and a client that waited might give up and say it again.
		done(nil)
		done = func(error) {}
	}
	t.waiting = append(t.waiting, held{f, from, c, done})
	m.arm(t)
}

// takeTurn obeys a call whose turn it is. Its framework may have gone meanwhile.
func (m *Master) takeTurn(h held) {
	m.hear(h.framework.subject().Principal).processed.Inc()
	f := h.framework
	if m.frameworks.registered[f.id] != f || !f.connected || f.pid != h.from {
		m.counts.dropped.Inc()
		h.done(stranger{fmt.Errorf("Framework is not subscribed: %w", fault.ErrDenied)})
		return
	}
	f.tally.call(h.call.GetType())
	h.done(m.obey(f, h.call))
}

// of is what a principal's calls have to pass; nil if nothing limits them.
func (t *throttles) of(principal string) *throttle {
	limit, shared := t.limits.Of(principal)
	if shared {
		principal = ""
	}
	q := t.queues[principal]
	switch {
	case q == nil && limit.Every == 0:
		return nil
	case q == nil:
		q = &throttle{}
		t.queues[principal] = q
	}
	q.limit = limit
	return q
}

// free takes the next turn, if it has come and nobody waits for it.
func (t *throttle) free(now time.Time) bool {
	if len(t.waiting) > 0 || now.Before(t.next) && t.limit.Every > 0 {
		return false
	}
	t.next = now.Add(t.limit.Every)
	return true
}

// arm sees to it that whoever waits has his turn.
func (m *Master) arm(t *throttle) {
	if t.timer == nil && len(t.waiting) > 0 {
		t.timer = m.Delay(max(t.next.Sub(m.Now()), 0), func() { t.timer = nil; m.release(t) })
	}
}

// release obeys those whose turn has come. A timer may come late, and at a high rate many turns lie between two of its ticks.
func (m *Master) release(t *throttle) {
	for now := m.Now(); len(t.waiting) > 0 && (t.limit.Every == 0 || !now.Before(t.next)); {
		first := t.waiting[0]
		t.waiting[0] = held{}
		t.waiting = t.waiting[1:]
		t.next = t.next.Add(t.limit.Every)
		m.takeTurn(first)
	}
	m.arm(t)
}

// hear is the count of a principal.
func (m *Master) hear(principal string) *earful {
	e := m.throttles.tells[principal]
	if e == nil {
		// Of those whom nobody knows: counted, and not shown.
		e = &earful{received: &metrics.Counter{}, processed: &metrics.Counter{}}
	}
	return e
}

// listen begins to count for a principal with its first framework. Nobody's calls are not counted, as in Mesos.
func (m *Master) listen(principal string) {
	if principal == "" {
		return
	}
	e := m.throttles.tells[principal]
	if e == nil {
		prefix := "frameworks/" + encode(principal) + "/messages_"
		e = &earful{received: m.Metrics().Counter(prefix + "received"), processed: m.Metrics().Counter(prefix + "processed")}
		m.throttles.tells[principal] = e
	}
	e.frameworks++
}

// deafen ends the count with the principal's last framework, and forgets its limit's past.
func (m *Master) deafen(principal string) {
	e := m.throttles.tells[principal]
	if e == nil {
		return
	}
	if e.frameworks--; e.frameworks > 0 {
		return
	}
	delete(m.throttles.tells, principal)
	prefix := "frameworks/" + encode(principal) + "/messages_"
	m.Metrics().Remove(prefix+"received", prefix+"processed")
}

// attend has the framework counted under the principal that it has now.
func (m *Master) attend(f *framework, principal string) {
	if f.heard != principal {
		m.deafen(f.heard)
		m.listen(principal)
		f.heard = principal
	}
}

// LimitRates replaces the limits of frameworks. What waits keeps its place, and has its turn by the new rate.
func (c Client) LimitRates(limits *ratelimits.Limits) {
	process.Dispatch(c.master, func(m *Master) {
		m.throttles.limits = limits
		// In order, because map order would make two runs of one seed differ.
		for _, principal := range slices.Sorted(maps.Keys(m.throttles.queues)) {
			t := m.throttles.queues[principal]
			if t.timer != nil {
				t.timer.Stop()
				t.timer = nil
			}
			t.limit, _ = limits.Of(principal)
			t.next = minTime(t.next, m.Now().Add(t.limit.Every))
			m.release(t)
		}
	})
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
