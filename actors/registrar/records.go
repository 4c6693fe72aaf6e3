package registrar

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
)

// version is the form in which records are written, and the newest that can be read.
const version = 1

// The keys, one folder for each kind, so that a person who looks into the store finds his way.
const (
	clusterKey  = "meta"
	scheduleKey = "maintenance"

	admittedKey    = "agents/"
	unreachableKey = "unreachable/"
	goneKey        = "gone/"
	quotaKey       = "quota/"
	weightKey      = "weight/"
	machineKey     = "machine/"
)

// encode writes one record. Equal records have equal bytes, so that two runs of one seed write the same.
func encode(record *controlpb.RegistryRecord) ([]byte, error) {
	record.Version = proto.Uint32(version)
	return proto.MarshalOptions{Deterministic: true}.Marshal(record)
}

// decode reads what Load returned. A record that cannot be read stops the recovery: to go on without it
// would be to forget an agent that was promised to be remembered.
func decode(entries []cluster.Entry) (*Registry, error) {
	r := newRegistry()
	for _, e := range entries {
		record := &controlpb.RegistryRecord{}
		if err := proto.Unmarshal(e.Value, record); err != nil {
			return nil, fmt.Errorf("registry key %q cannot be read: %w", e.Key, err)
		}
		if v := record.GetVersion(); v > version {
			return nil, fmt.Errorf("registry key %q has form %d, this master reads up to %d: run the newer master: %w",
				e.Key, v, version, fault.ErrUnsupported)
		}
		if !r.take(e.Key, record) {
			return nil, fmt.Errorf("registry key %q does not hold what its name says: %w", e.Key, fault.ErrUnsupported)
		}
	}
	return r, nil
}

// take stores a record where its key says; false when key and record do not match.
func (r *Registry) take(key string, record *controlpb.RegistryRecord) bool {
	switch v := record.GetRecord().(type) {
	case *controlpb.RegistryRecord_Cluster:
		r.Cluster = v.Cluster
		return key == clusterKey
	case *controlpb.RegistryRecord_Schedule:
		r.Schedule = v.Schedule
		return key == scheduleKey
	case *controlpb.RegistryRecord_Admitted:
		return put(r.Admitted, key, admittedKey, v.Admitted.GetAgent().GetId().GetValue(), v.Admitted)
	case *controlpb.RegistryRecord_Unreachable:
		return put(r.Unreachable, key, unreachableKey, v.Unreachable.GetAgentId().GetValue(), v.Unreachable)
	case *controlpb.RegistryRecord_Gone:
		return put(r.Gone, key, goneKey, v.Gone.GetAgentId().GetValue(), v.Gone)
	case *controlpb.RegistryRecord_Quota:
		return put(r.Quota, key, quotaKey, v.Quota.GetRole(), v.Quota)
	case *controlpb.RegistryRecord_Weight:
		return put(r.Weights, key, weightKey, v.Weight.GetRole(), v.Weight)
	case *controlpb.RegistryRecord_Machine:
		return put(r.Machines, key, machineKey, MachineName(v.Machine.GetId()), v.Machine)
	}
	return false
}

func put[V any](m map[string]V, key, folder, id string, v V) bool {
	m[id] = v
	name, ok := strings.CutPrefix(key, folder)
	return ok && name == id && id != ""
}
