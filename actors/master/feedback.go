package master

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// orphanPatience is how long an operation waits for a framework that nobody has heard of since the failover, as in
// Mesos.
const orphanPatience = 10 * time.Minute

// updateOperationStatus passes on what became of an operation. The agent keeps what is not acknowledged, so nothing is
// lost where this returns early.
func (m *Master) updateOperationStatus(from process.UPID, u *controlpb.UpdateOperationStatus) {
	m.counts.operationUpdate.Inc()
	a := m.agents.at(from)
	if !m.serving || a == nil || a.id != u.GetAgentId().GetValue() || u.GetStatus() == nil {
		m.counts.invalidOperationUpdate.Inc()
		return
	}
	o := a.operations[string(u.GetOperationUuid())]
	if o == nil {
		// The agent lists what it has when it registers, so this was acknowledged, and that got lost.
		m.counts.invalidOperationUpdate.Inc()
		m.releaseOperation(a, u.GetOperationUuid())
		return
	}
	m.counts.validOperationUpdate.Inc()
	if o.pending() {
		m.settleOperation(a, o, u)
	}
	m.passOn(a, o)
	m.checkDrained(a)
}

// settleOperation takes over how an operation ended, and what that means for the agent's resources.
func (m *Master) settleOperation(a *agent, o *operation, u *controlpb.UpdateOperationStatus) {
	status := proto.CloneOf(u.GetStatus())
	status.OperationId = o.info.GetInfo().Id // an agent that does not know the operation does not know its id
	m.setStatus(o, status)
	if status.GetState() == mesospb.OperationState_OPERATION_FINISHED {
		m.detail("operation carried out", "framework", o.framework, "agent", a.id, "operation", o.info.GetInfo().GetType())
	} else {
		m.Log().Warn("operation not carried out", "framework", o.framework, "agent", a.id, "operation", o.info.GetInfo().GetType(),
			"state", status.GetState(), "because", status.GetMessage())
	}
	switch {
	case u.Checkpointed != nil:
		flags, err := checkAgent(a.info, a.version)
		if err == nil {
			flags, err = holdings(flags, u.GetCheckpointed().GetResources())
		}
		if err != nil {
			m.Log().Error("reservations do not fit their agent", "agent", a.id, "error", err)
			return
		}
		m.correct(a, flags)
	case status.GetState() == mesospb.OperationState_OPERATION_FINISHED:
		truth, err := a.truth.Apply(unallocated(o.info.GetInfo()))
		if err != nil {
			m.Log().Error("agent carried out what should not have been possible", "agent", a.id, "operation", o.info.GetInfo(), "error", err)
			return
		}
		m.correct(a, truth)
	}
}

// passOn tells the framework, if it wants to know and can; else the operation is acknowledged in its place.
func (m *Master) passOn(a *agent, o *operation) {
	f := m.frameworks.registered[o.framework]
	status := o.info.GetLatestStatus()
	switch {
	case o.id == "", m.frameworks.completed(o.framework):
	case f == nil && m.Now().Sub(m.elected) < orphanPatience:
		return // it may subscribe yet
	case f == nil:
	default:
		m.tellOperation(f, status)
		if status.Uuid != nil {
			return // it acknowledges
		}
	}
	m.removeOperation(a, o)
	m.releaseOperation(a, []byte(o.uuid))
}

// releaseOperation lets an agent forget an operation.
func (m *Master) releaseOperation(a *agent, uuid []byte) {
	if a.connected {
		m.Send(a.pid, &controlpb.AcknowledgeOperation{OperationUuid: uuid, Epoch: m.stamp()})
	}
}

// acknowledgeOperation ends an operation. It has to reach an agent that is there; otherwise the status comes again.
func (m *Master) acknowledgeOperation(f *framework, c *schedulerpb.Call_AcknowledgeOperationStatus) {
	a, o := m.agents.registered[c.GetAgentId().GetValue()], f.operations[c.GetOperationId().GetValue()]
	if a == nil || !a.connected || o == nil || o.agent != a.id || !bytes.Equal(o.info.GetLatestStatus().GetUuid().GetValue(), c.GetUuid()) {
		m.counts.invalidOperationAck.Inc()
		return
	}
	m.counts.validOperationAck.Inc()
	m.removeOperation(a, o)
	m.releaseOperation(a, []byte(o.uuid))
}

// learnOperations takes in what a returning agent lists, and returns what it was sent and does not list. What is in
// the report is part of the truth that came with it.
func (m *Master) learnOperations(a *agent, listed []*mesospb.Operation) (missing [][]byte) {
	seen := map[string]bool{}
	for _, info := range listed {
		uuid := string(info.GetUuid().GetValue())
		if uuid == "" || info.GetInfo() == nil || info.GetLatestStatus() == nil || seen[uuid] {
			continue
		}
		seen[uuid] = true
		switch o := a.operations[uuid]; {
		case o == nil:
			m.addOperation(a, info)
		case o.pending():
			m.setStatus(o, info.GetLatestStatus())
		}
	}
	for _, o := range a.sortedOperations() {
		switch {
		case seen[o.uuid]:
		case o.pending():
			missing = append(missing, []byte(o.uuid))
		default:
			m.removeOperation(a, o) // acknowledged, and that is on its disk
		}
	}
	return missing
}

// loseOperations tells what becomes of operations whose agent is lost. One that has ended, and whose framework has
// not acknowledged that, keeps its true end.
func (m *Master) loseOperations(a *agent, why loss) {
	for _, o := range a.sortedOperations() {
		f := m.frameworks.registered[o.framework]
		if f != nil && o.id != "" && o.pending() {
			m.tellOperation(f, &mesospb.OperationStatus{OperationId: o.info.GetInfo().Id, AgentId: a.idpb(),
				State: why.ofOperations().Enum(), Message: proto.String(why.message)})
		}
		m.removeOperation(a, o)
	}
}

// ofOperations is the state of operations on a lost agent.
func (l loss) ofOperations() mesospb.OperationState {
	switch {
	case l.since != nil:
		return mesospb.OperationState_OPERATION_UNREACHABLE
	case l.aware == mesospb.TaskState_TASK_GONE_BY_OPERATOR:
		return mesospb.OperationState_OPERATION_GONE_BY_OPERATOR
	}
	return mesospb.OperationState_OPERATION_UNKNOWN
}

// endOperations lets the agents forget what a framework that is over will never acknowledge. What is pending follows
// when it ends.
func (m *Master) endOperations(f *framework) {
	for _, id := range slices.Sorted(maps.Keys(f.operations)) {
		o := f.operations[id]
		if a := m.agents.registered[o.agent]; a != nil && !o.pending() {
			m.removeOperation(a, o)
			m.releaseOperation(a, []byte(o.uuid))
		}
	}
}

// adoptOperations finds the operations of a framework that was not known when its agents returned.
func (m *Master) adoptOperations(f *framework) {
	if !m.operations.any() {
		return
	}
	for _, a := range m.agents.sorted() {
		for _, o := range a.sortedOperations() {
			if o.framework == f.id && o.id != "" {
				f.operations[o.id] = o
			}
		}
	}
}

// reconcileOperations tells a framework how its operations are: those that it names, or all that it has when it names
// none.
func (m *Master) reconcileOperations(f *framework, asked []*schedulerpb.Call_ReconcileOperations_Operation) {
	if len(asked) == 0 {
		all := slices.SortedFunc(maps.Values(f.operations), func(x, y *operation) int { return x.number - y.number })
		for _, o := range all {
			m.tellOperation(f, reconciled(o))
		}
		return
	}
	for _, q := range asked {
		if o := f.operations[q.GetOperationId().GetValue()]; o != nil {
			m.tellOperation(f, reconciled(o))
			continue
		}
		m.tellOperation(f, m.unknownOperation(q))
	}
}

// reconciled is the last status of an operation. The answer to a question is not acknowledged.
func reconciled(o *operation) *mesospb.OperationStatus {
	s := proto.CloneOf(o.info.GetLatestStatus())
	s.Uuid = nil
	return s
}

// unknownOperation is what is said of an operation that is not in the books (task-lifecycle.md, section 7).
func (m *Master) unknownOperation(q *schedulerpb.Call_ReconcileOperations_Operation) *mesospb.OperationStatus {
	s := &mesospb.OperationStatus{OperationId: q.OperationId, AgentId: q.AgentId, ResourceProviderId: q.ResourceProviderId}
	if q.AgentId == nil {
		s.State = mesospb.OperationState_OPERATION_UNKNOWN.Enum()
		s.Message = proto.String("Reconciliation: Operation is unknown and no 'agent_id' was provided")
		return s
	}
	answers := map[whereabouts]struct {
		state mesospb.OperationState
		text  string
	}{
		recovering:    {mesospb.OperationState_OPERATION_RECOVERING, "Reconciliation: Agent is recovered but has not re-registered"},
		registered:    {mesospb.OperationState_OPERATION_UNKNOWN, "Reconciliation: Operation is unknown"},
		isUnreachable: {mesospb.OperationState_OPERATION_UNREACHABLE, "Reconciliation: Agent is unreachable"},
		isGone:        {mesospb.OperationState_OPERATION_GONE_BY_OPERATOR, "Reconciliation: Agent marked gone by operator"},
		unknown:       {mesospb.OperationState_OPERATION_UNKNOWN, "Reconciliation: Both operation and agent are unknown"},
	}
	answer := answers[m.whereabouts(q.AgentId)]
	s.State, s.Message = answer.state.Enum(), proto.String(answer.text)
	return s
}

func (m *Master) tellOperation(f *framework, s *mesospb.OperationStatus) {
	m.tell(f, &schedulerpb.Event{Type: schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum(),
		UpdateOperationStatus: &schedulerpb.Event_UpdateOperationStatus{Status: s}})
}
