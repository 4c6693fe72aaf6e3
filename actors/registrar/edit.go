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
	weight  int
	err     error
	// cuts are the places in changes where the batch may be divided if one transaction does not hold it.
	cuts []int
	// undo takes back what the operation at work has done so far.
	undo []func()
}

func (e *Edit) set(key string, record *controlpb.RegistryRecord) {
	value, err := encode(record)
	if err != nil && e.err == nil {
		e.err = err
	}
	e.change(cluster.Change{Key: key, Value: value})
}

func (e *Edit) del(key string) {
	e.change(cluster.Change{Key: key})
}

func (e *Edit) change(c cluster.Change) {
	e.changes = append(e.changes, c)
	e.weight += c.Weight()
}

// keep makes it possible to take back what is about to happen to one entry of a map.
func keep[V any](e *Edit, m map[string]V, key string) {
	old, ok := m[key]
	e.undo = append(e.undo, func() {
		if ok {
			m[key] = old
		} else {
			delete(m, key)
		}
	})
}

func (e *Edit) setCluster(c *controlpb.ClusterRecord) {
	old := e.Cluster
	e.undo = append(e.undo, func() { e.Cluster = old })
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
	keep(e, e.Admitted, id)
	e.Admitted[id] = a
	e.set(admittedKey+id, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Admitted{Admitted: a}})
}

func (e *Edit) discharge(id string) {
	keep(e, e.Admitted, id)
	delete(e.Admitted, id)
	e.del(admittedKey + id)
}

func (e *Edit) miss(a *controlpb.UnreachableAgent) {
	id := a.GetAgentId().GetValue()
	keep(e, e.Unreachable, id)
	e.Unreachable[id] = a
	e.set(unreachableKey+id, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Unreachable{Unreachable: a}})
}

func (e *Edit) unmiss(id string) {
	keep(e, e.Unreachable, id)
	delete(e.Unreachable, id)
	e.del(unreachableKey + id)
}

func (e *Edit) lose(a *controlpb.GoneAgent) {
	id := a.GetAgentId().GetValue()
	keep(e, e.Gone, id)
	e.Gone[id] = a
	e.set(goneKey+id, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Gone{Gone: a}})
}

func (e *Edit) forgetGone(id string) {
	keep(e, e.Gone, id)
	delete(e.Gone, id)
	e.del(goneKey + id)
}

func (e *Edit) setQuota(q *quotapb.QuotaConfig) {
	keep(e, e.Quota, q.GetRole())
	e.Quota[q.GetRole()] = q
	e.set(quotaKey+q.GetRole(), &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Quota{Quota: q}})
}

func (e *Edit) dropQuota(role string) {
	if _, ok := e.Quota[role]; ok {
		keep(e, e.Quota, role)
		delete(e.Quota, role)
		e.del(quotaKey + role)
	}
}

func (e *Edit) setWeight(w *mesospb.WeightInfo) {
	keep(e, e.Weights, w.GetRole())
	e.Weights[w.GetRole()] = w
	e.set(weightKey+w.GetRole(), &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Weight{Weight: w}})
}

func (e *Edit) setMachine(m *mesospb.MachineInfo) {
	name := MachineName(m.GetId())
	keep(e, e.Machines, name)
	e.Machines[name] = m
	e.set(machineKey+name, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Machine{Machine: m}})
}

func (e *Edit) dropMachine(name string) {
	keep(e, e.Machines, name)
	delete(e.Machines, name)
	e.del(machineKey + name)
}

func (e *Edit) setSchedule(s *maintenancepb.Schedule) {
	old := e.Schedule
	e.undo = append(e.undo, func() { e.Schedule = old })
	e.Schedule = s
	if s == nil {
		e.del(scheduleKey)
		return
	}
	e.set(scheduleKey, &controlpb.RegistryRecord{Record: &controlpb.RegistryRecord_Schedule{Schedule: s}})
}
