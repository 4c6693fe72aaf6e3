package master

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/detector"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/ratelimits"
	"github.com/meseta-io/meseta/messages/tracing"
	"github.com/meseta-io/meseta/messages/uuid"
)

// ID is the master's process id.
const ID = "master"

// heartbeatInterval is the time between two HEARTBEATs to a framework, as in Mesos.
const heartbeatInterval = 15 * time.Second

// Parts are what a master is led by and remembers with.
type Parts struct {
	Contender cluster.Contender
	Registry  cluster.Registry
	// Detector says who leads while this master does not. Nil: the contender, if it is one as well, else nobody knows.
	Detector cluster.Detector
	// Reacher says how it stands with the service that elects. Nil: the detector, if it is one as well, else none is needed.
	Reacher cluster.Reacher
	// Credentials are who may authenticate: what is in the file that Config.Credentials names.
	Credentials credentials.Known
	// Authorizer says what they may do. Nil: everything.
	Authorizer authorization.Authorizer
	// Tracer hears how tasks come from their offers to running. Nil: nobody does.
	Tracer tracing.Tracer
	// RateLimits are how fast frameworks may speak. Nil: as fast as they like.
	RateLimits *ratelimits.Limits
}

// Master is the actor. What it knows lies in the files named for it.
type Master struct {
	*process.Base
	config Config
	parts  Parts

	id       string
	info     *mesospb.MasterInfo
	epoch    uint64
	term     cluster.Term
	lost     process.Published[lapse] // once the term is over
	leader   *cluster.Leader          // as the election says
	herald   process.Ref[*detector.Herald]
	withdraw func()
	log      *slog.Logger // of this actor
	started  time.Time
	elected  time.Time
	serving  bool

	registrar registrar.Client
	allocator allocator.Client
	views     process.Published[View]

	agents     agents
	frameworks frameworks
	offers     offers
	operations bookkeeping
	gate       gate
	throttles  throttles
	limiter    *limiter

	weights     map[string]float64 // by role; those that somebody has set
	quota       quotas
	maintenance maintenance
	holding     int  // agents that have to be back before anything is offered after a failover; 0: nothing is held back
	whole       bool // no agent is waited for any more that was there before the failover

	desk   desk
	counts counts
}

// Spawn starts a master and its helpers: the registrar, the allocator, the herald and the operator desk. It contends at
// once; until it leads and has recovered it serves nobody, and whoever asks asks again.
func Spawn(rt *process.Runtime, c Config, p Parts) (Client, error) {
	if err := c.Validate(); err != nil {
		return Client{}, err
	}
	if p.Reacher == nil {
		p.Reacher, _ = p.Detector.(cluster.Reacher)
	}
	m := &Master{config: c, parts: p}
	m.views.Store(&View{Metrics: rt.Metrics()})
	ref, err := process.Spawn(rt, ID, m)
	if err != nil {
		return Client{}, fmt.Errorf("the master cannot start: %w", err)
	}
	writer, err := registrar.Spawn(rt, registrar.Config{FetchTimeout: c.RegistryFetchTimeout, StoreTimeout: c.RegistryStoreTimeout}, p.Registry)
	if err != nil {
		return Client{}, fmt.Errorf("the registrar cannot start: %w", err)
	}
	propose := func(ps []allocator.Proposal) { process.Dispatch(ref, func(m *Master) { m.proposed(ps) }) }
	sharer, err := allocator.Spawn(rt, c.Config, propose)
	if err != nil {
		return Client{}, fmt.Errorf("the allocator cannot start: %w", err)
	}
	client := Client{master: ref, views: &m.views, config: &m.config, authorizer: p.authorizer(), writer: writer, reacher: p.Reacher}
	if _, err := process.Spawn(rt, OperatorID, &Operator{client: client}); err != nil {
		return Client{}, fmt.Errorf("the operator desk cannot start: %w", err)
	}
	if p.Detector == nil {
		p.Detector, _ = p.Contender.(cluster.Detector)
	}
	hear := func(l *cluster.Leader) { process.Dispatch(ref, func(m *Master) { m.detected(l) }) }
	herald, err := detector.SpawnHerald(rt, ref.UPID, p.Detector, hear)
	if err != nil {
		return Client{}, fmt.Errorf("the herald cannot start: %w", err)
	}
	// Only now can the master speak with them, so only now does it begin.
	process.Dispatch(ref, func(m *Master) { m.begin(writer, sharer, herald) })
	return client, nil
}

// Initialize is the table of contents: everything that anybody can say to a master.
func (m *Master) Initialize(b *process.Base) {
	m.Base, m.log = b, b.Log()
	m.started = b.Now()
	m.id = uuid.New(b.Rand()).String()
	m.info = masterInfo(m.id, b.Self(), m.config)
	rate, _ := parseRate(m.config.AgentRemovalRateLimit) // checked by Validate
	m.limiter = newLimiter(b, rate)
	m.counts.init(b.Metrics())
	m.pulls()
	m.desk.init()
	m.agents.init()
	m.frameworks.init()
	m.offers.init()
	m.weights = map[string]float64{}
	m.quota.init()
	m.maintenance.init()
	m.operations.counts, m.operations.shown = map[operationKind]int{}, countedOperations()
	m.desk.recount = true // for the first time though there is nothing to count
	m.gate.init(m.parts.Credentials)
	m.throttles.init(m.parts.RateLimits)

	process.Install(b, m.authenticate)
	process.Install(b, m.proof)
	process.Install(b, m.registerAgent)
	process.Install(b, m.reregisterAgent)
	process.Install(b, m.unregisterAgent)
	process.Install(b, m.pong)
	process.Install(b, m.statusUpdate)
	process.Install(b, m.updateOperationStatus)
	process.Install(b, m.exitedExecutor)
	process.Install(b, m.executorMessage)
	process.Install(b, m.call) // scheduler.Call, from a framework actor or the gateway
	b.Before(m.holds)
	b.AfterBatch(m.publish)
}

// Exited hears of broken connections: an agent's or a framework's.
func (m *Master) Exited(who process.UPID) {
	m.gate.forget(who)
	if a := m.agents.at(who); a != nil {
		m.agentExited(a)
	}
	if f := m.frameworks.at(who); f != nil {
		m.frameworkExited(f)
	}
}

// Finalize lets another master lead at once.
func (m *Master) Finalize() {
	m.desk.settle()
	if m.withdraw != nil {
		m.withdraw()
	}
	if m.term != nil {
		if err := m.term.Resign(context.Background()); err != nil {
			m.Log().Warn("the term could not be given back", "error", err)
		}
	}
}

// masterInfo is what a master says of itself.
func masterInfo(id string, self process.UPID, c Config) *mesospb.MasterInfo {
	host, port := hostPort(self.Addr)
	name := c.Hostname
	if name == "" {
		name = host
	}
	info := &mesospb.MasterInfo{
		Id:       proto.String(id),
		Ip:       proto.Uint32(ipv4(host)),
		Port:     proto.Uint32(uint32(port)),
		Pid:      proto.String(self.String()),
		Hostname: proto.String(name),
		Version:  proto.String(c.Version),
		Address:  &mesospb.Address{Hostname: proto.String(name), Ip: proto.String(host), Port: proto.Int32(int32(port))},
		Domain:   c.Domain,
	}
	for _, t := range []mesospb.MasterInfo_Capability_Type{mesospb.MasterInfo_Capability_AGENT_UPDATE,
		mesospb.MasterInfo_Capability_AGENT_DRAINING, mesospb.MasterInfo_Capability_QUOTA_V2} {
		info.Capabilities = append(info.Capabilities, &mesospb.MasterInfo_Capability{Type: t.Enum()})
	}
	return info
}

// ipv4 is an address as MasterInfo.ip has it: its four bytes in network order, read as a little-endian
// number. 0 for anything but IPv4.
func ipv4(host string) uint32 {
	ip := net.ParseIP(host).To4()
	if ip == nil {
		return 0
	}
	return uint32(ip[0]) | uint32(ip[1])<<8 | uint32(ip[2])<<16 | uint32(ip[3])<<24
}
