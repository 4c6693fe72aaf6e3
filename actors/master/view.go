package master

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master/internal/tree"
	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/resources"
)

// View is the master's state at the end of a batch. It never changes, and shares nearly everything with the
// views before and after it, so it may be kept and read from anywhere.
type View struct {
	Info             *mesospb.MasterInfo // of this master; nil before its actor runs
	Leader           *mesospb.MasterInfo // who leads; nil if nobody is known to
	Started, Elected time.Time           // Elected is zero for a master that does not lead
	Serving          bool                // it leads and has recovered
	Sequence         uint64              // of the last event that is in it
	UnreachableCount int                 // agents
	Metrics          *metrics.Registry

	Agents      tree.Tree[*masterpb.Response_GetAgents_Agent]         // by id
	Recovered   tree.Tree[*mesospb.AgentInfo]                         // by id
	Frameworks  tree.Tree[*masterpb.Response_GetFrameworks_Framework] // by id
	Pids        tree.Tree[string]                                     // of frameworks that are actors, by id
	Past        tree.Tree[*masterpb.Response_GetFrameworks_Framework] // completed, in order of their end
	Tasks       tree.Tree[*mesospb.Task]                              // by framework and id
	Unreachable tree.Tree[*mesospb.Task]                              // by framework and number
	Completed   tree.Tree[*mesospb.Task]                              // by framework and number
	Executors   tree.Tree[*masterpb.Response_GetExecutors_Executor]   // by agent, framework and id
	Operations  tree.Tree[*mesospb.Operation]                         // by number
	Roles       tree.Tree[float64]                                    // weights of roles that have one
	Quotas      tree.Tree[*quotapb.QuotaConfig]                       // by role; those that were set to nothing are empty
	Schedule    *maintenancepb.Schedule                               // of maintenance; nil before this master serves
	Maintenance *maintenancepb.ClusterStatus                          // machines that drain, with answers, or are down

	lens *Lens // of whom this view is for; nil: of somebody who may see everything
}

// Span is where something's entries lie in a sorted map: from the first one up to, and without, the last one's next.
type Span struct{ From, To int }

// Len is the number of entries.
func (s Span) Len() int { return s.To - s.From }

func spanOf[V any](t tree.Tree[V], first string) Span {
	return Span{t.Before(key(first)), t.Before(first + "\x01")}
}

// TasksOf is where the tasks of a framework lie in Tasks, Unreachable and Completed.
func (v *View) TasksOf(framework string) (tasks, unreachable, completed Span) {
	return spanOf(v.Tasks, framework), spanOf(v.Unreachable, framework), spanOf(v.Completed, framework)
}

// drafts are the maps of the next view.
type drafts struct {
	Agents      tree.Draft[*masterpb.Response_GetAgents_Agent]
	Recovered   tree.Draft[*mesospb.AgentInfo]
	Frameworks  tree.Draft[*masterpb.Response_GetFrameworks_Framework]
	Pids        tree.Draft[string]
	Past        tree.Draft[*masterpb.Response_GetFrameworks_Framework]
	Tasks       tree.Draft[*mesospb.Task]
	Unreachable tree.Draft[*mesospb.Task]
	Completed   tree.Draft[*mesospb.Task]
	Executors   tree.Draft[*masterpb.Response_GetExecutors_Executor]
	Roles       tree.Draft[float64]
	Quotas      tree.Draft[*quotapb.QuotaConfig]
	Operations  tree.Draft[*mesospb.Operation]
}

// desk prepares the next view: tasks and executors are changed in it one by one, agents and frameworks are
// written anew at the end of a batch when anything of them changed.
type desk struct {
	view       View
	drafts     drafts
	agents     map[string]bool
	frameworks map[string]bool
	recovered  map[string]bool
	changed    bool
	machines   bool
	recount    bool      // operations were added, removed or moved
	at         time.Time // of the last publication
	answers    []func()  // to be given when the next view is published
	events     []*Event  // since the last publication
	watchers   []Watcher
	late       []Watcher // those who begin with the next publication
	past       int
	ended      map[string]string // completed frameworks: id to key
	shares     map[string]contribution
	sums       [2]sum // of all agents: firm and revocable
	connected  int    // agents
	active     int
}

// contribution is what an agent adds to the totals.
type contribution struct {
	sums              [2]sum
	connected, active bool
}

// sum is how much there is and is used of the resources that are totalled, in their order.
type sum struct {
	total, used [len(totalled)]resources.Milli
}

var totalled = [...]string{"cpus", "mem", "disk", "gpus"}

// The kinds of resources that are totalled apart.
const (
	firm = iota
	revocable
)

// pastKind is a kind of memory of tasks.
type pastKind int

const (
	completedTasks pastKind = iota
	unreachableTasks
)

func (d *desk) init() {
	d.agents, d.frameworks, d.recovered = map[string]bool{}, map[string]bool{}, map[string]bool{}
	d.ended, d.shares = map[string]string{}, map[string]contribution{}
}

func (d *desk) touchMaster() { d.changed = true }

func (d *desk) touchAgent(id string) { d.agents[id] = true }

func (d *desk) touchFramework(id string) { d.frameworks[id] = true }

func (d *desk) touchRecovered(id string) { d.recovered[id] = true }

func (d *desk) resetRecovered(all map[string]*controlpb.AdmittedAgent) {
	for id := range all {
		d.recovered[id] = true
	}
}

// key joins parts that have no such byte in them, because ids have no control characters.
func key(parts ...string) (k string) {
	for _, p := range parts {
		k += p + "\x00"
	}
	return k
}

// numbered keys sort as their numbers do.
func numbered(n int) string { return fmt.Sprintf("%016x", n) }

func (d *desk) setTask(t *task) {
	d.drafts.Tasks.Set(key(t.framework, t.id), t.info)
	d.changed = true
}

func (d *desk) dropTask(t *task) {
	d.drafts.Tasks.Delete(key(t.framework, t.id))
	d.changed = true
}

func (d *desk) memory(kind pastKind) *tree.Draft[*mesospb.Task] {
	if kind == unreachableTasks {
		return &d.drafts.Unreachable
	}
	return &d.drafts.Completed
}

func (d *desk) setPast(kind pastKind, framework string, number int, t *mesospb.Task) {
	past := d.memory(kind)
	past.Set(key(framework, numbered(number)), t)
	d.changed = true
}

func (d *desk) dropPast(kind pastKind, framework string, number int) {
	past := d.memory(kind)
	past.Delete(key(framework, numbered(number)))
	d.changed = true
}

func (d *desk) setExecutor(a *agent, framework string, e *executor) {
	info := e.info
	if info.FrameworkId == nil {
		info = proto.CloneOf(info)
		info.FrameworkId = frameworkID(framework)
	}
	d.drafts.Executors.Set(key(a.id, framework, info.GetExecutorId().GetValue()),
		&masterpb.Response_GetExecutors_Executor{ExecutorInfo: info, AgentId: a.idpb()})
	d.changed = true
}

func (d *desk) dropExecutor(agent, framework, id string) {
	d.drafts.Executors.Delete(key(agent, framework, id))
	d.changed = true
}

func (d *desk) setOperation(o *operation) {
	d.drafts.Operations.Set(numbered(o.number), o.info)
	d.changed, d.recount = true, true
}

func (d *desk) dropOperation(o *operation) {
	d.drafts.Operations.Delete(numbered(o.number))
	d.changed, d.recount = true, true
}

// retire moves a framework among the completed ones, and forgets another with all of its tasks.
func (d *desk) retire(f, forgotten *framework) {
	d.frameworks[f.id] = true
	d.ended[f.id] = numbered(d.past)
	d.past++
	d.drafts.Past.Set(d.ended[f.id], describeFramework(f))
	if forgotten == nil {
		return
	}
	d.drafts.Past.Delete(d.ended[forgotten.id])
	delete(d.ended, forgotten.id)
	for _, e := range forgotten.completed.entries {
		d.dropPast(completedTasks, forgotten.id, e.number)
	}
	for _, e := range forgotten.unreachable.entries {
		d.dropPast(unreachableTasks, forgotten.id, e.number)
	}
}

// storm is the time between two publications while the master has more to do than it gets done.
const storm = 50 * time.Millisecond

// haste is that time while somebody waits for an answer.
const haste = 5 * time.Millisecond

// publish shows the state after a batch to everybody who reads. A master that has nothing else to do does so at
// once; one with more mail waits a little, because the view of many changes costs hardly more than that of one. What
// is put off is never lost: the batch that ends with an empty mailbox is yet to come.
func (m *Master) publish() {
	d := &m.desk
	if !d.dirty() && len(d.answers) == 0 {
		return
	}
	now := m.Now()
	pause := storm
	if len(d.answers) > 0 {
		pause = haste
	}
	if !m.Drained() && now.Sub(d.at) < pause {
		return
	}
	if d.dirty() {
		d.at = now
		m.refresh()
		m.gauges()
		d.changed = false
		view := d.view
		m.views.Store(&view)
		d.announce(&view)
	}
	d.settle()
}

func (d *desk) dirty() bool {
	return d.changed || len(d.agents)+len(d.frameworks)+len(d.recovered) > 0
}

// afterwards runs f when everything that has happened so far can be seen.
func (d *desk) afterwards(f func()) { d.answers = append(d.answers, f) }

// settle tells everybody who waits for what can be seen now.
func (d *desk) settle() {
	for _, f := range d.answers {
		f()
	}
	clear(d.answers)
	d.answers = d.answers[:0]
}

// refresh writes anew whatever changed.
func (m *Master) refresh() {
	d := &m.desk
	v := &d.view
	v.Info, v.Started, v.Elected, v.Serving, v.Metrics = m.info, m.started, m.elected, m.serving, m.counts.registry
	v.UnreachableCount = len(m.agents.unreachable)
	v.Leader = m.presides()
	for id := range d.agents {
		a := m.agents.registered[id]
		d.account(id, a)
		if a == nil {
			d.drafts.Agents.Delete(id)
			continue
		}
		d.drafts.Agents.Set(id, describeAgent(a))
	}
	for id := range d.frameworks {
		if f := m.frameworks.registered[id]; f != nil {
			d.drafts.Frameworks.Set(id, describeFramework(f))
			d.describePid(f)
			continue
		}
		d.drafts.Pids.Delete(id)
		d.drafts.Frameworks.Delete(id)
	}
	for id := range d.recovered {
		if a := m.agents.recovered[id]; a != nil {
			d.drafts.Recovered.Set(id, a.GetAgent())
			continue
		}
		d.drafts.Recovered.Delete(id)
	}
	clear(d.agents)
	clear(d.frameworks)
	clear(d.recovered)
	v.Agents, v.Recovered, v.Frameworks, v.Past = d.drafts.Agents.Tree(), d.drafts.Recovered.Tree(), d.drafts.Frameworks.Tree(), d.drafts.Past.Tree()
	v.Pids = d.drafts.Pids.Tree()
	v.Tasks, v.Unreachable, v.Completed = d.drafts.Tasks.Tree(), d.drafts.Unreachable.Tree(), d.drafts.Completed.Tree()

	v.Roles, v.Quotas = d.drafts.Roles.Tree(), d.drafts.Quotas.Tree()
	m.refreshMachines()
	v.Executors, v.Operations = d.drafts.Executors.Tree(), d.drafts.Operations.Tree()
}

// account keeps the totals of all agents by what one of them adds now; nil for one that is not there.
func (d *desk) account(id string, a *agent) {
	old := d.shares[id]
	var now contribution
	delete(d.shares, id)
	if a != nil {
		now = contributed(a)
		d.shares[id] = now
	}
	for kind := range d.sums {
		for i := range totalled {
			d.sums[kind].total[i] += now.sums[kind].total[i] - old.sums[kind].total[i]
			d.sums[kind].used[i] += now.sums[kind].used[i] - old.sums[kind].used[i]
		}
	}
	d.connected += count(now.connected) - count(old.connected)
	d.active += count(now.active) - count(old.active)
}

func contributed(a *agent) contribution {
	c := contribution{connected: a.connected, active: a.sound()}
	eachTotalled(a.total, func(kind, i int, n resources.Milli) { c.sums[kind].total[i] += n })
	for _, rs := range a.used {
		eachTotalled(rs, func(kind, i int, n resources.Milli) { c.sums[kind].used[i] += n })
	}
	return c
}

// eachTotalled calls f with what adds to the totals.
func eachTotalled(rs resources.Resources, f func(kind, i int, n resources.Milli)) {
	for r := range rs.All() {
		i := slices.Index(totalled[:], r.Name())
		if i < 0 || r.Type() != mesospb.Value_SCALAR {
			continue
		}
		kind := firm
		if r.IsRevocable() {
			kind = revocable
		}
		f(kind, i, r.Scalar())
	}
}

// Piece is a stretch of one of a view's maps, which later views share as long as nothing in it changes.
type Piece[V any] = tree.Piece[V]
