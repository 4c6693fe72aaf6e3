package main

import (
	"context"
	"fmt"
	"time"
)

// observed is what was seen of leaders.
type observed struct {
	since   time.Time // when one was seen last
	who     string
	longest Pause
}

// see takes a look at who leads.
func (o *observed) see(now time.Time, who string) (changed bool) {
	if o.since.IsZero() {
		o.since = now
	}
	if d := now.Sub(o.since); d > o.longest.For {
		o.longest = Pause{o.since, d}
	}
	if who == "" {
		return false
	}
	changed = who != o.who
	o.since, o.who = now, who
	return changed
}

// observe looks who leads, until it is told to stop.
func (s *Storm) observe(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		who := ""
		if i := s.leader(ctx); i >= 0 {
			who = fmt.Sprint("master", 1+i)
		}
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		changed := s.leaders.see(time.Now(), who)
		s.mu.Unlock()
		if changed {
			s.say("%s leads", who)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
