package resources_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

// parse reads resources that the test's author got right.
func parse(t testing.TB, text string) resources.Resources {
	t.Helper()
	r, err := resources.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return r
}

func quantities(t testing.TB, text string) resources.Quantities {
	t.Helper()
	q, err := resources.ParseQuantities(text)
	if err != nil {
		t.Fatalf("ParseQuantities(%q): %v", text, err)
	}
	return q
}

func limits(t testing.TB, text string) resources.Limits {
	t.Helper()
	l, err := resources.ParseLimits(text)
	if err != nil {
		t.Fatalf("ParseLimits(%q): %v", text, err)
	}
	return l
}

// add sums up.
func add(rs ...resources.Resources) resources.Resources {
	var b resources.Builder
	for _, r := range rs {
		b.Add(r)
	}
	return b.Resources()
}

// mustEqual compares both ways, because a hole in Contains would make Equal lopsided.
func mustEqual(t testing.TB, got, want resources.Resources) {
	t.Helper()
	if !got.Equal(want) || !want.Equal(got) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func mustDiffer(t testing.TB, a, b resources.Resources) {
	t.Helper()
	if a.Equal(b) || b.Equal(a) {
		t.Errorf("%s equals %s", a, b)
	}
}

func mustContain(t testing.TB, big, small resources.Resources) {
	t.Helper()
	if !big.Contains(small) {
		t.Errorf("%s does not contain %s", big, small)
	}
}

func mustNotContain(t testing.TB, big, small resources.Resources) {
	t.Helper()
	if big.Contains(small) {
		t.Errorf("%s contains %s", big, small)
	}
}

func mustBeEmpty(t testing.TB, r resources.Resources) {
	t.Helper()
	if !r.IsEmpty() || r.Len() != 0 {
		t.Errorf("%s is not empty", r)
	}
}

// An edit adds traits to a resource of a test.
type edit func(*mesospb.Resource)

// message makes the message of one resource, from text with or without a role in parentheses.
func message(t testing.TB, text string, edits ...edit) *mesospb.Resource {
	t.Helper()
	messages, err := resources.Messages(text, "*")
	if err != nil || len(messages) != 1 {
		t.Fatalf("Messages(%q) = %d resources, %v", text, len(messages), err)
	}
	for _, e := range edits {
		e(messages[0])
	}
	return messages[0]
}

// with makes resources with traits that no text can express.
func with(t testing.TB, text string, edits ...edit) resources.Resources {
	t.Helper()
	r, err := resources.FromProto([]*mesospb.Resource{message(t, text, edits...)})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// only is the one resource of a collection.
func only(t testing.TB, r resources.Resources) resources.Resource {
	t.Helper()
	if r.Len() != 1 {
		t.Fatalf("%s is not one resource", r)
	}
	for x := range r.All() {
		return x
	}
	panic("unreachable")
}

func reservation(kind mesospb.Resource_ReservationInfo_Type, role string) *mesospb.Resource_ReservationInfo {
	return &mesospb.Resource_ReservationInfo{Type: &kind, Role: &role}
}

func static(role string) *mesospb.Resource_ReservationInfo {
	return reservation(mesospb.Resource_ReservationInfo_STATIC, role)
}

// dynamic is a dynamic reservation; labels alternate keys and values.
func dynamic(role, principal string, labels ...string) *mesospb.Resource_ReservationInfo {
	r := reservation(mesospb.Resource_ReservationInfo_DYNAMIC, role)
	if principal != "" {
		r.Principal = &principal
	}
	for i := 0; i < len(labels); i += 2 {
		if r.Labels == nil {
			r.Labels = &mesospb.Labels{}
		}
		r.Labels.Labels = append(r.Labels.Labels, &mesospb.Label{Key: &labels[i], Value: &labels[i+1]})
	}
	return r
}

func reserved(stack ...*mesospb.Resource_ReservationInfo) edit {
	return func(m *mesospb.Resource) { m.Reservations = append(m.Reservations, stack...) }
}

func revocable(m *mesospb.Resource) { m.Revocable = &mesospb.Resource_RevocableInfo{} }

func shared(m *mesospb.Resource) { m.Shared = &mesospb.Resource_SharedInfo{} }

func provider(id string) edit {
	return func(m *mesospb.Resource) { m.ProviderId = &mesospb.ResourceProviderID{Value: &id} }
}

// mounted says where a task mounts a disk.
func mounted(path string) edit {
	return func(m *mesospb.Resource) {
		disk(m).Volume = &mesospb.Volume{ContainerPath: &path, Mode: mesospb.Volume_RW.Enum()}
	}
}

// volume makes a persistent volume.
func volume(id, path string) edit {
	return func(m *mesospb.Resource) {
		disk(m).Persistence = &mesospb.Resource_DiskInfo_Persistence{Id: &id}
		mounted(path)(m)
	}
}

func onPath(root string) edit {
	return source(&mesospb.Resource_DiskInfo_Source{
		Type: mesospb.Resource_DiskInfo_Source_PATH.Enum(),
		Path: &mesospb.Resource_DiskInfo_Source_Path{Root: &root},
	})
}

func onMount(root string) edit {
	return source(&mesospb.Resource_DiskInfo_Source{
		Type:  mesospb.Resource_DiskInfo_Source_MOUNT.Enum(),
		Mount: &mesospb.Resource_DiskInfo_Source_Mount{Root: &root},
	})
}

func source(s *mesospb.Resource_DiskInfo_Source) edit {
	return func(m *mesospb.Resource) { disk(m).Source = proto.CloneOf(s) }
}

func disk(m *mesospb.Resource) *mesospb.Resource_DiskInfo {
	if m.Disk == nil {
		m.Disk = &mesospb.Resource_DiskInfo{}
	}
	return m.Disk
}
