package allocator

import "github.com/meseta-io/meseta/messages/resources"

// figures words the books as metrics under Mesos' names.
func (a *Allocator) figures() map[string]float64 {
	f := a.engine.Figures()
	out := map[string]float64{
		"allocator/mesos/allocation_runs":           float64(f.Runs),
		"allocator/mesos/allocation_run_latency_ms": float64(a.latency.Microseconds()) / 1000,
	}
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
		if r.Guarantee != nil {
			amounts(quota, "/offered_or_allocated", r.Used)
		}
	}
	return out
}
