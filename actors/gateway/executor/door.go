package executor

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/validation"
	"github.com/meseta-io/meseta/messages/wire"
)

// Realm names who checks that executors are who they say.
const Realm = "mesos-agent-executor"

// Config bounds what a subscription may cost. A zero field means its default.
type Config struct {
	// QueuedEvents is how many events may wait for an executor to read them. Default 16,384: as many tasks may be given to
	// it while it starts.
	QueuedEvents int
	// QueuedBytes is how large these may be together, in protobuf. Default 32 MiB.
	QueuedBytes int
}

func (c Config) withDefaults() Config {
	if c.QueuedEvents <= 0 {
		c.QueuedEvents = 16 << 10
	}
	if c.QueuedBytes <= 0 {
		c.QueuedBytes = 32 << 20
	}
	return c
}

// door is the executor API of one agent.
type door struct {
	runtime *process.Runtime
	agent   agent.Client
	config  Config
	opened  atomic.Uint64
}

// Routes are the executor API of an agent that lives in this runtime.
func Routes(rt *process.Runtime, a agent.Client, c Config) []web.Route {
	d := &door{runtime: rt, agent: a, config: c.withDefaults()}
	return []web.Route{{
		Process: a.UPID().ID, Pattern: "api/v1/executor", Methods: []string{http.MethodPost}, Realm: Realm, Serve: d.serve,
		Summary: "The executor API.",
		Details: "Takes a mesos.v1.executor.Call in JSON or protobuf. SUBSCRIBE opens a stream of mesos.v1.executor.Event records; " +
			"every other call is answered 202 when it is accepted.",
	}}
}

// limits bounds a call. What an executor could not tell for a long time is many updates at once.
var limits = wire.Limits{Bytes: 32 << 20, Memory: 256 << 20}

// serve checks a call, in Mesos' order, and passes it on.
func (d *door) serve(w *web.Writer, r *web.Request) {
	call := &executorpb.Call{}
	if _, err := web.Call(r, call, limits); err != nil {
		w.Error(err)
		return
	}
	if err := validation.ExecutorCall(call); err != nil {
		w.Error(web.Refuse(http.StatusBadRequest, "Failed to validate Executor::Call: %s", web.Reason(err)))
		return
	}
	switch call.GetType() {
	case executorpb.Call_SUBSCRIBE:
		d.subscribe(w, r, call)
	case executorpb.Call_HEARTBEAT:
		// Of anybody, without a look: it keeps connections alive and says nothing.
		if d.agent.View().Reading {
			w.Error(agent.ErrRecovering)
			return
		}
		w.Empty(http.StatusAccepted)
	default:
		if _, err := d.agent.Say(process.UPID{}, r.Subject(), call).Get(r.Context()); err != nil {
			w.Error(err)
			return
		}
		w.Empty(http.StatusAccepted)
	}
}

// subscribe opens a stream and keeps it until the executor or the agent ends it. The agent is asked first, because whom
// it does not know gets a status and no stream.
func (d *door) subscribe(w *web.Writer, r *web.Request, call *executorpb.Call) {
	f, err := web.Accept(r)
	if err != nil {
		w.Error(err)
		return
	}
	c := &connection{agent: d.agent, events: web.NewOutbox[*executorpb.Event](d.config.QueuedEvents, d.config.QueuedBytes)}
	// The agent's name makes it one of its own where several share a runtime.
	if c.ref, err = process.Spawn(d.runtime, fmt.Sprintf("executor-stream(%s,%d)", d.agent.UPID().ID, d.opened.Add(1)), c); err != nil {
		w.Error(err)
		return
	}
	defer process.Terminate(c.ref, true)
	if _, err := d.agent.Say(c.ref.UPID, r.Subject(), call).Get(r.Context()); err != nil {
		w.Error(err)
		return
	}
	stream, err := w.Stream(f, nil)
	if err != nil {
		return
	}
	if err := c.events.Pump(r.Context(), stream, f); err != nil {
		c.Log().Debug("an event could not be written", "error", err)
	}
}
