package agent

import (
	"context"
	"sync"
	"time"
)

const (
	// statisticsEvery is Mesos' rate for /monitor/statistics: two a second.
	statisticsEvery = 500 * time.Millisecond
	// maxWaiting is how many may wait for their turn. The last of them would wait for ten seconds.
	maxWaiting = 20
)

// turnstile lets one pass at a time, with a while between two. Those who wait hold up nobody but themselves.
type turnstile struct {
	every time.Duration
	now   func() time.Time
	wait  func(context.Context, time.Duration) bool

	mu   sync.Mutex
	next time.Time
}

func newTurnstile(every time.Duration) *turnstile {
	return &turnstile{every: every, now: time.Now, wait: sleep}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// pass waits for its turn. False: ctx is done, or too many wait.
func (t *turnstile) pass(ctx context.Context) bool {
	t.mu.Lock()
	now := t.now()
	turn := t.next
	if turn.Before(now) {
		turn = now
	}
	late := turn.Sub(now)
	if late > maxWaiting*t.every {
		t.mu.Unlock()
		return false
	}
	t.next = turn.Add(t.every)
	t.mu.Unlock()
	return late == 0 || t.wait(ctx, late)
}
