package master

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/operations"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// convert carries out an operation of a framework on what is left of its offers. The next one works on what it made.
func (m *Master) convert(s *spending, asked *mesospb.Offer_Operation) {
	f, a := s.framework, s.agent
	op := proto.CloneOf(asked)
	operations.Allocate(op, s.role)
	resources.Refine(op)
	conversions, err := m.convertible(s, op)
	if err != nil {
		m.dropOperation(s, op, err)
		return
	}
	total, err := a.total.Apply(unallocated(op))
	if err != nil {
		m.dropOperation(s, op, at(a, err))
		return
	}
	for _, c := range conversions {
		m.withdrawShared(a, c)
		s.left = s.left.Subtract(c.Consumed)
		s.shared = s.shared.Subtract(c.Consumed.Shared()).Add(c.Converted.Shared())
		if resizes(op) {
			// As in Mesos it is there with the next offer, when it is sure that the agent did it.
			s.later = s.later.Add(c.Converted)
			continue
		}
		s.left = s.left.Add(c.Converted)
	}
	m.setTotal(a, total)
	m.allocator.UpdateAllocation(f.id, a.id, conversions)
	m.operateOn(a, f, op)
}

// convertible says what an operation makes of the offered resources, or why it may not.
func (m *Master) convertible(s *spending, op *mesospb.Offer_Operation) ([]resources.Conversion, error) {
	f, a := s.framework, s.agent
	if err := m.feedback(f, a, op); err != nil {
		return nil, err
	}
	if err := m.mayOperate(f.subject(), op); err != nil {
		return nil, err
	}
	if len(op.GetReserve().GetSource()) > 0 {
		return nil, at(a, say(fault.ErrUnsupported, "a reservation with a source can only be made by an operator"))
	}
	if err := validation.Operation(op, asker(a, f, f.info.GetPrincipal())); err != nil {
		return nil, at(a, err)
	}
	conversions, err := resources.Conversions(op)
	if err != nil {
		return nil, at(a, err)
	}
	if err := fits(s.left, conversions); err != nil {
		return nil, err
	}
	if _, err := s.left.Convert(conversions...); err != nil {
		return nil, at(a, err)
	}
	return conversions, nil
}

// fits reports, in Mesos' words, what is not there to be converted.
func fits(rs resources.Resources, conversions []resources.Conversion) error {
	nothing := func(c resources.Conversion) bool { return c.Consumed.IsEmpty() }
	if len(conversions) == 0 || slices.ContainsFunc(conversions, nothing) {
		return say(fault.ErrInvalid, "an operation on nothing: name amounts above 0")
	}
	for _, c := range conversions {
		if !rs.Contains(c.Consumed) {
			return say(fault.ErrConflict, "%s does not contain %s", rs, c.Consumed)
		}
		rs = rs.Subtract(c.Consumed).Add(c.Converted)
	}
	return nil
}

// feedback says why a framework cannot be told what becomes of an operation, if it wants to be.
func (m *Master) feedback(f *framework, a *agent, op *mesospb.Offer_Operation) error {
	if op.Id == nil {
		return nil
	}
	id := op.GetId().GetValue()
	switch {
	case validation.ID(id) != nil:
		return say(fault.ErrInvalid, "operation id %q: %s", id, validation.ID(id))
	case f.operations[id] != nil:
		return say(fault.ErrInvalid, "another operation has the id %q and is not acknowledged", id)
	case !capabilities.OfAgent(a.capabilities).Has(mesospb.AgentInfo_Capability_AGENT_OPERATION_FEEDBACK):
		return at(a, say(fault.ErrUnsupported, "operation feedback was asked for, but the agent does not have the capability AGENT_OPERATION_FEEDBACK"))
	case len(a.operations) >= maxOperations:
		return at(a, say(fault.ErrUnavailable, "%d operations are not acknowledged: acknowledge some first", len(a.operations)))
	}
	return nil
}

// asker is what validation has to know of who asks, and of the agent.
func asker(a *agent, f *framework, principal string) validation.Asker {
	by := validation.Asker{Principal: principal, Capabilities: a.capabilities, Checkpointed: a.total.Filter(resources.Resource.NeedsCheckpoint)}
	if f != nil {
		by.Framework = f.info
	}
	for _, id := range slices.Sorted(maps.Keys(a.used)) {
		by.Used = append(by.Used, a.used[id])
	}
	return by
}

// withdrawShared rescinds the offers that have a shared volume which is about to be destroyed. What is used of it
// validation has found.
func (m *Master) withdrawShared(a *agent, c resources.Conversion) {
	gone := c.Consumed.Shared().Unallocate()
	if gone.IsEmpty() || c.Converted.Unallocate().Contains(gone) {
		return
	}
	for _, o := range sortedOffers(a.offers) {
		if o.resources.Unallocate().Contains(gone) {
			m.endOffer(o, nil, true)
		}
	}
}

// lend gives a task its own copy of the shared volumes that it wants and that others have already. The allocator has to
// know how many there are.
func (m *Master) lend(s *spending, t *mesospb.TaskInfo) {
	for _, list := range [][]*mesospb.Resource{t.GetResources(), t.GetExecutor().GetResources()} {
		for x := range resources.FromValid(list).Shared().All() {
			copied := resources.Of(x)
			if s.left.Contains(copied) || !s.shared.Contains(copied) {
				continue
			}
			s.left = s.left.Add(copied)
			m.allocator.UpdateAllocation(s.framework.id, s.agent.id, []resources.Conversion{{Converted: copied}})
		}
	}
}

// resizes reports whether an operation changes the size of a volume.
func resizes(op *mesospb.Offer_Operation) bool {
	return op.GetType() == mesospb.Offer_Operation_GROW_VOLUME || op.GetType() == mesospb.Offer_Operation_SHRINK_VOLUME
}

// reservations are the steps of a reservation: with a source, everything is given back that the two do not have in
// common, and then reserved anew.
func reservations(op *mesospb.Offer_Operation_Reserve) (asks []ask) {
	if len(op.GetSource()) == 0 {
		return about(authorization.ReserveResources, op.GetResources())
	}
	from, err1 := resources.FromProto(op.GetSource())
	to, err2 := resources.FromProto(op.GetResources())
	if err1 != nil || err2 != nil {
		return nil // validation says what is wrong
	}
	common := depth(from.ReservationAncestor(to))
	for n := depth(from); n > common; n-- {
		asks = append(asks, about(authorization.UnreserveResources, from.Proto())...)
		from, _ = from.PopReservation()
	}
	var stages []resources.Resources
	for n := depth(to); n > common; n-- {
		stages = append(stages, to)
		to, _ = to.PopReservation()
	}
	for _, stage := range slices.Backward(stages) {
		asks = append(asks, about(authorization.ReserveResources, stage.Proto())...)
	}
	return asks
}

// depth is how often resources that are reserved alike are reserved.
func depth(rs resources.Resources) int {
	for x := range rs.All() {
		return len(x.Reservations())
	}
	return 0
}
