package master

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// offer is what one framework may use of one agent in one role, until it answers or the offer ends.
type offer struct {
	id        string
	framework string
	agent     string
	role      string
	resources resources.Resources // allocated to role
	pb        *mesospb.Offer
	timeout   process.Timer
	made      time.Time // zero unless somebody traces
}

// offers are all that are outstanding.
type offers struct {
	next int
	byID map[string]*offer
}

func (os *offers) init() { os.byID = map[string]*offer{} }

// proposed grants what the allocator proposes, as far as it still fits what is true now, and hands the rest
// back. A stale proposal costs nothing.
func (m *Master) proposed(ps []allocator.Proposal) {
	granted := map[string][]*mesospb.Offer{}
	room := rooms{}
	for _, p := range ps {
		f, a := m.frameworks.registered[p.Framework], m.agents.registered[p.Agent]
		if !m.serving || !grantable(f, a, p) {
			m.allocator.Recover(p.Framework, p.Agent, p.Resources, nil)
			continue
		}
		if !m.fits(room, p) {
			m.allocator.Recover(p.Framework, p.Agent, p.Resources, briefly())
			continue
		}
		granted[f.id] = append(granted[f.id], forFramework(m.makeOffer(f, a, p).pb, f.can))
	}
	for _, id := range slices.Sorted(maps.Keys(granted)) {
		m.tell(m.frameworks.registered[id], &schedulerpb.Event{Type: schedulerpb.Event_OFFERS.Enum(),
			Offers: &schedulerpb.Event_Offers{Offers: granted[id]}})
	}
}

// grantable reports whether a proposal still makes sense, and whether what it promises is there: the agent
// may have brought tasks that the allocator did not know of when it proposed. Shared resources may be used
// by several at once.
func grantable(f *framework, a *agent, p allocator.Proposal) bool {
	return f != nil && a != nil && f.active() && a.sound() && f.hasRole(p.Role) && !p.Resources.IsEmpty() &&
		a.free().Contains(p.Resources.NonShared().Unallocate())
}

func (m *Master) makeOffer(f *framework, a *agent, p allocator.Proposal) *offer {
	o := &offer{id: fmt.Sprintf("%s-O%d", m.id, m.offers.next), framework: f.id, agent: a.id, role: p.Role, resources: p.Resources}
	m.offers.next++
	if m.parts.Tracer != nil {
		o.made = m.Now()
	}
	o.pb = describe(o, f, a)
	o.pb.Unavailability = m.planned(a.info, a.pid).GetUnavailability()
	m.offers.byID[o.id], f.offers[o.id], a.offers[o.id] = o, o, o
	f.offered, a.offered = f.offered.Add(o.resources), a.offered.Add(o.resources)
	if m.config.OfferTimeout > 0 {
		o.timeout = m.Delay(m.config.OfferTimeout, func() { m.endOffer(o, nil, true) })
	}
	m.detail("offer sent", "framework", f.id, "agent", a.id, "offer", o.id, "role", o.role, "resources", o.resources)
	m.counts.offersSent.Inc()
	f.tally.sent.Inc()
	m.desk.touchAgent(a.id)
	m.desk.touchFramework(f.id)
	return o
}

// describe is an offer as the master's readers see it. What its framework gets is forFramework's.
func describe(o *offer, f *framework, a *agent) *mesospb.Offer {
	pb := &mesospb.Offer{
		Id: &mesospb.OfferID{Value: proto.String(o.id)}, FrameworkId: f.info.Id, AgentId: a.idpb(),
		Hostname: proto.String(a.info.GetHostname()), Attributes: a.info.Attributes, Domain: a.info.Domain,
		Url:            a.url(),
		Resources:      o.resources.Proto(),
		AllocationInfo: &mesospb.Resource_AllocationInfo{Role: proto.String(o.role)},
	}
	for _, id := range slices.Sorted(maps.Keys(a.executors[f.id])) {
		pb.ExecutorIds = append(pb.ExecutorIds, a.executors[f.id][id].info.ExecutorId)
	}
	return pb
}

func (f *framework) sortedOffers() []*offer { return sortedOffers(f.offers) }

func sortedOffers(set map[string]*offer) []*offer {
	list := make([]*offer, 0, len(set))
	for _, id := range slices.Sorted(maps.Keys(set)) {
		list = append(list, set[id])
	}
	return list
}

// takeOffer takes an offer out of the books; what becomes of its resources is the caller's to say.
func (m *Master) takeOffer(o *offer) {
	if m.offers.byID[o.id] == nil {
		return
	}
	delete(m.offers.byID, o.id)
	if o.timeout != nil {
		o.timeout.Stop()
	}
	if f := m.frameworks.registered[o.framework]; f != nil {
		delete(f.offers, o.id)
		f.offered = f.offered.Subtract(o.resources)
	}
	if a := m.agents.registered[o.agent]; a != nil {
		delete(a.offers, o.id)
		a.offered = a.offered.Subtract(o.resources)
	}
	m.desk.touchAgent(o.agent)
	m.desk.touchFramework(o.framework)
}

// endOffer ends an offer whole: its resources return to the allocator, and the framework is told if it has
// not ended the offer itself.
func (m *Master) endOffer(o *offer, filters *mesospb.Filters, rescind bool) {
	if m.offers.byID[o.id] == nil {
		return
	}
	m.takeOffer(o)
	if filters == nil {
		filters = noFilter()
	}
	m.allocator.Recover(o.framework, o.agent, o.resources, filters)
	if f := m.frameworks.registered[o.framework]; f != nil && rescind {
		m.detail("offer rescinded", "framework", f.id, "agent", o.agent, "offer", o.id)
		m.counts.offersRescinded.Inc()
		f.tally.rescinded.Inc()
		m.tell(f, &schedulerpb.Event{Type: schedulerpb.Event_RESCIND.Enum(), Rescind: &schedulerpb.Event_Rescind{OfferId: o.pb.Id}})
	}
}

// rescindAll ends all offers of an agent.
func (m *Master) rescindAll(a *agent) {
	for _, o := range sortedOffers(a.offers) {
		m.endOffer(o, nil, true)
	}
}

// noFilter lets the same resources be offered again at once.
func noFilter() *mesospb.Filters { return &mesospb.Filters{RefuseSeconds: proto.Float64(0)} }

// decline returns offers. Those that ended meanwhile are no mistake of the framework.
func (m *Master) decline(f *framework, c *schedulerpb.Call_Decline) {
	filters := declined(c.GetFilters())
	for _, id := range c.GetOfferIds() {
		if o := f.offers[id.GetValue()]; o != nil {
			m.detail("offer declined", "framework", f.id, "agent", o.agent, "offer", o.id, "for", filters.GetRefuseSeconds())
			m.counts.offersDeclined.Inc()
			f.tally.declined.Inc()
			m.endOffer(o, filters, false)
		}
	}
}

// The filter that a framework gets without asking, and the longest that it may ask for.
const (
	defaultRefuseSeconds = 5.0
	maxRefuseSeconds     = 365 * 24 * 3600.0
)

// declined is the filter to set for a framework's wish: absent, negative and senseless ones mean the default.
func declined(f *mesospb.Filters) *mesospb.Filters {
	s := defaultRefuseSeconds
	if f != nil && f.GetRefuseSeconds() >= 0 {
		s = min(f.GetRefuseSeconds(), maxRefuseSeconds)
	}
	return &mesospb.Filters{RefuseSeconds: proto.Float64(s)}
}

// revive asks for offers again, in some roles or, without any, in all.
func (m *Master) revive(f *framework, roles []string) error {
	if err := m.ownRoles(f, roles); err != nil {
		return err
	}
	f.suppressed = slices.DeleteFunc(slices.Clone(f.suppressed), func(role string) bool {
		return len(roles) == 0 || slices.Contains(roles, role)
	})
	f.rest()
	m.allocator.Revive(f.id, roles)
	m.unfilterInverse(f)
	return nil
}

// suppress wants no offers for now, in some roles or, without any, in all.
func (m *Master) suppress(f *framework, roles []string) error {
	if err := m.ownRoles(f, roles); err != nil {
		return err
	}
	rest := roles
	if len(rest) == 0 {
		rest = validation.Roles(f.info)
	}
	for _, role := range rest {
		if !slices.Contains(f.suppressed, role) {
			f.suppressed = append(slices.Clone(f.suppressed), role)
		}
	}
	f.rest()
	m.allocator.Suppress(f.id, roles)
	return nil
}

func (m *Master) ownRoles(f *framework, roles []string) error {
	for _, role := range roles {
		if !f.hasRole(role) {
			return fmt.Errorf("framework %s does not have role %q: %w", f.id, role, fault.ErrInvalid)
		}
	}
	return nil
}
