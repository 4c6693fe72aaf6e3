package resources

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/roles"
	"google.golang.org/protobuf/proto"
)

// Resource is one amount of one thing. It is a value and never changes; get it from Resources.All or Resources.Filter.
type Resource struct {
	name   string
	kind   mesospb.Value_Type
	scalar Milli
	ranges Ranges
	set    Set
	traits *traits // nil for the plain: unreserved, unallocated and so on
	copies int     // how many copies of a shared resource; 1 for all others
}

// Name is what there is an amount of, like "cpus".
func (r Resource) Name() string { return r.name }

// Type says which kind of value the amount is.
func (r Resource) Type() mesospb.Value_Type { return r.kind }

// Scalar is the amount, 0 unless the type is SCALAR.
func (r Resource) Scalar() Milli { return r.scalar }

// Ranges is the amount, none unless the type is RANGES.
func (r Resource) Ranges() Ranges { return r.ranges }

// Set is the amount, none unless the type is SET.
func (r Resource) Set() Set { return r.set }

// IsEmpty says whether there is nothing of it.
func (r Resource) IsEmpty() bool {
	return r.copies == 0 || r.scalar == 0 && len(r.ranges) == 0 && len(r.set) == 0
}

// AllocationRole is the role it is allocated to; ok is false when it is allocated to none.
func (r Resource) AllocationRole() (role string, ok bool) {
	t := r.about()
	return t.role, t.allocated
}

// IsReserved says whether any role has it reserved.
func (r Resource) IsReserved() bool { return len(r.about().stack) > 0 }

// IsReservedTo says whether role is its present owner.
func (r Resource) IsReservedTo(role string) bool {
	return r.IsReserved() && r.ReservationRole() == role
}

// ReservationRole is the role that the last refinement reserved it to, and "" when it is unreserved.
func (r Resource) ReservationRole() string {
	if stack := r.about().stack; len(stack) > 0 {
		return stack[len(stack)-1].GetRole()
	}
	return ""
}

// IsDynamicallyReserved says whether it was reserved by an operation and not by the agent's flags.
func (r Resource) IsDynamicallyReserved() bool {
	stack := r.about().stack
	return len(stack) > 0 && stack[len(stack)-1].GetType() == mesospb.Resource_ReservationInfo_DYNAMIC
}

// HasRefinedReservations says whether a reservation was reserved further, which only some frameworks understand.
func (r Resource) HasRefinedReservations() bool { return len(r.about().stack) > 1 }

// Reservations is the stack of reservations, the present owner last.
func (r Resource) Reservations() []*mesospb.Resource_ReservationInfo {
	return cloneStack(r.about().stack)
}

// IsAllocatableTo says whether role may use it: it is unreserved, or reserved to the role or one of its ancestors.
func (r Resource) IsAllocatableTo(role string) bool {
	return !r.IsReserved() || roles.IsWithin(role, r.ReservationRole())
}

// IsRevocable says whether it may be taken back at any time.
func (r Resource) IsRevocable() bool { return r.about().revocable }

// IsShared says whether several tasks may use the same at once.
func (r Resource) IsShared() bool { return r.about().shared }

// Copies is how many uses of a shared resource are counted here, and 1 for all others.
func (r Resource) Copies() int { return r.copies }

// ProviderID is the resource provider that it comes from; ok is false for the agent's own.
func (r Resource) ProviderID() (id string, ok bool) {
	t := r.about()
	return t.provider, t.provided
}

// IsDisk says whether it is on a disk of this type.
func (r Resource) IsDisk(source mesospb.Resource_DiskInfo_Source_Type) bool {
	s := r.about().disk.GetSource()
	return s != nil && s.GetType() == source
}

// IsPersistentVolume says whether its content outlives tasks.
func (r Resource) IsPersistentVolume() bool { return r.about().disk.GetPersistence() != nil }

// Disk is what is known of its disk; nil for anything else and for plain disk space.
func (r Resource) Disk() *mesospb.Resource_DiskInfo {
	if d := r.about().disk; d != nil {
		return proto.CloneOf(d)
	}
	return nil
}

// NeedsCheckpoint says whether an agent has to remember it, because its flags do not tell: a dynamic reservation or
// a persistent volume of its own. Providers remember theirs.
func (r Resource) NeedsCheckpoint() bool {
	_, provided := r.ProviderID()
	return !provided && (r.IsDynamicallyReserved() || r.IsPersistentVolume())
}

func (r *Resource) about() *traits {
	if r.traits == nil {
		return &plain
	}
	return r.traits
}

// with returns r with other traits; change gets a copy of the present ones.
func (r Resource) with(change func(*traits)) Resource {
	t := *r.about()
	change(&t)
	r.traits = t.kept()
	return r
}

// isWhole says whether the thing can only be had as a whole: two of them never add up to a larger one.
func (r *Resource) isWhole() bool {
	return r.traits != nil && (r.traits.shared || r.traits.isExclusive())
}

func (r *Resource) sameThing(o *Resource) bool {
	return r.name == o.name && r.kind == o.kind && sameTraits(r.traits, o.traits)
}

func (r *Resource) sameAmount(o *Resource) bool {
	return r.scalar == o.scalar && r.ranges.Equal(o.ranges) && r.set.Equal(o.set)
}

// addable says whether the two become one resource when they are added.
func (r *Resource) addable(o *Resource) bool {
	if !r.sameThing(o) || r.about().isExclusive() {
		return false
	}
	return !r.IsShared() || r.sameAmount(o)
}

// subtractable says whether o, or as much of it as there is, can be taken from r.
func (r *Resource) subtractable(o *Resource) bool {
	return r.sameThing(o) && (!r.isWhole() || r.sameAmount(o))
}

func (r *Resource) contains(o *Resource) bool {
	switch {
	case !r.subtractable(o):
		return false
	case r.about().shared:
		return r.copies >= o.copies
	}
	return o.scalar <= r.scalar && r.ranges.Contains(o.ranges) && r.set.Contains(o.set)
}

func (r *Resource) equals(o *Resource) bool {
	return r.copies == o.copies && r.sameThing(o) && r.sameAmount(o)
}

// add adds what is addable, in place.
func (r *Resource) add(o *Resource) {
	if r.about().shared {
		r.copies += o.copies
		return
	}
	r.scalar = r.scalar.Plus(o.scalar)
	r.ranges = r.ranges.Add(o.ranges)
	r.set = r.set.Add(o.set)
}

// subtract takes away what is subtractable, in place. What was not there is forgotten.
func (r *Resource) subtract(o *Resource) {
	if r.about().shared {
		r.copies = max(r.copies-o.copies, 0)
		return
	}
	r.scalar = max(r.scalar-o.scalar, 0)
	r.ranges = r.ranges.Subtract(o.ranges)
	r.set = r.set.Subtract(o.set)
}
