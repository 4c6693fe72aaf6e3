package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/resources"
)

// leader is the first question of `run`, so it is here that an absent master is reported. The master's own name for
// itself is what its messages come from.
func leader(ctx context.Context, c *api.Client, address string) (process.UPID, error) {
	r, err := c.Master(ctx, &masterpb.Call{Type: masterpb.Call_GET_MASTER.Enum()})
	if err != nil {
		return process.UPID{}, masterError(address, err)
	}
	if u, err := process.ParseUPID(r.GetGetMaster().GetMasterInfo().GetPid()); err == nil {
		return u, nil
	}
	return process.UPID{ID: "master", Addr: address}, nil
}

// masterError says what to do about a master that does not answer.
func masterError(address string, err error) error {
	if u, gone := errors.AsType[*api.Unreachable](err); gone {
		if why := u.Untrusted(); why != nil {
			return fmt.Errorf("the certificate of the master at %s is not to be trusted: %w; --tls_ca names the authority that is", address, why)
		}
		return fmt.Errorf("the master at %s cannot be reached: is it running? Name another with --master=HOST:PORT, "+
			"or start a cluster with: meseta dev", address)
	}
	return fmt.Errorf("master %s: %w", address, err)
}

// activeAgents are those that are offered to frameworks.
func activeAgents(ctx context.Context, c *api.Client) ([]*masterpb.Response_GetAgents_Agent, error) {
	r, err := c.Master(ctx, &masterpb.Call{Type: masterpb.Call_GET_AGENTS.Enum()})
	agents := r.GetGetAgents().GetAgents()
	return slices.DeleteFunc(agents, func(a *masterpb.Response_GetAgents_Agent) bool { return !a.GetActive() }), err
}

// whoFits says whether an empty agent could hold what is needed, and describes the one with the most room for the
// role.
func whoFits(agents []*masterpb.Response_GetAgents_Agent, needs resources.Resources, role string) (fits bool, largest string) {
	var most resources.Resources
	for _, agent := range agents {
		total := quantities(agent.GetTotalResources()).AllocatableTo(role)
		if _, ok := total.Find(needs); ok {
			fits = true
		}
		if largest == "" || larger(total, most, needs) {
			most, largest = total, summary(total)+" ("+agent.GetAgentInfo().GetHostname()+")"
		}
	}
	return fits, largest
}

// larger says whether a comes closer to the needs than b: in the resource that both are shortest of.
func larger(a, b, needs resources.Resources) bool {
	return coverage(a, needs) > coverage(b, needs)
}

// coverage is the smallest share of a needed scalar that is there.
func coverage(have, needs resources.Resources) float64 {
	least := 1.0
	for name, want := range needs.ScalarQuantities().All() {
		if got, _ := have.Scalar(name); want > 0 {
			least = min(least, float64(got)/float64(want))
		}
	}
	return least
}
