package executor

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// heartbeats are this far apart, and the first comes after as long: some executors know no such event and end at the
// first, which in Mesos they never live to see either.
const heartbeats = 30 * time.Minute

// connection stands in for the executor of one SUBSCRIBE. It lives as long as the stream.
type connection struct {
	*process.Base
	ref    process.Ref[*connection]
	agent  agent.Client
	events *web.Queue[*executorpb.Event]
	over   bool // events is closed
	broken bool // the stream did not end as it should; written before events is closed
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
	if !c.events.Push(e, proto.Size(e)) {
		c.Log().Warn("an executor does not read its events; its connection is cut")
		c.cut()
	}
}

// disconnected ends the stream after what it still has to say.
func (c *connection) disconnected(process.UPID, *controlpb.ExecutorDisconnected) { c.end() }

// Finalize is the end of the runtime, or of the client.
func (c *connection) Finalize() { c.cut() }

func (c *connection) end() {
	c.over = true
	c.events.Close()
	c.Terminate()
}

func (c *connection) cut() {
	if !c.over {
		c.broken = true
		c.end()
	}
}

// pump writes events to the stream until one of the two ends.
func (c *connection) pump(ctx context.Context, s *web.Stream, f wire.Format) {
	var buf []byte
	for {
		e, ok := c.events.Next(ctx)
		if !ok {
			break
		}
		record, err := f.Append(buf[:0], e)
		if err == nil {
			err = s.Send(record)
		}
		if err != nil {
			c.Log().Debug("an event could not be written", "type", e.GetType(), "error", err)
			s.Break()
			return
		}
		buf = record
	}
	if ctx.Err() != nil || c.events.Full() || c.broken {
		s.Break()
		return
	}
	s.Close()
}
