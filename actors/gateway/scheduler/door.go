package scheduler

import (
	"net/http"
	"sync"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
	"github.com/meseta-io/meseta/messages/wire"
)

// Realm names who checks that schedulers are who they say.
const Realm = "mesos-master-scheduler"

// streamHeader carries the id of a stream: to the client with the stream, and back with every other call.
const streamHeader = "Mesos-Stream-Id"

// Config bounds what a subscription may cost. A zero field means its default.
type Config struct {
	// QueuedEvents is how many events may wait for a client to read them. Default 131,072: a framework with so many tasks
	// may ask for all of them at once.
	QueuedEvents int
	// QueuedBytes is how large these may be together, in protobuf. Default 64 MiB.
	QueuedBytes int
}

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	if c.QueuedEvents <= 0 {
		c.QueuedEvents = 128 << 10
	}
	if c.QueuedBytes <= 0 {
		c.QueuedBytes = 64 << 20
	}
	return c
}

// door is the scheduler API of one master.
type door struct {
	runtime *process.Runtime
	master  master.Client
	config  Config

	mu      sync.Mutex
	opened  uint64
	streams map[string]*connection // by stream id
}

// Routes are the scheduler API of a master that lives in this runtime.
func Routes(rt *process.Runtime, m master.Client, c Config) []web.Route {
	d := &door{runtime: rt, master: m, config: c.withDefaults(), streams: map[string]*connection{}}
	return []web.Route{{
		Process: m.UPID().ID, Pattern: "api/v1/scheduler", Methods: []string{http.MethodPost}, Realm: Realm,
		Leader: true, Recovered: true, Serve: d.serve,
		Summary: "The scheduler API.",
		Details: "Takes a mesos.v1.scheduler.Call in JSON or protobuf. SUBSCRIBE opens a stream of mesos.v1.scheduler.Event records " +
			"and tells its Mesos-Stream-Id, which every other call has to carry; those are answered 202 when they are accepted.",
	}}
}

// limits bounds a call. A call of many tasks is large, but not as large as everything that HTTP lets in.
var limits = wire.Limits{Bytes: 32 << 20, Memory: 256 << 20}

// serve checks a call, in Mesos' order, and passes it on.
func (d *door) serve(w *web.Writer, r *web.Request) {
	call := &schedulerpb.Call{}
	if _, err := web.Call(r, call, limits); err != nil {
		w.Error(err)
		return
	}
	if err := validation.SchedulerCall(call, r.Subject().Principal); err != nil {
		w.Error(web.Refuse(http.StatusBadRequest, "Failed to validate scheduler::Call: %s", web.Reason(err)))
		return
	}
	format, err := d.accept(r, call.GetType())
	if err != nil {
		w.Error(err)
		return
	}
	refine(call)
	if call.GetType() == schedulerpb.Call_SUBSCRIBE {
		d.subscribe(w, r, call, format)
		return
	}
	d.call(w, r, call)
}

// accept is the format in which a call wants to be answered. Only those that are, or once were, answered with more than a
// status look at it.
func (d *door) accept(r *web.Request, t schedulerpb.Call_Type) (wire.Format, error) {
	if t == schedulerpb.Call_SUBSCRIBE || t == schedulerpb.Call_RECONCILE_OPERATIONS {
		return web.Accept(r)
	}
	return wire.JSON, nil
}

// refine brings every resource of a call into the format that is spoken inside. What cannot be right in any format stays as
// it is, for the master to refuse in the place where it was meant.
func refine(call *schedulerpb.Call) {
	if call.GetType() == schedulerpb.Call_ACCEPT {
		resources.Refine(call)
	}
}

// inMesosWords turns what is not found into 400, because the path was right.
func inMesosWords(err error) error {
	if web.Status(err) == http.StatusNotFound {
		return web.Refuse(http.StatusBadRequest, "%s", web.Reason(err))
	}
	return err
}
