package executor

import (
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
)

// heartbeats are this far apart, and the first comes after as long: some executors know no such event and end at the
// first, which in Mesos they never live to see either.
const heartbeats = 30 * time.Minute

// connection stands in for the executor of one SUBSCRIBE. It lives as long as the stream.
type connection struct {
	*process.Base
	ref    process.Ref[*connection]
	agent  agent.Client
	events *web.Outbox[*executorpb.Event]
}

// Initialize implements process.Process.
func (c *connection) Initialize(b *process.Base) {
	c.Base = b
	fromAgent := process.AllowFrom(func(from process.UPID, _ process.Principal) bool { return from == c.agent.UPID() })
	process.Install(b, c.event, fromAgent)
	process.Install(b, c.disconnected, fromAgent)
	b.Link(c.agent.UPID())
	b.Every(heartbeats, func() {
		c.event(c.agent.UPID(), &executorpb.Event{Type: executorpb.Event_HEARTBEAT.Enum()})
	})
}

// Exited is the end of the agent. The executor comes back when there is another.
func (c *connection) Exited(process.UPID) { c.cut() }

// event hands an event to the stream. An executor that leaves so many unread is stuck or hostile; it is disconnected, as
// if its connection had broken, and may come back.
func (c *connection) event(_ process.UPID, e *executorpb.Event) {
	if !c.events.Push(e) {
		c.Log().Warn("an executor does not read its events; its connection is cut")
		c.cut()
	}
}

// disconnected ends the stream after what it still has to say.
func (c *connection) disconnected(process.UPID, *controlpb.ExecutorDisconnected) { c.end() }

// Finalize is the end of the runtime, or of the client.
func (c *connection) Finalize() { c.cut() }

func (c *connection) end() {
	c.events.End()
	c.Terminate()
}

func (c *connection) cut() {
	c.events.Cut()
	c.Terminate()
}
