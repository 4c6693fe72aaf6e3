package master

import (
	"slices"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

// limiter hands out permits no faster than one in every interval, in the order in which they were asked for.
type limiter struct {
	base  *process.Base
	every time.Duration // 0: no limit
	next  time.Time     // when the next permit is due
	queue []*permit
	timer process.Timer
}

// permit is a wish to do something that is limited. Until it is granted it can be taken back.
type permit struct {
	limiter *limiter
	granted func()
}

func newLimiter(b *process.Base, every time.Duration) *limiter {
	return &limiter{base: b, every: every}
}

// ask calls granted at once when nobody waits and the time has come, else later.
func (l *limiter) ask(granted func()) *permit {
	p := &permit{limiter: l, granted: granted}
	l.queue = append(l.queue, p)
	l.serve()
	return p
}

func (l *limiter) serve() {
	for len(l.queue) > 0 {
		now := l.base.Now()
		if l.every > 0 && now.Before(l.next) {
			if l.timer == nil {
				l.timer = l.base.Delay(l.next.Sub(now), func() { l.timer = nil; l.serve() })
			}
			return
		}
		p := l.queue[0]
		l.queue = l.queue[1:]
		l.next = now.Add(l.every)
		p.limiter = nil
		p.granted()
	}
}

// cancel takes the wish back; false when it was granted already.
func (p *permit) cancel() bool {
	if p == nil || p.limiter == nil {
		return false
	}
	l := p.limiter
	p.limiter = nil
	l.queue = slices.DeleteFunc(l.queue, func(other *permit) bool { return other == p })
	return true
}
