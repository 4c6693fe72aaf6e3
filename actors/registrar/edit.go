package registrar

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
)

// Edit is a batch of operations in the making: the registry as it will be, and the changes that lead there.
type Edit struct {
	*Registry
	changes []cluster.Change
	bytes   int
	err     error
}

func (e *Edit) set(key string, record *controlpb.RegistryRecord) {
	value, err := encode(record)
	if err != nil && e.err == nil {
		e.err = err
	}
	e.changes = append(e.changes, cluster.Change{Key: key, Value: value})
	e.bytes += len(key) + len(value)
}

func (e *Edit) del(key string) {
	e.changes = append(e.changes, cluster.Change{Key: key})
	e.bytes += len(key)
}

func (e *Edit) setCluster(c *controlpb.ClusterRecord) {
	e.Cluster = c
	e.set(clusterKey, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Cluster{Cluster: c}})
}

// requireCapabilities writes what a master must be capable of now, if that has changed.
func (e *Edit) requireCapabilities() {
	names := e.capabilities()
	if slices.Equal(names, e.Cluster.GetMinimumCapabilities()) {
		return
	}
	c := proto.CloneOf(e.Cluster)
	c.MinimumCapabilities = names
	e.setCluster(c)
}

func (e *Edit) admit(a *controlpb.AdmittedAgent) {
	id := a.GetAgent().GetId().GetValue()
	e.Admitted[id] = a
	e.set(admittedKey+id, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Admitted{Admitted: a}})
}

func (e *Edit) discharge(id string) {
	delete(e.Admitted, id)
	e.del(admittedKey + id)
}

func (e *Edit) miss(a *controlpb.UnreachableAgent) {
	id := a.GetAgentId().GetValue()
	e.Unreachable[id] = a
	e.set(unreachableKey+id, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Unreachable{Unreachable: a}})
}

func (e *Edit) unmiss(id string) {
	delete(e.Unreachable, id)
	e.del(unreachableKey + id)
}

func (e *Edit) lose(a *controlpb.GoneAgent) {
	id := a.GetAgentId().GetValue()
	e.Gone[id] = a
	e.set(goneKey+id, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Gone{Gone: a}})
}

func (e *Edit) forgetGone(id string) {
	delete(e.Gone, id)
	e.del(goneKey + id)
}

func (e *Edit) setQuota(q *quotapb.QuotaConfig) {
	e.Quota[q.GetRole()] = q
	e.set(quotaKey+q.GetRole(), &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Quota{Quota: q}})
}

func (e *Edit) dropQuota(role string) {
	if _, ok := e.Quota[role]; ok {
		delete(e.Quota, role)
		e.del(quotaKey + role)
	}
}

func (e *Edit) setWeight(w *mesospb.WeightInfo) {
	e.Weights[w.GetRole()] = w
	e.set(weightKey+w.GetRole(), &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Weight{Weight: w}})
}

func (e *Edit) setMachine(m *mesospb.MachineInfo) {
	name := MachineName(m.GetId())
	e.Machines[name] = m
	e.set(machineKey+name, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Machine{Machine: m}})
}

func (e *Edit) dropMachine(name string) {
	delete(e.Machines, name)
	e.del(machineKey + name)
}

func (e *Edit) setSchedule(s *maintenancepb.Schedule) {
	e.Schedule = s
	if s == nil {
		e.del(scheduleKey)
		return
	}
	e.set(scheduleKey, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Schedule{Schedule: s}})
}
