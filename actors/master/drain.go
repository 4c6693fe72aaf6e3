package master

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// What operators make of an agent that stays in the cluster:
//
//	active ⇄ deactivated
//	   └─→ draining ─→ drained ─→ active again, or gone
//
// A draining or drained agent is deactivated too. All of it outlasts failovers and the agent's absence.

// standing is what was decided about an agent that the master knows, wherever it is; known is false for others.
func (m *Master) standing(id string) (drain *mesospb.DrainInfo, deactivated, known bool) {
	if a := m.agents.registered[id]; a != nil {
		return a.drain, a.deactivated, true
	}
	if a := m.agents.recovered[id]; a != nil {
		return a.GetDrainInfo(), a.GetDeactivated(), true
	}
	if a := m.agents.unreachable[id]; a != nil {
		return a.GetDrainInfo(), a.GetDeactivated(), true
	}
	return nil, false, false
}

// stand writes down what was decided about an agent, wherever it is by now; false when it is nowhere any more.
func (m *Master) stand(id string, drain *mesospb.DrainInfo, deactivated bool) bool {
	if a := m.agents.registered[id]; a != nil {
		a.drain = drain
		m.activate(a, !deactivated)
		m.desk.touchAgent(id)
		return true
	}
	if known := m.agents.recovered[id]; known != nil {
		// A copy: readers of the registry share the record.
		next := proto.CloneOf(known)
		next.DrainInfo, next.Deactivated = drain, proto.Bool(deactivated)
		m.agents.recovered[id] = next
		return true
	}
	if known := m.agents.unreachable[id]; known != nil {
		next := proto.CloneOf(known)
		next.DrainInfo, next.Deactivated = drain, proto.Bool(deactivated)
		m.agents.unreachable[id] = next
		return true
	}
	return false
}

// activate lets a registered agent be offered, or not.
func (m *Master) activate(a *agent, active bool) {
	if a.deactivated == !active {
		return
	}
	a.deactivated = !active
	m.desk.touchAgent(a.id)
	switch {
	case !active:
		m.allocator.DeactivateAgent(a.id)
		m.rescindAll(a)
	case a.connected:
		m.allocator.ActivateAgent(a.id)
	}
}

// mayStand checks what all changes of an agent's standing have in common.
func (m *Master) mayStand(id string) error {
	if _, _, known := m.standing(id); !known {
		return fmt.Errorf("Unknown agent: %w", fault.ErrInvalid)
	}
	if m.agents.busy[id] == losing {
		return fmt.Errorf("Agent %s is currently being marked gone: %w", id, fault.ErrConflict)
	}
	return nil
}

// drainAgent has everything on an agent end in its own time, and lets nothing new begin.
func (m *Master) drainAgent(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	d := c.GetDrainAgent()
	id := d.GetAgentId().GetValue()
	if !m.approves(who, authorization.DrainAgent, authorization.Object{}) {
		return denied(who, authorization.DrainAgent)
	}
	if err := m.mayStand(id); err != nil {
		return process.Failed[struct{}](err)
	}
	if err := m.mayDrain(id); err != nil {
		return process.Failed[struct{}](err)
	}
	grace := graceOf(d.GetMaxGracePeriod())
	return m.durable(registrar.Drain(id, grace, d.GetMarkGone()), func() error {
		info := registrar.Draining(grace, d.GetMarkGone())
		if !m.stand(id, info, true) {
			return nil // it left meanwhile, and nothing of it runs: as good as drained
		}
		m.Log().Info("agent drains", "agent", id, "mark_gone", d.GetMarkGone())
		if a := m.agents.registered[id]; a != nil {
			m.orderDrain(a)
		}
		return nil
	})
}

// mayDrain says why an agent cannot be drained now.
func (m *Master) mayDrain(id string) error {
	a := m.agents.registered[id]
	if a == nil {
		return nil
	}
	if machine := m.planned(a.info, a.pid); machine != nil {
		return fmt.Errorf("Agent %s is part of a maintenance schedule under Machine %s (%s): %w", id,
			machine.GetId().GetHostname(), machine.GetId().GetIp(), fault.ErrInvalid)
	}
	for _, c := range a.capabilities {
		if c.GetType() == mesospb.AgentInfo_Capability_AGENT_DRAINING {
			return nil
		}
	}
	return fmt.Errorf("Agent %s is not capable of draining: it needs AGENT_DRAINING: %w", id, fault.ErrInvalid)
}

// graceOf bounds what an operator grants to what a clock can count; negative for nothing said. Less than nothing is
// no time at all.
func graceOf(d *durationpb.Duration) time.Duration {
	if d == nil {
		return -1
	}
	const most = math.MaxInt64 / int64(time.Second)
	return max(0, time.Duration(min(max(d.GetSeconds(), -1), most-1))*time.Second+time.Duration(d.GetNanos()))
}

// orderDrain tells an agent to drain, or again: the order before may have been lost. One that has nothing left forgets
// it at once.
func (m *Master) orderDrain(a *agent) {
	if a.drainStart.IsZero() {
		a.drainStart = m.Now()
	}
	if a.connected {
		m.Send(a.pid, &controlpb.DrainAgent{AgentId: a.idpb(), Config: a.drain.GetConfig(), Epoch: m.stamp()})
	}
	m.checkDrained(a)
}

// checkDrained writes that an agent is drained when nothing is left on it: every task has ended and its framework
// has acknowledged that.
func (m *Master) checkDrained(a *agent) {
	if a.drain.GetState() != mesospb.DrainState_DRAINING || a.finishing || m.agents.registered[a.id] != a || !a.idle() {
		return
	}
	a.finishing = true
	process.Then(m.Base, m.registrar.Apply(m.Base, registrar.MarkDrained(a.id)), func(_ struct{}, err error) {
		a.finishing = false
		if m.refused(err, "an agent was not marked drained", a.id) {
			return
		}
		m.drained(a.id)
	})
}

// idle reports whether nothing of any framework is left on the agent, and nothing is done to its resources.
func (a *agent) idle() bool { return len(a.tasks) == 0 && !a.operating() }

// drained goes on after the registry has it. The agent may have been lost meanwhile, and is drained all the same.
func (m *Master) drained(id string) {
	drain, deactivated, known := m.standing(id)
	if !known || drain == nil {
		return
	}
	next := proto.CloneOf(drain)
	next.State = mesospb.DrainState_DRAINED.Enum()
	m.stand(id, next, deactivated)
	m.Log().Info("agent drained", "agent", id)
	if next.GetConfig().GetMarkGone() {
		m.goneOnceDrained(id)
	}
}

// goneOnceDrained marks an agent gone that was to go when it is drained. Another change of the agent that is being
// written goes first.
func (m *Master) goneOnceDrained(id string) {
	if m.agents.busy[id] != "" {
		m.Delay(goneRetry, func() {
			if drain, _, known := m.standing(id); known && drain.GetState() == mesospb.DrainState_DRAINED && drain.GetConfig().GetMarkGone() {
				m.goneOnceDrained(id)
			}
		})
		return
	}
	process.Then(m.Base, m.makeGone(id), func(_ struct{}, err error) {
		if err != nil {
			m.Log().Warn("drained agent was not marked gone", "agent", id, "error", err)
		}
	})
}

// goneRetry is how long to wait for another change of the same agent.
const goneRetry = time.Second

// drainOnReturn goes on with an agent that is back.
func (m *Master) drainOnReturn(a *agent) {
	switch {
	case a.drain == nil:
	case a.drain.GetState() == mesospb.DrainState_DRAINED && a.drain.GetConfig().GetMarkGone() && a.idle():
		// A master that failed over, or was slow, left this undone.
		m.goneOnceDrained(a.id)
	default:
		m.orderDrain(a)
	}
}

// deactivateAgent takes an agent out of what is offered. What runs there goes on.
func (m *Master) deactivateAgent(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	id := c.GetDeactivateAgent().GetAgentId().GetValue()
	if !m.approves(who, authorization.DeactivateAgent, authorization.Object{}) {
		return denied(who, authorization.DeactivateAgent)
	}
	if err := m.mayStand(id); err != nil {
		return process.Failed[struct{}](err)
	}
	return m.durable(registrar.Deactivate(id), func() error {
		drain, _, _ := m.standing(id)
		m.stand(id, drain, true)
		return nil
	})
}

// reactivateAgent ends a deactivation, or a drain that is over.
func (m *Master) reactivateAgent(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	id := c.GetReactivateAgent().GetAgentId().GetValue()
	if !m.approves(who, authorization.ReactivateAgent, authorization.Object{}) {
		return denied(who, authorization.ReactivateAgent)
	}
	drain, deactivated, _ := m.standing(id)
	switch {
	case !deactivated:
		return refusedOrder(fault.ErrInvalid, "Agent is not deactivated")
	case drain.GetState() == mesospb.DrainState_DRAINING:
		return refusedOrder(fault.ErrInvalid, "Agent is still in the DRAINING state")
	case m.agents.busy[id] == losing:
		return refusedOrder(fault.ErrConflict, "Agent %s is currently being marked gone", id)
	}
	return m.durable(registrar.Reactivate(id), func() error {
		if !m.stand(id, nil, false) {
			return fmt.Errorf("Agent removed while processing the call: %w", fault.ErrConflict)
		}
		if a := m.agents.registered[id]; a != nil {
			a.drainStart = time.Time{}
		}
		return nil
	})
}
