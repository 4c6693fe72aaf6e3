package validation

import (
	"math"
	"time"

	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/roles"
	"github.com/meseta-io/meseta/messages/values"
)

// HasCapability says whether a framework declared a capability.
func HasCapability(f *mesospb.FrameworkInfo, c mesospb.FrameworkInfo_Capability_Type) bool {
	return capabilities.OfFramework(f.GetCapabilities()).Has(c)
}

// Roles lists a framework's roles, in whichever form it gives them.
func Roles(f *mesospb.FrameworkInfo) []string {
	if HasCapability(f, mesospb.FrameworkInfo_Capability_MULTI_ROLE) {
		return f.GetRoles()
	}
	return []string{f.GetRole()}
}

// Framework checks what a framework says of itself.
func Framework(f *mesospb.FrameworkInfo) error {
	return in(first(frameworkRoles(f), frameworkID(f), offerFilters(f), failoverTimeout(f)), "framework %q", f.GetName())
}

func frameworkRoles(f *mesospb.FrameworkInfo) error {
	multi := HasCapability(f, mesospb.FrameworkInfo_Capability_MULTI_ROLE)
	switch {
	case multi && f.Role != nil:
		return refuse("role is set with the capability MULTI_ROLE: use roles")
	case !multi && len(f.GetRoles()) > 0:
		return refuse("roles are set without the capability MULTI_ROLE: use role, or declare it")
	}
	seen := make(map[string]bool)
	for _, role := range Roles(f) {
		if err := roles.Validate(role); err != nil {
			return refuse("%w", err)
		}
		if seen[role] {
			return refuse("role %q comes twice", role)
		}
		seen[role] = true
	}
	return nil
}

// frameworkID lets an absent or empty id pass: the master gives one.
func frameworkID(f *mesospb.FrameworkInfo) error {
	if f.GetId().GetValue() == "" {
		return nil
	}
	return FrameworkID(f.GetId())
}

func offerFilters(f *mesospb.FrameworkInfo) error {
	for role, filters := range f.GetOfferFilters() {
		if err := OfferFilters(filters); err != nil {
			return in(err, "offer filter for role %q", role)
		}
	}
	return nil
}

// OfferFilters checks the least that a framework wants to be offered.
func OfferFilters(f *mesospb.OfferFilters) error {
	for _, q := range f.GetMinAllocatableResources().GetQuantities() {
		if len(q.GetQuantities()) == 0 {
			return refuse("min_allocatable_resources has an entry without quantities")
		}
		for name, scalar := range q.GetQuantities() {
			if err := Amount(scalar.GetValue()); err != nil {
				return in(err, "quantity of %q", name)
			}
		}
	}
	return nil
}

// Amount checks a number that stands for an amount: finite, not negative, not absurd.
func Amount(v float64) error {
	if v != 0 && math.Abs(v) < 0x1p-1022 {
		return refuse("amount %g is too small to be kept: use 0", v)
	}
	if _, err := values.MilliOf(v); err != nil {
		return refuse("%w", err)
	}
	return nil
}

// failoverTimeout lets a negative one pass, which means none: Mesos does, and some clients mean it so.
func failoverTimeout(f *mesospb.FrameworkInfo) error {
	t := f.GetFailoverTimeout()
	if most := math.MaxInt64 / float64(time.Second); !(t >= -most && t <= most) {
		return refuse("failover_timeout is %g: at most 9.2e9 seconds can be counted", t)
	}
	return nil
}

// FrameworkUpdate checks what may not change while a framework lives. The old principal is not told: who subscribes
// with somebody else's id should not learn it.
func FrameworkUpdate(from, to *mesospb.FrameworkInfo) error {
	switch {
	case (from.Principal == nil) != (to.Principal == nil) || from.GetPrincipal() != to.GetPrincipal():
		return refuse("framework %q: its principal cannot be changed", to.GetName())
	case from.GetUser() != to.GetUser():
		return refuse("framework %q: its user cannot be changed from %q to %q", to.GetName(), from.GetUser(), to.GetUser())
	case from.GetCheckpoint() != to.GetCheckpoint():
		return refuse("framework %q: checkpoint cannot be changed from %t", to.GetName(), from.GetCheckpoint())
	}
	return nil
}

// SuppressedRoles checks that only roles of the framework are suppressed.
func SuppressedRoles(f *mesospb.FrameworkInfo, suppressed []string) error {
	has := make(map[string]bool)
	for _, role := range Roles(f) {
		has[role] = true
	}
	for _, role := range suppressed {
		if !has[role] {
			return refuse("role %q is suppressed, but framework %q does not have it", role, f.GetName())
		}
	}
	return nil
}
