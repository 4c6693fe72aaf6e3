package resources

import (
	"fmt"
	"slices"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/roles"
	"google.golang.org/protobuf/proto"
)

// Reserved returns what is reserved to anyone.
func (r Resources) Reserved() Resources { return r.Filter(Resource.IsReserved) }

// ReservedTo returns what role owns at present.
func (r Resources) ReservedTo(role string) Resources {
	return r.Filter(func(x Resource) bool { return x.IsReservedTo(role) })
}

// ReservedWithin returns what is reserved to role or a role below it.
func (r Resources) ReservedWithin(role string) Resources {
	return r.Filter(func(x Resource) bool { return x.IsReserved() && roles.IsWithin(x.ReservationRole(), role) })
}

// Unreserved returns what is reserved to nobody.
func (r Resources) Unreserved() Resources { return r.Filter(not(Resource.IsReserved)) }

// Reservations groups what is reserved by its present owner.
func (r Resources) Reservations() map[string]Resources {
	return r.group(func(x *Resource) (string, bool) { return x.ReservationRole(), x.IsReserved() })
}

// AllocatableTo returns what role may use: the unreserved, and what is reserved to it or its ancestors.
func (r Resources) AllocatableTo(role string) Resources {
	return r.Filter(func(x Resource) bool { return x.IsAllocatableTo(role) })
}

// ToUnreserved drops all reservations and keeps the amounts.
func (r Resources) ToUnreserved() Resources {
	return r.each(func(x Resource) Resource {
		if !x.IsReserved() {
			return x
		}
		return x.with(func(t *traits) { t.stack = nil })
	})
}

// PushReservation reserves everything further. It refuses a reservation that does not refine the present one.
func (r Resources) PushReservation(to *mesospb.Resource_ReservationInfo) (Resources, error) {
	to = proto.CloneOf(to)
	var b Builder
	for _, x := range r.items {
		pushed := x.with(func(t *traits) { t.stack = append(t.stack[:len(t.stack):len(t.stack)], to) })
		if err := validateStack(pushed.traits.stack); err != nil {
			return Resources{}, fmt.Errorf("resource %s: %w", x, err)
		}
		b.add(&pushed)
	}
	return b.Resources(), nil
}

// PopReservation gives everything back to its previous owner. It refuses when something is not reserved.
func (r Resources) PopReservation() (Resources, error) {
	var b Builder
	for _, x := range r.items {
		if !x.IsReserved() {
			return Resources{}, fmt.Errorf("resource %s is not reserved: %w", x, ErrReservation)
		}
		popped := x.with(func(t *traits) { t.stack = t.stack[:len(t.stack)-1] })
		b.add(&popped)
	}
	return b.Resources(), nil
}

// Allocate says of everything that it is allocated to role, whatever it said before.
func (r Resources) Allocate(role string) Resources {
	// Most resources share their traits, often none, so neighbours share the new ones as well.
	var from, to *traits
	return r.each(func(x Resource) Resource {
		if to == nil || x.traits != from {
			from = x.traits
			x = x.with(func(t *traits) { t.allocated, t.role = true, role })
			to = x.traits
			return x
		}
		x.traits = to
		return x
	})
}

// AllocateMissing is Allocate for what is allocated to nobody yet.
func (r Resources) AllocateMissing(role string) Resources {
	return r.each(func(x Resource) Resource {
		if x.about().allocated {
			return x
		}
		return x.with(func(t *traits) { t.allocated, t.role = true, role })
	})
}

// Unallocate says of everything that it is allocated to nobody.
func (r Resources) Unallocate() Resources {
	var from, to *traits
	return r.each(func(x Resource) Resource {
		if !x.about().allocated {
			return x
		}
		if from == nil || x.traits != from {
			from = x.traits
			to = x.with(func(t *traits) { t.allocated, t.role = false, "" }).traits
		}
		x.traits = to
		return x
	})
}

// Allocations groups by the role it is allocated to; what is allocated to nobody is left out.
func (r Resources) Allocations() map[string]Resources {
	return r.group(func(x *Resource) (string, bool) { return x.AllocationRole() })
}

// AllocatedTo returns what is allocated to role.
func (r Resources) AllocatedTo(role string) Resources {
	return r.Filter(func(x Resource) bool { to, ok := x.AllocationRole(); return ok && to == role })
}

// AllocatedWithin returns what is allocated to role or a role below it.
func (r Resources) AllocatedWithin(role string) Resources {
	return r.Filter(func(x Resource) bool { to, ok := x.AllocationRole(); return ok && roles.IsWithin(to, role) })
}

func (r Resources) group(by func(*Resource) (string, bool)) map[string]Resources {
	groups := make(map[string]Resources)
	for i := range r.items {
		if key, ok := by(&r.items[i]); ok {
			g := groups[key]
			g.items = append(g.items, r.items[i])
			groups[key] = g
		}
	}
	return groups
}

// IsReservedAlike says whether everything has the same reservations.
func (r Resources) IsReservedAlike() bool {
	for i := range r.items {
		if a, b := r.items[0].about().stack, r.items[i].about().stack; !slices.EqualFunc(a, b, sameReservation) {
			return false
		}
	}
	return true
}

// ReservationAncestor returns r with those reservations only with which both r and that begin: what is left when as
// little as possible is unreserved to get from one to the other. Within each of them all reservations must be alike.
func (r Resources) ReservationAncestor(that Resources) Resources {
	if r.IsEmpty() || that.IsEmpty() {
		return r.ToUnreserved()
	}
	x, y := r.items[0].about().stack, that.items[0].about().stack
	n := 0
	for n < min(len(x), len(y)) && sameReservation(x[n], y[n]) {
		n++
	}
	return r.each(func(item Resource) Resource {
		return item.with(func(t *traits) { t.stack = x[:n:n] })
	})
}
