package master

import (
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/roles"
)

// enforceQuota takes offers back so that a new quota holds at once: those of roles that would exceed their limits if
// they accepted, and as many of others' as a role with guarantees lacks.
func (m *Master) enforceQuota(configs []*quotapb.QuotaConfig) {
	for _, q := range configs {
		m.enforceLimit(q.GetRole())
	}
	for _, q := range configs {
		m.makeRoom(q)
	}
}

// enforceLimit takes offers back until whatever is accepted of the others stays within the role's limits.
func (m *Master) enforceLimit(role string) {
	limits, limited := m.quota.limits[role]
	if !limited {
		return
	}
	used := m.consumed(role)
	for _, o := range m.offersWithin(role) {
		if limits.ContainsQuantities(used.Add(m.offeredTo(role))) {
			return
		}
		m.endOffer(o, nil, true)
	}
}

// enforceLimits is for when agents bring what nobody knew of.
func (m *Master) enforceLimits() {
	for _, role := range slices.Sorted(maps.Keys(m.quota.limits)) {
		m.enforceLimit(role)
	}
}

// offersWithin are the offers that are out for a role and those below it, in the order in which they were made.
func (m *Master) offersWithin(role string) []*offer {
	return m.offersThat(func(o *offer) bool { return roles.IsWithin(o.role, role) })
}

func (m *Master) offersThat(pass func(*offer) bool) (list []*offer) {
	for _, id := range slices.Sorted(maps.Keys(m.offers.byID)) {
		if o := m.offers.byID[id]; pass(o) {
			list = append(list, o)
		}
	}
	return list
}

// makeRoom takes back offers of other roles, until a role can have what it lacks of its guarantees. Where they are
// is not looked at: the allocator sees to it that the role comes first.
func (m *Master) makeRoom(q *quotapb.QuotaConfig) {
	guarantees, err := resources.QuantitiesFromProto(q.GetGuarantees())
	if err != nil {
		return
	}
	lacks := guarantees.Subtract(m.consumed(q.GetRole())).Subtract(m.offeredTo(q.GetRole()))
	for _, o := range m.offersThat(func(o *offer) bool { return !roles.IsWithin(o.role, q.GetRole()) }) {
		if lacks.IsEmpty() {
			return
		}
		if back := counted(o.resources); helps(lacks, back) {
			lacks = lacks.Subtract(back)
			m.endOffer(o, nil, true)
		}
	}
}

// helps reports whether something returns of which there is too little.
func helps(lacks, back resources.Quantities) bool {
	for name := range lacks.All() {
		if back.Get(name) > 0 {
			return true
		}
	}
	return false
}

// rooms is how much limited roles have, while a batch of proposals is granted. It is measured once for a role and
// batch, and only for roles that have limits.
type rooms map[string]resources.Quantities

// fits reports whether a proposal keeps the limit of its role, as things are now: the allocator proposed from what
// it knew then, and a limit that is sometimes exceeded is none. Roles below a limited one have no limit of their
// own, as in Mesos, but count.
func (m *Master) fits(r rooms, p allocator.Proposal) bool {
	limits, limited := m.quota.limits[p.Role]
	if !limited {
		return true
	}
	more := counted(p.Resources)
	if len(m.agents.recovered) > 0 && touches(limits, more) {
		return false // agents that are not back may have more of the role's
	}
	if _, measured := r[p.Role]; !measured {
		r[p.Role] = m.consumed(p.Role).Add(m.offeredTo(p.Role))
	}
	after := r[p.Role].Add(more)
	for name, limit := range limits.All() {
		if more.Get(name) > 0 && after.Get(name) > limit {
			return false
		}
	}
	r[p.Role] = after
	return true
}

func touches(limits resources.Limits, q resources.Quantities) bool {
	for name := range limits.All() {
		if q.Get(name) > 0 {
			return true
		}
	}
	return false
}

// briefly keeps the allocator from proposing the same again at once, after a proposal that would exceed a limit.
func briefly() *mesospb.Filters { return &mesospb.Filters{RefuseSeconds: proto.Float64(1)} }

// recoverQuota takes what an earlier master wrote. As long as many agents are not back, guarantees could not be kept:
// what little there is would go to whoever is there first. So nothing is offered until most of them are.
func (m *Master) recoverQuota(all map[string]*quotapb.QuotaConfig) {
	for _, role := range slices.Sorted(maps.Keys(all)) {
		m.setQuota(all[role])
	}
	expected := len(m.agents.recovered)
	if len(all) == 0 || expected == 0 {
		return
	}
	m.allocator.Pause()
	m.holding = max(1, int(math.Ceil(float64(expected)*m.config.AllocatorAgentRecoveryFactor)))
	m.Log().Info("nothing is offered yet", "because", "there are quotas and agents are not back", "agents", expected, "enough", m.holding)
	m.Delay(m.config.AllocatorRecoveryTimeout, m.letGo)
}

// returned is told whenever an agent is back, or is not waited for any more.
func (m *Master) returned() {
	if m.holding > 0 && len(m.agents.registered) >= m.holding {
		m.letGo()
	}
	if len(m.agents.recovered) > 0 || m.whole {
		return
	}
	m.whole = true
	m.letGo()
	for _, role := range slices.Sorted(maps.Keys(m.quota.limits)) {
		m.shareQuota(role)
	}
}

// letGo ends the pause after a failover.
func (m *Master) letGo() {
	if m.holding > 0 {
		m.holding = 0
		m.Log().Info("offers begin", "agents", len(m.agents.registered))
		m.allocator.Resume()
	}
}
