package master

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/allocatorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// inverseOffer asks one framework to leave one agent, whose machine goes out of service, until it answers or the
// schedule changes. Nothing is taken from it by force.
type inverseOffer struct {
	id, framework, agent string
	pb                   *mesospb.InverseOffer
}

// answer is what a framework said last when it was asked to leave an agent.
type inverseAnswer struct {
	status *allocatorpb.InverseOfferStatus
	quiet  time.Time // when it may be asked again
}

// askOn sees to it that frameworks are asked as long as any machine is about to go: those on it now, and those that
// come to it later.
func (m *Master) askOn() {
	if m.maintenance.asking != nil || !m.draining() {
		return
	}
	m.maintenance.asking = m.Delay(m.config.AllocationInterval, func() {
		m.maintenance.asking = nil
		m.askToLeave()
		m.askOn()
	})
}

// draining reports whether any machine is about to go.
func (m *Master) draining() bool {
	for _, info := range m.maintenance.machines {
		if info.GetMode() == mesospb.MachineInfo_DRAINING {
			return true
		}
	}
	return false
}

// askToLeave sends each framework one event with all that it is asked about now.
func (m *Master) askToLeave() {
	asked := map[string][]*mesospb.InverseOffer{}
	for _, a := range m.agents.sorted() {
		info := m.planned(a.info, a.pid)
		if info.GetMode() != mesospb.MachineInfo_DRAINING || info.GetUnavailability() == nil || !a.connected {
			continue
		}
		for _, id := range a.occupants() {
			if f := m.frameworks.registered[id]; f != nil && f.active() && a.mayAsk(id, m.Now()) {
				asked[id] = append(asked[id], m.makeInverse(f, a, info.GetUnavailability()).pb)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(asked)) {
		m.tell(m.frameworks.registered[id], &schedulerpb.Event{Type: schedulerpb.Event_INVERSE_OFFERS.Enum(),
			InverseOffers: &schedulerpb.Event_InverseOffers{InverseOffers: asked[id]}})
	}
}

// occupants are the frameworks that have or are offered anything of the agent, sorted.
func (a *agent) occupants() []string {
	set := map[string]bool{}
	for id := range a.used {
		set[id] = true
	}
	for _, o := range a.offers {
		set[o.framework] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// mayAsk reports whether a framework is neither thinking about it nor has answered a short while ago.
func (a *agent) mayAsk(framework string, now time.Time) bool {
	if a.inverse[framework] != nil {
		return false
	}
	said, answered := a.answers[framework]
	return !answered || !now.Before(said.quiet)
}

func (m *Master) makeInverse(f *framework, a *agent, when *mesospb.Unavailability) *inverseOffer {
	o := &inverseOffer{id: fmt.Sprintf("%s-O%d", m.id, m.offers.next), framework: f.id, agent: a.id}
	m.offers.next++
	o.pb = &mesospb.InverseOffer{Id: &mesospb.OfferID{Value: proto.String(o.id)}, FrameworkId: f.info.Id, AgentId: a.idpb(),
		Url: a.url(), Unavailability: when}
	if a.inverse == nil {
		a.inverse, a.answers = map[string]*inverseOffer{}, map[string]inverseAnswer{}
	}
	if f.inverse == nil {
		f.inverse = map[string]*inverseOffer{}
	}
	a.inverse[f.id], f.inverse[o.id] = o, o
	m.desk.touchFramework(f.id)
	return o
}

// url is where an agent is, as offers say it.
func (a *agent) url() *mesospb.URL {
	host, port := hostPort(a.pid.Addr)
	return &mesospb.URL{Scheme: proto.String("http"), Path: proto.String("/" + a.pid.ID),
		Address: &mesospb.Address{Hostname: proto.String(a.info.GetHostname()), Ip: proto.String(host), Port: proto.Int32(int32(port))}}
}

// endInverse takes an inverse offer out of the books.
func (m *Master) endInverse(o *inverseOffer) {
	if a := m.agents.registered[o.agent]; a != nil && a.inverse[o.framework] == o {
		delete(a.inverse, o.framework)
	}
	if f := m.frameworks.registered[o.framework]; f != nil {
		delete(f.inverse, o.id)
		m.desk.touchFramework(f.id)
	}
}

// rescindInverse takes back what is asked about an agent.
func (m *Master) rescindInverse(a *agent) {
	for _, id := range slices.Sorted(maps.Keys(a.inverse)) {
		o := a.inverse[id]
		m.endInverse(o)
		if f := m.frameworks.registered[id]; f != nil {
			m.tell(f, &schedulerpb.Event{Type: schedulerpb.Event_RESCIND_INVERSE_OFFER.Enum(),
				RescindInverseOffer: &schedulerpb.Event_RescindInverseOffer{InverseOfferId: o.pb.Id}})
		}
	}
}

// dropInverse forgets what a framework is asked: it is not there to hear that it need not answer.
func (m *Master) dropInverse(f *framework) {
	for _, id := range slices.Sorted(maps.Keys(f.inverse)) {
		m.endInverse(f.inverse[id])
	}
}

// answerInverse remembers what a framework answers. Inverse offers that ended meanwhile are no mistake of its.
func (m *Master) answerInverse(f *framework, ids []*mesospb.OfferID, status allocatorpb.InverseOfferStatus_Status, filters *mesospb.Filters) {
	quiet := m.Now().Add(time.Duration(declined(filters).GetRefuseSeconds() * float64(time.Second)))
	for _, id := range ids {
		o := f.inverse[id.GetValue()]
		if o == nil {
			continue
		}
		m.endInverse(o)
		if a := m.agents.registered[o.agent]; a != nil {
			a.answers[f.id] = inverseAnswer{quiet: quiet, status: &allocatorpb.InverseOfferStatus{
				Status: status.Enum(), FrameworkId: f.info.Id, Timestamp: timeInfo(m.Now())}}
			m.desk.touchMachines()
		}
	}
}

// unfilterInverse has a framework asked again, as it wants to hear everything now.
func (m *Master) unfilterInverse(f *framework) {
	for _, a := range m.agents.registered {
		if said, ok := a.answers[f.id]; ok {
			said.quiet = time.Time{}
			a.answers[f.id] = said
		}
	}
}

// leftAgents forgets the answers of a framework that is over.
func (m *Master) leftAgents(id string) {
	for _, a := range m.agents.registered {
		if _, ok := a.answers[id]; ok {
			delete(a.answers, id)
			m.desk.touchMachines()
		}
	}
}
