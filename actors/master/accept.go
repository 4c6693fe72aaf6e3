package master

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
)

// accept turns offers into work. Offers that died on the way are refused as a whole, because the framework
// planned with all of them; what the operations leave over is declined.
func (m *Master) accept(f *framework, c *schedulerpb.Call_Accept) {
	offers, err := pick(f.offers, c.GetOfferIds())
	if err != nil {
		m.acceptFailed(f, c, mesospb.TaskStatus_REASON_INVALID_OFFERS, err)
		return
	}
	a := m.agents.registered[offers[0].agent]
	if a == nil || !a.connected {
		// Both rescind the offers, so this cannot be; but a launch must not vanish if it ever is.
		m.acceptFailed(f, c, mesospb.TaskStatus_REASON_AGENT_DISCONNECTED, fmt.Errorf("the agent is not there: %w", fault.ErrConflict))
		return
	}
	spend := &spending{framework: f, agent: a, role: offers[0].role, journey: m.setOut(offers)}
	for _, o := range offers {
		m.takeOffer(o)
		spend.left = spend.left.Add(o.resources)
	}
	spend.offered, spend.shared = spend.left, spend.left.Shared()
	m.detail("offer accepted", "framework", f.id, "agent", a.id, "offer", offers[0].id, "offers", len(offers), "operations", len(c.GetOperations()))
	m.counts.offersAccepted.Add(int64(len(offers)))
	f.tally.accepted.Add(int64(len(offers)))
	for _, op := range c.GetOperations() {
		m.operate(spend, op)
	}
	refused, made := spend.rest()
	m.allocator.Recover(f.id, a.id, refused, declined(c.GetFilters()))
	if !made.IsEmpty() {
		m.allocator.Recover(f.id, a.id, made, nil)
	}
}

// spending is one ACCEPT being carried out.
type spending struct {
	framework *framework
	agent     *agent
	role      string
	offered   resources.Resources
	left      resources.Resources
	shared    resources.Resources // volumes that any number of tasks may have, offered or made
	later     resources.Resources // made by operations, and not there for those after them
	journey   *journey            // what all of its tasks have behind them; nil unless somebody traces
}

// rest is what is left of the offers, which the framework refuses for now, and what its operations made, which it
// wants to be offered.
func (s *spending) rest() (refused, made resources.Resources) {
	made = s.left.Subtract(s.offered)
	return s.left.Subtract(made), made.Add(s.later)
}

// pick finds the offers of an ACCEPT. They must all be there, of one agent and one role, and none twice.
func pick(have map[string]*offer, ids []*mesospb.OfferID) ([]*offer, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("no offers are named: %w", fault.ErrInvalid)
	}
	seen := map[string]bool{}
	var picked []*offer
	for _, id := range ids {
		o := have[id.GetValue()]
		switch {
		case seen[id.GetValue()]:
			return nil, fmt.Errorf("offer %s is named twice: %w", id.GetValue(), fault.ErrInvalid)
		case o == nil:
			return nil, fmt.Errorf("offer %s is no longer valid: %w", id.GetValue(), fault.ErrConflict)
		case len(picked) > 0 && o.agent != picked[0].agent:
			return nil, fmt.Errorf("offers %s and %s are of different agents: %w", picked[0].id, o.id, fault.ErrInvalid)
		case len(picked) > 0 && o.role != picked[0].role:
			return nil, fmt.Errorf("offers %s and %s are for different roles: %w", picked[0].id, o.id, fault.ErrInvalid)
		}
		seen[o.id] = true
		picked = append(picked, o)
	}
	return picked, nil
}

// acceptFailed returns the offers of an ACCEPT that still are, and ends everything that it wanted.
func (m *Master) acceptFailed(f *framework, c *schedulerpb.Call_Accept, reason mesospb.TaskStatus_Reason, err error) {
	m.Log().Info("accept refused", "framework", f.id, "because", err)
	for _, id := range c.GetOfferIds() {
		if o := f.offers[id.GetValue()]; o != nil {
			m.endOffer(o, nil, false)
		}
	}
	state := mesospb.TaskState_TASK_LOST
	if f.can.partitionAware {
		state = mesospb.TaskState_TASK_DROPPED
	}
	none := &spending{framework: f, journey: m.setOut(nil)}
	for _, op := range c.GetOperations() {
		for _, t := range launched(op) {
			m.neverRan(none, t, op.GetLaunchGroup().GetExecutor(), state, reason, err)
		}
		if len(launched(op)) == 0 && op.Id != nil {
			m.tellOperation(f, &mesospb.OperationStatus{OperationId: op.Id, State: unapplied(reason).Enum(), Message: proto.String(err.Error())})
		}
	}
}

// unapplied is the state of an operation that nobody was asked to carry out.
func unapplied(reason mesospb.TaskStatus_Reason) mesospb.OperationState {
	if reason == mesospb.TaskStatus_REASON_INVALID_OFFERS {
		return mesospb.OperationState_OPERATION_ERROR
	}
	return mesospb.OperationState_OPERATION_DROPPED
}

// launched are the tasks that an operation wants to launch.
func launched(op *mesospb.Offer_Operation) []*mesospb.TaskInfo {
	switch op.GetType() {
	case mesospb.Offer_Operation_LAUNCH:
		return op.GetLaunch().GetTaskInfos()
	case mesospb.Offer_Operation_LAUNCH_GROUP:
		return op.GetLaunchGroup().GetTaskGroup().GetTasks()
	}
	return nil
}

// operate carries out one operation on what is left. One that fails leaves everything to the next.
func (m *Master) operate(s *spending, op *mesospb.Offer_Operation) {
	s.framework.tally.operation(op.GetType())
	switch op.GetType() {
	case mesospb.Offer_Operation_LAUNCH:
		m.launch(s, op)
	case mesospb.Offer_Operation_LAUNCH_GROUP:
		m.launchGroup(s, op)
	case mesospb.Offer_Operation_RESERVE, mesospb.Offer_Operation_UNRESERVE, mesospb.Offer_Operation_CREATE,
		mesospb.Offer_Operation_DESTROY, mesospb.Offer_Operation_GROW_VOLUME, mesospb.Offer_Operation_SHRINK_VOLUME:
		m.convert(s, op)
	case mesospb.Offer_Operation_CREATE_DISK, mesospb.Offer_Operation_DESTROY_DISK:
		m.dropOperation(s, op, at(s.agent, say(fault.ErrUnsupported, "'source' is not managed by a resource provider")))
	default:
		m.dropOperation(s, op, at(s.agent, say(fault.ErrUnsupported, "operation %s is not possible on this master", op.GetType())))
	}
}

// dropOperation answers an operation that cannot be carried out: with an update when the framework gave it an id,
// else with a refusal, which schedulers that speak HTTP do not hear, as in Mesos.
func (m *Master) dropOperation(s *spending, op *mesospb.Offer_Operation, err error) {
	m.Log().Info("operation refused", "framework", s.framework.id, "agent", s.agent.id, "operation", op.GetType(), "because", err)
	if op.Id == nil {
		m.refuse(s.framework.pid, err)
		return
	}
	m.tellOperation(s.framework, &mesospb.OperationStatus{OperationId: op.Id, State: mesospb.OperationState_OPERATION_ERROR.Enum(),
		Message: proto.String(err.Error())})
}

// neverRan tells of a task that is over before it began. It is not kept; but its end is told again to a framework that asks.
func (m *Master) neverRan(s *spending, t *mesospb.TaskInfo, executor *mesospb.ExecutorInfo, state mesospb.TaskState,
	reason mesospb.TaskStatus_Reason, err error) {
	f := s.framework
	if executor == nil {
		executor = t.GetExecutor()
	}
	pb := &mesospb.Task{TaskId: t.GetTaskId(), AgentId: t.GetAgentId()}
	// The executor of a task that is not even valid is nobody that a status could name.
	if executor != nil && state != mesospb.TaskState_TASK_ERROR {
		pb.ExecutorId = executor.ExecutorId
	}
	m.Log().Info("launch refused", "framework", f.id, "agent", t.GetAgentId().GetValue(), "task", t.GetTaskId().GetValue(), "state", state, "because", err)
	status := m.status(pb, state, reason, err.Error())
	m.counts.ended(status)
	f.tally.end(status.GetState())
	m.traceRefused(s, t, status)
	m.tellUpdate(f, status)
	f.end(pb, state)
}
