package resources

import (
	"fmt"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/roles"
)

// MaxReservations bounds a stack of reservations.
const MaxReservations = 64

func validateDisk(m *mesospb.Resource) error {
	if m.Shared != nil && (m.GetName() != "disk" || m.GetDisk().GetPersistence() == nil) {
		return fmt.Errorf("only persistent volumes can be shared: %w", ErrShared)
	}
	if m.Disk == nil {
		return nil
	}
	if m.GetName() != "disk" {
		return fmt.Errorf("only a resource named \"disk\" can have a DiskInfo: %w", ErrDisk)
	}
	source := m.GetDisk().GetSource()
	if source == nil {
		return nil
	}
	if err := validateLabels(source.GetMetadata(), ErrDisk); err != nil {
		return err
	}
	switch kind := source.GetType(); kind {
	case mesospb.Resource_DiskInfo_Source_PATH, mesospb.Resource_DiskInfo_Source_MOUNT:
	case mesospb.Resource_DiskInfo_Source_BLOCK, mesospb.Resource_DiskInfo_Source_RAW:
		if source.Mount != nil || source.Path != nil {
			return fmt.Errorf("a %s disk has no mount and no path: leave both out: %w", kind, ErrDisk)
		}
	default:
		return fmt.Errorf("source type %s: use PATH, MOUNT, BLOCK or RAW: %w", kind, ErrDisk)
	}
	return nil
}

// validateFormat takes both formats, and both at once when they agree, which is what the endpoints print.
func validateFormat(m *mesospb.Resource) error {
	switch len(m.Reservations) {
	case 0:
		return validateOld(m)
	case 1:
		if err := validateStack(m.Reservations); err != nil {
			return err
		}
		return validateBoth(m, m.Reservations[0])
	}
	if m.Role != nil || m.Reservation != nil {
		return fmt.Errorf("several reservations: leave role and reservation out, they cannot express it: %w", ErrFormat)
	}
	return validateStack(m.Reservations)
}

// validateOld checks the format from before reservation refinement.
func validateOld(m *mesospb.Resource) error {
	if err := roles.Validate(m.GetRole()); err != nil {
		return fmt.Errorf("%w: %w", ErrReservation, err)
	}
	switch r := m.Reservation; {
	case r == nil:
		return nil
	case r.Type != nil:
		return fmt.Errorf("type is set in the old field reservation: leave it out, or use reservations: %w", ErrFormat)
	case r.Role != nil:
		return fmt.Errorf("role is set in the old field reservation: leave it out, or use reservations: %w", ErrFormat)
	case m.GetRole() == roles.Any:
		return fmt.Errorf("nothing can be reserved to role \"*\": name the role: %w", ErrReservation)
	}
	return validateLabels(m.GetReservation().GetLabels(), ErrReservation)
}

func validateLabels(l *mesospb.Labels, class error) error {
	if n := len(l.GetLabels()); n > MaxLabels {
		return fmt.Errorf("%d labels: at most %d are taken: %w", n, MaxLabels, class)
	}
	return nil
}

// validateBoth checks that what the old fields say, if anything, is what the one reservation says.
func validateBoth(m *mesospb.Resource, r *mesospb.Resource_ReservationInfo) error {
	if m.Role != nil && m.GetRole() != r.GetRole() {
		return fmt.Errorf("role %q does not match %q in reservations: %w", m.GetRole(), r.GetRole(), ErrFormat)
	}
	if r.GetType() == mesospb.Resource_ReservationInfo_STATIC {
		if m.Reservation != nil {
			return fmt.Errorf("reservation is set, but the one in reservations is STATIC: leave it out: %w", ErrFormat)
		}
		return nil
	}
	switch old := m.Reservation; {
	case (m.Role != nil) != (old != nil):
		return fmt.Errorf("of role and reservation only one is set: set both or none: %w", ErrFormat)
	case old == nil:
		return nil
	case len(old.GetLabels().GetLabels()) > MaxLabels:
		return validateLabels(old.GetLabels(), ErrFormat)
	case old.GetPrincipal() != r.GetPrincipal():
		return fmt.Errorf("principal %q of reservation does not match %q in reservations: %w",
			old.GetPrincipal(), r.GetPrincipal(), ErrFormat)
	case !sameLabels(orEmpty(old.Labels), orEmpty(r.Labels)):
		return fmt.Errorf("the labels of reservation do not match those in reservations: %w", ErrFormat)
	}
	return nil
}

// orEmpty lets absent labels match empty ones, in this one place where Mesos does.
func orEmpty(l *mesospb.Labels) *mesospb.Labels {
	if l == nil {
		return &mesospb.Labels{}
	}
	return l
}

// validateStack checks that each reservation refines the one before it.
func validateStack(stack []*mesospb.Resource_ReservationInfo) error {
	if len(stack) > MaxReservations {
		return fmt.Errorf("%d reservations on each other: at most %d: %w", len(stack), MaxReservations, ErrReservation)
	}
	for i, r := range stack {
		if err := validateReservation(r); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		if r.GetType() == mesospb.Resource_ReservationInfo_STATIC {
			return fmt.Errorf("to %q: a refinement cannot be STATIC: %w", r.GetRole(), ErrReservation)
		}
		if owner := stack[i-1].GetRole(); !roles.IsStrictSubrole(r.GetRole(), owner) {
			return fmt.Errorf("to %q: not a refinement of %q: name a role below it: %w", r.GetRole(), owner, ErrReservation)
		}
	}
	return nil
}

func validateReservation(r *mesospb.Resource_ReservationInfo) error {
	switch {
	case r == nil || r.Type == nil:
		return fmt.Errorf("it has no type: set STATIC or DYNAMIC: %w", ErrReservation)
	case r.GetType() != mesospb.Resource_ReservationInfo_STATIC && r.GetType() != mesospb.Resource_ReservationInfo_DYNAMIC:
		return fmt.Errorf("type %s: use STATIC or DYNAMIC: %w", r.GetType(), ErrReservation)
	case r.Role == nil:
		return fmt.Errorf("it has no role: %w", ErrReservation)
	case r.GetRole() == roles.Any:
		return fmt.Errorf("nothing can be reserved to role \"*\": name the role: %w", ErrReservation)
	}
	if err := roles.Validate(r.GetRole()); err != nil {
		return fmt.Errorf("%w: %w", ErrReservation, err)
	}
	return validateLabels(r.GetLabels(), ErrReservation)
}
