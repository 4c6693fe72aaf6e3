package allocator

import (
	"maps"
	"strings"

	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/messages/resources"
)

// figures are the timers and the books.
func (a *Allocator) figures() map[string]float64 {
	out := a.books()
	for name, v := range a.base.Metrics().Snapshot() {
		if strings.HasPrefix(name, timers) {
			out[name] = v
		}
	}
	return out
}

// timers is how the names of all timers begin.
const timers = "allocator/mesos/allocation_run_"

// publish shows the books in the runtime's registry as they are after a periodic run. They may be long, with a
// few lines for each role, so they are not copied after each event.
func (a *Allocator) publish() {
	books := a.books()
	for name, v := range books {
		g := a.shown[name]
		if g == nil {
			g = a.base.Metrics().Gauge(name)
			a.shown[name] = g
		}
		g.Set(v)
	}
	maps.DeleteFunc(a.shown, func(name string, _ *metrics.Gauge) bool {
		_, there := books[name]
		if !there {
			a.base.Metrics().Remove(name)
		}
		return !there
	})
}

// books words the books as metrics under Mesos' names.
func (a *Allocator) books() map[string]float64 {
	f := a.engine.Figures()
	out := map[string]float64{}
	out["allocator/mesos/event_queue_dispatches"] = float64(a.waiting())
	out["allocator/mesos/allocation_runs"] = float64(f.Runs)
	amounts := func(prefix, suffix string, by map[string]int64) {
		for name, n := range by {
			out[prefix+name+suffix] = resources.Milli(n).Float64()
		}
	}
	for _, name := range []string{"cpus", "mem", "disk"} { // there, even while the cluster is empty
		out["allocator/mesos/resources/"+name+"/total"] = 0
		out["allocator/mesos/resources/"+name+"/offered_or_allocated"] = 0
	}
	amounts("allocator/mesos/resources/", "/total", f.Total)
	amounts("allocator/mesos/resources/", "/offered_or_allocated", f.Used)
	for role, r := range f.Roles {
		out["allocator/mesos/roles/"+role+"/shares/dominant"] = r.Share
		out["allocator/mesos/offer_filters/roles/"+role+"/active"] = float64(r.Filters)
		quota := "allocator/mesos/quota/roles/" + role + "/resources/"
		amounts(quota, "/guarantee", r.Guarantee)
		amounts(quota, "/limit", r.Limit)
		amounts(quota, "/consumed", r.Consumed)
		for name := range r.Consumed {
			out[quota+name+"/offered_or_allocated"] = resources.Milli(r.Used[name]).Float64()
		}
	}
	return out
}

// waiting is how much mail is in the mailbox.
func (a *Allocator) waiting() int {
	outside, inside := a.base.Queued()
	return outside + inside
}
