// Package metrics counts what a runtime does, in libprocess' words and names: counters, gauges that are set or
// asked for, timers, and a history of any of them over a window with its percentiles.
//
// A Registry belongs to one runtime and reads that runtime's clock, so that in the testkit a snapshot of one
// seed is always the same. Metrics may be changed from anywhere at any time and never block their writer for
// longer than a short lock. Names are Mesos' names ("master/tasks_running").
package metrics

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Metric is anything that a snapshot can show.
type Metric interface {
	// Value is the present value; false while there is none, as of a timer that never ran.
	Value() (float64, bool)
	// Statistics describes the history; false for a metric that keeps none.
	Statistics() (Statistics, bool)
}

// Registry holds the metrics of one runtime by name.
type Registry struct {
	now func() time.Time

	mu      sync.RWMutex
	metrics map[string]Metric
}

// New makes an empty registry whose histories are dated by now.
func New(now func() time.Time) *Registry {
	return &Registry{now: now, metrics: map[string]Metric{}}
}

// add returns the metric of that name, making it if there is none. Two users of one name and kind share the
// metric; two kinds under one name are a mistake of the program.
func add[M Metric](r *Registry, name string, make func() M) M {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, taken := r.metrics[name]; taken {
		m, same := old.(M)
		if !same {
			panic(fmt.Sprintf("metric %s is a %T already, not a %T", name, old, m))
		}
		return m
	}
	m := make()
	r.metrics[name] = m
	return m
}

// Remove forgets metrics, as those of a framework that is gone. Unknown names are ignored.
func (r *Registry) Remove(names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range names {
		delete(r.metrics, n)
	}
}

// Snapshot returns every value by name, and for metrics with a history its statistics below the name ("…/p50").
// A metric without a value, and a value that is no number, are left out: JSON has no word for them.
func (r *Registry) Snapshot() map[string]float64 {
	r.mu.RLock()
	all := maps.Clone(r.metrics)
	r.mu.RUnlock()

	// Outside the lock: a gauge that is asked for runs code of its owner, which may use the registry.
	values := make(map[string]float64, len(all))
	for name, m := range all {
		if v, ok := m.Value(); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			values[name] = v
		}
		if s, ok := m.Statistics(); ok {
			s.each(func(suffix string, v float64) { values[name+"/"+suffix] = v })
		}
	}
	return values
}

// WriteJSON writes a snapshot as one JSON object, its names in alphabetical order for human readers.
func (r *Registry) WriteJSON(w io.Writer) error {
	values := r.Snapshot()
	line := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			line = append(line, ',')
		}
		line = strconv.AppendQuote(line, name)
		line = append(line, ':')
		line = strconv.AppendFloat(line, values[name], 'g', -1, 64)
	}
	_, err := w.Write(append(line, '}'))
	return err
}

// Option shapes a metric when it is made.
type Option func(*options)

type options struct{ window time.Duration }

// Window keeps the values of the last d, so that snapshots show their statistics. libprocess keeps two weeks.
func Window(d time.Duration) Option { return func(o *options) { o.window = d } }

// history makes the series that the options ask for, nil for none.
func (r *Registry) history(opts []Option) *history {
	var o options
	for _, f := range opts {
		f(&o)
	}
	if o.window == 0 {
		return nil
	}
	return &history{now: r.now, series: NewSeries(o.window, DefaultCapacity)}
}

// history is a series behind a lock; the nil history remembers nothing.
type history struct {
	now    func() time.Time
	mu     sync.Mutex
	series *Series
}

func (h *history) note(v float64) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.series.Set(h.now(), v)
}

// Statistics describes what is remembered; false when nothing is.
func (h *history) Statistics() (Statistics, bool) {
	if h == nil {
		return Statistics{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.series.Truncate(h.now())
	return Describe(h.series.Values())
}
