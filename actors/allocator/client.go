package allocator

import (
	"fmt"

	"github.com/meseta-io/meseta/actors/allocator/drf"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Client is how others speak to the allocator. It is a small value. Calls are kept in order for each caller and answer
// nothing, unless they return a future. Names of frameworks and agents that the allocator does not know are ignored: the
// master may have told it that they are gone while the call was on its way.
type Client struct{ ref process.Ref[*Allocator] }

// UPID is the actor's name.
func (c Client) UPID() process.UPID { return c.ref.UPID }

// Stop ends the actor after what it has been told so far.
func (c Client) Stop() { process.Terminate(c.ref, false) }

func (c Client) tell(event func(*Allocator)) { process.Dispatch(c.ref, event) }

// AddFramework admits a framework. What agents said it uses becomes its own. It triggers a run if the framework is active.
func (c Client) AddFramework(id string, f Framework) {
	c.tell(func(a *Allocator) {
		s := a.frameworkSpec(id, f)
		a.do(func(e *drf.Engine) { e.AddFramework(s) })
	})
}

// UpdateFramework changes a framework's roles, capabilities and wishes; whether it is active stays. Roles that it leaves or that
// are no longer suppressed lose their filters. No run.
func (c Client) UpdateFramework(id string, f Framework) {
	c.tell(func(a *Allocator) {
		s := a.frameworkSpec(id, f)
		a.do(func(e *drf.Engine) { e.UpdateFramework(s) })
	})
}

// RemoveFramework forgets a framework; what it holds returns to the agents.
func (c Client) RemoveFramework(id string) {
	c.tell(func(a *Allocator) { a.do(func(e *drf.Engine) { e.RemoveFramework(id) }) })
}

// ActivateFramework lets a framework have offers, and triggers a run.
func (c Client) ActivateFramework(id string) {
	c.tell(func(a *Allocator) { a.do(func(e *drf.Engine) { e.SetFrameworkActive(id, true) }) })
}

// DeactivateFramework stops offers to a framework and forgets its filters. What it holds it keeps.
func (c Client) DeactivateFramework(id string) {
	c.tell(func(a *Allocator) { a.do(func(e *drf.Engine) { e.SetFrameworkActive(id, false) }) })
}

// Suppress stops offers to a framework in roles, or in all of its roles if none is named. Filters stay.
func (c Client) Suppress(framework string, roles []string) {
	c.tell(func(a *Allocator) { a.do(func(e *drf.Engine) { e.Suppress(framework, roles) }) })
}

// Revive ends suppression and forgets filters, in roles or in all, and triggers a run.
func (c Client) Revive(framework string, roles []string) {
	c.tell(func(a *Allocator) { a.do(func(e *drf.Engine) { e.Revive(framework, roles) }) })
}

// AddAgent admits an agent, and triggers a run for it.
func (c Client) AddAgent(id string, agent Agent) {
	c.tell(func(a *Allocator) { a.addAgent(id, agent) })
}

// UpdateAgent changes an agent's total, attributes, capabilities or domain; Used is not read. It triggers a run for the agent if
// anything changed. Changed attributes end all filters of the agent.
func (c Client) UpdateAgent(id string, agent Agent) {
	c.tell(func(a *Allocator) { a.updateAgent(id, agent) })
}

// GrowAgent adds what a resource provider of the agent has, and what frameworks already use of it. No run.
func (c Client) GrowAgent(id string, more resources.Resources, used map[string]resources.Resources) {
	c.tell(func(a *Allocator) {
		b, uses := a.words.bundle(more), a.uses(used)
		a.do(func(e *drf.Engine) { e.GrowAgent(id, b, uses) })
	})
}

// RemoveAgent forgets an agent and what is held of it.
func (c Client) RemoveAgent(id string) {
	c.tell(func(a *Allocator) {
		delete(a.agents, id)
		a.do(func(e *drf.Engine) { e.RemoveAgent(id) })
	})
}

// ActivateAgent lets an agent be offered again, from the next periodic run on.
func (c Client) ActivateAgent(id string) {
	c.tell(func(a *Allocator) { a.setActive(id, true) })
}

// DeactivateAgent keeps an agent from being offered. What is held of it stays held.
func (c Client) DeactivateAgent(id string) {
	c.tell(func(a *Allocator) { a.setActive(id, false) })
}

// Whitelist offers only agents on these hosts from the next run on; nil offers all, an empty list none.
func (c Client) Whitelist(hostnames []string) { c.tell(func(a *Allocator) { a.list(hostnames) }) }

// Recover returns offered or used resources, which carry the role that they are allocated to. With filters, what returns in a
// role, or part of it, is not offered to the framework in that role again for refuse_seconds, and for one allocation interval at
// the least. Nil, or 0 seconds: no filter.
func (c Client) Recover(framework, agent string, rs resources.Resources, filters *mesospb.Filters) {
	c.tell(func(a *Allocator) { a.recover(framework, agent, rs, filters) })
}

// Conversion is what an operation makes of resources: reserve, unreserve, create, destroy, grow, shrink. With nothing
// consumed, it adds copies of something shared to what is held.
type Conversion = resources.Conversion

// UpdateAllocation tells what operations made of resources that the framework holds. They carry the role that they are allocated
// to. Launching needs no call: offered and used is the same here. No run.
func (c Client) UpdateAllocation(framework, agent string, cs []Conversion) {
	c.tell(func(a *Allocator) { a.convert(framework, agent, cs) })
}

// UpdateAvailable does the same to resources that nobody holds, all or nothing. It fails with fault.ErrConflict when they are not
// free right now: rescind offers, Recover them, ask again.
func (c Client) UpdateAvailable(agent string, cs []Conversion) process.Future[struct{}] {
	return process.Call(c.ref, func(a *Allocator) (struct{}, error) {
		return struct{}{}, a.convertIdle(agent, cs)
	})
}

// UpdateWeights sets weights by role path; other roles keep theirs, 1 is the default. No run.
func (c Client) UpdateWeights(weights map[string]float64) {
	c.tell(func(a *Allocator) {
		a.do(func(e *drf.Engine) {
			for role, w := range weights {
				e.SetWeight(role, w)
			}
		})
	})
}

// Quota of a top-level role: amounts by resource name. A guarantee that is not named is nothing, a limit that is not named is no
// limit.
type Quota struct{ Guarantees, Limits map[string]float64 }

// UpdateQuota replaces a role's quota; the zero Quota removes it. No run.
func (c Client) UpdateQuota(role string, q Quota) {
	c.tell(func(a *Allocator) {
		a.do(func(e *drf.Engine) {
			e.SetQuota(role, drf.Quota{Guarantee: thousandths(q.Guarantees), Limit: thousandths(q.Limits)})
		})
	})
}

// Pause stops runs, for instance while a master that was just elected waits for its agents: with part of the cluster, quota could
// not be kept. What events ask for waits.
func (c Client) Pause() { c.tell((*Allocator).pause) }

// Resume ends a pause.
func (c Client) Resume() { c.tell((*Allocator).resume) }

// Why explains where a demand of a framework in a role could run now, and why not elsewhere; nearest is how many near
// misses to name.
func (c Client) Why(framework, role string, demand resources.Resources, nearest int) process.Future[Answer] {
	return process.Call(c.ref, func(a *Allocator) (Answer, error) {
		a.engine.Now(a.base.Now())
		w := a.engine.Why(framework, role, minOf(demand.ScalarQuantities()), nearest)
		return answer(w), nil
	})
}

// Figures are the allocator's metrics under Mesos' names, for instance "allocator/mesos/allocation_runs".
func (c Client) Figures() process.Future[map[string]float64] {
	return process.Call(c.ref, func(a *Allocator) (map[string]float64, error) { return a.figures(), nil })
}

func (a *Allocator) convertIdle(agent string, cs []Conversion) error {
	list := make([]drf.Conversion, len(cs))
	for i, c := range cs {
		list[i] = drf.Conversion{Consumed: a.words.bundle(c.Consumed), Converted: a.words.bundle(c.Converted)}
	}
	a.engine.Now(a.base.Now())
	done, known := a.engine.ConvertIdle(agent, list)
	switch {
	case !known:
		return fmt.Errorf("agent %s: %w", agent, fault.ErrNotFound)
	case !done:
		return fmt.Errorf("agent %s does not have these resources free: %w", agent, fault.ErrConflict)
	}
	return nil
}
