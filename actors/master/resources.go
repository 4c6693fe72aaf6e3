package master

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// operatorOperation is what a call of an operator does to the resources of an agent.
func operatorOperation(c *masterpb.Call) (agent *mesospb.AgentID, op *mesospb.Offer_Operation) {
	op = &mesospb.Offer_Operation{}
	switch c.GetType() {
	case masterpb.Call_RESERVE_RESOURCES:
		r := c.GetReserveResources()
		op.Type, op.Reserve = mesospb.Offer_Operation_RESERVE.Enum(), &mesospb.Offer_Operation_Reserve{Source: r.GetSource(), Resources: r.GetResources()}
		return r.GetAgentId(), op
	case masterpb.Call_UNRESERVE_RESOURCES:
		r := c.GetUnreserveResources()
		op.Type, op.Unreserve = mesospb.Offer_Operation_UNRESERVE.Enum(), &mesospb.Offer_Operation_Unreserve{Resources: r.GetResources()}
		return r.GetAgentId(), op
	case masterpb.Call_CREATE_VOLUMES:
		r := c.GetCreateVolumes()
		op.Type, op.Create = mesospb.Offer_Operation_CREATE.Enum(), &mesospb.Offer_Operation_Create{Volumes: r.GetVolumes()}
		return r.GetAgentId(), op
	case masterpb.Call_DESTROY_VOLUMES:
		r := c.GetDestroyVolumes()
		op.Type, op.Destroy = mesospb.Offer_Operation_DESTROY.Enum(), &mesospb.Offer_Operation_Destroy{Volumes: r.GetVolumes()}
		return r.GetAgentId(), op
	case masterpb.Call_GROW_VOLUME:
		r := c.GetGrowVolume()
		op.Type, op.GrowVolume = mesospb.Offer_Operation_GROW_VOLUME.Enum(), &mesospb.Offer_Operation_GrowVolume{Volume: r.GetVolume(), Addition: r.GetAddition()}
		return r.GetAgentId(), op
	}
	r := c.GetShrinkVolume()
	op.Type, op.ShrinkVolume = mesospb.Offer_Operation_SHRINK_VOLUME.Enum(), &mesospb.Offer_Operation_ShrinkVolume{Volume: r.GetVolume(), Subtract: r.GetSubtract()}
	return r.GetAgentId(), op
}

// changeResources carries out an operation of an operator on what is free on an agent. What is on offer is taken back
// as far as it is needed.
func (m *Master) changeResources(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	id, op := operatorOperation(proto.CloneOf(c))
	resources.Refine(op)
	if err := m.changeResourcesOf(id.GetValue(), who, op); err != nil {
		return process.Failed[struct{}](err)
	}
	return process.Ready(struct{}{})
}

func (m *Master) changeResourcesOf(id string, who authorization.Subject, op *mesospb.Offer_Operation) error {
	a := m.agents.registered[id]
	if a == nil {
		return say(fault.ErrInvalid, "No agent found with specified ID")
	}
	err := validation.Operation(op, asker(a, nil, who.Principal))
	var conversions []resources.Conversion
	if err == nil {
		conversions, err = resources.Conversions(op)
	}
	if err != nil {
		return say(fault.ErrInvalid, "Invalid %s operation on agent %s at %s (%s): %s", op.GetType(), a.id, a.pid, a.info.GetHostname(), err)
	}
	if err := m.mayOperate(who, op); err != nil {
		return err
	}
	if !a.connected {
		return say(fault.ErrConflict, "agent %s is disconnected: try again when it is back", a.id)
	}
	if len(a.operations) >= maxOperations {
		return say(fault.ErrUnavailable, "agent %s has yet to answer %d operations", a.id, len(a.operations))
	}
	m.takeBackFor(a, conversions)
	if err := fits(a.free(), conversions); err != nil {
		return err
	}
	total, err := a.total.Apply(op)
	if err != nil {
		return say(fault.ErrConflict, "%s", err)
	}
	m.setTotal(a, total)
	m.allocator.UpdateAgent(a.id, m.share(a))
	m.operateOn(a, nil, op)
	return nil
}

// takeBackFor rescinds offers until what is to be converted is free, those that help only.
func (m *Master) takeBackFor(a *agent, conversions []resources.Conversion) {
	for _, o := range sortedOffers(a.offers) {
		if fits(a.free(), conversions) == nil {
			return
		}
		var wanted resources.Resources
		for _, c := range conversions {
			wanted = wanted.Add(c.Consumed)
		}
		if !wanted.Subtract(o.resources.Unallocate()).Equal(wanted) {
			m.endOffer(o, nil, true)
		}
	}
}
