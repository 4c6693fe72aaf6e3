package metrics

import "sync/atomic"

// Counter counts events. It only grows, except for Reset.
type Counter struct {
	n atomic.Int64
	*history
}

// Counter returns the counter of that name, starting at 0.
func (r *Registry) Counter(name string, opts ...Option) *Counter {
	return add(r, name, func() *Counter {
		c := &Counter{history: r.history(opts)}
		c.note(0)
		return c
	})
}

// Inc counts one event.
func (c *Counter) Inc() { c.Add(1) }

// Add counts n events.
func (c *Counter) Add(n int64) { c.note(float64(c.n.Add(n))) }

// Reset starts again from 0.
func (c *Counter) Reset() {
	c.n.Store(0)
	c.note(0)
}

// Count is the present count.
func (c *Counter) Count() int64 { return c.n.Load() }

// Value is the present count.
func (c *Counter) Value() (float64, bool) { return float64(c.n.Load()), true }
