package gateway

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	agentdoor "github.com/meseta-io/meseta/actors/gateway/agent"
	"github.com/meseta-io/meseta/actors/gateway/beyond"
	"github.com/meseta-io/meseta/actors/gateway/executor"
	"github.com/meseta-io/meseta/actors/gateway/files"
	"github.com/meseta-io/meseta/actors/gateway/legacy"
	"github.com/meseta-io/meseta/actors/gateway/node"
	"github.com/meseta-io/meseta/actors/gateway/operator"
	"github.com/meseta-io/meseta/actors/gateway/scheduler"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// Parts are what the doors lead to, and who guards them. The zero value of each is a node without it.
type Parts struct {
	// Runtime is where processes live; those with routes of their own are served under their names.
	Runtime *process.Runtime
	// Master is the node's master, if it has one.
	Master *master.Client
	// Agents are the node's agents.
	Agents []agentdoor.Parts
	// Delegate is the process that is meant when a path names none: "master" or "slave(1)".
	Delegate string
	// Leadership is what the node knows about who leads. Nil: what Master knows, or that nobody has to.
	Leadership func() web.Leadership
	// Authenticator is who guards a realm at the moment, or nil.
	Authenticator func(realm string) process.Authenticator
	// Authorizer says who may do what. Nil: everybody everything.
	Authorizer authorization.Authorizer
	// Flags are the node's settings, each as it would be written on the command line.
	Flags func() map[string]string
	// Logging is how much the node logs.
	Logging *node.Logging
	// Version is what the program calls itself.
	Version *mesospb.VersionInfo
	// Files are the node's virtual files.
	Files *files.Service
	// Loopback is set if the node can be reached from its own machine only: then no page of another site may use a browser
	// there to get at it.
	Loopback bool
	// Names are those by which the node is reached then, beside its addresses and localhost.
	Names []string
	// Routes are those that no room of the gateway has.
	Routes []web.Route
	Log    *slog.Logger
}

// routes are all routes of a node. Every room adds its line.
func (p Parts) routes(help func() []web.Route) []web.Route {
	all := append(node.Routes(node.Parts{Runtime: p.Runtime, Hosts: p.hosts(), Flags: p.Flags, Logging: p.Logging, Authorizer: p.Authorizer,
		Version: p.Version, Leader: p.leader(), All: help}), p.Routes...)
	if p.Files != nil {
		realm := "mesos-agent-readonly"
		if p.Master != nil {
			realm = "mesos-master-readonly"
		}
		all = append(all, files.Routes(p.Files, realm, p.Authorizer)...)
	}
	if p.Master != nil {
		all = append(all, scheduler.Routes(p.Runtime, *p.Master, scheduler.Config{})...)
		all = append(all, legacy.Reads(legacy.Config{Master: *p.Master, Flags: p.settings(), Version: p.version()})...)
		all = append(all, legacy.Changes(*p.Master, wire.Limits{})...)
		all = append(all, legacy.Resources(*p.Master, wire.Limits{})...)
		all = append(all, beyond.Routes(*p.Master)...)
		c := operator.Config{Master: *p.Master, Flags: p.settings(), Version: p.Version}
		if p.Logging != nil {
			c.Logging = p.Logging
		}
		if p.Files != nil {
			c.Files = p.Files
		}
		all = append(all, operator.Routes(c)...)
	}
	for _, a := range p.Agents {
		a.Runtime, a.Flags, a.Version, a.Authorizer = p.Runtime, p.Flags, p.Version, p.Authorizer
		if p.Logging != nil {
			a.Logging = p.Logging
		}
		if p.Files != nil {
			a.Files, a.FileError = p.Files, files.WriteError
		}
		all = append(all, executor.Routes(p.Runtime, a.Agent, executor.Config{})...)
		all = append(all, agentdoor.Routes(a)...)
		all = append(all, beyond.AgentRoutes(a.Agent)...)
	}
	return all
}

// hosts are who lives on the node, the delegate first.
func (p Parts) hosts() []node.Host {
	var hosts []node.Host
	if p.Master != nil {
		hosts = append(hosts, node.Host{ID: p.Master.UPID().ID})
	}
	for _, a := range p.Agents {
		hosts = append(hosts, node.Host{ID: a.Agent.UPID().ID, Agent: true})
	}
	return hosts
}

// version is what the program calls itself, or nil if nobody has said.
func (p Parts) version() func() *mesospb.VersionInfo {
	if p.Version == nil {
		return nil
	}
	return func() *mesospb.VersionInfo { return p.Version }
}

// settings are the flags as the v1 API shows them, sorted by name.
func (p Parts) settings() func() []*mesospb.Flag {
	if p.Flags == nil {
		return nil
	}
	return func() []*mesospb.Flag {
		all := p.Flags()
		var list []*mesospb.Flag
		for _, name := range slices.Sorted(maps.Keys(all)) {
			list = append(list, &mesospb.Flag{Name: proto.String(name), Value: proto.String(all[name])})
		}
		return list
	}
}

// leadership is what the node's master knows about who leads. Nil: there is no master.
func (p Parts) leadership() func() web.Leadership {
	if p.Leadership != nil || p.Master == nil {
		return p.Leadership
	}
	return func() web.Leadership {
		view := p.Master.View()
		l := web.Leadership{Leading: !view.Elected.IsZero(), Recovered: view.Serving, Trouble: p.Master.Reach().String()}
		if leader := view.Leader; leader != nil {
			l.Leader = net.JoinHostPort(host(leader), strconv.Itoa(int(leader.GetPort())))
		}
		return l
	}
}

// leader is where the leading master is, for /redirect. Nil: there is no master.
func (p Parts) leader() func() string {
	know := p.leadership()
	if know == nil {
		return nil
	}
	return func() string { return know().Leader }
}

// host is the name by which a master wants to be reached, or its address.
func host(m *mesospb.MasterInfo) string {
	if m.GetHostname() != "" {
		return m.GetHostname()
	}
	return m.GetAddress().GetIp()
}

// Gateway serves the HTTP doors of a node.
type Gateway struct {
	config Config
	router *web.Router
	server *http.Server
}

// New puts the doors together.
func New(c Config, p Parts) (*Gateway, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	closed, err := c.firewall(p.Delegate)
	if err != nil {
		return nil, err
	}
	if p.Logging == nil {
		p.Logging = node.NewLogging(new(slog.LevelVar), nil)
	}
	g := &Gateway{config: c}
	w := web.Config{
		Routes: p.routes(func() []web.Route { return g.router.Routes() }), Delegate: p.Delegate, Leadership: p.leadership(), Authenticator: p.Authenticator, Firewall: closed,
		Limits: c.limits(),
	}
	if p.Loopback {
		w.Admit = newLocal(p.Names).admit
	}
	if p.Runtime != nil {
		w.Processes = p.Runtime
	}
	if g.router, err = web.New(w); err != nil {
		return nil, err
	}
	log := p.Log
	if log == nil {
		log = slog.Default()
	}
	g.server = c.server(g.router, log)
	return g, nil
}

// Handler is what answers requests, for those who bring their own connections.
func (g *Gateway) Handler() http.Handler { return g.router }

// Serve answers the connections of a listener until Close.
func (g *Gateway) Serve(l net.Listener) error {
	if err := g.server.Serve(newBounded(l, g.config.MaxConnections, g.config.MaxConnectionsPerPeer)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends the doors: idle connections at once, the others when their answer is done or ctx is.
func (g *Gateway) Close(ctx context.Context) error {
	if err := g.server.Shutdown(ctx); err != nil {
		return g.server.Close()
	}
	return nil
}
