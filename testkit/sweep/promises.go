package sweep

import (
	"strings"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Twice adds up what runs on an agent and what is offered of it at one time: never more than the agent has.
var Twice = Checker{"I3: no resource is promised twice", promises}

func promises(r *Run) {
	p := &promiseChecker{
		r: r, total: mustParse(agentResources), tasks: map[taskKey]resources.Resources{},
		running: map[*cast.Agent]map[taskKey]resources.Resources{}, offers: map[string]*openOffer{}, lost: map[string]bool{},
	}
	for _, a := range r.Agents {
		p.running[a] = map[taskKey]resources.Resources{}
	}
	r.started = append(r.started, p.started)
	r.ended = append(r.ended, func(a *cast.Agent, q *cast.Process) {
		if task, ok := isCommand(q); ok {
			delete(p.running[a], task)
		}
	})
	r.Observe(p.sent)
	// Who loses a framework takes its offers back, and says so to nobody.
	r.ObserveLosses(func(at *testkit.Node, peer string) {
		if p.of.master != nil && at == p.of.master.Node() {
			// The news is in its mailbox: what it still offers before it gets to it ends with the rest.
			p.lost[peer] = true
			p.forget(func(o *openOffer) bool { return o.to == peer })
		}
	})
}

// term is one master's time as the leader; zero is nobody's.
type term struct {
	master *cast.Master
	epoch  uint64
}

// term is who leads now.
func (r *Run) term() term {
	l := r.World.Lead()
	if l == nil {
		return term{}
	}
	for _, m := range r.Masters {
		if m.UPID().String() == l.UPID {
			return term{m, l.Epoch}
		}
	}
	return term{}
}

func (t term) addr() string {
	if t.master == nil {
		return ""
	}
	return t.master.Node().String()
}

type promiseChecker struct {
	r       *Run
	total   resources.Resources
	tasks   map[taskKey]resources.Resources // of all tasks that were ever sent to an agent
	running map[*cast.Agent]map[taskKey]resources.Resources
	offers  map[string]*openOffer // by id
	lost    map[string]bool       // addresses of frameworks that have not subscribed since the leader lost them
	of      term                  // whose offers they are
}

// openOffer is an offer from its sending to whatever ends it, at the earliest moment that that can be known.
type openOffer struct {
	id, to string // the framework's address
	agent  *cast.Agent
	has    resources.Resources
}

const promisedTwice = "no resource is promised twice"

func (p *promiseChecker) sent(m testkit.Message) {
	switch say := m.Msg.(type) {
	case *controlpb.RunTask:
		key := taskKey{say.GetFramework().GetId().GetValue(), say.GetTask().GetTaskId().GetValue()}
		p.tasks[key] = resources.FromValid(say.GetTask().GetResources()).Unallocate()
	case *schedulerpb.Event:
		p.event(m, say)
	case *schedulerpb.Call:
		for _, id := range append(say.GetAccept().GetOfferIds(), say.GetDecline().GetOfferIds()...) {
			delete(p.offers, id.GetValue())
		}
		if say.GetType() == schedulerpb.Call_SUBSCRIBE {
			p.forget(func(o *openOffer) bool { return o.to == m.From.Addr })
		}
	}
}

func (p *promiseChecker) event(m testkit.Message, e *schedulerpb.Event) {
	switch e.GetType() {
	case schedulerpb.Event_SUBSCRIBED: // who subscribes again loses its offers, whenever the master gets to hear of it
		delete(p.lost, m.To.Addr)
		p.forget(func(o *openOffer) bool { return o.to == m.To.Addr })
	case schedulerpb.Event_RESCIND:
		delete(p.offers, e.GetRescind().GetOfferId().GetValue())
	case schedulerpb.Event_OFFERS:
		switch now := p.r.term(); {
		case m.From.Addr != now.addr():
			return // whoever accepts an offer of a master that is none any more gets nothing
		case now != p.of: // the offers of a master end with its term
			p.of = now
			clear(p.offers)
			clear(p.lost)
		}
		if p.lost[m.To.Addr] {
			return
		}
		for _, o := range e.GetOffers().GetOffers() {
			agent := p.agentNamed(o.GetHostname())
			p.offers[o.GetId().GetValue()] = &openOffer{o.GetId().GetValue(), m.To.Addr, agent, resources.FromValid(o.GetResources()).Unallocate()}
			p.check(agent)
		}
	}
}

func (p *promiseChecker) started(a *cast.Agent, q *cast.Process) {
	if task, ok := isCommand(q); ok {
		p.running[a][task] = p.tasks[task]
		p.check(a)
	}
}

func (p *promiseChecker) check(a *cast.Agent) {
	var sum resources.Resources
	var parts []string
	for task, has := range p.running[a] {
		if p.r.hasLeft(task.framework) {
			continue // what a framework had is free, as in Mesos, when it is removed: a moment before its processes are dead
		}
		sum = sum.Add(has)
		parts = append(parts, "task "+task.String()+" has "+has.String())
	}
	for _, o := range p.offers {
		if o.agent == a {
			sum = sum.Add(o.has)
			parts = append(parts, "offer "+o.id+" has "+o.has.String())
		}
	}
	if !p.total.Contains(sum) {
		p.r.violated(promisedTwice, "%s has %v: %s", a.Name(), p.total, strings.Join(parts, "; "))
	}
}

func (p *promiseChecker) forget(which func(*openOffer) bool) {
	for id, o := range p.offers {
		if which(o) {
			delete(p.offers, id)
		}
	}
}

func (p *promiseChecker) agentNamed(name string) *cast.Agent {
	for _, a := range p.r.Agents {
		if a.Name() == name {
			return a
		}
	}
	return nil
}
