package agent

import (
	"context"
	"testing"
	"time"
)

// Two a second pass, the next ones each wait for their own turn, and whoever is beyond is told so at once.
func TestStatisticsAreRationed(t *testing.T) {
	now := time.Unix(1000, 0)
	var waited []time.Duration
	s := newTurnstile(500 * time.Millisecond)
	s.now = func() time.Time { return now }
	s.wait = func(_ context.Context, d time.Duration) bool {
		waited = append(waited, d)
		return true
	}
	for range 3 {
		if !s.pass(t.Context()) {
			t.Fatal("refused")
		}
	}
	if len(waited) != 2 || waited[0] != 500*time.Millisecond || waited[1] != time.Second {
		t.Errorf("waited %v", waited)
	}
	now = now.Add(time.Minute)
	if !s.pass(t.Context()) || len(waited) != 2 {
		t.Errorf("after a quiet minute the next one waited: %v", waited)
	}
	refused := 0
	for range 2 * maxWaiting {
		if !s.pass(t.Context()) {
			refused++
		}
	}
	if refused != maxWaiting {
		t.Errorf("%d of %d were refused", refused, 2*maxWaiting)
	}
}
