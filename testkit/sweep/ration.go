package sweep

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Ration has an operator limit a role, and a framework of that role that wants more. From then on no offer is made to the
// role that would, with what the role has, exceed the limit: neither by a master that has just begun, nor while agents
// are lost and found. What the role has is what runs on the machines of its agents and what is offered to it already.
// An agent that was given up for unreachable and comes back may bring more than there is room for; it counts from when it is welcomed.
var Ration = Checker{"I4: a quota limit is never exceeded, not even across a failover", ration}

const (
	limitKept  = "a quota limit is never exceeded"
	rationRole = "ration"
	// rationLimit is room for two jobs at once.
	rationLimit = 1
)

type rationChecker struct {
	r        *Run
	operator *testkit.Probe
	to       *Framework
	limited  bool // the master has said so
	of       term // whose offers they are
	lost     bool // the leader has lost the framework, which has not subscribed since
	writes   int  // of the registry, when it was last looked at
	needs    map[taskKey]resources.Milli
	running  map[*cast.Agent]map[taskKey]resources.Milli
	offers   map[string]resources.Milli
	// away are the agents that are not members, or that no master has welcomed since they were not.
	away map[string]bool
}

func ration(r *Run) {
	q := &rationChecker{r: r, operator: r.Probe("rationer"), to: newFramework(r, "q0", 4, rationRole, week), needs: map[taskKey]resources.Milli{},
		running: map[*cast.Agent]map[taskKey]resources.Milli{}, offers: map[string]resources.Milli{}, away: map[string]bool{}}
	r.Frameworks = append(r.Frameworks, q.to)
	for _, a := range r.Agents {
		q.running[a] = map[taskKey]resources.Milli{}
	}
	r.started = append(r.started, func(a *cast.Agent, p *cast.Process) {
		if task, ok := isCommand(p); ok && q.needs[task] > 0 {
			q.running[a][task] = q.needs[task]
		}
	})
	r.ended = append(r.ended, func(a *cast.Agent, p *cast.Process) {
		if task, ok := isCommand(p); ok {
			delete(q.running[a], task)
		}
	})
	r.Observe(q.sent)
	r.Always(limitKept, q.members)
	r.ObserveLosses(func(at *testkit.Node, peer string) {
		if q.of.master != nil && at == q.of.master.Node() && peer == q.to.String() {
			clear(q.offers) // who loses a framework takes its offers back
			q.lost = true
		}
	})
	r.At(time.Second, q.limit)
}

// limit asks for the limit until the master says that it holds.
func (q *rationChecker) limit() {
	if q.limited {
		return
	}
	q.r.ask(q.operator, &masterpb.Call{Type: masterpb.Call_UPDATE_QUOTA.Enum(), UpdateQuota: &masterpb.Call_UpdateQuota{
		Force: proto.Bool(true), // the framework may have more already
		QuotaConfigs: []*quotapb.QuotaConfig{{Role: proto.String(rationRole),
			Limits: map[string]*mesospb.Value_Scalar{"cpus": {Value: proto.Float64(rationLimit)}}}}}})
	q.r.At(2*time.Second, q.limit)
}

func (q *rationChecker) sent(m testkit.Message) {
	switch say := m.Msg.(type) {
	case *masterpb.Response:
		q.limited = q.limited || m.To == q.operator.UPID() && say.GetType() == masterpb.Response_UNKNOWN
	case *controlpb.RunTask:
		if fw := say.GetFramework().GetId().GetValue(); fw == q.to.id.GetValue() {
			q.needs[taskKey{fw, say.GetTask().GetTaskId().GetValue()}] = resources.FromValid(say.GetTask().GetResources()).CPUs()
		}
	case *controlpb.AgentRegistered:
		delete(q.away, say.GetAgentId().GetValue())
	case *controlpb.AgentReregistered:
		delete(q.away, say.GetAgentId().GetValue())
	case *schedulerpb.Call:
		for _, id := range append(say.GetAccept().GetOfferIds(), say.GetDecline().GetOfferIds()...) {
			delete(q.offers, id.GetValue())
		}
		if say.GetType() == schedulerpb.Call_SUBSCRIBE && m.From.Addr == q.to.String() {
			clear(q.offers)
		}
	case *schedulerpb.Event:
		if m.To.Addr == q.to.String() {
			q.told(m.From.Addr, say)
		}
	}
}

func (q *rationChecker) told(from string, e *schedulerpb.Event) {
	switch e.GetType() {
	case schedulerpb.Event_SUBSCRIBED:
		clear(q.offers)
		q.lost = false
	case schedulerpb.Event_RESCIND:
		delete(q.offers, e.GetRescind().GetOfferId().GetValue())
	case schedulerpb.Event_OFFERS:
		switch now := q.r.term(); {
		case from != now.addr():
			return
		case now != q.of: // the offers of a master end with its term
			q.of, q.lost = now, false
			clear(q.offers)
		}
		if q.lost {
			return // what it still offers before it reads its mail ends with the rest
		}
		var more resources.Milli
		for _, o := range e.GetOffers().GetOffers() {
			cpus := resources.FromValid(o.GetResources()).CPUs()
			q.offers[o.GetId().GetValue()] = cpus
			more += cpus
		}
		if more > 0 { // else it is of what is not limited
			q.check()
		}
	}
}

// check adds up, when something was offered.
func (q *rationChecker) check() {
	if !q.limited {
		return
	}
	var offered, used resources.Milli
	for _, cpus := range q.offers {
		offered += cpus
	}
	for a, tasks := range q.running {
		if q.away[a.ID()] {
			continue
		}
		for _, cpus := range tasks {
			used += cpus
		}
	}
	if offered+used > 1000*rationLimit {
		q.r.violated(limitKept, "role %s is offered cpus:%s and uses cpus:%s, its limit is cpus:%d", rationRole, offered, used, rationLimit)
	}
}

// members looks which agents the registry has, when it has changed.
func (q *rationChecker) members() error {
	now := q.r.Writes()
	if now == q.writes {
		return nil
	}
	q.writes = now
	listed := map[string]bool{}
	for _, e := range q.r.Records() {
		if id, ok := strings.CutPrefix(e.Key, "agents/"); ok {
			listed[id] = true
		}
	}
	for id := range q.r.ids {
		if !listed[id] {
			q.away[id] = true
		}
	}
	return nil
}
