package consul

import "github.com/meseta-io/meseta/cluster"

// Reach implements cluster.Reacher for the candidate of this master, if there is one.
func (c *Cluster) Reach() (r cluster.Reach) {
	c.turn(func() {
		if len(c.candidates) == 0 {
			return
		}
		who, now := c.candidates[0], c.clock.Now()
		if who.failing {
			r.Silence = max(now.Sub(who.heard), 1) // it may be the same instant in which it was heard
		}
		if who.term != nil {
			r.Lease = max(who.term.until.Load().Sub(now), 0)
		}
	})
	return r
}

var _ cluster.Reacher = (*Cluster)(nil)
