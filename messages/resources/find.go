package resources

import (
	"math/rand/v2"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Find looks for targets in r, whoever has them reserved: first with the role that the target names, then among the
// unreserved, then anywhere. It returns them as they were found, and false when something is missing.
func (r Resources) Find(targets Resources) (Resources, bool) {
	var total Builder
	for _, target := range targets.items {
		found, ok := r.find(target)
		if !ok {
			return Resources{}, false
		}
		total.Add(found)
	}
	return total.Resources(), true
}

func (r Resources) find(target Resource) (Resources, bool) {
	var found Builder
	remaining := Of(target).ToUnreserved()
	for _, where := range places(target) {
		for _, x := range r.Filter(where).items {
			plain := Of(x).ToUnreserved()
			if plain.Contains(remaining) {
				for _, rest := range remaining.items {
					rest = rest.with(func(t *traits) { t.stack = x.about().stack })
					found.add(&rest)
				}
				return found.Resources(), true
			}
			if remaining.Contains(plain) {
				found.add(&x)
				r = r.Subtract(Of(x))
				remaining = remaining.Subtract(plain)
			}
		}
	}
	return Resources{}, false
}

func places(target Resource) []func(Resource) bool {
	anywhere := []func(Resource) bool{not(Resource.IsReserved), func(Resource) bool { return true }}
	if !target.IsReserved() {
		return anywhere
	}
	role := target.ReservationRole()
	return append([]func(Resource) bool{func(x Resource) bool { return x.IsReservedTo(role) }}, anywhere...)
}

// ShrinkToQuantities cuts scalars down to at most the target; what the target does not name is dropped. Disks that
// cannot be divided stay whole or are dropped. Which of several like resources are kept is drawn from random; nil
// takes them in order.
func (r Resources) ShrinkToQuantities(target Quantities, random *rand.Rand) Resources {
	var out Builder
	for _, i := range order(len(r.items), random) {
		x := r.items[i]
		most := target.Get(x.name)
		if most == 0 || !x.shrink(most) {
			continue
		}
		target = target.Subtract(Of(x).ScalarQuantities())
		out.add(&x)
	}
	return out.Resources()
}

// ShrinkToLimits cuts scalars down to at most the limits; what is not limited is kept as it is. Otherwise it does as
// ShrinkToQuantities does.
func (r Resources) ShrinkToLimits(limits Limits, random *rand.Rand) Resources {
	var out Builder
	for _, i := range order(len(r.items), random) {
		x := r.items[i]
		if most, limited := limits.Get(x.name); limited {
			if !x.shrink(most) {
				continue
			}
			limits = limits.Subtract(Of(x).ScalarQuantities())
		}
		out.add(&x)
	}
	return out.Resources()
}

// shrink cuts down to most, if that is possible. Only scalars can be measured.
func (r *Resource) shrink(most Milli) bool {
	switch {
	case r.kind != mesospb.Value_SCALAR:
		return false
	case r.scalar <= most:
		return true
	case r.isWhole():
		return false
	}
	r.scalar = most
	return true
}

func order(n int, random *rand.Rand) []int {
	if random != nil {
		return random.Perm(n)
	}
	in := make([]int, n)
	for i := range in {
		in[i] = i
	}
	return in
}
