package resources

import (
	"fmt"
	"slices"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/values"
	"google.golang.org/protobuf/proto"
)

// What is read from outside is bounded. Adding up compares every resource with those that differ from it, so their
// number is, and so is that of labels, whose order does not matter.
const (
	MaxNameLength = 255 // in bytes
	MaxResources  = 10_000
	MaxLabels     = 1_000
)

// FromProto validates and adds up. It reads resources in either format, even mixed, and drops empty ones. The
// messages are not kept.
func FromProto(messages []*mesospb.Resource) (Resources, error) {
	if len(messages) > MaxResources {
		return Resources{}, tooMany(len(messages))
	}
	b := Builder{items: make([]Resource, 0, len(messages))}
	for _, m := range messages {
		x, err := one(m)
		if err != nil {
			return Resources{}, err
		}
		b.add(&x)
	}
	return b.Resources(), nil
}

func tooMany(n int) error {
	return fmt.Errorf("%d resources: at most %d are taken: %w", n, MaxResources, ErrValue)
}

// FromValid is FromProto for messages that were validated before, at a door or when they were sent. As Mesos does, it
// leaves out what is invalid all the same.
func FromValid(messages []*mesospb.Resource) Resources {
	b := Builder{items: make([]Resource, 0, len(messages))}
	for _, m := range messages {
		if x, err := one(m); err == nil {
			b.add(&x)
		}
	}
	return b.Resources()
}

// FromOne is FromProto for one message.
func FromOne(m *mesospb.Resource) (Resource, error) { return one(m) }

// Validate says what is wrong with resources: the first one's first fault. The errors are those of this package.
func Validate(messages []*mesospb.Resource) error {
	for _, m := range messages {
		if _, err := one(m); err != nil {
			return err
		}
	}
	return nil
}

// Proto writes the collection in the format with a stack of reservations. Shared resources come once, without their
// number of copies, which has no place in the message.
func (r Resources) Proto() []*mesospb.Resource {
	out := make([]*mesospb.Resource, len(r.items))
	for i := range r.items {
		out[i] = r.items[i].Proto()
	}
	return out
}

// written is a message with the parts that most resources have, in one piece of memory: offers are written all day.
type written struct {
	message    mesospb.Resource
	scalar     mesospb.Value_Scalar
	allocation mesospb.Resource_AllocationInfo
	name, role string
	kind       mesospb.Value_Type
	value      float64
}

// Proto writes one resource.
func (r Resource) Proto() *mesospb.Resource {
	t := r.about()
	w := &written{name: r.name, kind: r.kind}
	m := &w.message
	m.Name, m.Type, m.Reservations = &w.name, &w.kind, cloneStack(t.stack)
	switch r.kind {
	case mesospb.Value_RANGES:
		m.Ranges = r.ranges.Proto()
	case mesospb.Value_SET:
		m.Set = r.set.Proto()
	default:
		w.value = r.scalar.Float64()
		w.scalar.Value, m.Scalar = &w.value, &w.scalar
	}
	if t.allocated {
		w.role = t.role
		w.allocation.Role, m.AllocationInfo = &w.role, &w.allocation
	}
	if t.provided {
		m.ProviderId = &mesospb.ResourceProviderID{Value: proto.String(t.provider)}
	}
	if t.disk != nil {
		m.Disk = proto.CloneOf(t.disk)
	}
	if t.revocable {
		m.Revocable = &mesospb.Resource_RevocableInfo{}
	}
	if t.shared {
		m.Shared = &mesospb.Resource_SharedInfo{}
	}
	return m
}

// one validates and reads a message: the one way into a Resource.
func one(m *mesospb.Resource) (Resource, error) {
	x, err := read(m)
	if err != nil {
		return Resource{}, fmt.Errorf("resource %.80q: %w", m.GetName(), err)
	}
	return x, nil
}

func read(m *mesospb.Resource) (Resource, error) {
	x := Resource{name: m.GetName(), kind: m.GetType(), copies: 1}
	switch {
	case m.GetName() == "":
		return x, fmt.Errorf("it has no name: %w", ErrName)
	case len(m.GetName()) > MaxNameLength:
		return x, fmt.Errorf("a name of %d bytes: at most %d: %w", len(m.GetName()), MaxNameLength, ErrName)
	}
	if err := x.readAmount(m); err != nil {
		return x, err
	}
	if err := validateDisk(m); err != nil {
		return x, err
	}
	if err := validateFormat(m); err != nil {
		return x, err
	}
	x.traits = traits{
		allocated: m.AllocationInfo != nil,
		role:      m.GetAllocationInfo().GetRole(),
		stack:     readStack(m),
		provided:  m.ProviderId != nil,
		provider:  m.GetProviderId().GetValue(),
		disk:      proto.CloneOf(m.Disk),
		revocable: m.Revocable != nil,
		shared:    m.Shared != nil,
	}.kept()
	return x, nil
}

func (r *Resource) readAmount(m *mesospb.Resource) (err error) {
	var scalar, ranges, set bool
	switch r.kind {
	case mesospb.Value_SCALAR:
		scalar = true
		r.scalar, err = readScalar(m.GetScalar().GetValue())
	case mesospb.Value_RANGES:
		ranges = true
		r.ranges, err = readRanges(m.GetRanges())
	case mesospb.Value_SET:
		set = true
		r.set, err = values.SetFromProto(m.GetSet())
	default:
		return fmt.Errorf("type %s: use SCALAR, RANGES or SET: %w", r.kind, ErrValue)
	}
	switch {
	case (m.Scalar != nil) != scalar || (m.Ranges != nil) != ranges || (m.Set != nil) != set:
		return fmt.Errorf("of type %s: set the field of this type and no other: %w", r.kind, ErrValue)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrValue, err)
	}
	return nil
}

// readScalar refuses what would silently become nothing.
func readScalar(v float64) (Milli, error) {
	m, err := values.MilliOf(v)
	if err == nil && m == 0 && v != 0 {
		return 0, fmt.Errorf("amount %g is too small: at least 0.001, or 0: %w", v, fault.ErrInvalid)
	}
	return m, err
}

// readRanges refuses overlapping ranges, which the text form allows: in a message nobody wrote them by hand, so the
// sender has miscounted.
func readRanges(m *mesospb.Value_Ranges) (Ranges, error) {
	ranges, err := values.RangesFromProto(m)
	if err != nil || len(ranges) == len(m.GetRange()) {
		return ranges, err
	}
	sorted := slices.Clone(m.GetRange())
	slices.SortFunc(sorted, func(a, b *mesospb.Value_Range) int {
		if a.GetBegin() < b.GetBegin() {
			return -1
		}
		return 1
	})
	for i := 1; i < len(sorted); i++ {
		if a, b := sorted[i-1], sorted[i]; a.GetEnd() >= b.GetBegin() {
			return nil, fmt.Errorf("ranges %d-%d and %d-%d overlap: list each number once: %w",
				a.GetBegin(), a.GetEnd(), b.GetBegin(), b.GetEnd(), ErrValue)
		}
	}
	return ranges, nil
}

// readStack reads the reservations of either format.
func readStack(m *mesospb.Resource) []*mesospb.Resource_ReservationInfo {
	if len(m.Reservations) > 0 {
		return cloneStack(m.Reservations)
	}
	if r := upgraded(m); r != nil {
		return []*mesospb.Resource_ReservationInfo{r}
	}
	return nil
}

// upgraded is the reservation that the older format expresses by role and reservation; nil for an unreserved one.
func upgraded(m *mesospb.Resource) *mesospb.Resource_ReservationInfo {
	if m.GetRole() == "*" {
		return nil
	}
	r, kind := &mesospb.Resource_ReservationInfo{}, mesospb.Resource_ReservationInfo_STATIC
	if m.Reservation != nil {
		r, kind = proto.CloneOf(m.Reservation), mesospb.Resource_ReservationInfo_DYNAMIC
	}
	r.Type, r.Role = &kind, proto.String(m.GetRole())
	return r
}
