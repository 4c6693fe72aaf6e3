package operator

import (
	"fmt"
	"net/http"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
	"github.com/meseta-io/meseta/messages/wire"
)

// Config is what stands behind the door.
type Config struct {
	// Master is whom the API speaks of.
	Master master.Client
	// Limits bound what a call may cost to parse.
	Limits wire.Limits
	// Files are those of the node that can be read. Nil: none can.
	Files interface {
		MasterList(authorization.Subject, *masterpb.Call_ListFiles) (*masterpb.Response, error)
		MasterRead(authorization.Subject, *masterpb.Call_ReadFile) (*masterpb.Response, error)
	}
	// Flags are those that the program was started with. Nil: the master's own.
	Flags func() []*mesospb.Flag
	// Version is what the program knows of itself. Nil: what the master says.
	Version *mesospb.VersionInfo
	// Logging is the level of the program's log. Nil: it is what it is.
	Logging interface {
		Level() uint32
		// Set changes it for a while.
		Set(level uint32, d time.Duration) error
	}
	// Heartbeat is the time between two signs of life on a stream. Zero: 15 seconds, which clients expect.
	Heartbeat time.Duration
}

// door serves the API.
type door struct {
	Config
	hub     *hub
	shelves [2]shelves // by format
}

// Routes are the master's v1 operator API.
func Routes(c Config) []web.Route {
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	d := &door{Config: c, hub: newHub(c.Master.Config().MaxSubscribers, c.Master.View().Metrics.Gauge("master/operator_event_stream_subscribers").Set), shelves: [2]shelves{newShelves(), newShelves()}}
	c.Master.Watch(d.hub)
	return []web.Route{{
		Process: "master", Pattern: "api/v1", Realm: "mesos-master-readwrite", Methods: []string{http.MethodPost}, Leader: true, Recovered: true,
		Summary: "The operator API: every question about the cluster, and every change to it.",
		Details: "The body is a mesos.v1.master.Call as application/json or application/x-protobuf; the answer is a mesos.v1.master.Response " +
			"in a format that Accept admits. SUBSCRIBE answers with an endless stream of events.",
		Serve: d.serve,
	}}
}

// serve checks in Mesos' order: what is said, whether it is valid, and whether there is a way to answer.
func (d *door) serve(w *web.Writer, r *web.Request) {
	call := &masterpb.Call{}
	if _, err := web.Call(r, call, d.Limits); err != nil {
		w.Error(err)
		return
	}
	if err := validation.MasterCall(call); err != nil {
		w.Error(web.Refuse(http.StatusBadRequest, "Failed to validate master::Call: %s", web.Reason(err)))
		return
	}
	f, err := web.Accept(r)
	if err != nil {
		w.Error(err)
		return
	}
	switch how := Calls[call.GetType()]; {
	case how.Missing != "":
		w.Error(fmt.Errorf("%s: %s: %w", call.GetType(), how.Missing, fault.ErrUnsupported))
	case how.serve != nil:
		how.serve(d, w, r, f, call)
	default:
		w.Error(fmt.Errorf("a call of a type that this master does not know: %w", fault.ErrUnsupported))
	}
}

// ask has the master's client answer with a message.
func ask(d *door, w *web.Writer, r *web.Request, f wire.Format, call *masterpb.Call) {
	answer, err := d.Master.Ask(r.Subject(), call).Get(r.Context())
	d.reply(w, f, answer, err)
}

func (d *door) reply(w *web.Writer, f wire.Format, answer *masterpb.Response, err error) {
	if err != nil {
		w.Error(err)
		return
	}
	w.Message(http.StatusOK, f, answer)
}

// change has the master do something, and says with a status that it is done.
func change(status int) serving {
	return func(d *door, w *web.Writer, r *web.Request, _ wire.Format, call *masterpb.Call) {
		if _, err := d.Master.Ask(r.Subject(), call).Get(r.Context()); err != nil {
			w.Error(err)
			return
		}
		w.Empty(status)
	}
}

func getFlags(d *door, w *web.Writer, r *web.Request, f wire.Format, call *masterpb.Call) {
	if err := d.Master.Allows(r.Subject(), authorization.ViewFlags, authorization.Object{}); err != nil {
		w.Error(err)
		return
	}
	if d.Flags == nil {
		ask(d, w, r, f, call)
		return
	}
	w.Message(http.StatusOK, f, &masterpb.Response{Type: masterpb.Response_GET_FLAGS.Enum(), GetFlags: &masterpb.Response_GetFlags{Flags: d.Flags()}})
}

func getVersion(d *door, w *web.Writer, r *web.Request, f wire.Format, call *masterpb.Call) {
	if d.Version == nil {
		ask(d, w, r, f, call)
		return
	}
	w.Message(http.StatusOK, f, &masterpb.Response{Type: masterpb.Response_GET_VERSION.Enum(), GetVersion: &masterpb.Response_GetVersion{VersionInfo: d.Version}})
}

// getMetrics has every number at once, so that no time that the caller allows is too short, be it none at all.
func getMetrics(d *door, w *web.Writer, r *web.Request, f wire.Format, call *masterpb.Call) {
	answer, err := d.Master.Ask(r.Subject(), call).Get(r.Context())
	if err != nil {
		w.Error(err)
		return
	}
	d.metrics(w, f, answer.GetGetMetrics().GetMetrics())
}

func getLogging(d *door, w *web.Writer, _ *web.Request, f wire.Format, _ *masterpb.Call) {
	level := uint32(0)
	if d.Logging != nil {
		level = d.Logging.Level()
	}
	d.reply(w, f, &masterpb.Response{Type: masterpb.Response_GET_LOGGING_LEVEL.Enum(),
		GetLoggingLevel: &masterpb.Response_GetLoggingLevel{Level: &level}}, nil)
}

func setLogging(d *door, w *web.Writer, r *web.Request, _ wire.Format, call *masterpb.Call) {
	if err := d.Master.Allows(r.Subject(), authorization.SetLogLevel, authorization.Object{}); err != nil {
		w.Error(err)
		return
	}
	if d.Logging == nil {
		w.Error(fmt.Errorf("SET_LOGGING_LEVEL: this program's log has one level only: %w", fault.ErrUnsupported))
		return
	}
	set := call.GetSetLoggingLevel()
	if err := d.Logging.Set(set.GetLevel(), time.Duration(set.GetDuration().GetNanoseconds())); err != nil {
		w.Error(err)
		return
	}
	w.Empty(http.StatusOK)
}

func listFiles(d *door, w *web.Writer, r *web.Request, f wire.Format, call *masterpb.Call) {
	if d.Files == nil {
		w.Error(web.Refuse(http.StatusNotFound, ""))
		return
	}
	answer, err := d.Files.MasterList(r.Subject(), call.GetListFiles())
	d.file(w, f, answer, err)
}

func readFile(d *door, w *web.Writer, r *web.Request, f wire.Format, call *masterpb.Call) {
	if d.Files == nil {
		w.Error(web.Refuse(http.StatusNotFound, ""))
		return
	}
	answer, err := d.Files.MasterRead(r.Subject(), call.GetReadFile())
	d.file(w, f, answer, err)
}

// file answers; some refusals have a body of their own, which may be empty.
func (d *door) file(w *web.Writer, f wire.Format, answer *masterpb.Response, err error) {
	if own, ok := err.(interface{ Body() string }); ok {
		w.Bytes(web.Status(err), "text/plain; charset=utf-8", []byte(own.Body()))
		return
	}
	d.reply(w, f, answer, err)
}
