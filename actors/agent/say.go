package agent

import (
	"fmt"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/validation"
)

// maxHeld bounds the updates that wait for the checkpoints to be read. Whoever is beyond asks again.
const maxHeld = 10_000

// say is a call over HTTP. Unlike executorCall it may come from anybody: it counts by what it says of itself and by
// the token that came with it.
func (a *Agent) say(from process.UPID, who authorization.Subject, c *executorpb.Call, done *process.Promise[struct{}]) {
	if !a.loaded && c.GetType() == executorpb.Call_UPDATE && len(a.held) < maxHeld {
		// Mesos answers 503 here, and its executors do not send an update twice. A task that ends just now would
		// never be known to have.
		a.held = append(a.held, func() { a.say(from, who, c, done) })
		return
	}
	err := a.obeyExecutor(from, who, c)
	a.show()
	done.Complete(struct{}{}, err)
}

func (a *Agent) obeyExecutor(from process.UPID, who authorization.Subject, c *executorpb.Call) error {
	if err := validation.ExecutorCall(c); err != nil {
		return err
	}
	switch {
	case !a.loaded:
		return ErrRecovering
	case c.GetType() == executorpb.Call_HEARTBEAT:
		return nil // of anybody, as in Mesos: it keeps a connection alive and says nothing
	case a.phase == recovering && c.GetType() == executorpb.Call_MESSAGE:
		return ErrRecovering
	}
	e, err := a.speaker(who, c)
	if err != nil {
		return err
	}
	switch c.GetType() {
	case executorpb.Call_SUBSCRIBE:
		a.subscribe(e, from, true, c.GetSubscribe())
	case executorpb.Call_UPDATE:
		a.executorUpdate(e, c.GetUpdate().GetStatus())
	case executorpb.Call_MESSAGE:
		a.executorMessage(e, c.GetMessage().GetData())
	default:
		return fmt.Errorf("call %s: %w", c.GetType(), fault.ErrUnsupported)
	}
	return nil
}

// speaker finds who a call over HTTP is from, in Mesos' order of checks and its words.
func (a *Agent) speaker(who authorization.Subject, c *executorpb.Call) (*executor, error) {
	f := a.frameworks[c.GetFrameworkId().GetValue()]
	if f == nil {
		return nil, fmt.Errorf("Framework cannot be found: %w", fault.ErrInvalid)
	}
	e := f.executors[c.GetExecutorId().GetValue()]
	if e == nil {
		return nil, fmt.Errorf("Executor cannot be found: %w", fault.ErrInvalid)
	}
	if err := e.provenBy(who); err != nil {
		return nil, err
	}
	switch {
	case c.GetType() == executorpb.Call_SUBSCRIBE:
	case e.state == registering && !e.http:
		return nil, fmt.Errorf("Executor is not subscribed: %w", fault.ErrDenied)
	case !e.http:
		// Its own connection says who it is; anybody could say it over HTTP.
		return nil, fmt.Errorf("Executor is not connected via HTTP: %w", fault.ErrDenied)
	}
	return e, nil
}

// provenBy checks a token. Without one there is nothing to check: whether one has to be there is decided before.
func (e *executor) provenBy(who authorization.Subject) error {
	if len(who.Claims) == 0 {
		return nil
	}
	for _, claim := range []struct{ name, is string }{
		{authorization.ClaimFramework, e.framework.id()},
		{authorization.ClaimExecutor, e.id()},
		{authorization.ClaimContainer, e.run.container},
	} {
		if got, ok := who.Claims[claim.name]; !ok || got != claim.is {
			return fmt.Errorf("the token's claim '%s' is not of this executor: %w", claim.name, fault.ErrDenied)
		}
	}
	return nil
}

// release tells the stand-in of an executor that speaks HTTP to end its stream.
func (a *Agent) release(upid process.UPID, http bool) {
	if http && !upid.IsZero() {
		a.b.Send(upid, &controlpb.ExecutorDisconnected{})
	}
}
