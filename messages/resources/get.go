package resources

import "github.com/meseta-io/meseta/messages/mesos/mesospb"

// CPUs is the sum of "cpus".
func (r Resources) CPUs() Milli { return r.sum("cpus") }

// GPUs is the sum of "gpus".
func (r Resources) GPUs() Milli { return r.sum("gpus") }

// Mem is the sum of "mem", in megabytes.
func (r Resources) Mem() Milli { return r.sum("mem") }

// Disk is the sum of "disk", in megabytes.
func (r Resources) Disk() Milli { return r.sum("disk") }

// Ports is the union of "ports".
func (r Resources) Ports() Ranges {
	ports, _ := r.Ranges("ports")
	return ports
}

func (r Resources) sum(name string) Milli {
	sum, _ := r.Scalar(name)
	return sum
}

// Scalar sums the scalars of a name over all roles, disks and so on; ok is false when there are none.
func (r Resources) Scalar(name string) (sum Milli, ok bool) {
	for i := range r.items {
		if x := &r.items[i]; x.kind == mesospb.Value_SCALAR && x.name == name {
			sum, ok = sum.Plus(x.scalar), true
		}
	}
	return sum, ok
}

// Ranges unites the ranges of a name; ok is false when there are none.
func (r Resources) Ranges(name string) (union Ranges, ok bool) {
	for i := range r.items {
		if x := &r.items[i]; x.kind == mesospb.Value_RANGES && x.name == name {
			union, ok = union.Add(x.ranges), true
		}
	}
	return union, ok
}

// Set unites the sets of a name; ok is false when there are none.
func (r Resources) Set(name string) (union Set, ok bool) {
	for i := range r.items {
		if x := &r.items[i]; x.kind == mesospb.Value_SET && x.name == name {
			union, ok = union.Add(x.set), true
		}
	}
	return union, ok
}

// Named returns those of a name.
func (r Resources) Named(name string) Resources {
	return r.Filter(func(x Resource) bool { return x.name == name })
}

// Scalars returns those that are scalars.
func (r Resources) Scalars() Resources {
	return r.Filter(func(x Resource) bool { return x.kind == mesospb.Value_SCALAR })
}

// Revocable returns those that may be taken back at any time.
func (r Resources) Revocable() Resources { return r.Filter(Resource.IsRevocable) }

// NonRevocable returns the others.
func (r Resources) NonRevocable() Resources { return r.Filter(not(Resource.IsRevocable)) }

// Shared returns those that several tasks may use at once.
func (r Resources) Shared() Resources { return r.Filter(Resource.IsShared) }

// NonShared returns the others.
func (r Resources) NonShared() Resources { return r.Filter(not(Resource.IsShared)) }

// PersistentVolumes returns those whose content outlives tasks.
func (r Resources) PersistentVolumes() Resources { return r.Filter(Resource.IsPersistentVolume) }

func not(f func(Resource) bool) func(Resource) bool {
	return func(x Resource) bool { return !f(x) }
}
