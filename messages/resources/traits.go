package resources

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"google.golang.org/protobuf/proto"
)

// traits are everything about a resource but its name and amount. They are shared between resources and never change,
// nor do the messages in them: these are clones that nobody outside has.
type traits struct {
	allocated bool
	role      string // allocated to
	stack     []*mesospb.Resource_ReservationInfo
	disk      *mesospb.Resource_DiskInfo
	provided  bool
	provider  string
	revocable bool
	shared    bool
}

var plain traits

// kept returns the traits to keep: nil for none, so that plain resources cost no memory.
func (t traits) kept() *traits {
	if !t.allocated && len(t.stack) == 0 && t.disk == nil && !t.provided && !t.revocable && !t.shared {
		return nil
	}
	return &t
}

// isExclusive says whether a thing is one of its kind: a disk of its own, or a volume with its content. Two of these
// are never added up, and none is split. Shared volumes are counted instead.
func (t *traits) isExclusive() bool {
	if t.disk == nil || t.shared {
		return false
	}
	if t.disk.Persistence != nil {
		return true
	}
	switch source := t.disk.GetSource(); source.GetType() {
	case mesospb.Resource_DiskInfo_Source_MOUNT, mesospb.Resource_DiskInfo_Source_BLOCK:
		return true
	case mesospb.Resource_DiskInfo_Source_RAW:
		return source.Id != nil // without an id it is a pool
	}
	return false
}

func sameTraits(a, b *traits) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil {
		return false // traits are kept only when there are any
	}
	if a.allocated != b.allocated || a.role != b.role || a.provided != b.provided || a.provider != b.provider ||
		a.revocable != b.revocable || a.shared != b.shared || len(a.stack) != len(b.stack) {
		return false
	}
	for i := range a.stack {
		if !sameReservation(a.stack[i], b.stack[i]) {
			return false
		}
	}
	return sameDisk(a.disk, b.disk)
}

func sameReservation(a, b *mesospb.Resource_ReservationInfo) bool {
	return a == b || a.GetType() == b.GetType() && a.GetRole() == b.GetRole() &&
		sameText(a.Principal, b.Principal) && sameLabels(a.Labels, b.Labels)
}

// sameDisk ignores the volume, as in Mesos: where a task mounts a disk says how it is used, not what it is.
func sameDisk(a, b *mesospb.Resource_DiskInfo) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || (a.Persistence == nil) != (b.Persistence == nil) || (a.Source == nil) != (b.Source == nil) {
		return false
	}
	return a.Persistence.GetId() == b.Persistence.GetId() && (a.Source == nil || sameSource(a.Source, b.Source))
}

func sameSource(a, b *mesospb.Resource_DiskInfo_Source) bool {
	if a.GetType() != b.GetType() || (a.Path == nil) != (b.Path == nil) || (a.Mount == nil) != (b.Mount == nil) {
		return false
	}
	if a.Path != nil && !sameText(a.Path.Root, b.Path.Root) || a.Mount != nil && !sameText(a.Mount.Root, b.Mount.Root) {
		return false
	}
	return sameText(a.Vendor, b.Vendor) && sameText(a.Id, b.Id) && sameText(a.Profile, b.Profile) &&
		sameLabels(a.Metadata, b.Metadata)
}

func sameText(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// sameLabels compares labels without regard to their order. Lists are short, and this way nothing is allocated.
func sameLabels(a, b *mesospb.Labels) bool {
	if a == nil || b == nil {
		return a == b
	}
	if len(a.Labels) != len(b.Labels) {
		return false
	}
	for i, l := range a.Labels {
		if sameLabel(l, b.Labels[i]) {
			continue
		}
		if countLabel(a.Labels, l) != countLabel(b.Labels, l) {
			return false
		}
	}
	return true
}

func sameLabel(a, b *mesospb.Label) bool {
	return a.GetKey() == b.GetKey() && sameText(a.Value, b.Value)
}

func countLabel(labels []*mesospb.Label, label *mesospb.Label) int {
	n := 0
	for _, l := range labels {
		if sameLabel(l, label) {
			n++
		}
	}
	return n
}

func cloneStack(stack []*mesospb.Resource_ReservationInfo) []*mesospb.Resource_ReservationInfo {
	if len(stack) == 0 {
		return nil
	}
	out := make([]*mesospb.Resource_ReservationInfo, len(stack))
	for i, r := range stack {
		out[i] = proto.CloneOf(r)
	}
	return out
}
