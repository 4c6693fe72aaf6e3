package master

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Frameworks were written against different ages of the API, and say with their capabilities how much they understand. Inside
// there is only the newest way to speak of resources; this file has the older ones.

// forFramework is an offer as its framework understands it. One with a single role does not expect to be told which, and
// breaks on it; one from before reservation refinement looks for role and reservation. The offer itself is the readers', and
// stays as it is.
func forFramework(o *mesospb.Offer, can abilities) *mesospb.Offer {
	if can.multiRole && can.refinement {
		return o
	}
	told := &mesospb.Offer{
		Id: o.Id, FrameworkId: o.FrameworkId, AgentId: o.AgentId, Hostname: o.Hostname, Url: o.Url, Domain: o.Domain,
		Attributes: o.Attributes, ExecutorIds: o.ExecutorIds, Unavailability: o.Unavailability,
		Resources: resourcesFor(o.Resources, can),
	}
	if can.multiRole {
		told.AllocationInfo = o.AllocationInfo
	}
	return told
}

// resourcesFor are copies of resources as a framework understands them. Refined reservations, which the old format has
// no words for, stay what they are: the allocator offers none to such a framework, but the task of one that was
// downgraded may still hold them.
func resourcesFor(list []*mesospb.Resource, can abilities) []*mesospb.Resource {
	told := make([]*mesospb.Resource, len(list))
	for i, r := range list {
		c := &mesospb.Resource{
			ProviderId: r.ProviderId, Name: r.Name, Type: r.Type, Scalar: r.Scalar, Ranges: r.Ranges, Set: r.Set, Role: r.Role,
			Reservation: r.Reservation, Reservations: r.Reservations, Disk: r.Disk, Revocable: r.Revocable, Shared: r.Shared,
		}
		if can.multiRole {
			c.AllocationInfo = r.AllocationInfo
		}
		if !can.refinement {
			_ = resources.Convert(c, resources.Unrefined)
		}
		told[i] = c
	}
	return told
}
