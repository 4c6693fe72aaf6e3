package allocator

import (
	"maps"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/actors/allocator/drf"
	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

// Agent is what the allocator has to know of an agent.
type Agent struct {
	Info         *mesospb.AgentInfo              // hostname, attributes, domain; its resources are not read
	Capabilities []*mesospb.AgentInfo_Capability // MULTI_ROLE, HIERARCHICAL_ROLE
	Total        resources.Resources
	Used         map[string]resources.Resources // by framework id, with the roles that they are allocated to
}

// agent is what the actor remembers of one, beside the engine.
type agent struct {
	info   *mesospb.AgentInfo // for offer constraints and the whitelist
	active bool
}

// activate decides whether an agent is offered: the operator must want it, and its host must be listed.
func (a *Allocator) activate(id string) {
	if x := a.agents[id]; x != nil {
		offered := x.active && (a.listed == nil || a.listed[x.info.GetHostname()])
		a.do(func(e *drf.Engine) { e.SetAgentActive(id, offered) })
	}
}

func (a *Allocator) setActive(id string, active bool) {
	if x := a.agents[id]; x != nil {
		x.active = active
		a.activate(id)
	}
}

func (a *Allocator) list(hostnames []string) {
	a.listed = nil
	if hostnames != nil {
		a.listed = map[string]bool{}
		for _, name := range hostnames {
			a.listed[name] = true
		}
	}
	// In id order, because the engine remembers whom it has to look at in the order of the calls.
	for _, id := range slices.Sorted(maps.Keys(a.agents)) {
		a.activate(id)
	}
}

func (a *Allocator) addAgent(id string, x Agent) {
	a.agents[id] = &agent{info: x.Info, active: true}
	s := a.agentSpec(id, x)
	a.do(func(e *drf.Engine) { e.AddAgent(s) })
	a.activate(id)
}

func (a *Allocator) updateAgent(id string, x Agent) {
	if a.agents[id] == nil {
		return
	}
	a.agents[id].info = x.Info
	s := a.agentSpec(id, x)
	a.do(func(e *drf.Engine) { e.UpdateAgent(s) })
	a.activate(id)
}

func (a *Allocator) agentSpec(id string, agent Agent) drf.Agent {
	can := capabilities.OfAgent(agent.Capabilities)
	s := drf.Agent{
		ID:           id,
		Total:        a.words.bundle(agent.Total),
		Remote:       isRemote(agent.Info.GetDomain(), a.config.Domain),
		MultiRole:    can.Has(mesospb.AgentInfo_Capability_MULTI_ROLE),
		Hierarchical: can.Has(mesospb.AgentInfo_Capability_HIERARCHICAL_ROLE),
		Attributes:   attributes(agent.Info),
		Used:         a.uses(agent.Used),
		Place:        agent.Info.GetHostname() + "\n" + agent.Info.GetDomain().String(),
	}
	return s
}

// uses words what frameworks use. In id order, because the order of use is part of history: who was served how often
// decides ties.
func (a *Allocator) uses(by map[string]resources.Resources) []drf.Use {
	var out []drf.Use
	for _, framework := range slices.Sorted(maps.Keys(by)) {
		allocations := by[framework].Allocations()
		for _, role := range slices.Sorted(maps.Keys(allocations)) {
			out = append(out, drf.Use{Framework: framework, Role: role, Bundle: a.words.bundle(allocations[role])})
		}
	}
	return out
}

// isRemote says whether an agent is in another region. One without a fault domain is not remote.
func isRemote(agent, master *mesospb.DomainInfo) bool {
	if agent.GetFaultDomain() == nil || master.GetFaultDomain() == nil {
		return false
	}
	return agent.GetFaultDomain().GetRegion().GetName() != master.GetFaultDomain().GetRegion().GetName()
}

// attributes are equal when the agent's attributes are, in whatever order.
func attributes(info *mesospb.AgentInfo) string {
	lines := make([]string, len(info.GetAttributes()))
	for i, attribute := range info.GetAttributes() {
		bytes, _ := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(attribute)
		lines[i] = string(bytes)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\x00")
}
