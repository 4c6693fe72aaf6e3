package resources_test

import (
	"errors"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

// role and reservation are the fields of the old format.
func inRole(role string) edit { return func(m *mesospb.Resource) { m.Role = &role } }

func inReservation(r *mesospb.Resource_ReservationInfo) edit {
	return func(m *mesospb.Resource) {
		m.Reservation = proto.CloneOf(r)
		m.Reservation.Type, m.Reservation.Role = nil, nil
	}
}

func TestFormats(t *testing.T) {
	type story struct {
		name  string
		edits []edit
		wrong error
	}
	run := func(name string, stories ...story) {
		t.Run(name, func(t *testing.T) {
			for _, s := range stories {
				t.Run(s.name, func(t *testing.T) {
					if err := resources.Validate([]*mesospb.Resource{message(t, "cpus:555.5", s.edits...)}); !errors.Is(err, s.wrong) {
						t.Errorf("got %v, want %v", err, s.wrong)
					}
				})
			}
		})
	}
	bob := dynamic("foo", "principal1")
	run("unrefined",
		story{"without a role", nil, nil},
		story{"of the default role", []edit{inRole("*")}, nil},
		story{"of a role", []edit{inRole("foo")}, nil},
		story{"reserved dynamically", []edit{inRole("foo"), inReservation(bob)}, nil},
		story{"reserved to the default role", []edit{inRole("*"), inReservation(bob)}, resources.ErrReservation},
		story{"with a type", []edit{inRole("foo"), func(m *mesospb.Resource) { m.Reservation = static("foo"); m.Reservation.Role = nil }}, resources.ErrFormat},
		story{"with a role inside", []edit{inRole("foo"), func(m *mesospb.Resource) { m.Reservation = static("foo"); m.Reservation.Type = nil }}, resources.ErrFormat},
		story{"of a bad role", []edit{inRole("/foo")}, resources.ErrReservation},
	)
	run("refined",
		story{"unreserved", nil, nil},
		story{"reserved statically", []edit{reserved(static("foo"))}, nil},
		story{"reserved dynamically", []edit{reserved(bob)}, nil},
		story{"a static refinement", []edit{reserved(static("foo"), static("foo/bar"))}, resources.ErrReservation},
		story{"a refinement of a static one", []edit{reserved(static("foo"), dynamic("foo/bar", "principal2"))}, nil},
		story{"a refinement of a dynamic one", []edit{reserved(bob, dynamic("foo/bar", "principal2"))}, nil},
		story{"a refinement to a stranger", []edit{reserved(bob, dynamic("bar", "principal2"))}, resources.ErrReservation},
		story{"a refinement to the same role", []edit{reserved(bob, bob)}, resources.ErrReservation},
		story{"to the default role", []edit{reserved(static("*"))}, resources.ErrReservation},
		story{"without a type", []edit{reserved(&mesospb.Resource_ReservationInfo{Role: proto.String("foo")})}, resources.ErrReservation},
		story{"without a role", []edit{reserved(&mesospb.Resource_ReservationInfo{Type: mesospb.Resource_ReservationInfo_STATIC.Enum()})}, resources.ErrReservation},
	)
	run("both, as endpoints print",
		story{"that agree", []edit{inRole("foo"), inReservation(bob), reserved(bob)}, nil},
		story{"with another role", []edit{inRole("bar"), inReservation(bob), reserved(bob)}, resources.ErrFormat},
		story{"of a static reservation", []edit{inRole("foo"), reserved(static("foo"))}, nil},
		story{"of a static reservation, reserved dynamically", []edit{inRole("foo"), inReservation(bob), reserved(static("foo"))}, resources.ErrFormat},
		story{"with another principal", []edit{inRole("foo"), inReservation(dynamic("foo", "principal2")), reserved(bob)}, resources.ErrFormat},
		story{"with other labels", []edit{inRole("foo"), inReservation(dynamic("foo", "principal1", "k", "v")), reserved(bob)}, resources.ErrFormat},
		story{"with only one of the old fields", []edit{inRole("foo"), reserved(bob)}, resources.ErrFormat},
		story{"of a refined reservation", []edit{inRole("foo"), inReservation(bob), reserved(bob, dynamic("foo/bar", "principal1"))}, resources.ErrFormat},
	)
}

func TestConvert(t *testing.T) {
	bob := dynamic("foo", "principal1", "k", "v")
	for _, c := range []struct {
		name                         string
		refined, unrefined, endpoint []edit
	}{
		{"unreserved", nil, []edit{inRole("*")}, []edit{inRole("*")}},
		{"reserved statically", []edit{reserved(static("foo"))}, []edit{inRole("foo")}, []edit{reserved(static("foo")), inRole("foo")}},
		{"reserved dynamically", []edit{reserved(bob)}, []edit{inRole("foo"), inReservation(bob)}, []edit{reserved(bob), inRole("foo"), inReservation(bob)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			forms := map[resources.Format]*mesospb.Resource{
				resources.Refined:   message(t, "cpus:1", c.refined...),
				resources.Unrefined: message(t, "cpus:1", c.unrefined...),
				resources.Endpoint:  message(t, "cpus:1", c.endpoint...),
			}
			for from, m := range forms {
				for to, want := range forms {
					got := proto.CloneOf(m)
					if err := resources.Convert(got, to); err != nil || !proto.Equal(got, want) {
						t.Errorf("from %d to %d: got %v, %v; want %v", from, to, got, err, want)
					}
				}
			}
		})
	}
	t.Run("refined reservations stay in endpoints", func(t *testing.T) {
		m := message(t, "cpus:1", reserved(bob, dynamic("foo/bar", "")))
		want := proto.CloneOf(m)
		if err := resources.Convert(m, resources.Endpoint); err != nil || !proto.Equal(m, want) {
			t.Errorf("got %v, %v", m, err)
		}
		if err := resources.Convert(m, resources.Unrefined); !errors.Is(err, resources.ErrFormat) || !proto.Equal(m, want) {
			t.Errorf("got %v, %v", m, err)
		}
	})
}

func taskWith(rs ...*mesospb.Resource) *mesospb.TaskInfo {
	return &mesospb.TaskInfo{
		Name: proto.String("task"), TaskId: &mesospb.TaskID{Value: proto.String("task_id")},
		AgentId: &mesospb.AgentID{Value: proto.String("agent")}, Resources: rs,
	}
}

func TestDowngrade(t *testing.T) {
	bob := dynamic("bar", "principal1")
	t.Run("of a message without resources changes nothing", func(t *testing.T) {
		m := &mesospb.FrameworkInfo{User: proto.String("u"), Name: proto.String("n")}
		want := proto.CloneOf(m)
		if err := resources.Downgrade(m); err != nil || !proto.Equal(m, want) {
			t.Errorf("got %v, %v", m, err)
		}
	})
	t.Run("of resources without refinements", func(t *testing.T) {
		m := taskWith(message(t, "cpus:555.5"), message(t, "cpus:555.5", reserved(static("foo"))), message(t, "cpus:555.5", reserved(bob)))
		want := taskWith(message(t, "cpus:555.5", inRole("*")), message(t, "cpus:555.5", inRole("foo")), message(t, "cpus:555.5", inRole("bar"), inReservation(bob)))
		upgraded := proto.CloneOf(m)
		if err := resources.Downgrade(m); err != nil || !proto.Equal(m, want) {
			t.Errorf("got %v, %v; want %v", m, err, want)
		}
		if err := resources.Upgrade(m); err != nil || !proto.Equal(m, upgraded) {
			t.Errorf("and back: got %v, %v; want %v", m, err, upgraded)
		}
	})
	t.Run("of refined reservations fails", func(t *testing.T) {
		refined := message(t, "cpus:555.5", reserved(bob, dynamic("bar/baz", "principal2")))
		m := taskWith(message(t, "cpus:555.5"), message(t, "cpus:555.5", reserved(static("foo"))), message(t, "cpus:555.5", reserved(bob)), proto.CloneOf(refined))
		want := taskWith(message(t, "cpus:555.5", inRole("*")), message(t, "cpus:555.5", inRole("foo")), message(t, "cpus:555.5", inRole("bar"), inReservation(bob)), refined)
		if err := resources.Downgrade(m); !errors.Is(err, resources.ErrFormat) || !proto.Equal(m, want) {
			t.Errorf("got %v, %v; want %v", m, err, want)
		}
	})
}

func TestUpgrade(t *testing.T) {
	accept := &schedulerpb.Call{Accept: &schedulerpb.Call_Accept{Operations: []*mesospb.Offer_Operation{{
		Type:   mesospb.Offer_Operation_LAUNCH.Enum(),
		Launch: &mesospb.Offer_Operation_Launch{TaskInfos: []*mesospb.TaskInfo{taskWith(message(t, "cpus:1", inRole("eng")))}},
	}}}}
	if err := resources.Upgrade(accept); err != nil {
		t.Fatal(err)
	}
	got := accept.GetAccept().GetOperations()[0].GetLaunch().GetTaskInfos()[0].GetResources()[0]
	if want := message(t, "cpus:1", reserved(static("eng"))); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := resources.Upgrade(taskWith(message(t, "cpus:1", inRole("/")))); !errors.Is(err, resources.ErrReservation) {
		t.Errorf("got %v for a bad role", err)
	}
}
