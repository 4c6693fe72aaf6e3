package master

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// loss is why the tasks of an agent end, as their frameworks are told.
type loss struct {
	aware       mesospb.TaskState // for frameworks that know partitions
	awareReason mesospb.TaskStatus_Reason
	other       mesospb.TaskState
	otherReason mesospb.TaskStatus_Reason
	since       *mesospb.TimeInfo // set where the tasks may return
	message     string
}

// The ways in which a whole agent's tasks are lost (task-lifecycle.md, section 3).
func lostUnreachable(since time.Time, why string) loss {
	return loss{mesospb.TaskState_TASK_UNREACHABLE, mesospb.TaskStatus_REASON_AGENT_REMOVED,
		mesospb.TaskState_TASK_LOST, mesospb.TaskStatus_REASON_AGENT_REMOVED, timeInfo(since), why}
}

func lostRemoved(why string) loss {
	return loss{mesospb.TaskState_TASK_LOST, mesospb.TaskStatus_REASON_AGENT_REMOVED,
		mesospb.TaskState_TASK_LOST, mesospb.TaskStatus_REASON_AGENT_REMOVED, nil, why}
}

func lostGone(why string) loss {
	return loss{mesospb.TaskState_TASK_GONE_BY_OPERATOR, mesospb.TaskStatus_REASON_AGENT_REMOVED_BY_OPERATOR,
		mesospb.TaskState_TASK_LOST, mesospb.TaskStatus_REASON_AGENT_REMOVED, nil, why}
}

func lostConnection() loss {
	return loss{mesospb.TaskState_TASK_LOST, mesospb.TaskStatus_REASON_AGENT_DISCONNECTED,
		mesospb.TaskState_TASK_LOST, mesospb.TaskStatus_REASON_AGENT_DISCONNECTED, nil,
		"the agent disconnected and the framework does not checkpoint"}
}

func (l loss) of(f *framework) (mesospb.TaskState, mesospb.TaskStatus_Reason) {
	if f.can.partitionAware {
		return l.aware, l.awareReason
	}
	return l.other, l.otherReason
}

// markUnreachable writes that a registered or recovered agent is missed, then tells.
func (m *Master) markUnreachable(id, why string) {
	_, recovered := m.agents.recovered[id]
	if m.agents.busy[id] != "" || m.agents.registered[id] == nil && !recovered {
		return
	}
	since := m.Now()
	m.persist(id, missing, registrar.MarkUnreachable(id, since), func() { m.markedUnreachable(id, since, why) })
}

func (m *Master) markedUnreachable(id string, since time.Time, why string) {
	m.counts.unreachableCompleted.Inc()
	m.Log().Warn("agent unreachable", "agent", id, "because", why)
	record := &controlpb.UnreachableAgent{AgentId: agentID(id), Since: timeInfo(since)}
	if a := m.agents.registered[id]; a != nil {
		record.DrainInfo, record.Deactivated = a.drain, proto.Bool(a.deactivated)
		m.agents.unreachable[id] = record
		m.counts.removedUnhealthy.Inc()
		m.loseAgent(a, lostUnreachable(since, why))
	} else if known := m.agents.recovered[id]; known != nil {
		record.DrainInfo, record.Deactivated = known.DrainInfo, known.Deactivated
		m.agents.unreachable[id] = record
		delete(m.agents.recovered, id)
		m.counts.recoveryRemovals.Inc()
		m.desk.touchRecovered(id)
		m.tellAgentLost(id)
		m.returned()
	}
}

// removeAgent forgets an agent that is over: it said goodbye, or another one is at its address.
func (m *Master) removeAgent(a *agent, why string, count *metrics.Counter) {
	if m.agents.busy[a.id] != "" {
		return
	}
	// Nothing more is sent to the agent or offered of it from now on, but its tasks are told lost only when
	// the registry has forgotten it: before, a new master would wait for it.
	a.connected = false
	m.endHealth(a)
	m.allocator.DeactivateAgent(a.id)
	m.rescindAll(a)
	m.persist(a.id, leaving, registrar.Remove(a.id), func() {
		count.Inc()
		if m.agents.registered[a.id] == a {
			m.Log().Info("agent removed", "agent", a.id, "because", why)
			m.loseAgent(a, lostRemoved(why))
			m.desk.agentRemoved(a)
		}
	})
}

// loseAgent takes a registered agent out of the books: its tasks are over or unreachable, its offers are
// rescinded, everybody hears of it.
func (m *Master) loseAgent(a *agent, why loss) {
	// First, so that nothing that is freed below is offered again.
	m.allocator.RemoveAgent(a.id)
	m.settle(a.id)
	each(a.tasks, func(framework, id string, t *task) { m.loseTask(a, t, why) })
	each(a.executors, func(framework, id string, _ *executor) { m.removeExecutor(a, framework, id) })
	m.loseOperations(a, why)
	m.rescindAll(a)
	m.rescindInverse(a)
	if len(a.answers) > 0 {
		m.desk.touchMachines()
	}
	m.endHealth(a)
	if a.deadline != nil {
		a.deadline.Stop()
	}
	m.counts.removals.Inc()
	m.agents.remove(a)
	if m.agents.at(a.pid) == nil {
		// Nobody else has come to its address.
		m.part(a.pid)
	}
	m.desk.touchAgent(a.id)
	m.tellAgentLost(a.id)
}

// settle keeps a lost agent from coming back until the allocator has let go of it. A proposal of its old self
// that is still on its way would be granted for the new one, and the allocator would not know.
func (m *Master) settle(id string) {
	m.agents.settling[id] = true
	// Any answer will do: proposals that were made before it are here before it.
	process.Then(m.Base, m.allocator.Figures(), func(map[string]float64, error) { delete(m.agents.settling, id) })
}

// dropUncheckpointed gives up the tasks of frameworks whose executors end with their agent.
func (m *Master) dropUncheckpointed(a *agent) {
	each(a.tasks, func(framework, id string, t *task) {
		if f := m.frameworks.registered[framework]; f != nil && !f.info.GetCheckpoint() {
			m.loseTask(a, t, lostConnection())
		}
	})
	each(a.executors, func(framework, id string, _ *executor) {
		if f := m.frameworks.registered[framework]; f != nil && !f.info.GetCheckpoint() {
			m.removeExecutor(a, framework, id)
		}
	})
}

// tellAgentLost sends FAILURE to every framework that listens.
func (m *Master) tellAgentLost(id string) {
	for _, f := range m.frameworks.sorted() {
		m.tell(f, failureEvent(id))
	}
}

// recoveryOver marks the agents unreachable that did not return after the failover.
func (m *Master) recoveryOver() {
	share, _ := parsePercent(m.config.RecoveryAgentRemovalLimit) // checked by Validate
	gone, known := len(m.agents.recovered), len(m.agents.recovered)+len(m.agents.registered)
	if gone == 0 {
		return
	}
	if float64(gone) > share*float64(known) {
		m.Fatal(fmt.Errorf("%d of %d agents did not return within %s, more than --recovery_agent_removal_limit=%s: "+
			"rather this master's network is broken: %w", gone, known, m.config.AgentReregisterTimeout,
			m.config.RecoveryAgentRemovalLimit, fault.ErrUnavailable))
		return
	}
	for _, id := range slices.Sorted(maps.Keys(m.agents.recovered)) {
		if m.agents.busy[id] != "" {
			continue
		}
		m.agents.awaited[id] = m.limiter.ask(func() {
			delete(m.agents.awaited, id)
			if _, still := m.agents.recovered[id]; still {
				m.markUnreachable(id, "the agent did not return after the failover")
			}
		})
	}
}

// prune forgets unreachable and gone agents that are old or too many, the oldest first.
func (m *Master) prune() {
	unreachable := surplus(m.agents.unreachable, m.Now(), m.config)
	gone := surplus(m.agents.gone, m.Now(), m.config)
	if len(unreachable)+len(gone) == 0 {
		return
	}
	was := maps.Clone(m.agents.unreachable)
	process.Then(m.Base, m.registrar.Apply(m.Base, registrar.Prune(unreachable, gone)), func(_ struct{}, err error) {
		if m.refused(err, "the registry was not pruned", "") {
			return
		}
		for _, id := range unreachable {
			// One that returned meanwhile, or is missed anew, is another record.
			if m.agents.unreachable[id] == was[id] {
				delete(m.agents.unreachable, id)
			}
		}
		for _, id := range gone {
			delete(m.agents.gone, id)
		}
	})
}

// surplus picks from records what is older than the age, and the oldest above the count.
func surplus[R interface{ GetSince() *mesospb.TimeInfo }](records map[string]R, now time.Time, c Config) (ids []string) {
	byAge := slices.SortedFunc(maps.Keys(records), func(a, b string) int {
		if d := records[a].GetSince().GetNanoseconds() - records[b].GetSince().GetNanoseconds(); d != 0 {
			return int(min(max(d, -1), 1))
		}
		if a < b {
			return -1
		}
		return 1
	})
	tooMany := max(0, len(byAge)-c.RegistryMaxAgentCount)
	oldest := now.Add(-c.RegistryMaxAgentAge).UnixNano()
	for i, id := range byAge {
		if i < tooMany || records[id].GetSince().GetNanoseconds() <= oldest {
			ids = append(ids, id)
		}
	}
	return ids
}

func timeInfo(t time.Time) *mesospb.TimeInfo {
	return &mesospb.TimeInfo{Nanoseconds: proto.Int64(t.UnixNano())}
}
