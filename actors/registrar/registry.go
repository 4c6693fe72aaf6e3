package registrar

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
)

// Registry is what survives a master. Its records are replaced, never changed, so a copy of the maps is a
// snapshot.
type Registry struct {
	// Cluster holds the master that leads, its epoch, and what a master must be capable of.
	Cluster *controlpb.ClusterRecord

	Admitted    map[string]*controlpb.AdmittedAgent    // by agent id
	Unreachable map[string]*controlpb.UnreachableAgent // by agent id
	Gone        map[string]*controlpb.GoneAgent        // by agent id
	Quota       map[string]*quotapb.QuotaConfig        // by role
	Weights     map[string]*mesospb.WeightInfo         // by role
	Machines    map[string]*mesospb.MachineInfo        // by MachineName
	// Schedule is nil until one is posted.
	Schedule *maintenancepb.Schedule
}

func newRegistry() *Registry {
	return &Registry{
		Cluster:     &controlpb.ClusterRecord{},
		Admitted:    map[string]*controlpb.AdmittedAgent{},
		Unreachable: map[string]*controlpb.UnreachableAgent{},
		Gone:        map[string]*controlpb.GoneAgent{},
		Quota:       map[string]*quotapb.QuotaConfig{},
		Weights:     map[string]*mesospb.WeightInfo{},
		Machines:    map[string]*mesospb.MachineInfo{},
	}
}

// snapshot shares the records.
func (r *Registry) snapshot() *Registry {
	return &Registry{
		Cluster:     r.Cluster,
		Admitted:    maps.Clone(r.Admitted),
		Unreachable: maps.Clone(r.Unreachable),
		Gone:        maps.Clone(r.Gone),
		Quota:       maps.Clone(r.Quota),
		Weights:     maps.Clone(r.Weights),
		Machines:    maps.Clone(r.Machines),
		Schedule:    r.Schedule,
	}
}

// capabilities are what a master must be capable of to read this registry: it is told by the content, so it
// cannot go stale.
func (r *Registry) capabilities() (names []string) {
	if r.anyDeactivated() {
		names = append(names, mesospb.MasterInfo_Capability_AGENT_DRAINING.String())
	}
	if len(r.Quota) > 0 {
		names = append(names, mesospb.MasterInfo_Capability_QUOTA_V2.String())
	}
	return names
}

func (r *Registry) anyDeactivated() bool {
	for _, a := range r.Admitted {
		if a.GetDeactivated() {
			return true
		}
	}
	for _, a := range r.Unreachable {
		if a.GetDeactivated() {
			return true
		}
	}
	return false
}

// missing returns the capabilities that the registry asks for and the master does not have.
func missing(required []string, info *mesospb.MasterInfo) (names []string) {
	for _, name := range required {
		has := slices.ContainsFunc(info.GetCapabilities(), func(c *mesospb.MasterInfo_Capability) bool {
			return c.GetType().String() == name
		})
		if !has {
			names = append(names, name)
		}
	}
	return names
}

// MachineName is the key of a machine: its host name in lower case and its ip, as Mesos compares them.
func MachineName(id *mesospb.MachineID) string { return lower(id.GetHostname()) + "|" + id.GetIp() }

// lower folds ASCII only, which is what host names are made of.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func equal(a, b proto.Message) bool { return proto.Equal(a, b) }
