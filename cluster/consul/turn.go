package consul

import "time"

// turn runs f with the lock held, and afterwards, without it, what f left to do. Everything that happens to a
// Cluster happens in a turn; so its state has one writer at a time, and nobody is called with the lock held.
func (c *Cluster) turn(f func()) {
	c.mu.Lock()
	f()
	out := c.out
	c.out = nil
	c.mu.Unlock()
	for _, do := range out {
		do()
	}
}

// later leaves something to do for the end of the turn.
func (c *Cluster) later(f func()) { c.out = append(c.out, f) }

// asking is a request on its way.
type asking struct {
	over   bool
	cancel func()
}

// ask sends a request at the end of the turn; then runs in a turn of its own when it is answered, and never after
// quiet.
func (c *Cluster) ask(server string, r Request, timeout time.Duration, then func(Reply, error)) *asking {
	a := &asking{}
	c.later(func() {
		c.mu.Lock()
		over := a.over
		c.mu.Unlock()
		if over {
			return
		}
		cancel := c.wire.Do(server, r, timeout, func(reply Reply, err error) {
			c.turn(func() {
				if !a.over {
					a.over = true
					then(reply, err)
				}
			})
		})
		c.mu.Lock()
		a.cancel, over = cancel, a.over
		c.mu.Unlock()
		if over {
			cancel()
		}
	})
	return a
}

// alarm is something that is to happen.
type alarm struct {
	over bool
	stop func() bool
}

// after runs f in a turn of its own, d from now, unless quiet comes first.
func (c *Cluster) after(d time.Duration, f func()) *alarm {
	a := &alarm{}
	c.later(func() {
		c.mu.Lock()
		over := a.over
		c.mu.Unlock()
		if over {
			return
		}
		stop := c.clock.AfterFunc(d, func() {
			c.turn(func() {
				if !a.over {
					a.over = true
					f()
				}
			})
		})
		c.mu.Lock()
		a.stop, over = stop, a.over
		c.mu.Unlock()
		if over {
			stop()
		}
	})
	return a
}

// quiet makes sure that a request and an alarm are not heard of any more. Either may be nil.
func (c *Cluster) quiet(r *asking, a *alarm) {
	if r != nil && !r.over {
		r.over = true
		if r.cancel != nil {
			c.later(r.cancel)
		}
	}
	if a != nil && !a.over {
		a.over = true
		if a.stop != nil {
			c.later(func() { a.stop() })
		}
	}
}

// ring is the servers for one purpose. Each purpose has its own, so that a slow answer to one does not move the
// others.
type ring struct {
	servers []string
	at      int
	failed  int // in a row
}

func (r *ring) server() string { return r.servers[r.at%len(r.servers)] }

func (r *ring) fine() { r.failed = 0 }

// next moves on, and returns the pause before the next try: none until every server was asked.
func (r *ring) next() time.Duration {
	r.at, r.failed = (r.at+1)%len(r.servers), r.failed+1
	if r.failed%len(r.servers) != 0 {
		return 0
	}
	return retryPause
}
