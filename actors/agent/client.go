package agent

import (
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Client is what others in the same runtime ask of an agent. Every method may be called from any goroutine.
type Client struct {
	agent process.Ref[*Agent]
	desk  process.Ref[*desk]
	d     *desk
}

// Leave has the agent end every executor, say goodbye to the master so that nobody waits for the tasks, and end.
func (c Client) Leave(why string) {
	process.Dispatch(c.agent, func(a *Agent) {
		if a.phase < leaving {
			a.b.Log().Info("told to leave", "by", why)
			a.leave(true)
		}
	})
}

// UPID is the agent's name.
func (c Client) UPID() process.UPID { return c.agent.UPID }

// View is the agent as it was a moment ago; never nil. A change that a future of this client has told of is in it.
func (c Client) View() *View { return c.d.latest.Load() }

// Flags are what the agent was told, by the names of the flags.
func (c Client) Flags() []*mesospb.Flag { return flagsOf(c.d.config) }

// Ask answers an operator, as far as who may know it. What it needs to know is in the latest view, so that the agent
// is not asked; only containers are measured. The failure's class says what to do (package fault).
func (c Client) Ask(who authorization.Subject, call *agentpb.Call) process.Future[*agentpb.Response] {
	return c.d.ask(who, call)
}

// Measure is Ask for GET_CONTAINERS, for whoever wants the statistics only: it fails when they cannot be had.
func (c Client) Measure(who authorization.Subject) process.Future[*agentpb.Response] {
	return c.d.measure(who)
}

// Say is a call of an executor over HTTP. from is the actor that stands in for its stream; only SUBSCRIBE needs one,
// and the others are not bound to it. The future completes when the call was obeyed: an update is then in the view,
// though maybe not on disk, which is what ACKNOWLEDGED is for.
func (c Client) Say(from process.UPID, who authorization.Subject, call *executorpb.Call) process.Future[struct{}] {
	return process.Entrust(c.agent, func(a *Agent, done *process.Promise[struct{}]) { a.say(from, who, call, done) })
}
