package agent

import (
	"fmt"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
)

const (
	noNested     = "containers inside an executor's container need an agent with a containerizer that nests them"
	noStandalone = "containers of an operator, beside those of executors, need an agent that starts them"
	noTerminal   = "a container's input and output can only be reached through an I/O switchboard, which this agent does not start"
	noProviders  = "this agent has no resource providers: it offers its own resources only"
)

// missing says why a call of the operator API is not answered. What is not here is.
var missing = map[agentpb.Call_Type]string{
	agentpb.Call_UNKNOWN:                         "UNKNOWN is no call",
	agentpb.Call_LAUNCH_NESTED_CONTAINER:         noNested,
	agentpb.Call_WAIT_NESTED_CONTAINER:           noNested,
	agentpb.Call_KILL_NESTED_CONTAINER:           noNested,
	agentpb.Call_REMOVE_NESTED_CONTAINER:         noNested,
	agentpb.Call_LAUNCH_NESTED_CONTAINER_SESSION: noNested,
	agentpb.Call_ATTACH_CONTAINER_INPUT:          noTerminal,
	agentpb.Call_ATTACH_CONTAINER_OUTPUT:         noTerminal,
	agentpb.Call_LAUNCH_CONTAINER:                noStandalone,
	agentpb.Call_WAIT_CONTAINER:                  noStandalone,
	agentpb.Call_KILL_CONTAINER:                  noStandalone,
	agentpb.Call_REMOVE_CONTAINER:                noStandalone,
	agentpb.Call_ADD_RESOURCE_PROVIDER_CONFIG:    noProviders,
	agentpb.Call_UPDATE_RESOURCE_PROVIDER_CONFIG: noProviders,
	agentpb.Call_REMOVE_RESOURCE_PROVIDER_CONFIG: noProviders,
	agentpb.Call_MARK_RESOURCE_PROVIDER_GONE:     noProviders,
}

// Missing says what a call of the operator API lacks to be answered; "" for one that is answered.
func Missing(t agentpb.Call_Type) string {
	if agentpb.Call_Type_name[int32(t)] == "" {
		return "this agent is older than the call"
	}
	return missing[t]
}

// unsupported is the refusal of a call that is not answered.
func unsupported(t agentpb.Call_Type) error {
	return fmt.Errorf("%s is not supported: %s: %w", t, Missing(t), fault.ErrUnsupported)
}
