package scheduler

import (
	"fmt"
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// subscribe opens a stream and keeps it until the client or the master ends it. Its header goes out before the master has
// looked at the framework, so what the master refuses is said in the stream.
func (d *door) subscribe(w *web.Writer, r *web.Request, call *schedulerpb.Call, f wire.Format) {
	if len(r.Header.Values(streamHeader)) > 0 {
		w.Error(web.Refuse(http.StatusBadRequest, "Subscribe calls should not include the '%s' header", streamHeader))
		return
	}
	if info := call.GetSubscribe().GetFrameworkInfo(); info.Principal == nil && r.Subject().Principal != "" {
		info.Principal = proto.String(r.Subject().Principal)
	}
	c, err := d.open()
	if err != nil {
		w.Error(err)
		return
	}
	defer d.close(c)
	stream, err := w.Stream(f, http.Header{streamHeader: {c.stream}})
	if err != nil {
		return
	}
	who := r.Subject()
	process.Dispatch(c.ref, func(c *connection) { c.subscribe(who, call) })
	if err := c.events.Pump(r.Context(), stream, f); err != nil {
		c.Log().Debug("an event could not be written", "error", err)
	}
}

// open spawns the actor of a new stream.
func (d *door) open() (*connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened++
	c := &connection{master: d.master, stream: newStreamID(), events: web.NewOutbox[*schedulerpb.Event](d.config.QueuedEvents, d.config.QueuedBytes)}
	ref, err := process.Spawn(d.runtime, fmt.Sprintf("scheduler-stream(%d)", d.opened), c)
	if err != nil {
		return nil, err
	}
	c.ref = ref
	d.streams[c.stream] = c
	return c, nil
}

// close ends what open began. The master notices.
func (d *door) close(c *connection) {
	d.mu.Lock()
	delete(d.streams, c.stream)
	d.mu.Unlock()
	process.Terminate(c.ref, true)
}

// find is the connection of a stream id, or nil.
func (d *door) find(stream string) *connection {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.streams[stream]
}
