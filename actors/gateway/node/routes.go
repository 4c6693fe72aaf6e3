package node

import (
	"fmt"
	"net/http"
	"runtime"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Host is a master or an agent of the node.
type Host struct {
	ID    string // "master", "slave(1)"
	Agent bool
}

// realm is Mesos' name of one of its realms.
func (h Host) realm(kind string) string {
	if h.Agent {
		return "mesos-agent-" + kind
	}
	return "mesos-master-" + kind
}

// Parts are what the endpoints show. The zero value of each is a node without it.
type Parts struct {
	Runtime *process.Runtime
	// Hosts are who lives on the node, the delegate first.
	Hosts []Host
	// Flags are the node's settings, each as it would be written on the command line.
	Flags func() map[string]string
	// Logging is how much the node logs.
	Logging *Logging
	// Authorizer says who may see what. Nil: everybody everything.
	Authorizer authorization.Authorizer
	// Version is what the program calls itself.
	Version *mesospb.VersionInfo
	// Leader is the leading master's host:port, or empty; nil if the node has no master.
	Leader func() string
	// All are the routes of the whole node, for the help.
	All func() []web.Route
}

// Routes are the endpoints.
func Routes(p Parts) []web.Route {
	if len(p.Hosts) == 0 {
		return nil
	}
	first := p.Hosts[0]
	var all []web.Route
	for _, h := range p.Hosts {
		all = append(all, p.of(h)...)
	}
	return append(all,
		web.Route{Process: "version", Exact: true, Summary: "The program's version.", Serve: p.version},
		web.Route{Process: "metrics", Pattern: "snapshot", Realm: first.realm("readonly"), Summary: "All numbers, as one JSON object.",
			Details: "timeout=VALUE, a duration, is checked; every number is there at once.", Serve: p.snapshot},
		web.Route{Process: "metrics", Exact: true, Realm: first.realm("readonly"), Summary: "All numbers, in the text format of Prometheus.", Serve: p.prometheus},
		web.Route{Process: "system", Pattern: "stats.json", Summary: "The machine's processors, load and memory.", Serve: p.system},
		web.Route{Process: "logging", Pattern: "toggle", Realm: first.realm("readwrite"), Summary: "Shows or sets how much is logged.",
			Details: "level=N and duration=VALUE set it for a while: 0 is what the flags say, 1 and more is everything.", Serve: p.toggle},
		web.Route{Process: "profiler", Pattern: "start", Realm: first.realm("readwrite"), Summary: "Not part of this build.", Serve: noProfiler},
		web.Route{Process: "profiler", Pattern: "stop", Realm: first.realm("readwrite"), Summary: "Not part of this build.", Serve: noProfiler},
		web.Route{Process: "help", Summary: "This help.", Serve: p.help},
		web.Route{Process: "__processes__", Exact: true, Summary: "What every process of this node is at.",
			Serve: func(w *web.Writer, r *web.Request) { p.Runtime.ServeHTTP(w.ResponseWriter, r.Request) }},
	)
}

// of are the endpoints below a host's own name.
func (p Parts) of(h Host) []web.Route {
	routes := []web.Route{
		{Process: h.ID, Pattern: "health", Summary: "200 as long as the node answers.",
			Serve: func(w *web.Writer, _ *web.Request) { w.Empty(http.StatusOK) }},
		{Process: h.ID, Pattern: "flags", Realm: h.realm("readonly"), Summary: "The node's settings.", Serve: p.flags},
	}
	if !h.Agent {
		routes = append(routes, web.Route{Process: h.ID, Pattern: "redirect", Exact: true, Summary: "Redirects to the leading master.", Serve: p.redirect})
	}
	return routes
}

// redirect sends to the leader, without a path, from the leader itself too.
func (p Parts) redirect(w *web.Writer, _ *web.Request) {
	leader := ""
	if p.Leader != nil {
		leader = p.Leader()
	}
	if leader == "" {
		w.Text(http.StatusServiceUnavailable, "No leader elected")
		return
	}
	w.Redirect("//" + leader)
}

// may asks the authorizer. False: it has refused.
func (p Parts) may(w *web.Writer, r *web.Request, action authorization.Action, what string) bool {
	if authorization.Approves(p.Authorizer, r.Subject(), action, authorization.Object{Value: what}) {
		return true
	}
	w.Error(authorization.Refusal(r.Subject(), action))
	return false
}

func noProfiler(w *web.Writer, _ *web.Request) {
	w.Text(http.StatusBadRequest, fmt.Sprintf("Profiling is not part of this build (%s).\n", runtime.Version()))
}
