package scheduler

import (
	"errors"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// connection stands in for the scheduler of one SUBSCRIBE. It lives as long as the stream; its end is the framework's
// disconnection.
type connection struct {
	*process.Base
	ref    process.Ref[*connection]
	master master.Client
	stream string
	events *web.Outbox[*schedulerpb.Event]
}

// Initialize implements process.Process.
func (c *connection) Initialize(b *process.Base) {
	c.Base = b
	fromMaster := process.AllowFrom(func(from process.UPID, _ process.Principal) bool { return from == c.master.UPID() })
	process.Install(b, c.event, fromMaster)
	b.Link(c.master.UPID())
}

// Exited is the end of the master. Its successor knows nothing of this stream.
func (c *connection) Exited(process.UPID) { c.cut() }

// subscribe says SUBSCRIBE to the master. A refusal comes back as an ERROR event.
func (c *connection) subscribe(who authorization.Subject, call *schedulerpb.Call) {
	process.Then(c.Base, c.master.Say(c.Self(), who, call), func(_ struct{}, err error) {
		if errors.Is(err, fault.ErrUnavailable) {
			c.cut() // it does not serve any more, so there will be no event
		}
	})
}

// event hands an event to the stream. A client that has left so many unread is gone or hostile; its framework is
// disconnected, as if its connection had broken, and may come back.
func (c *connection) event(_ process.UPID, e *schedulerpb.Event) {
	if !c.events.Push(e) {
		c.Log().Warn("a scheduler does not read its events; its connection is cut")
		c.cut()
		return
	}
	if e.GetType() == schedulerpb.Event_ERROR {
		c.end()
	}
}

// end closes the stream after what it still has to say.
func (c *connection) end() {
	c.events.End()
	c.Terminate()
}

func (c *connection) cut() {
	c.events.Cut()
	c.Terminate()
}

// upid is the actor, or nobody if there is no connection.
func (c *connection) upid() process.UPID {
	if c == nil {
		return process.UPID{}
	}
	return c.ref.UPID
}
