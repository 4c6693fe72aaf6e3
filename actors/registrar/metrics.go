package registrar

import (
	"time"

	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/cluster"
)

// figures are the registrar's metrics under Mesos' names.
type figures struct {
	queued *metrics.Gauge
	size   *metrics.Gauge
	fetch  *metrics.Timer
	store  *metrics.Timer

	sizes map[string]int // of the records as they are stored, by key
	total int
	begun time.Time // of what the store is doing
}

func (f *figures) init(r *metrics.Registry) {
	f.queued = r.Gauge("registrar/queued_operations")
	f.size = r.Gauge("registrar/registry_size_bytes")
	f.fetch = r.Timer("registrar/state_fetch_ms", time.Millisecond)
	f.store = r.Timer("registrar/state_store_ms", time.Millisecond, metrics.Window(24*time.Hour))
	f.sizes = map[string]int{}
}

// fetched notes what was read, and how long that took with all of its attempts.
func (f *figures) fetched(now time.Time, entries []cluster.Entry) {
	f.fetch.Observe(now.Sub(f.begun))
	for _, e := range entries {
		f.resize(e.Key, e.Value)
	}
	f.size.Set(float64(f.total))
}

// stored notes what was written, and how long that took with all of its attempts.
func (f *figures) stored(now time.Time, changes []cluster.Change) {
	f.store.Observe(now.Sub(f.begun))
	for _, c := range changes {
		f.resize(c.Key, c.Value)
	}
	f.size.Set(float64(f.total))
}

// resize accounts for a record that is written anew, or deleted if it has no value.
func (f *figures) resize(key string, value []byte) {
	f.total -= f.sizes[key]
	if value == nil {
		delete(f.sizes, key)
		return
	}
	f.sizes[key] = len(key) + len(value)
	f.total += f.sizes[key]
}
