package master

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// agent is one that is registered: admitted, and heard of since this master leads.
//
//	recovered ─→ registered (connected or not; active or deactivated) ─→ unreachable ─→ registered again
//	                  │                                                     │
//	                  └──→ removed (forgotten)                              └──→ gone (for ever)
type agent struct {
	id           string
	info         *mesospb.AgentInfo
	pid          process.UPID
	version      string
	capabilities []*mesospb.AgentInfo_Capability
	connected    bool
	deactivated  bool
	drain        *mesospb.DrainInfo // replaced, never changed
	drainStart   time.Time          // when this master first told it
	finishing    bool               // it is being written that it is drained
	registered   time.Time
	reregistered time.Time
	truth        resources.Resources // what the agent has said that it has
	total        resources.Resources // with the operations that it has yet to carry out
	totalpb      []*mesospb.Resource // total as messages have it, once somebody wanted to see it

	tasks      map[string]map[string]*task     // by framework, by id; the agent's side of framework.tasks
	executors  map[string]map[string]*executor // by framework, by id
	used       map[string]resources.Resources  // by framework: held by its tasks and executors
	offers     map[string]*offer               // by id
	offered    resources.Resources
	operations map[string]*operation                     // by uuid
	killed     map[string]map[string]*mesospb.KillPolicy // asked for while the agent was away; by framework, by task

	inverse map[string]*inverseOffer // by framework: those that have been asked to leave and have not answered
	answers map[string]inverseAnswer // by framework: what those said last

	health   health
	deadline process.Timer // runs while the agent is disconnected
}

// executor is one that the master believes to run.
type executor struct {
	info *mesospb.ExecutorInfo
	held resources.Resources
}

// sound reports whether the agent can be offered and ordered.
func (a *agent) sound() bool { return a.connected && !a.deactivated }

// idpb is the agent's id as messages have it.
func (a *agent) idpb() *mesospb.AgentID { return a.info.GetId() }

// all is everything that is used on the agent.
func (a *agent) all() resources.Resources {
	if len(a.used) == 1 {
		for _, rs := range a.used {
			return rs
		}
	}
	var sum resources.Builder
	for _, id := range slices.Sorted(maps.Keys(a.used)) {
		sum.Add(a.used[id])
	}
	return sum.Resources()
}

// free is what is neither used nor offered, allocated to nobody.
func (a *agent) free() resources.Resources {
	return a.total.Subtract(a.all().Unallocate()).Subtract(a.offered.Unallocate())
}

func (a *agent) hold(framework string, rs resources.Resources) {
	a.used[framework] = a.used[framework].Add(rs)
}

func (a *agent) release(framework string, rs resources.Resources) {
	left := a.used[framework].Subtract(rs)
	if left.IsEmpty() {
		delete(a.used, framework)
		return
	}
	a.used[framework] = left
}

func (a *agent) task(framework, id string) *task         { return a.tasks[framework][id] }
func (a *agent) executor(framework, id string) *executor { return a.executors[framework][id] }

// transition names what is happening to an agent in the registry. One at a time: what is decided about an
// agent must not overtake what is being written about it.
type transition string

const (
	returning transition = "it is re-registering"
	missing   transition = "it is being marked unreachable"
	losing    transition = "it is being marked gone"
	leaving   transition = "it is being removed"
	changing  transition = "it is being changed"
)

// agents is everything known of agents.
type agents struct {
	next        int
	registered  map[string]*agent
	pids        map[process.UPID]string // of registered agents
	recovered   map[string]*controlpb.AdmittedAgent
	unreachable map[string]*controlpb.UnreachableAgent
	gone        map[string]*controlpb.GoneAgent

	registering map[process.UPID]bool // new ones, while the registry admits them
	busy        map[string]transition
	awaited     map[string]*permit // recovered agents that are due to become unreachable
	settling    map[string]bool    // lost ones, until the allocator has let go of them
}

func (as *agents) init() {
	as.registered = map[string]*agent{}
	as.pids = map[process.UPID]string{}
	as.recovered = map[string]*controlpb.AdmittedAgent{}
	as.unreachable = map[string]*controlpb.UnreachableAgent{}
	as.gone = map[string]*controlpb.GoneAgent{}
	as.registering = map[process.UPID]bool{}
	as.busy = map[string]transition{}
	as.awaited = map[string]*permit{}
	as.settling = map[string]bool{}
}

func (as *agents) recover(r *registrar.Registry) {
	as.recovered, as.unreachable, as.gone = r.Admitted, r.Unreachable, r.Gone
}

// at is the registered agent with this address, or nil.
func (as *agents) at(pid process.UPID) *agent { return as.registered[as.pids[pid]] }

// sorted are the registered agents in the order of their ids, because map order would make two runs of one
// seed differ.
func (as *agents) sorted() []*agent {
	list := make([]*agent, 0, len(as.registered))
	for _, id := range slices.Sorted(maps.Keys(as.registered)) {
		list = append(list, as.registered[id])
	}
	return list
}

func (as *agents) add(a *agent) {
	as.registered[a.id] = a
	as.pids[a.pid] = a.id
}

func (as *agents) remove(a *agent) {
	delete(as.registered, a.id)
	if as.pids[a.pid] == a.id {
		delete(as.pids, a.pid)
	}
}

// move gives a registered agent its present address.
func (as *agents) move(a *agent, pid process.UPID) {
	if as.pids[a.pid] == a.id {
		delete(as.pids, a.pid)
	}
	a.pid = pid
	as.pids[pid] = a.id
}

// stamp is the epoch that every message to an agent carries.
func (m *Master) stamp() *uint64 { return proto.Uint64(m.epoch) }

func agentID(id string) *mesospb.AgentID { return &mesospb.AgentID{Value: proto.String(id)} }

func seconds(d time.Duration) *float64 { return proto.Float64(d.Seconds()) }
