package metrics

import (
	"math"
	"sync/atomic"
	"time"
)

// Timer measures how long something takes. Its value is the last measurement, in its unit.
type Timer struct {
	now  func() time.Time
	unit time.Duration
	bits atomic.Uint64
	ran  atomic.Bool
	*history
}

// Timer returns the timer of that name, which by custom ends in its unit ("state_store_ms").
func (r *Registry) Timer(name string, unit time.Duration, opts ...Option) *Timer {
	return add(r, name, func() *Timer { return &Timer{now: r.now, unit: unit, history: r.history(opts)} })
}

// Start begins a measurement and returns what ends it. Only the first call of stop counts.
func (t *Timer) Start() (stop func()) {
	begun := t.now()
	var done atomic.Bool
	return func() {
		if !done.Swap(true) {
			t.Observe(t.now().Sub(begun))
		}
	}
}

// Observe records a duration that was measured elsewhere.
func (t *Timer) Observe(d time.Duration) {
	v := float64(d) / float64(t.unit)
	t.bits.Store(math.Float64bits(v))
	t.ran.Store(true)
	t.note(v)
}

// Value is the last measurement; false before the first.
func (t *Timer) Value() (float64, bool) { return math.Float64frombits(t.bits.Load()), t.ran.Load() }
