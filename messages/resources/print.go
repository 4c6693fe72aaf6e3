package resources

import (
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// String prints as Mesos does: "cpus:4; disk(reservations: [(DYNAMIC,eng,bob)])[id1:path]:64", and "{}" for nothing.
func (r Resources) String() string {
	if r.IsEmpty() {
		return "{}"
	}
	var s strings.Builder
	for i := range r.items {
		if i > 0 {
			s.WriteString("; ")
		}
		r.items[i].print(&s)
	}
	return s.String()
}

// Brief is String for errors: cut short when there is too much to read.
func (r Resources) Brief() string {
	const most = 500
	text := r.String()
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "… (" + strconv.Itoa(r.Len()) + " resources)"
}

// String prints one resource as Resources.String does; a shared one is followed by its copies.
func (r Resource) String() string {
	var s strings.Builder
	r.print(&s)
	return s.String()
}

func (r *Resource) print(s *strings.Builder) {
	t := r.about()
	s.WriteString(r.name)
	if t.allocated {
		s.WriteString("(allocated: " + t.role + ")")
	}
	if len(t.stack) > 0 {
		s.WriteString("(reservations: [")
		for i, reservation := range t.stack {
			if i > 0 {
				s.WriteByte(',')
			}
			printReservation(s, reservation)
		}
		s.WriteString("])")
	}
	if t.disk != nil {
		s.WriteByte('[')
		printDisk(s, t.disk)
		s.WriteByte(']')
	}
	if t.revocable {
		s.WriteString("{REV}")
	}
	if t.shared {
		s.WriteString("<SHARED>")
	}
	s.WriteByte(':')
	switch r.kind {
	case mesospb.Value_RANGES:
		s.WriteString(r.ranges.String())
	case mesospb.Value_SET:
		s.WriteString(r.set.String())
	default:
		s.WriteString(r.scalar.String())
	}
	if t.shared {
		s.WriteString("<" + strconv.Itoa(r.copies) + ">")
	}
}

func printReservation(s *strings.Builder, r *mesospb.Resource_ReservationInfo) {
	s.WriteString("(" + r.GetType().String() + "," + r.GetRole())
	if r.Principal != nil {
		s.WriteString("," + r.GetPrincipal())
	}
	if r.Labels != nil {
		s.WriteString(",{")
		for i, l := range r.GetLabels().GetLabels() {
			if i > 0 {
				s.WriteString(", ")
			}
			s.WriteString(l.GetKey())
			if l.Value != nil {
				s.WriteString(": " + l.GetValue())
			}
		}
		s.WriteByte('}')
	}
	s.WriteByte(')')
}

func printDisk(s *strings.Builder, d *mesospb.Resource_DiskInfo) {
	if d.Source != nil {
		printSource(s, d.Source)
	}
	if d.Persistence != nil {
		if d.Source != nil {
			s.WriteByte(',')
		}
		s.WriteString(d.GetPersistence().GetId())
	}
	if v := d.Volume; v != nil {
		s.WriteByte(':')
		if v.HostPath == nil {
			s.WriteString(v.GetContainerPath())
			return
		}
		s.WriteString(v.GetHostPath() + ":" + v.GetContainerPath())
		if v.Mode != nil {
			s.WriteString(":" + strings.ToLower(v.GetMode().String()))
		}
	}
}

func printSource(s *strings.Builder, source *mesospb.Resource_DiskInfo_Source) {
	s.WriteString(source.GetType().String())
	switch {
	case source.Id != nil || source.Profile != nil:
		s.WriteString("(" + source.GetVendor() + "," + source.GetId() + "," + source.GetProfile() + ")")
	case source.GetMount() != nil && source.GetMount().Root != nil:
		s.WriteString(":" + source.GetMount().GetRoot())
	case source.GetPath() != nil && source.GetPath().Root != nil:
		s.WriteString(":" + source.GetPath().GetRoot())
	}
}
