package master

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
)

// tooLate is why an agent is unreachable whose connection broke and that may even answer pings.
const tooLate = "the agent did not re-register in time"

// health watches one agent with pings.
type health struct {
	missed  int
	awaited bool // a pong
	timer   process.Timer
	due     *permit // to mark the agent unreachable
	overdue bool    // it did not re-register in time: that it answers pings changes nothing any more
}

// watchAgent starts to ping.
func (m *Master) watchAgent(a *agent) {
	a.health = health{}
	m.ping(a)
}

func (m *Master) ping(a *agent) {
	a.health.awaited = true
	// connected false tells an agent that thinks otherwise to re-register.
	m.Send(a.pid, &controlpb.Ping{Connected: proto.Bool(a.connected), Epoch: m.stamp()})
	a.health.timer = m.Delay(m.config.AgentPingTimeout, func() { m.pingOver(a) })
}

// pingOver counts and pings again. Pings go on after an agent is due to become unreachable: the transition
// waits its turn in the rate limiter, and an answer that arrives first cancels it, as in Mesos.
func (m *Master) pingOver(a *agent) {
	if !a.health.awaited {
		a.health.missed = 0
	} else if a.health.missed++; a.health.missed >= m.config.MaxAgentPingTimeouts && a.health.due == nil {
		m.Log().Warn("agent does not answer", "agent", a.id, "pings", a.health.missed)
		m.due(a, "the agent does not answer pings")
	}
	if a.health.overdue {
		m.due(a, tooLate) // again, if something else was being written of it at the time
	}
	if m.agents.registered[a.id] == a {
		m.ping(a)
	}
}

// due asks for the permit to mark an agent unreachable.
func (m *Master) due(a *agent, why string) {
	if a.health.due != nil || m.agents.busy[a.id] != "" {
		return
	}
	m.counts.unreachableScheduled.Inc()
	a.health.due = m.limiter.ask(func() {
		a.health.due = nil
		if m.agents.registered[a.id] == a {
			m.markUnreachable(a.id, why)
		}
	})
	if a.health.due.limiter == nil {
		a.health.due = nil // granted at once
	}
}

// pong is an answer. It counts for whoever is at the address.
func (m *Master) pong(from process.UPID, _ *controlpb.Pong) {
	a := m.agents.at(from)
	if a == nil {
		return
	}
	a.health.awaited, a.health.missed = false, 0
	if a.health.overdue {
		return
	}
	if a.health.due.cancel() {
		m.counts.unreachableCanceled.Inc()
		m.Log().Info("agent answers again", "agent", a.id)
	}
	a.health.due = nil
}

// restartHealth forgets what an agent missed while its connection was broken.
func (m *Master) restartHealth(a *agent) {
	if a.health.due.cancel() {
		m.counts.unreachableCanceled.Inc()
	}
	m.endHealth(a)
	m.watchAgent(a)
}

func (m *Master) endHealth(a *agent) {
	if a.health.timer != nil {
		a.health.timer.Stop()
	}
	a.health.due.cancel()
	a.health = health{}
}

// agentExited is the end of an agent's connection. The agent itself may be well: its tasks stay, but for
// those of frameworks that do not checkpoint, which Mesos has given up here too.
func (m *Master) agentExited(a *agent) {
	if !a.connected {
		return
	}
	m.Log().Info("agent disconnected", "agent", a.id, "at", a.pid)
	a.connected = false
	m.allocator.DeactivateAgent(a.id)
	m.rescindAll(a)
	m.rescindInverse(a)
	m.dropUncheckpointed(a)
	a.deadline = m.Delay(m.config.AgentReregisterTimeout, func() {
		a.deadline = nil
		a.health.overdue = true
		m.due(a, tooLate)
	})
	m.desk.touchAgent(a.id)
}
