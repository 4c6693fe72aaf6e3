package cast

import (
	"encoding/json"
	"strings"

	"github.com/meseta-io/meseta/actors/detector"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/cluster"
	api "github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/consul"
)

// OverConsul has the masters that are made afterwards elected, and their registry kept, by the code of cluster/consul over n
// simulated servers. Agents and frameworks then ask the masters who leads, so they have to be made after them.
func (w *World) OverConsul(n int) {
	w.Consul = consul.Start(w.World, n)
	w.ConsulConfig = api.Default()
	w.ConsulConfig.Servers = w.Consul.Addresses()
	w.Consul.Store.OnWrite = func() { w.writes++ }
}

// LockKey is the key in Consul that the leader holds.
func (w *World) LockKey() string { return w.ConsulConfig.Prefix + "/leader" }

// RevisionKey is the key in Consul that counts the registry's writes.
func (w *World) RevisionKey() string { return w.ConsulConfig.Prefix + "/revision" }

func (w *World) registryPrefix() string { return w.ConsulConfig.Prefix + "/registry/" }

// consulParts are the election and the registry for a new life of a master over Consul.
func (w *World) consulParts(n *testkit.Node) master.Parts {
	config := w.ConsulConfig
	config.Place, config.Memory = "machine of "+n.Name(), mark{n}
	wire := w.Consul.Wire(n)
	if w.Wire != nil {
		wire = w.Wire(n, wire)
	}
	c := api.New(config, wire, consul.Clock(n), n.Runtime().Log())
	return master.Parts{Contender: c, Detector: c, Registry: c}
}

// mark is what a master remembers of its cluster on its disk.
type mark struct{ n *testkit.Node }

const markFile = "election.json"

// Load implements api.Memory.
func (m mark) Load() (at api.Mark, err error) {
	if m.n.Disk().Lookup(markFile) == nil {
		return at, nil
	}
	text, err := m.n.Disk().Read(markFile)
	if err == nil {
		err = json.Unmarshal(text, &at)
	}
	return at, err
}

// Save implements api.Memory.
func (m mark) Save(at api.Mark) error {
	text, err := json.Marshal(at)
	if err == nil {
		err = m.n.Disk().Put(markFile, text)
	}
	if err == nil {
		err = m.n.Disk().Sync()
	}
	return err
}

// asker is what an agent or a framework over Consul asks who leads: an actor that asks the masters.
func (w *World) asker(at testkit.Placed) cluster.Detector {
	var masters []string
	for _, m := range w.masters {
		masters = append(masters, m.Node().String())
	}
	d, err := detector.Spawn(at.Node().Runtime(), "detector", masters)
	if err != nil {
		w.Fail("%s cannot ask who leads: %v", at.Node(), err)
	}
	return d
}

// lock is what the lock says of who holds it; nil while nobody does.
func (w *World) lock() *cluster.Leader {
	p, _ := w.Consul.Store.Pair(w.LockKey())
	if p.Session == "" {
		return nil
	}
	if p.ModifyIndex != w.lockIndex {
		record := struct {
			UPID  string `json:"upid"`
			Epoch uint64 `json:"epoch"`
		}{}
		if err := json.Unmarshal(p.Value, &record); err != nil {
			w.Fail("the lock's value %q: %v", p.Value, err)
		}
		w.lockIndex, w.locked = p.ModifyIndex, &cluster.Leader{UPID: record.UPID, Epoch: record.Epoch}
	}
	return w.locked
}

// Records are all of the registry, sorted, without asking who leads. Keys with other than printable ASCII are as Consul has
// them.
func (w *World) Records() (entries []cluster.Entry) {
	if w.Consul == nil {
		return w.Cluster.Records()
	}
	for _, p := range w.Consul.Store.Pairs(w.registryPrefix()) {
		entries = append(entries, cluster.Entry{Key: strings.TrimPrefix(p.Key, w.registryPrefix()), Value: p.Value})
	}
	return entries
}

// Writes counts what may have changed the registry.
func (w *World) Writes() int {
	if w.Consul == nil {
		return w.Cluster.Writes()
	}
	return w.writes
}

// Forget loses records of the registry, as a store must not.
func (w *World) Forget(keys ...string) {
	if w.Consul == nil {
		w.Cluster.Forget(keys...)
		return
	}
	w.writes++
	for _, key := range keys {
		w.Consul.Store.Drop(w.registryPrefix() + key)
	}
}

// Depose ends the term of whoever leads, as the election sees it.
func (w *World) Depose(why error) {
	if w.Consul == nil {
		w.Cluster.Depose(why)
		return
	}
	w.Consul.Store.Expire(w.LockKey())
}
