package lodge

import (
	"sync"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

// Clock is the real time, and how much the test has set it forward.
type Clock struct {
	mu     sync.Mutex
	ahead  time.Duration
	timers map[*timer]struct{}
}

type timer struct {
	clock *Clock
	at    time.Time
	f     func()
	real  *time.Timer
}

// Now implements process.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// AfterFunc implements process.Clock.
func (c *Clock) AfterFunc(d time.Duration, f func()) process.Timer {
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

// Stop implements process.Timer.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, waits := t.clock.timers[t]
	delete(t.clock.timers, t)
	t.real.Stop()
	return waits
}

// Advance sets the time forward, and has happen what was to happen meanwhile.
func (c *Clock) Advance(d time.Duration) {
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
