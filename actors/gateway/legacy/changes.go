// Package legacy is the doors that were there before the v1 API: one path for each thing, JSON or forms in, JSON out.
// Everything they say and do goes through the very calls of the v1 API, so both see and may do the same.
package legacy

import (
	"net/http"
	"strings"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// Asker answers the calls of the v1 API: a master.Client.
type Asker interface {
	Ask(who authorization.Subject, call *masterpb.Call) process.Future[*masterpb.Response]
}

// The realms that guard what is seen of a master's cluster, and what changes it.
const (
	realmReadOnly  = "mesos-master-readonly"
	realmReadWrite = "mesos-master-readwrite"
)

// changes are doors to calls that change something, and to what they have changed.
type changes struct {
	master Asker
	limits wire.Limits
}

// Changes are /quota, /weights, /maintenance/schedule, /maintenance/status, /machine/down, /machine/up and /teardown.
func Changes(master Asker, limits wire.Limits) []web.Route {
	c := &changes{master, limits}
	return []web.Route{
		c.route("quota", "Gets or updates quota for roles.", c.quota, http.MethodGet, http.MethodPost, http.MethodDelete),
		c.route("weights", "Updates weights for the specified roles.", c.weights, http.MethodGet, http.MethodPut),
		c.route("maintenance/schedule", "Returns or updates the cluster's maintenance schedule.", c.schedule, http.MethodGet, http.MethodPost),
		c.reading("maintenance/status", "Retrieves the maintenance status of the cluster.", c.status),
		c.route("machine/down", "Brings a set of machines down.", c.machineDown, http.MethodPost),
		c.route("machine/up", "Brings a set of machines back up.", c.machineUp, http.MethodPost),
		c.route("teardown", "Tears down a running framework by shutting down all its tasks and executors.", c.teardown, http.MethodPost),
	}
}

func (c *changes) route(pattern, summary string, serve func(*web.Writer, *web.Request), methods ...string) web.Route {
	return web.Route{Process: "master", Pattern: pattern, Methods: methods, Realm: realmReadWrite, Leader: true, Summary: summary, Serve: serve}
}

func (c *changes) reading(pattern, summary string, serve func(*web.Writer, *web.Request)) web.Route {
	r := c.route(pattern, summary, serve, http.MethodGet)
	r.Realm = realmReadOnly
	return r
}

// ask puts a call to the master and waits for the answer, or for the client to go.
func (c *changes) ask(r *web.Request, call *masterpb.Call) (*masterpb.Response, error) {
	return c.master.Ask(r.Subject(), call).Get(r.Context())
}

// change answers 200 without a body when a call is carried out.
func (c *changes) change(w *web.Writer, r *web.Request, call *masterpb.Call) {
	if _, err := c.ask(r, call); err != nil {
		w.Error(err)
		return
	}
	w.Empty(http.StatusOK)
}

// quoted is a body as an error repeats it: not all of a long one, and text.
func quoted(body []byte) string {
	const most = 256
	text := string(body)
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
