package master

import (
	"context"
	"fmt"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/refusal"
)

// OperatorID is the process id of the operator desk.
const OperatorID = "operator"

// errRecovering is said as Mesos says it.
var errRecovering = fmt.Errorf("Master has not finished recovery: %w", fault.ErrUnavailable)

// Operator is the desk where actors ask about the cluster, as others do through the gateway. It answers from the
// master's latest view and never makes the master wait; what changes something it passes on. Whoever asks has one
// request outstanding at a time, so answers carry no number.
type Operator struct {
	base   *process.Base
	client Client
}

// Initialize implements process.Process.
func (o *Operator) Initialize(b *process.Base) {
	o.base = b
	process.Install(b, o.call)
}

// call answers one question, or says with controlpb.Refused why not. Who asks is what they have proven to the master,
// which is asked only where somebody could have.
func (o *Operator) call(from process.UPID, c *masterpb.Call) {
	if o.client.config.Credentials == "" {
		o.answer(from, authorization.Subject{}, c)
		return
	}
	who := process.Call(o.client.master, func(m *Master) (authorization.Subject, error) { return m.gate.subject(from), nil })
	process.Then(o.base, who, func(who authorization.Subject, err error) {
		if err != nil {
			o.base.Send(from, refusal.Of(err))
			return
		}
		o.answer(from, who, c)
	})
}

// answer has the larger answers put together off the actor, in parallel.
func (o *Operator) answer(from process.UPID, who authorization.Subject, c *masterpb.Call) {
	reply := func(r *masterpb.Response, err error) {
		if err != nil {
			o.base.Send(from, refusal.Of(err))
			return
		}
		o.base.Send(from, r)
	}
	if answers[c.GetType()] == nil {
		process.Then(o.base, o.client.Ask(who, c), reply)
		return
	}
	read := process.Go(o.base, func(ctx context.Context) (*masterpb.Response, error) { return o.client.Ask(who, c).Get(ctx) })
	process.Then(o.base, read, reply)
}

// needsLeader reports whether only a master that serves can answer; the rest is about the process itself.
func needsLeader(t masterpb.Call_Type) bool {
	switch t {
	case masterpb.Call_GET_HEALTH, masterpb.Call_GET_FLAGS, masterpb.Call_GET_VERSION, masterpb.Call_GET_METRICS:
		return false
	}
	return true
}

// teardown ends a framework for an operator.
func (m *Master) teardown(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	f := m.frameworks.registered[c.GetTeardown().GetFrameworkId().GetValue()]
	if f == nil {
		return process.Failed[struct{}](fmt.Errorf("No framework found with specified ID: %w", fault.ErrInvalid))
	}
	if !m.approves(who, authorization.TeardownFramework, authorization.Object{Framework: f.info}) {
		return denied(who, authorization.TeardownFramework)
	}
	if f.connected {
		m.tellError(f.pid, "Framework has been removed")
	}
	m.removeFramework(f, "an operator tore it down")
	return process.Ready(struct{}{})
}

// markGone ends an agent for an operator, for ever. It is done already for one that is gone.
func (m *Master) markGone(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	id := c.GetMarkAgentGone().GetAgentId().GetValue()
	_, recovered := m.agents.recovered[id]
	if !m.approves(who, authorization.MarkAgentGone, authorization.Object{}) {
		return denied(who, authorization.MarkAgentGone)
	}
	switch {
	case m.agents.gone[id] != nil:
		return process.Ready(struct{}{})
	case m.agents.busy[id] != "":
		return refusedOrder(fault.ErrUnavailable, "Agent %s cannot be marked gone now: %s", id, m.agents.busy[id])
	case m.agents.registered[id] == nil && m.agents.unreachable[id] == nil && !recovered:
		return refusedOrder(fault.ErrNotFound, "Agent '%s' not found", id)
	}
	return m.makeGone(id)
}
