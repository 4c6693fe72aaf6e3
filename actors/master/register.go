package master

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// registerAgent admits a new agent. The agent asks again until it hears AgentRegistered, so every way out of
// here but the last may be silent.
func (m *Master) registerAgent(from process.UPID, r *controlpb.RegisterAgent) {
	m.counts.registerAgent.Inc()
	if !m.serving || m.agents.registering[from] || m.unprovenAgent(from) {
		m.counts.dropped.Inc()
		return
	}
	total, err := checkAgent(r.GetAgent(), r.GetVersion())
	if err == nil {
		total, err = holdings(total, r.GetCheckpointedResources())
	}
	if err != nil {
		m.Log().Warn("agent refused", "at", from, "because", err)
		return
	}
	if m.isDown(r.GetAgent(), from) {
		m.shutdownAgent(from, machineIsDown)
		return
	}
	if m.unwelcome(from, r.GetAgent()) {
		return
	}
	if old := m.agents.at(from); old != nil {
		if old.connected {
			// The answer was lost.
			m.Send(from, &controlpb.AgentRegistered{AgentId: old.idpb(), PingTimeoutSeconds: m.pingTimeout(), Epoch: m.stamp()})
			return
		}
		m.removeAgent(old, "a new agent registered at its address", m.counts.removedRegistered)
	}
	info := proto.CloneOf(r.GetAgent())
	info.Id = agentID(fmt.Sprintf("%s-S%d", m.id, m.agents.next))
	m.agents.next++
	m.agents.registering[from] = true
	process.Then(m.Base, m.registrar.Apply(m.Base, registrar.Admit(info)), func(_ struct{}, err error) {
		delete(m.agents.registering, from)
		if m.refused(err, "an agent was not admitted", info.GetId().GetValue()) {
			return
		}
		m.admitted(from, info, total, r)
	})
}

func (m *Master) admitted(from process.UPID, info *mesospb.AgentInfo, total resources.Resources, r *controlpb.RegisterAgent) {
	a := m.addAgent(newAgent(info, from, r.GetVersion(), r.GetCapabilities(), total))
	m.Log().Info("agent registered", "agent", a.id, "at", from, "resources", total)
	m.counts.registrations.Inc()
	m.Send(from, &controlpb.AgentRegistered{AgentId: a.idpb(), PingTimeoutSeconds: m.pingTimeout(), Epoch: m.stamp()})
	m.watchAgent(a)
}

func newAgent(info *mesospb.AgentInfo, pid process.UPID, version string, capabilities []*mesospb.AgentInfo_Capability, total resources.Resources) *agent {
	return &agent{
		id: info.GetId().GetValue(), info: info, pid: pid, version: version, capabilities: capabilities,
		truth: total, total: total, operations: map[string]*operation{},
		tasks: map[string]map[string]*task{}, executors: map[string]map[string]*executor{},
		used: map[string]resources.Resources{}, offers: map[string]*offer{}, killed: map[string]map[string]*mesospb.KillPolicy{},
	}
}

// addAgent takes an agent with all that it uses into the books, and lets the allocator offer the rest.
func (m *Master) addAgent(a *agent) *agent {
	if old := m.agents.at(a.pid); old != nil {
		// Somebody else came to this address while the registry was written.
		m.removeAgent(old, "another agent came to its address", m.counts.removedRegistered)
		delete(m.agents.pids, a.pid)
	}
	a.connected, a.registered = true, m.Now()
	m.agents.add(a)
	m.Link(a.pid)
	m.allocator.AddAgent(a.id, m.share(a))
	if a.deactivated {
		m.allocator.DeactivateAgent(a.id)
	}
	m.desk.touchAgent(a.id)
	m.desk.agentAdded(a)
	return a
}

// share is an agent as the allocator has to know it.
func (m *Master) share(a *agent) allocator.Agent {
	used := make(map[string]resources.Resources, len(a.used))
	for id, rs := range a.used {
		used[id] = rs
	}
	return allocator.Agent{Info: a.info, Capabilities: a.capabilities, Total: a.total, Used: used}
}

// refused deals with the registrar's errors: without a reliable registry the master ends; a refused operation
// means that the world moved on, and is left at that.
func (m *Master) refused(err error, what, id string) bool {
	if errors.Is(err, registrar.ErrStore) {
		m.Fatal(err)
		return true
	}
	if err != nil {
		m.Log().Warn("registry refused a change", "agent", id, "change", what, "because", err)
		return true
	}
	return false
}

// unregisterAgent lets an agent go that ended on purpose.
func (m *Master) unregisterAgent(from process.UPID, u *controlpb.UnregisterAgent) {
	m.counts.unregisterAgent.Inc()
	a := m.agents.registered[u.GetAgentId().GetValue()]
	if !m.serving || a == nil || a.pid != from {
		return
	}
	m.removeAgent(a, "the agent unregistered", m.counts.removedUnregistered)
}

// pingTimeout is how long an agent waits for a ping before it looks for its master anew.
func (m *Master) pingTimeout() *float64 {
	return proto.Float64(m.config.AgentPingTimeout.Seconds() * float64(m.config.MaxAgentPingTimeouts))
}
