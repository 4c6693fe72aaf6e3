package master

import (
	"maps"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// reregisterAgent takes an agent back that has an id: after its connection broke, after a master failed over,
// after it was unreachable, and even when its record was pruned long ago. Its tasks go on in every case; only
// an agent that is gone is told to end. It asks again until it hears AgentReregistered.
func (m *Master) reregisterAgent(from process.UPID, r *controlpb.ReregisterAgent) {
	m.counts.reregisterAgent.Inc()
	if !m.serving || m.unprovenAgent(from) {
		m.counts.dropped.Inc()
		return
	}
	total, err := checkReturn(r)
	if err != nil {
		m.Log().Warn("agent refused", "at", from, "because", err)
		return
	}
	if m.unwelcome(from, r.GetAgent()) {
		return
	}
	id := r.GetAgent().GetId().GetValue()
	a := m.agents.registered[id]
	switch {
	case m.agents.gone[id] != nil:
		m.shutdownAgent(from, "the agent was marked gone and can never return; start it anew with an empty work directory")
	case m.isDown(r.GetAgent(), from):
		m.shutdownAgent(from, machineIsDown)
	case m.agents.settling[id]:
		m.Log().Info("agent has to wait", "agent", id, "because", "the allocator has yet to let go of it")
	case m.agents.busy[id] != "":
		m.Log().Info("agent has to wait", "agent", id, "because", m.agents.busy[id])
	case a != nil && moved(a, from, r.GetAgent()):
		m.shutdownAgent(from, "the agent came back from another machine; an id cannot move, start it anew with an empty work directory")
	case a != nil && proto.Equal(a.info, r.GetAgent()):
		m.cameBack(a, from, r, total)
	case a != nil:
		m.persist(id, changing, registrar.Update(r.GetAgent()), func() {
			if a := m.agents.registered[id]; a != nil {
				a.info = r.GetAgent()
				m.cameBack(a, from, r, total)
			}
		})
	default:
		m.takeBack(from, r, total)
	}
}

// moved reports whether a registered agent asks from elsewhere than it did before.
func moved(a *agent, from process.UPID, info *mesospb.AgentInfo) bool {
	was, _ := hostPort(a.pid.Addr)
	is, _ := hostPort(from.Addr)
	return was != is || a.info.GetHostname() != info.GetHostname()
}

func (m *Master) shutdownAgent(to process.UPID, why string) {
	m.Send(to, &controlpb.ShutdownAgent{Message: proto.String(why), Epoch: m.stamp()})
}

// persist writes what happens to an agent, and goes on when it is durable. Until then nothing else happens
// to that agent in the registry.
func (m *Master) persist(id string, what transition, op registrar.Operation, then func()) {
	m.agents.busy[id] = what
	process.Then(m.Base, m.registrar.Apply(m.Base, op), func(_ struct{}, err error) {
		delete(m.agents.busy, id)
		if !m.refused(err, "the registry refused a change", id) {
			then()
		}
	})
}

// takeBack is for agents that this master does not have: recovered, unreachable, or forgotten ones.
func (m *Master) takeBack(from process.UPID, r *controlpb.ReregisterAgent, total resources.Resources) {
	info := r.GetAgent()
	id := info.GetId().GetValue()
	known := m.agents.recovered[id]
	op := registrar.MarkReachable(info)
	if known != nil {
		op = registrar.Update(info)
	}
	m.awaited(id)
	m.persist(id, returning, op, func() {
		a := newAgent(info, from, r.GetVersion(), r.GetCapabilities(), total)
		a.reregistered = m.Now()
		// Now, not when the write was asked for: it may have been changed meanwhile.
		a.drain, a.deactivated, _ = m.standing(id)
		delete(m.agents.recovered, id)
		delete(m.agents.unreachable, id)
		m.desk.touchRecovered(id)
		m.tookBack(a, r, known == nil)
	})
}

// awaited stops the wait for a recovered agent.
func (m *Master) awaited(id string) {
	if p := m.agents.awaited[id]; p != nil {
		p.cancel()
		delete(m.agents.awaited, id)
	}
}

// tookBack rebuilds what the agent reports. Frameworks that were told that its tasks are lost or unreachable
// are told how they really are.
func (m *Master) tookBack(a *agent, r *controlpb.ReregisterAgent, lost bool) {
	m.counts.reregistrations.Inc()
	reported := index(r)
	tasks := m.learn(a, reported)
	m.learnOperations(a, r.GetOperations())
	m.addAgent(a)
	m.Log().Info("agent returned", "agent", a.id, "at", a.pid, "tasks", len(tasks))
	m.welcome(a, nil, nil)
	m.endCompleted(a, reported)
	if lost {
		m.tellReturned(tasks)
	}
	m.watchAgent(a)
	m.returned()
	m.enforceLimits()
	m.drainOnReturn(a)
}

// cameBack is for an agent that is registered here: its connection broke, or it was restarted, or an answer
// was lost. What both know is compared, and the agent is asked about what it does not mention.
func (m *Master) cameBack(a *agent, from process.UPID, r *controlpb.ReregisterAgent, total resources.Resources) {
	m.counts.reregistrations.Inc()
	m.agents.move(a, from)
	m.Link(from)
	a.version, a.capabilities = r.GetVersion(), r.GetCapabilities()
	a.reregistered = m.Now()
	if a.deadline != nil {
		a.deadline.Stop()
		a.deadline = nil
	}
	reported := index(r)
	a.dropEnded(reported)
	m.dropExecutors(a, reported)
	before := maps.Clone(a.used)
	more := m.learn(a, reported)
	missing := m.learnOperations(a, r.GetOperations())
	a.truth = total
	total = a.booked()
	changed := !a.total.Equal(total)
	a.total, a.totalpb = total, nil
	if !a.connected {
		a.connected = true
		m.restartHealth(a)
	}
	m.reshare(a, changed, a.usesMoreThan(before))
	m.welcome(a, m.questions(a, reported), missing)
	m.killAgain(a, reported)
	m.endCompleted(a, reported)
	m.Log().Info("agent returned", "agent", a.id, "at", from, "tasks", len(r.GetTasks()))
	m.tellReturned(more)
	m.enforceLimits()
	m.drainOnReturn(a)
	m.desk.touchAgent(a.id)
}

// usesMoreThan is what frameworks use of the agent now and did not before.
func (a *agent) usesMoreThan(before map[string]resources.Resources) map[string]resources.Resources {
	more := map[string]resources.Resources{}
	for id, rs := range a.used {
		if new := rs.Subtract(before[id]); !new.IsEmpty() {
			more[id] = new
		}
	}
	return more
}

// reshare tells the allocator what changed. What the agent brought unexpectedly may be on offer, so its offers are
// rescinded. The agent is not added anew: the allocator would forget proposals that are still on their way here.
func (m *Master) reshare(a *agent, changed bool, more map[string]resources.Resources) {
	if changed || len(more) > 0 {
		m.rescindAll(a)
	}
	if len(more) > 0 {
		m.allocator.GrowAgent(a.id, resources.Resources{}, more)
	}
	m.allocator.UpdateAgent(a.id, m.share(a)) // it knows whether anything did
	if a.deactivated {
		m.allocator.DeactivateAgent(a.id)
		return
	}
	m.allocator.ActivateAgent(a.id)
}

func (m *Master) welcome(a *agent, questions []*controlpb.ReconcileTasks, operations [][]byte) {
	m.Send(a.pid, &controlpb.AgentReregistered{AgentId: a.idpb(), PingTimeoutSeconds: m.pingTimeout(), Reconciliations: questions,
		Operations: operations, Epoch: m.stamp()})
}

// endCompleted has everything of frameworks that are over shut down: the order may have been lost.
func (m *Master) endCompleted(a *agent, rep report) {
	for _, id := range rep.frameworks() {
		if m.frameworks.completed(id) {
			m.Log().Info("completed framework still runs", "framework", id, "agent", a.id)
			m.Send(a.pid, &controlpb.ShutdownFramework{FrameworkId: frameworkID(id), Epoch: m.stamp()})
		}
	}
}
