package validation

import (
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/resources"
)

// MasterCall checks a call of the master's API.
func MasterCall(c *masterpb.Call) error {
	if c.Type == nil {
		return refuse("call has no type")
	}
	kind := c.GetType().String()
	if err := body(c, kind); err != nil {
		return err
	}
	var err error
	switch c.GetType() {
	case masterpb.Call_RESERVE_RESOURCES:
		err = resources.Validate(c.GetReserveResources().GetResources())
	case masterpb.Call_UNRESERVE_RESOURCES:
		err = resources.Validate(c.GetUnreserveResources().GetResources())
	case masterpb.Call_GROW_VOLUME:
		if c.GetGrowVolume().AgentId == nil {
			err = refuse("set agent_id: only volumes of agents can be resized")
		}
	case masterpb.Call_SHRINK_VOLUME:
		if c.GetShrinkVolume().AgentId == nil {
			err = refuse("set agent_id: only volumes of agents can be resized")
		}
	}
	return in(err, "call %s", kind)
}
