package resources

import (
	"fmt"
	"sync"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/roles"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Format is one of the ways in which a Resource message tells its reservations.
type Format int

const (
	// Refined has the stack in reservations. It is the only format inside Meseta.
	Refined Format = iota
	// Unrefined has role and reservation, for frameworks without the capability RESERVATION_REFINEMENT.
	Unrefined
	// Endpoint has both, as the endpoints print it; refined reservations only as a stack.
	Endpoint
)

// Convert rewrites one valid message in place. Only refined reservations, which the older format cannot express,
// are refused, and only for Unrefined.
func Convert(m *mesospb.Resource, to Format) error {
	if to == Unrefined && len(m.Reservations) > 1 {
		return fmt.Errorf("resource %.80q has refined reservations, which the old format cannot express: %w", m.GetName(), ErrFormat)
	}
	// Everything goes through the refined format, so that a message may be converted twice.
	if len(m.Reservations) == 0 {
		if r := upgraded(m); r != nil {
			m.Reservations = append(m.Reservations, r)
		}
	}
	m.Role, m.Reservation = nil, nil
	if to == Refined {
		return nil
	}
	switch len(m.Reservations) {
	case 0:
		m.Role = proto.String(roles.Any)
	case 1:
		downgradeOne(m)
		if to == Unrefined {
			m.Reservations = nil
		}
	}
	return nil
}

func downgradeOne(m *mesospb.Resource) {
	r := m.Reservations[0]
	if r.GetType() == mesospb.Resource_ReservationInfo_DYNAMIC {
		m.Reservation = proto.CloneOf(r)
		m.Reservation.Type, m.Reservation.Role = nil, nil
	}
	m.Role = proto.String(r.GetRole())
}

// Upgrade validates every resource anywhere in a message and rewrites it, in place, to the refined format.
func Upgrade(m proto.Message) error {
	return walk(m.ProtoReflect(), func(r *mesospb.Resource) error {
		if _, err := one(r); err != nil {
			return err
		}
		return Convert(r, Refined)
	})
}

// Refine rewrites every resource anywhere in a message, in place, to the refined format, but for those that are not
// valid: they stay as they are, to be refused by whoever knows what they were for.
func Refine(m proto.Message) {
	_ = walk(m.ProtoReflect(), func(r *mesospb.Resource) error {
		if _, err := one(r); err != nil {
			return nil
		}
		return Convert(r, Refined)
	})
}

// Downgrade rewrites every resource anywhere in a message, in place, to the old format. With refined reservations it
// fails; the other resources may then have been rewritten.
func Downgrade(m proto.Message) error {
	return walk(m.ProtoReflect(), func(r *mesospb.Resource) error { return Convert(r, Unrefined) })
}

func walk(m protoreflect.Message, visit func(*mesospb.Resource) error) (err error) {
	if r, ok := m.Interface().(*mesospb.Resource); ok {
		return visit(r)
	}
	if !mayHold(m.Descriptor()) {
		return nil
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil && mayHold(f.MapValue().Message()) {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					err = walk(v.Message(), visit)
					return err == nil
				})
			}
		case f.Message() == nil || !mayHold(f.Message()):
		case f.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = walk(v.List().Get(i).Message(), visit)
			}
		default:
			err = walk(v.Message(), visit)
		}
		return err == nil
	})
	return err
}

// holders remembers, for each message type, whether a Resource can be in it: most types are skipped at once.
var holders sync.Map // protoreflect.FullName to bool

func mayHold(d protoreflect.MessageDescriptor) bool {
	if known, ok := holders.Load(d.FullName()); ok {
		return known.(bool)
	}
	holds := reaches(d, make(map[protoreflect.FullName]bool))
	holders.Store(d.FullName(), holds)
	return holds
}

func reaches(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if d.FullName() == (*mesospb.Resource)(nil).ProtoReflect().Descriptor().FullName() {
		return true
	}
	if seen[d.FullName()] {
		return false
	}
	seen[d.FullName()] = true
	for i := range d.Fields().Len() {
		if inner := d.Fields().Get(i).Message(); inner != nil && reaches(inner, seen) {
			return true
		}
	}
	return false
}
