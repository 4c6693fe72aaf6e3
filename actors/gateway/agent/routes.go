package agent

import (
	"net/http"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Realms name who checks operators.
const (
	ReadOnly  = "mesos-agent-readonly"
	ReadWrite = "mesos-agent-readwrite"
)

// Parts are what the door shows. The zero value of each but Agent is an agent without it.
type Parts struct {
	Agent agent.Client
	// Runtime has the metrics.
	Runtime *process.Runtime
	// Authorizer says who may see what. Nil: everybody everything.
	Authorizer authorization.Authorizer
	// Flags are the settings, each as it would be written on the command line. Nil: those that the agent itself knows.
	Flags func() map[string]string
	// Version is what the program calls itself.
	Version *mesospb.VersionInfo
	// Logging is the level of the program's log. Nil: it cannot be changed.
	Logging interface {
		Level() uint32
		// Set changes it for a while.
		Set(level uint32, d time.Duration) error
	}
	// Files are those of the node that can be read. Nil: none can.
	Files interface {
		AgentList(authorization.Subject, *agentpb.Call_ListFiles) (*agentpb.Response, error)
		AgentRead(authorization.Subject, *agentpb.Call_ReadFile) (r *agentpb.Response, identity string, err error)
	}
	// FileError answers what Files refuse.
	FileError func(*web.Writer, error)
}

type door struct {
	Parts
	statistics *turnstile
}

// Routes are the endpoints of one agent.
func Routes(p Parts) []web.Route {
	if p.Authorizer == nil {
		p.Authorizer = authorization.Everything
	}
	if p.Version == nil {
		p.Version = &mesospb.VersionInfo{}
	}
	if p.FileError == nil {
		p.FileError = (*web.Writer).Error
	}
	d := &door{Parts: p, statistics: newTurnstile(statisticsEvery)}
	route := func(pattern, realm, summary, details string, serve func(*web.Writer, *web.Request)) web.Route {
		return web.Route{Process: p.Agent.UPID().ID, Pattern: pattern, Realm: realm, Summary: summary, Details: details, Serve: serve}
	}
	api := route("api/v1", ReadWrite, "The operator API.",
		"Takes a mesos.v1.agent.Call in JSON or protobuf and answers with a mesos.v1.agent.Response.", d.api)
	api.Streams = true
	// A door of its own: the operator API, which answers below its path, would take a provider's SUBSCRIBE for GET_HEALTH.
	providers := route("api/v1/resource_provider", ReadWrite, "The resource provider API, which is not there.", "Always 501.",
		func(w *web.Writer, _ *web.Request) {
			w.Text(http.StatusNotImplemented, "Resource providers are not supported: this agent offers its own resources only")
		})
	providers.Methods = []string{http.MethodPost}
	return []web.Route{
		api, providers,
		route("state", ReadOnly, "The agent, its frameworks, executors and tasks, as JSON.", "", d.state),
		route("containers", ReadOnly, "The containers of executors, as JSON.",
			"container_id alone, framework_id alone, or framework_id and executor_id together choose.", d.guarded("/containers", d.containers)),
		route("monitor/statistics", ReadOnly, "What the containers of executors use, as JSON.",
			"Answers twice a second; whoever comes sooner waits.", d.guarded("/monitor/statistics", d.monitor)),
		route("containerizer/debug", ReadOnly, "What the containerizer is waiting for, as JSON.", "", d.guarded("/containerizer/debug", d.debug)),
	}
}

// guarded is for endpoints that are granted by their path, and that then look at the method.
func (d *door) guarded(path string, serve func(*web.Writer, *web.Request)) func(*web.Writer, *web.Request) {
	return func(w *web.Writer, r *web.Request) {
		if d.Authorizer != authorization.Everything && r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.MethodNotAllowed(r, http.MethodGet)
			return
		}
		if !authorization.Approves(d.Authorizer, r.Subject(), authorization.GetEndpointWithPath, authorization.Endpoint(path)) {
			w.Text(http.StatusForbidden, "")
			return
		}
		serve(w, r)
	}
}
