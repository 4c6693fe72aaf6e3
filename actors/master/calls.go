package master

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/allocatorpb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/refusal"
	"github.com/meseta-io/meseta/messages/validation"
)

// call is what a scheduler that is an actor says. A call that can never succeed is answered with controlpb.Refused,
// which a scheduler may log and forget; an ERROR event would tell it to give up altogether.
func (m *Master) call(from process.UPID, c *schedulerpb.Call) {
	who := m.gate.subject(from)
	subscribes := c.GetType() == schedulerpb.Call_SUBSCRIBE
	if m.serving && subscribes && m.config.AuthenticateFrameworks && who.Principal == "" {
		m.counts.call(c)
		_ = m.refuseSubscription(from, fmt.Errorf("Framework at %s is not authenticated", from))
		return
	}
	m.said(from, who, c, func(err error) {
		var over overflow
		switch {
		case err == nil || !m.serving || subscribes:
		case errors.As(err, &over):
			m.tellError(from, over.Error()) // as Mesos does: a driver that is told so ends
		default:
			m.refuse(from, err)
		}
	})
}

// said is everything that a scheduler says, in whichever way it does: from is where its events go, and who is what it has
// proven. done hears what came of it, at once or when its turn has come.
func (m *Master) said(from process.UPID, who authorization.Subject, c *schedulerpb.Call, done func(error)) {
	f, err := m.heed(from, who, c)
	if f == nil {
		done(err)
		return
	}
	m.throttled(f, from, c, done)
}

// heed checks a call, and subscribes. It returns the framework that a call is of, if it is to be obeyed.
func (m *Master) heed(from process.UPID, who authorization.Subject, c *schedulerpb.Call) (*framework, error) {
	if !m.serving {
		m.counts.dropped.Inc()
		return nil, errRecovering
	}
	m.counts.call(c)
	if err := checkCall(c, who.Principal); err != nil {
		if c.GetType() == schedulerpb.Call_SUBSCRIBE {
			return nil, m.refuseSubscription(from, err)
		}
		return nil, err
	}
	if c.GetType() == schedulerpb.Call_SUBSCRIBE {
		return nil, m.subscribe(from, who, c.GetSubscribe())
	}
	f := m.frameworks.registered[c.GetFrameworkId().GetValue()]
	switch {
	case f == nil:
		m.counts.dropped.Inc()
		return nil, stranger{fmt.Errorf("Framework cannot be found: %w", fault.ErrNotFound)}
	case !f.connected || f.pid != from:
		// Late words of a scheduler that was replaced, or that has yet to subscribe with this master.
		m.counts.dropped.Inc()
		return nil, stranger{fmt.Errorf("Framework is not subscribed: %w", fault.ErrDenied)}
	}
	return f, nil
}

// checkCall is validation.SchedulerCall, and refuses what nobody knows. The principal is what the caller has proven,
// "" if it did not.
func checkCall(c *schedulerpb.Call, principal string) error {
	if c.GetType() == schedulerpb.Call_UNKNOWN {
		return fmt.Errorf("a call without a type, or of one that this master does not know: %w", fault.ErrUnsupported)
	}
	return validation.SchedulerCall(c, principal)
}

// obey does what a subscribed framework asks for.
func (m *Master) obey(f *framework, c *schedulerpb.Call) error {
	switch c.GetType() {
	case schedulerpb.Call_TEARDOWN:
		m.removeFramework(f, "it asked for it")
	case schedulerpb.Call_ACCEPT:
		m.accept(f, c.GetAccept())
	case schedulerpb.Call_DECLINE:
		m.decline(f, c.GetDecline())
	case schedulerpb.Call_REVIVE:
		return m.revive(f, c.GetRevive().GetRoles())
	case schedulerpb.Call_SUPPRESS:
		return m.suppress(f, c.GetSuppress().GetRoles())
	case schedulerpb.Call_KILL:
		m.kill(f, c.GetKill())
	case schedulerpb.Call_SHUTDOWN:
		m.shutdownExecutor(f, c.GetShutdown())
	case schedulerpb.Call_ACKNOWLEDGE:
		m.acknowledge(f, c.GetAcknowledge())
	case schedulerpb.Call_RECONCILE:
		m.reconcile(f, c.GetReconcile().GetTasks())
	case schedulerpb.Call_MESSAGE:
		m.message(f, c.GetMessage())
	case schedulerpb.Call_REQUEST:
		// Mesos' allocator takes requests and does nothing with them.
	case schedulerpb.Call_UPDATE_FRAMEWORK:
		return m.updateFramework(f, c.GetUpdateFramework())
	case schedulerpb.Call_RECONCILE_OPERATIONS:
		m.reconcileOperations(f, c.GetReconcileOperations().GetOperations())
	case schedulerpb.Call_ACCEPT_INVERSE_OFFERS:
		c := c.GetAcceptInverseOffers()
		m.answerInverse(f, c.GetInverseOfferIds(), allocatorpb.InverseOfferStatus_ACCEPT, c.GetFilters())
	case schedulerpb.Call_DECLINE_INVERSE_OFFERS:
		c := c.GetDeclineInverseOffers()
		m.answerInverse(f, c.GetInverseOfferIds(), allocatorpb.InverseOfferStatus_DECLINE, c.GetFilters())
	case schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS:
		m.acknowledgeOperation(f, c.GetAcknowledgeOperationStatus())
	default:
		return fmt.Errorf("%s: this master does not know it: %w", c.GetType(), fault.ErrUnsupported)
	}
	return nil
}

// stranger is why a framework has to subscribe before it can be obeyed. Its scheduler may not know: a master that
// failed over at the same address looks like the one before.
type stranger struct{ error }

func (s stranger) Unwrap() error { return s.error }

// refuse answers a call that failed.
func (m *Master) refuse(to process.UPID, err error) {
	m.detail("call refused", "at", to, "because", err)
	r := refusal.Of(err)
	if _, ok := err.(stranger); ok {
		r.Unsubscribed = proto.Bool(true)
	}
	m.Send(to, r)
}

// message passes opaque bytes on to an executor, at most once.
func (m *Master) message(f *framework, c *schedulerpb.Call_Message) {
	a := m.agents.registered[c.GetAgentId().GetValue()]
	if a == nil || !a.connected {
		m.counts.invalidToExecutor.Inc()
		return
	}
	m.counts.validToExecutor.Inc()
	m.Send(a.pid, &controlpb.FrameworkMessage{FrameworkId: f.info.Id, AgentId: a.idpb(), ExecutorId: c.GetExecutorId(),
		Data: c.GetData(), Epoch: m.stamp()})
}

// executorMessage passes opaque bytes on to a scheduler, at most once.
func (m *Master) executorMessage(from process.UPID, c *controlpb.ExecutorMessage) {
	m.counts.executorToFramework.Inc()
	f := m.frameworks.registered[c.GetFrameworkId().GetValue()]
	if a := m.agents.at(from); a == nil || a.id != c.GetAgentId().GetValue() || f == nil || !f.connected {
		m.counts.invalidToFramework.Inc()
		return
	}
	m.counts.validToFramework.Inc()
	m.tell(f, &schedulerpb.Event{Type: schedulerpb.Event_MESSAGE.Enum(), Message: &schedulerpb.Event_Message{
		AgentId: c.AgentId, ExecutorId: c.ExecutorId, Data: c.Data}})
}

// shutdownExecutor ends one executor and its tasks.
func (m *Master) shutdownExecutor(f *framework, c *schedulerpb.Call_Shutdown) {
	if a := m.agents.registered[c.GetAgentId().GetValue()]; a != nil && a.connected {
		m.Send(a.pid, &controlpb.ShutdownExecutor{FrameworkId: f.info.Id, ExecutorId: c.ExecutorId, Epoch: m.stamp()})
	}
}

// exitedExecutor frees what an executor held. Command executors are the agent's own invention: the master
// does not know them, and their frameworks hear nothing of them.
func (m *Master) exitedExecutor(from process.UPID, x *controlpb.ExitedExecutor) {
	m.counts.exitedExecutor.Inc()
	a := m.agents.at(from)
	framework, id := x.GetFrameworkId().GetValue(), x.GetExecutorId().GetValue()
	if a == nil || a.id != x.GetAgentId().GetValue() || a.executor(framework, id) == nil {
		return
	}
	m.removeExecutor(a, framework, id)
	if f := m.frameworks.registered[framework]; f != nil {
		m.tell(f, &schedulerpb.Event{Type: schedulerpb.Event_FAILURE.Enum(), Failure: &schedulerpb.Event_Failure{
			AgentId: x.AgentId, ExecutorId: x.ExecutorId, Status: x.Status}})
	}
}
