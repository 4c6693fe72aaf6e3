package capabilities_test

import (
	"slices"
	"testing"

	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func framework(types ...mesospb.FrameworkInfo_Capability_Type) (list []*mesospb.FrameworkInfo_Capability) {
	for _, t := range types {
		list = append(list, &mesospb.FrameworkInfo_Capability{Type: t.Enum()})
	}
	return list
}

// Each capability alone is in its set, and no other is; and so for all of them together.
func TestFrameworkCapabilities(t *testing.T) {
	var all []mesospb.FrameworkInfo_Capability_Type
	for n := range mesospb.FrameworkInfo_Capability_Type_name {
		if n != 0 {
			all = append(all, mesospb.FrameworkInfo_Capability_Type(n))
		}
	}
	slices.Sort(all)
	for _, one := range all {
		s := capabilities.OfFramework(framework(one))
		for _, c := range all {
			if s.Has(c) != (c == one) {
				t.Errorf("set of %s: has %s is %v", one, c, s.Has(c))
			}
		}
		if !slices.Equal(s.All(), []mesospb.FrameworkInfo_Capability_Type{one}) {
			t.Errorf("set of %s lists %v", one, s.All())
		}
	}
	if got := capabilities.OfFramework(framework(all...)).All(); !slices.Equal(got, all) {
		t.Errorf("got %v, want %v", got, all)
	}
}

func TestAgentCapabilities(t *testing.T) {
	s := capabilities.OfAgent([]*mesospb.AgentInfo_Capability{{Type: mesospb.AgentInfo_Capability_MULTI_ROLE.Enum()}})
	if !s.Has(mesospb.AgentInfo_Capability_MULTI_ROLE) || s.Has(mesospb.AgentInfo_Capability_HIERARCHICAL_ROLE) {
		t.Errorf("%v", s.All())
	}
}

func TestMasterCapabilities(t *testing.T) {
	s := capabilities.OfMaster([]*mesospb.MasterInfo_Capability{{Type: mesospb.MasterInfo_Capability_QUOTA_V2.Enum()}})
	if s != capabilities.Of(mesospb.MasterInfo_Capability_QUOTA_V2) {
		t.Errorf("%v", s.All())
	}
}

// What a later version has added does not count, and does not get in the way.
func TestUnknownCapabilities(t *testing.T) {
	list := framework(mesospb.FrameworkInfo_Capability_UNKNOWN, mesospb.FrameworkInfo_Capability_MULTI_ROLE, 63, 64, 1000, -1)
	list = append(list, nil, &mesospb.FrameworkInfo_Capability{})
	s := capabilities.OfFramework(list)
	if !slices.Equal(s.All(), []mesospb.FrameworkInfo_Capability_Type{mesospb.FrameworkInfo_Capability_MULTI_ROLE, 63}) {
		t.Errorf("%v", s.All())
	}
	for _, c := range []mesospb.FrameworkInfo_Capability_Type{0, 64, 1000, -1} {
		if s.Has(c) {
			t.Errorf("has %d", c)
		}
	}
}
