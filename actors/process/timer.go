package process

import (
	"sync/atomic"
	"time"
)

const (
	timerWaits int32 = iota
	timerStopped
	timerDone
)

// timer is a Delay or an Every. Its state decides between running and being stopped, exactly once, even when
// its mail is already queued.
type timer struct {
	base  *Base
	f     func()
	every time.Duration // 0: once
	state atomic.Int32
	clock atomic.Pointer[Timer]
}

// Delay runs f on the process after d. Stop is exact: if it says true, f does not run, and has not.
func (b *Base) Delay(d time.Duration, f func()) Timer {
	t := &timer{base: b, f: f}
	t.arm(d)
	return t
}

// Every runs f on the process again and again, d after the last began. Stop says true the first time, and f
// does not run after that.
func (b *Base) Every(d time.Duration, f func()) Timer {
	t := &timer{base: b, f: f, every: d}
	t.arm(d)
	return t
}

func (t *timer) arm(d time.Duration) {
	c := t.base.rt.clock.AfterFunc(d, func() {
		t.base.box.post(mail{kind: kindErrand, body: t})
	})
	t.clock.Store(&c)
}

// Do runs on the process.
func (t *timer) Do() {
	if t.every > 0 {
		if t.state.Load() == timerWaits {
			t.arm(t.every)
			t.f()
		}
		return
	}
	if t.state.CompareAndSwap(timerWaits, timerDone) {
		t.f()
	}
}

// Drop ends it with its process.
func (t *timer) Drop() { t.Stop() }

// Stop prevents it. From anywhere; what it says is exact.
func (t *timer) Stop() bool {
	if !t.state.CompareAndSwap(timerWaits, timerStopped) {
		return false
	}
	if c := t.clock.Load(); c != nil {
		(*c).Stop()
	}
	return true
}
