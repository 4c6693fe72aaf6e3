package legacy

import (
	"strconv"

	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// agentInfo opens an object with what every agent has, also one that has yet to come back.
func agentInfo(b []byte, a *mesospb.AgentInfo) []byte {
	b = str(b, `{"id":`, a.GetId().GetValue())
	b = str(b, `,"hostname":`, a.GetHostname())
	b = strconv.AppendInt(append(b, `,"port":`...), int64(a.GetPort()), 10)
	b = attributes(b, a.GetAttributes())
	if a.Domain != nil {
		b = msg(b, `,"domain":`, a.Domain)
	}
	return b
}

// agent opens the object of a registered one.
func agent(b []byte, a *masterpb.Response_GetAgents_Agent) []byte {
	b = agentInfo(b, a.GetAgentInfo())
	b = str(b, `,"pid":`, a.GetPid())
	b = num(b, `,"registered_time":`, seconds(a.GetRegisteredTime()))
	if a.ReregisteredTime != nil {
		b = num(b, `,"reregistered_time":`, seconds(a.GetReregisteredTime()))
	}
	b = summary(append(b, `,"resources":`...), a.GetTotalResources())
	b = summary(append(b, `,"used_resources":`...), a.GetAllocatedResources())
	b = summary(append(b, `,"offered_resources":`...), a.GetOfferedResources())
	reserved, free := byReservation(a.GetTotalResources())
	b = append(b, `,"reserved_resources":{`...)
	for _, role := range sortedKeys(reserved) {
		b = append(summary(append(wire.AppendString(b, role), ':'), reserved[role]), ',')
	}
	b = append(bare(b), '}')
	b = summary(append(b, `,"unreserved_resources":`...), free)
	b = yes(b, `,"active":`, a.GetActive())
	b = yes(b, `,"deactivated":`, a.GetDeactivated())
	b = str(b, `,"version":`, a.GetVersion())
	b = enums(b, `,"capabilities":`, a.GetCapabilities())
	if a.DrainInfo != nil {
		b = msg(b, `,"drain_info":`, a.DrainInfo)
		if a.EstimatedDrainStartTime != nil {
			b = num(b, `,"estimated_drain_start_time_seconds":`, seconds(a.EstimatedDrainStartTime))
		}
	}
	return b
}

// agentFull adds the very resources.
func agentFull(b []byte, a *masterpb.Response_GetAgents_Agent) []byte {
	reserved, free := byReservation(a.GetTotalResources())
	b = append(b, `,"reserved_resources_full":{`...)
	for _, role := range sortedKeys(reserved) {
		b = append(wire.AppendJSONList(append(wire.AppendString(b, role), ':'), reserved[role]), ',')
	}
	b = append(bare(b), '}')
	b = wire.AppendJSONList(append(b, `,"unreserved_resources_full":`...), free)
	b = wire.AppendJSONList(append(b, `,"used_resources_full":`...), a.GetAllocatedResources())
	return wire.AppendJSONList(append(b, `,"offered_resources_full":`...), a.GetOfferedResources())
}

// byReservation parts resources by the role that they are reserved to.
func byReservation(list []*mesospb.Resource) (reserved map[string][]*mesospb.Resource, free []*mesospb.Resource) {
	for i, r := range list {
		n := len(r.GetReservations())
		switch {
		case n > 0:
			if reserved == nil {
				reserved = map[string][]*mesospb.Resource{}
				free = append([]*mesospb.Resource(nil), list[:i]...)
			}
			role := r.GetReservations()[n-1].GetRole()
			reserved[role] = append(reserved[role], r)
		case reserved != nil:
			free = append(free, r)
		}
	}
	if reserved == nil {
		free = list
	}
	return reserved, free
}
