package scheduler_test

import (
	"sync"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

// clock is the real time, and how much the test has set it forward.
type clock struct {
	mu     sync.Mutex
	ahead  time.Duration
	timers map[*timer]struct{}
}

type timer struct {
	clock *clock
	at    time.Time
	f     func()
	real  *time.Timer
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) AfterFunc(d time.Duration, f func()) process.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timers == nil {
		c.timers = map[*timer]struct{}{}
	}
	t := &timer{clock: c, at: time.Now().Add(c.ahead + d), f: f}
	t.real = time.AfterFunc(d, func() {
		if t.Stop() {
			t.f()
		}
	})
	c.timers[t] = struct{}{}
	return t
}

func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, waits := t.clock.timers[t]
	delete(t.clock.timers, t)
	t.real.Stop()
	return waits
}

// advance sets the time forward, and has happen what was to happen meanwhile.
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	c.ahead += d
	now := time.Now().Add(c.ahead)
	var due []*timer
	for t := range c.timers {
		if !t.at.After(now) {
			due = append(due, t)
		}
	}
	c.mu.Unlock()
	for _, t := range due {
		if t.Stop() {
			t.f()
		}
	}
}
