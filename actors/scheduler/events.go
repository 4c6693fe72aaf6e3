package scheduler

import (
	"errors"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// event is everything that a master says. What comes from another master, or between two subscriptions, speaks of
// offers and tasks as they were, so it is dropped.
func (d *Driver) event(from process.UPID, e *schedulerpb.Event) {
	if d.state == stopped || from != d.master {
		return
	}
	d.heard = d.Now()
	if o, ok := d.scheduler.(Observer); ok {
		o.Observed(d, e)
	}
	switch e.GetType() {
	case schedulerpb.Event_SUBSCRIBED:
		d.subscribed(e.GetSubscribed())
		return
	case schedulerpb.Event_ERROR:
		d.fail(e.GetError().GetMessage())
		return
	}
	if d.state != subscribed || d.tearing {
		return
	}
	d.tell(e)
}

// tell hands an event of the current subscription to the framework.
func (d *Driver) tell(e *schedulerpb.Event) {
	switch e.GetType() {
	case schedulerpb.Event_OFFERS:
		d.scheduler.Offers(d, e.GetOffers().GetOffers())
	case schedulerpb.Event_RESCIND:
		if s, ok := d.scheduler.(Rescinder); ok {
			s.Rescinded(d, e.GetRescind().GetOfferId())
		}
	case schedulerpb.Event_UPDATE:
		d.update(e.GetUpdate().GetStatus())
	case schedulerpb.Event_UPDATE_OPERATION_STATUS:
		d.operationUpdate(e.GetUpdateOperationStatus().GetStatus())
	case schedulerpb.Event_MESSAGE:
		if s, ok := d.scheduler.(Messenger); ok {
			m := e.GetMessage()
			s.Message(d, m.GetAgentId(), m.GetExecutorId(), m.GetData())
		}
	case schedulerpb.Event_FAILURE:
		d.failure(e.GetFailure())
	case schedulerpb.Event_INVERSE_OFFERS:
		d.inverseOffers(e.GetInverseOffers().GetInverseOffers())
	case schedulerpb.Event_RESCIND_INVERSE_OFFER:
		if s, ok := d.scheduler.(InverseOfferer); ok {
			s.InverseOfferRescinded(d, e.GetRescindInverseOffer().GetInverseOfferId())
		}
	}
	// HEARTBEAT was noted on arrival. Types of a newer master are nothing that this library could act on.
}

// failure is of an executor if one is named, else of a whole agent.
func (d *Driver) failure(f *schedulerpb.Event_Failure) {
	s, ok := d.scheduler.(Loser)
	switch {
	case !ok:
	case f.GetExecutorId() != nil:
		status := -1
		if f.Status != nil {
			status = int(f.GetStatus())
		}
		s.ExecutorLost(d, f.GetAgentId(), f.GetExecutorId(), status)
	default:
		s.AgentLost(d, f.GetAgentId())
	}
}

// inverseOffers are declined for a framework that does not know them, so that the operator is not kept waiting.
func (d *Driver) inverseOffers(offers []*mesospb.InverseOffer) {
	if s, ok := d.scheduler.(InverseOfferer); ok {
		s.InverseOffers(d, offers)
		return
	}
	var ids []*mesospb.OfferID
	for _, o := range offers {
		ids = append(ids, o.GetId())
	}
	d.DeclineInverseOffers(nil, ids...)
}

// fail ends the framework for a reason of the master's. It is the last thing the framework hears.
func (d *Driver) fail(reason string) {
	d.err = errors.New(reason)
	d.state = stopped
	if s, ok := d.scheduler.(Failer); ok {
		s.Failed(d, reason)
	} else {
		d.Log().Error("the master refuses the framework", "reason", reason)
	}
	d.Terminate()
}
