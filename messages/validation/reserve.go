package validation

import (
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

func reserve(op *mesospb.Offer_Operation_Reserve, by Asker) error {
	r, err := operands(op.GetResources())
	if err == nil && len(op.GetSource()) > 0 {
		err = reserveFrom(op, r)
	}
	if err != nil {
		return err
	}
	for x := range r.All() {
		if err := first(dynamic(x), by.understood(x), by.reserver(x), by.allocation(x)); err != nil {
			return err
		}
	}
	if by.Framework == nil {
		return nil
	}
	return oneAllocation(r)
}

// reserveFrom checks a reservation of what is reserved otherwise: everything on each side must be reserved alike.
func reserveFrom(op *mesospb.Offer_Operation_Reserve, r resources.Resources) error {
	source, err := Resources(op.GetSource())
	switch {
	case err != nil:
		return in(err, "source")
	case !source.IsReservedAlike() || !r.IsReservedAlike():
		return refuse("several different reservations: use an operation for each")
	case !source.ToUnreserved().Equal(r.ToUnreserved()):
		return refuse("source is %s, which is not as much as %s", source.ToUnreserved().Brief(), r.ToUnreserved().Brief())
	}
	return nil
}

func dynamic(x resources.Resource) error {
	if !x.IsDynamicallyReserved() {
		return refuse("resource %s is not reserved dynamically", x)
	}
	return nil
}

// understood refuses what an older agent would not understand.
func (a Asker) understood(x resources.Resource) error {
	switch {
	case strings.Contains(x.ReservationRole(), "/") && !a.can(mesospb.AgentInfo_Capability_HIERARCHICAL_ROLE):
		return refuse("resource %s: the agent does not know hierarchical roles (HIERARCHICAL_ROLE)", x)
	case x.HasRefinedReservations() && !a.can(mesospb.AgentInfo_Capability_RESERVATION_REFINEMENT):
		return refuse("resource %s: the agent does not know refined reservations (RESERVATION_REFINEMENT)", x)
	}
	return nil
}

// reserver refuses reservations in somebody else's name.
func (a Asker) reserver(x resources.Resource) error {
	stack := x.Reservations()
	if a.Principal == "" || len(stack) == 0 {
		return nil
	}
	switch last := stack[len(stack)-1]; {
	case last.Principal == nil:
		return refuse("resource %s has no principal: set yours, %q", x, a.Principal)
	case last.GetPrincipal() != a.Principal:
		return refuse("resource %s is of principal %q: you are %q", x, last.GetPrincipal(), a.Principal)
	}
	return nil
}

// allocation checks whom resources to be reserved are allocated to: frameworks reserve what they were offered, for
// the role it was offered to, and operators what is offered to nobody.
func (a Asker) allocation(x resources.Resource) error {
	role, allocated := x.AllocationRole()
	switch {
	case a.Framework == nil && allocated:
		return refuse("resource %s is allocated, and operators reserve only what is not", x)
	case a.Framework == nil:
		return nil
	case !allocated:
		return refuse("resource %s is allocated to no role", x)
	case role != x.ReservationRole():
		return refuse("resource %s is for role %q, but allocated to %q", x, x.ReservationRole(), role)
	case !slices.Contains(Roles(a.Framework), role):
		return refuse("resource %s is allocated to role %q, but the framework has roles %q", x, role, Roles(a.Framework))
	}
	return nil
}

func unreserve(op *mesospb.Offer_Operation_Unreserve) error {
	r, err := operands(op.GetResources())
	if err != nil {
		return err
	}
	for x := range r.All() {
		if err := dynamic(x); err != nil {
			return err
		}
		if x.IsPersistentVolume() {
			return refuse("resource %s is a persistent volume: destroy it first", x)
		}
	}
	return nil
}
