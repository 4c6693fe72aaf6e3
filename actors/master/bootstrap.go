package master

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/roles"
)

// parseWeights reads "role=weight,role=weight".
func parseWeights(text string) ([]*mesospb.WeightInfo, error) {
	var all []*mesospb.WeightInfo
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(text, ",") {
		if pair == "" {
			continue
		}
		role, number, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not role=weight: %w", pair, fault.ErrInvalid)
		}
		if err := roles.Validate(role); err != nil {
			return nil, err
		}
		weight, err := strconv.ParseFloat(number, 64)
		if err != nil || !(weight > 0) || weight > maxWeight {
			return nil, fmt.Errorf("the weight of %s is %q: a positive number expected: %w", role, number, fault.ErrInvalid)
		}
		if seen[role] {
			return nil, fmt.Errorf("the role %s has two weights: %w", role, fault.ErrInvalid)
		}
		seen[role] = true
		all = append(all, &mesospb.WeightInfo{Role: proto.String(role), Weight: proto.Float64(weight)})
	}
	return all, nil
}

// bootstrapWeights writes the weights of the flag, if nobody has ever set one. Afterwards only operators change them,
// or every restart would undo what they did.
func (m *Master) bootstrapWeights() {
	infos, _ := parseWeights(m.config.Weights) // checked by Validate
	switch {
	case len(infos) == 0:
		return
	case len(m.weights) > 0:
		m.Log().Warn("--weights is ignored: the registry has weights, which operators change with UPDATE_WEIGHTS or PUT /weights")
		return
	}
	written := m.durable(registrar.UpdateWeights(infos), func() error {
		m.weigh(infos)
		return nil
	})
	process.Then(m.Base, written, func(_ struct{}, err error) {
		if err != nil {
			m.Log().Warn("the weights of --weights were not written", "error", err)
		}
	})
}

// misplaced says why an agent may not join from where it is: a master that does not know where it is itself cannot tell
// what is remote.
func (m *Master) misplaced(info *mesospb.AgentInfo) error {
	switch {
	case info.GetDomain() != nil && m.config.Domain == nil:
		return fmt.Errorf("the agent has a --domain and the master has none; give it one: %w", fault.ErrInvalid)
	case info.GetDomain() == nil && m.config.RequireAgentDomain:
		return fmt.Errorf("the agent has no --domain, and this master requires one: %w", fault.ErrInvalid)
	}
	return nil
}
