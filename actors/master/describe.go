package master

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

func describeAgent(a *agent) *masterpb.Response_GetAgents_Agent {
	if a.totalpb == nil {
		a.totalpb = shown(a.total.Proto())
	}
	pb := &masterpb.Response_GetAgents_Agent{
		AgentInfo: a.info, Active: proto.Bool(a.sound()), Deactivated: proto.Bool(a.deactivated),
		Version: proto.String(a.version), Pid: proto.String(a.pid.String()), RegisteredTime: timeInfo(a.registered),
		TotalResources: a.totalpb, AllocatedResources: shown(a.all().Proto()), OfferedResources: shown(a.offered.Proto()),
		Capabilities: a.capabilities, DrainInfo: a.drain,
	}
	if a.drain != nil && !a.drainStart.IsZero() {
		pb.EstimatedDrainStartTime = timeInfo(a.drainStart)
	}
	if !a.reregistered.IsZero() {
		pb.ReregisteredTime = timeInfo(a.reregistered)
	}
	return pb
}

// describePid shows where a framework's actor is, if it is one that others could speak with.
func (d *desk) describePid(f *framework) {
	if f.guest || f.pid.IsZero() {
		d.drafts.Pids.Delete(f.id)
		return
	}
	d.drafts.Pids.Set(f.id, f.pid.String())
}

func describeFramework(f *framework) *masterpb.Response_GetFrameworks_Framework {
	pb := &masterpb.Response_GetFrameworks_Framework{
		FrameworkInfo: f.info, Active: proto.Bool(f.active()), Connected: proto.Bool(f.connected), Recovered: proto.Bool(f.recovered),
		AllocatedResources: shown(f.used.Proto()), OfferedResources: shown(f.offered.Proto()), OfferConstraints: f.constraints,
	}
	if pb.OfferConstraints == nil {
		pb.OfferConstraints = &schedulerpb.OfferConstraints{} // as Mesos shows that there are none
	}
	for _, set := range []struct {
		at    time.Time
		field **mesospb.TimeInfo
	}{{f.registered, &pb.RegisteredTime}, {f.reregistered, &pb.ReregisteredTime}, {f.unregistered, &pb.UnregisteredTime}} {
		if !set.at.IsZero() {
			*set.field = timeInfo(set.at)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(f.offers)) {
		pb.Offers = append(pb.Offers, f.offers[id].pb)
	}
	for _, id := range slices.Sorted(maps.Keys(f.inverse)) {
		pb.InverseOffers = append(pb.InverseOffers, f.inverse[id].pb)
	}
	return pb
}

// shown puts fresh resources into the format in which operators see them: one that is not reserved more than once has
// the role, and the reservation, of the time before reservations could be refined.
func shown(list []*mesospb.Resource) []*mesospb.Resource {
	for _, r := range list {
		switch reservations := r.GetReservations(); len(reservations) {
		case 0:
			r.Role = proto.String("*")
		case 1:
			r.Role = reservations[0].Role
			if reservations[0].GetType() == mesospb.Resource_ReservationInfo_DYNAMIC {
				r.Reservation = &mesospb.Resource_ReservationInfo{Principal: reservations[0].Principal, Labels: reservations[0].Labels}
			}
		}
	}
	return list
}
