package process

import (
	"slices"
	"time"
)

// RateLimiter hands out permits no faster than a rate, evenly spaced, in the order of asking. It belongs to
// one process and is used only by it.
type RateLimiter struct {
	b        *Base
	interval time.Duration
	next     time.Time // when the next permit is due
	waiting  []*Promise[struct{}]
	timer    Timer
}

// NewRateLimiter gives permits for every per, for example 1 for 20 * time.Minute.
func NewRateLimiter(b *Base, permits int, per time.Duration) *RateLimiter {
	return &RateLimiter{b: b, interval: per / time.Duration(max(permits, 1))}
}

// Acquire promises a permit. Discarding the future gives up the place in the queue, so that whoever is behind
// comes sooner; it may be done only on the limiter's process.
func (l *RateLimiter) Acquire() Future[struct{}] {
	now := l.b.Now()
	if len(l.waiting) == 0 && !now.Before(l.next) {
		l.next = now.Add(l.interval)
		return Ready(struct{}{})
	}
	p, permit := NewPromise[struct{}](l.b)
	l.waiting = append(l.waiting, p)
	p.OnDiscard(func() {
		if i := slices.Index(l.waiting, p); i >= 0 {
			l.waiting = slices.Delete(l.waiting, i, i+1)
		}
	})
	l.arm()
	return permit
}

func (l *RateLimiter) arm() {
	if l.timer == nil && len(l.waiting) > 0 {
		l.timer = l.b.Delay(l.next.Sub(l.b.Now()), l.grant)
	}
}

func (l *RateLimiter) grant() {
	l.timer = nil
	if len(l.waiting) == 0 {
		return
	}
	p := l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	l.next = l.b.Now().Add(l.interval)
	p.Complete(struct{}{}, nil)
	l.arm()
}
