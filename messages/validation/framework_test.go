package validation_test

import (
	"math"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
	"google.golang.org/protobuf/proto"
)

func aFramework(edits ...func(*mesospb.FrameworkInfo)) *mesospb.FrameworkInfo {
	f := &mesospb.FrameworkInfo{User: proto.String("u"), Name: proto.String("n"), Principal: proto.String("p")}
	for _, edit := range edits {
		edit(f)
	}
	return f
}

func multiRole(f *mesospb.FrameworkInfo) {
	f.Capabilities = []*mesospb.FrameworkInfo_Capability{{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()}}
}

func inRoles(roles ...string) func(*mesospb.FrameworkInfo) {
	return func(f *mesospb.FrameworkInfo) { f.Roles = roles }
}

func inRole(role string) func(*mesospb.FrameworkInfo) {
	return func(f *mesospb.FrameworkInfo) { f.Role = &role }
}

func filter(role string, quantities map[string]float64) func(*mesospb.FrameworkInfo) {
	q := make(map[string]*mesospb.Value_Scalar)
	for name, v := range quantities {
		q[name] = &mesospb.Value_Scalar{Value: &v}
	}
	return func(f *mesospb.FrameworkInfo) {
		f.OfferFilters = map[string]*mesospb.OfferFilters{role: {MinAllocatableResources: &mesospb.OfferFilters_MinAllocatableResources{
			Quantities: []*mesospb.OfferFilters_ResourceQuantities{{Quantities: q}},
		}}}
	}
}

func TestFramework(t *testing.T) {
	type story struct {
		name, reason string
		edits        []func(*mesospb.FrameworkInfo)
	}
	run := func(name string, stories ...story) {
		t.Run(name, func(t *testing.T) {
			for _, s := range stories {
				t.Run(s.name, func(t *testing.T) { check(t, validation.Framework(aFramework(s.edits...)), s.reason) })
			}
		})
	}
	type edits = []func(*mesospb.FrameworkInfo)
	run("roles",
		story{"none named", "", nil},
		story{"one", "", edits{inRole("foo")}},
		story{"a bad one", "slash", edits{inRole("/foo")}},
		story{"several without the capability", "MULTI_ROLE", edits{inRoles("foo")}},
		story{"several", "", edits{multiRole, inRoles("foo", "bar", "*")}},
		story{"none of several", "", edits{multiRole}},
		story{"one with the capability for several", "MULTI_ROLE", edits{multiRole, inRole("foo")}},
		story{"one twice", "twice", edits{multiRole, inRoles("foo", "foo")}},
		story{"a bad one of several", "dash", edits{multiRole, inRoles("foo", "-bar")}},
	)
	id := func(id string) func(*mesospb.FrameworkInfo) {
		return func(f *mesospb.FrameworkInfo) { f.Id = &mesospb.FrameworkID{Value: &id} }
	}
	run("id",
		story{"none", "", nil}, story{"empty", "", edits{id("")}}, story{"plain", "", edits{id("abc-1")}},
		story{"a slash", "slash", edits{id("foo/bar")}}, story{"two dots", "directory", edits{id("..")}},
	)
	run("offer filters",
		story{"some", "", edits{filter("r", map[string]float64{"cpus": 1})}},
		story{"without quantities", "without quantities", edits{filter("r", nil)}},
		story{"negative", "negative", edits{filter("r", map[string]float64{"cpus": -1})}},
		story{"infinite", "too large", edits{filter("r", map[string]float64{"cpus": math.Inf(1)})}},
		story{"not a number", "not a number", edits{filter("r", map[string]float64{"cpus": math.NaN()})}},
		story{"subnormal", "too small", edits{filter("r", map[string]float64{"cpus": math.SmallestNonzeroFloat64})}},
	)
	timeout := func(s float64) edits {
		return edits{func(f *mesospb.FrameworkInfo) { f.FailoverTimeout = &s }}
	}
	run("failover timeout",
		story{"a week", "", timeout(604800)}, story{"negative, which is none", "", timeout(-1)},
		story{"not a number", "failover_timeout", timeout(math.NaN())}, story{"past all clocks", "failover_timeout", timeout(math.MaxFloat64)},
	)
}

func TestFrameworkUpdate(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		edit         func(*mesospb.FrameworkInfo)
	}{
		{"nothing", "", func(*mesospb.FrameworkInfo) {}},
		{"what may change", "", func(f *mesospb.FrameworkInfo) {
			f.Name, f.Hostname, f.WebuiUrl, f.FailoverTimeout, f.Role = proto.String("x"), proto.String("x"), proto.String("x"), proto.Float64(1), proto.String("x")
			multiRole(f)
		}},
		{"its principal", "principal", func(f *mesospb.FrameworkInfo) { f.Principal = proto.String("x") }},
		{"no principal any more", "principal", func(f *mesospb.FrameworkInfo) { f.Principal = nil }},
		{"its user", "user", func(f *mesospb.FrameworkInfo) { f.User = proto.String("root") }},
		{"checkpoint", "checkpoint", func(f *mesospb.FrameworkInfo) { f.Checkpoint = proto.Bool(true) }},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, validation.FrameworkUpdate(aFramework(), aFramework(c.edit)), c.reason) })
	}
}

func TestSuppressedRoles(t *testing.T) {
	f := aFramework(multiRole, inRoles("a", "b"))
	mustPass(t, validation.SuppressedRoles(f, []string{"b"}))
	mustPass(t, validation.SuppressedRoles(f, nil))
	mustRefuse(t, validation.SuppressedRoles(f, []string{"b", "c"}), `"c"`)
	mustPass(t, validation.SuppressedRoles(aFramework(), []string{"*"}))
}
