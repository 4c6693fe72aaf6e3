package allocator

import (
	"slices"

	"github.com/meseta-io/meseta/actors/allocator/drf"
	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Framework is what the allocator has to know of a framework.
type Framework struct {
	Info        *mesospb.FrameworkInfo // roles, capabilities, offer filters
	Active      bool
	Suppressed  []string                      // roles
	Constraints *schedulerpb.OfferConstraints // nil: none
}

func (a *Allocator) frameworkSpec(id string, f Framework) drf.Framework {
	s := drf.Framework{ID: id, Active: f.Active, Roles: map[string]drf.Subscription{}}
	can := capabilities.OfFramework(f.Info.GetCapabilities())
	s.Caps = drf.Caps{
		GPU:        can.Has(mesospb.FrameworkInfo_Capability_GPU_RESOURCES),
		Region:     can.Has(mesospb.FrameworkInfo_Capability_REGION_AWARE),
		Revocable:  can.Has(mesospb.FrameworkInfo_Capability_REVOCABLE_RESOURCES),
		Shared:     can.Has(mesospb.FrameworkInfo_Capability_SHARED_RESOURCES),
		Refinement: can.Has(mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT),
		MultiRole:  can.Has(mesospb.FrameworkInfo_Capability_MULTI_ROLE),
	}
	roles := f.Info.GetRoles()
	if !s.Caps.MultiRole {
		//lint:ignore SA1019 it is deprecated in favour of roles, but frameworks without MULTI_ROLE have nothing else
		roles = []string{f.Info.GetRole()}
	}
	excludes, err := compileConstraints(f.Constraints)
	if err != nil { // the master refuses these, so this framework came from a master that did not
		a.base.Log().Warn("offer constraints are ignored", "framework", id, "because", err)
	}
	for _, role := range roles {
		sub := drf.Subscription{Suppressed: slices.Contains(f.Suppressed, role), Min: minimaOf(f.Info.GetOfferFilters()[role])}
		if c := excludes[role]; c != nil {
			sub.Excludes = func(agent string) bool { return c.excludes(a.agents[agent].info) }
		}
		s.Roles[role] = sub
	}
	return s
}

// minimaOf is nil unless the framework chose minima for the role; it may choose none.
func minimaOf(f *mesospb.OfferFilters) []drf.Min {
	if f.GetMinAllocatableResources() == nil {
		return nil
	}
	out := []drf.Min{}
	for _, m := range f.GetMinAllocatableResources().GetQuantities() {
		if q, err := resources.QuantitiesFromProto(m.GetQuantities()); err == nil {
			out = append(out, minOf(q))
		}
	}
	return out
}
