package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	saved "github.com/meseta-io/meseta/cluster/snapshot"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// contentsOf is what a snapshot holds, as it is shown and as -o json prints it.
type contentsOf struct {
	saved.Header
	Checksum     string         `json:"sha256"`
	Leader       string         `json:"leader,omitempty"`
	Capabilities []string       `json:"minimum_capabilities,omitempty"`
	Counts       map[string]int `json:"counts"`
	Agents       []keptAgent    `json:"agents"`
	Quotas       []string       `json:"quotas,omitempty"`
	Weights      []string       `json:"weights,omitempty"`
	Machines     []string       `json:"machines,omitempty"`
	Windows      int            `json:"maintenance_windows"`
	// Unknown are keys of which this meseta does not know what they hold.
	Unknown []string `json:"unknown,omitempty"`
}

// keptAgent is an agent that masters remember.
type keptAgent struct {
	ID    string `json:"id"`
	Host  string `json:"host,omitempty"`
	State string `json:"state"`
	Since string `json:"since,omitempty"`
}

// contents reads the records. What cannot be read is shown as unknown: to look into a file is to find that out.
func contents(s *saved.Snapshot) (*contentsOf, error) {
	r := &contentsOf{Header: s.Header, Checksum: s.Checksum, Counts: map[string]int{}, Agents: []keptAgent{}}
	for _, e := range s.Entries {
		r.take(e)
	}
	sortedBy(r.Agents, func(one keptAgent) string { return one.ID })
	return r, nil
}

func (r *contentsOf) take(e cluster.Entry) {
	kind, _, _ := strings.Cut(e.Key, "/")
	r.Counts[kind]++
	record := &controlpb.RegistryRecord{}
	if err := proto.Unmarshal(e.Value, record); err != nil {
		r.Unknown = append(r.Unknown, e.Key)
		return
	}
	switch v := record.GetRecord().(type) {
	case *controlpb.RegistryRecord_Admitted:
		agent := v.Admitted
		state := "admitted"
		switch {
		case agent.GetDrainInfo() != nil:
			state = "draining"
		case agent.GetDeactivated():
			state = "deactivated"
		}
		r.Agents = append(r.Agents, keptAgent{agent.GetAgent().GetId().GetValue(), agent.GetAgent().GetHostname(), state, ""})
	case *controlpb.RegistryRecord_Unreachable:
		r.Agents = append(r.Agents, keptAgent{v.Unreachable.GetAgentId().GetValue(), "", "unreachable", dateText(v.Unreachable.GetSince())})
	case *controlpb.RegistryRecord_Gone:
		r.Agents = append(r.Agents, keptAgent{v.Gone.GetAgentId().GetValue(), "", "gone", dateText(v.Gone.GetSince())})
	case *controlpb.RegistryRecord_Cluster:
		r.Leader, r.Capabilities = v.Cluster.GetMaster().GetPid(), v.Cluster.GetMinimumCapabilities()
	case *controlpb.RegistryRecord_Quota:
		r.Quotas = append(r.Quotas, fmt.Sprintf("%s: guarantees %s, limits %s", v.Quota.GetRole(), scalarsText(v.Quota.GetGuarantees()), scalarsText(v.Quota.GetLimits())))
	case *controlpb.RegistryRecord_Weight:
		r.Weights = append(r.Weights, v.Weight.GetRole()+": "+number(v.Weight.GetWeight()))
	case *controlpb.RegistryRecord_Machine:
		id := v.Machine.GetId()
		r.Machines = append(r.Machines, strings.TrimSpace(id.GetHostname()+" "+id.GetIp())+": "+strings.ToLower(v.Machine.GetMode().String()))
	case *controlpb.RegistryRecord_Schedule:
		r.Windows = len(v.Schedule.GetWindows())
	default:
		r.Unknown = append(r.Unknown, e.Key)
	}
}

func dateText(t *mesospb.TimeInfo) string {
	return time.Unix(0, t.GetNanoseconds()).Format(time.DateTime)
}

// scalarsText are amounts by name, on one line.
func scalarsText(amounts map[string]*mesospb.Value_Scalar) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(amounts)) {
		parts = append(parts, name+":"+number(amounts[name].GetValue()))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}
