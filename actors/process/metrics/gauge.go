package metrics

import (
	"math"
	"sync/atomic"
)

// Gauge is a value that its owner sets.
type Gauge struct {
	bits atomic.Uint64
	*history
}

// Gauge returns the gauge of that name, starting at 0.
func (r *Registry) Gauge(name string, opts ...Option) *Gauge {
	return add(r, name, func() *Gauge {
		g := &Gauge{history: r.history(opts)}
		g.note(0)
		return g
	})
}

// Set replaces the value.
func (g *Gauge) Set(v float64) {
	g.bits.Store(math.Float64bits(v))
	g.note(v)
}

// Add changes the value by d, which may be negative.
func (g *Gauge) Add(d float64) {
	for {
		old := g.bits.Load()
		v := math.Float64frombits(old) + d
		if g.bits.CompareAndSwap(old, math.Float64bits(v)) {
			g.note(v)
			return
		}
	}
}

// Value is what was set last.
func (g *Gauge) Value() (float64, bool) { return math.Float64frombits(g.bits.Load()), true }

// Pulled is a value that is asked for when somebody wants to see it.
type Pulled struct {
	ask func() (float64, error)
	*history
}

// Pull makes a gauge that calls ask for each snapshot. ask runs on the reader's goroutine, so it must not wait for
// an actor; an error leaves the gauge out of that snapshot.
func (r *Registry) Pull(name string, ask func() (float64, error)) *Pulled {
	return add(r, name, func() *Pulled { return &Pulled{ask: ask} })
}

// Value asks.
func (p *Pulled) Value() (float64, bool) {
	v, err := p.ask()
	return v, err == nil
}
