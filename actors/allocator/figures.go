package allocator

import "github.com/meseta-io/meseta/messages/resources"

// figures words the books as metrics under Mesos' names.
func (a *Allocator) figures() map[string]float64 {
	f := a.engine.Figures()
	out := a.metrics.Snapshot()
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
