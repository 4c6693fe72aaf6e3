package master

import (
	"context"
	"fmt"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/refusal"
	"github.com/meseta-io/meseta/messages/validation"
)

// OperatorID is the process id of the operator desk.
const OperatorID = "operator"

// Operator is the desk where people and programs ask about the cluster. It answers from the master's latest
// view and never makes the master wait; what changes something it passes on. Whoever asks has one request
// outstanding at a time, so answers carry no number.
type Operator struct {
	base   *process.Base
	master process.Ref[*Master]
	config Config
	view   *View
}

// Initialize implements process.Process.
func (o *Operator) Initialize(b *process.Base) {
	o.base = b
	o.view = &View{}
	process.Install(b, o.call)
}

func (o *Operator) show(v *View) { o.view = v }

// call answers one question, or says with controlpb.Refused why not.
func (o *Operator) call(from process.UPID, c *masterpb.Call) {
	if err := validation.MasterCall(c); err != nil {
		o.base.Send(from, refusal.Of(err))
		return
	}
	switch c.GetType() {
	case masterpb.Call_TEARDOWN:
		o.order(from, process.Call(o.master, func(m *Master) (struct{}, error) {
			return struct{}{}, m.teardown(c.GetTeardown().GetFrameworkId().GetValue())
		}))
	case masterpb.Call_MARK_AGENT_GONE:
		done, future := process.NewPromise[struct{}](o.base)
		process.Dispatch(o.master, func(m *Master) { m.markGone(c.GetMarkAgentGone().GetAgentId().GetValue(), done) })
		o.order(from, future)
	default:
		o.read(from, c)
	}
}

// order answers an order when it is carried out. Mesos answers 200 without a body: the bare type of the
// call stands for that.
func (o *Operator) order(from process.UPID, done process.Future[struct{}]) {
	process.Then(o.base, done, func(_ struct{}, err error) {
		if err != nil {
			o.base.Send(from, refusal.Of(err))
			return
		}
		o.base.Send(from, &masterpb.Response{})
	})
}

// read answers from the view. The larger answers are put together off the actor, in parallel.
func (o *Operator) read(from process.UPID, c *masterpb.Call) {
	answer := answers[c.GetType()]
	if answer == nil {
		o.base.Send(from, refusal.Of(fmt.Errorf("%s is not answered by this master: %w", c.GetType(), fault.ErrUnsupported)))
		return
	}
	if !o.view.Serving && needsLeader(c.GetType()) {
		o.base.Send(from, refusal.Of(fmt.Errorf("Master has not finished recovery: %w", fault.ErrUnavailable)))
		return
	}
	view, config := o.view, o.config
	work := process.Go(o.base, func(context.Context) (*masterpb.Response, error) {
		r := answer(view, config)
		r.Type = masterpb.Response_Type(masterpb.Response_Type_value[c.GetType().String()]).Enum()
		return r, nil
	})
	process.Then(o.base, work, func(r *masterpb.Response, err error) {
		if err != nil {
			o.base.Send(from, refusal.Of(err))
			return
		}
		o.base.Send(from, r)
	})
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
func (m *Master) teardown(id string) error {
	f := m.frameworks.registered[id]
	if f == nil {
		return fmt.Errorf("No framework found with specified ID: %w", fault.ErrNotFound)
	}
	if f.connected {
		m.tellError(f.pid, "Framework has been removed")
	}
	m.removeFramework(f, "an operator tore it down")
	return nil
}

// markGone ends an agent for an operator, for ever. It is done already for one that is gone.
func (m *Master) markGone(id string, done *process.Promise[struct{}]) {
	_, recovered := m.agents.recovered[id]
	switch {
	case !m.serving:
		done.Complete(struct{}{}, fmt.Errorf("Master has not finished recovery: %w", fault.ErrUnavailable))
		return
	case m.agents.gone[id] != nil:
		done.Complete(struct{}{}, nil)
		return
	case m.agents.busy[id] != "":
		done.Complete(struct{}{}, fmt.Errorf("agent %s cannot be marked gone now: %s: %w", id, m.agents.busy[id], fault.ErrUnavailable))
		return
	case m.agents.registered[id] == nil && m.agents.unreachable[id] == nil && !recovered:
		done.Complete(struct{}{}, fmt.Errorf("agent %q is unknown: %w", id, fault.ErrNotFound))
		return
	}
	m.makeGone(id, done)
}
