package master

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// framework is one that may have work: connected, waited for, or known only from agents after a failover.
//
//	recovered ─→ active ⇄ disconnected ─→ completed (failover timeout or teardown; for ever)
type framework struct {
	id          string
	info        *mesospb.FrameworkInfo
	can         abilities
	pid         process.UPID          // zero until it subscribes with this master
	proven      authorization.Subject // who subscribed; zero if they did not authenticate
	connected   bool
	guest       bool // connected through a door, and not an actor itself
	recovered   bool
	suppressed  []string
	constraints *schedulerpb.OfferConstraints

	registered   time.Time
	reregistered time.Time
	unregistered time.Time

	tasks       map[string]*task // not terminal, or terminal and not acknowledged
	unreachable ring             // tasks on unreachable agents
	completed   ring
	ends        ring // those that need no acknowledgement, as they were told; only ids, agents and states
	offers      map[string]*offer
	inverse     map[string]*inverseOffer // by id
	operations  map[string]*operation    // with an id, by it
	used        resources.Resources
	offered     resources.Resources

	heard     string // the principal under which its calls are counted
	tally     *tally
	heartbeat process.Timer
	failover  process.Timer
}

// maxEnds bounds how many ends of a framework's tasks are remembered that it does not acknowledge. It is more than it asks
// about while one of them is on its way.
const maxEnds = 1000

// abilities are the capabilities of a framework that change what the master does.
type abilities struct {
	partitionAware, multiRole, refinement bool
}

func abilitiesOf(info *mesospb.FrameworkInfo) abilities {
	return abilities{
		partitionAware: validation.HasCapability(info, mesospb.FrameworkInfo_Capability_PARTITION_AWARE),
		multiRole:      validation.HasCapability(info, mesospb.FrameworkInfo_Capability_MULTI_ROLE),
		refinement:     validation.HasCapability(info, mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT),
	}
}

// active reports whether offers can be made to the framework.
func (f *framework) active() bool { return f.connected }

func (f *framework) hasRole(role string) bool { return slices.Contains(validation.Roles(f.info), role) }

// ring is a bounded memory of tasks; the oldest are forgotten first. Each has a number that only grows, by
// which the desk finds it.
type ring struct {
	max     int
	next    int
	entries []remembered
	numbers map[string]int // of the latest with each id
}

type remembered struct {
	number int
	task   *mesospb.Task
}

// add remembers a task under a number, and returns the numbers that are forgotten for it.
func (r *ring) add(t *mesospb.Task) (number int, forgotten []int) {
	number = r.next
	r.next++
	if r.numbers == nil {
		r.numbers = map[string]int{}
	}
	r.numbers[t.GetTaskId().GetValue()] = number
	r.entries = append(r.entries, remembered{number, t})
	for len(r.entries) > r.max {
		oldest := r.entries[0]
		forgotten = append(forgotten, oldest.number)
		r.entries = r.entries[1:]
		r.unlist(oldest)
	}
	return number, forgotten
}

// unlist forgets the id of an entry, unless a later one has it too.
func (r *ring) unlist(e remembered) {
	if id := e.task.GetTaskId().GetValue(); r.numbers[id] == e.number {
		delete(r.numbers, id)
	}
}

// find returns the number of the latest task with this id.
func (r *ring) find(id string) (number int, ok bool) {
	number, ok = r.numbers[id]
	return number, ok
}

// task is the latest with this id, or nil.
func (r *ring) task(id string) *mesospb.Task {
	number, ok := r.find(id)
	if !ok {
		return nil
	}
	i, _ := slices.BinarySearchFunc(r.entries, number, func(e remembered, n int) int { return e.number - n })
	return r.entries[i].task
}

// remove forgets the task with this number.
func (r *ring) remove(number int) {
	r.entries = slices.DeleteFunc(slices.Clone(r.entries), func(e remembered) bool {
		if e.number != number {
			return false
		}
		r.unlist(e)
		return true
	})
}

// frameworks is everything known of frameworks.
type frameworks struct {
	next       int
	registered map[string]*framework
	pids       map[process.UPID]string
	past       []*framework // completed, the oldest first
	pastIDs    map[string]bool
}

func (fs *frameworks) init() {
	fs.registered = map[string]*framework{}
	fs.pids = map[process.UPID]string{}
	fs.pastIDs = map[string]bool{}
}

func (fs *frameworks) completed(id string) bool { return fs.pastIDs[id] }

// at is the framework whose connection this is, or nil.
func (fs *frameworks) at(pid process.UPID) *framework { return fs.registered[fs.pids[pid]] }

func (fs *frameworks) sorted() []*framework {
	list := make([]*framework, 0, len(fs.registered))
	for _, id := range slices.Sorted(maps.Keys(fs.registered)) {
		list = append(list, fs.registered[id])
	}
	return list
}

// retire moves a framework among the completed ones and returns the one that is forgotten for it, or nil.
func (fs *frameworks) retire(f *framework, keep int) (forgotten *framework) {
	delete(fs.registered, f.id)
	fs.past = append(fs.past, f)
	fs.pastIDs[f.id] = true
	if len(fs.past) <= keep {
		return nil
	}
	forgotten, fs.past = fs.past[0], append(fs.past[:0:0], fs.past[1:]...)
	delete(fs.pastIDs, forgotten.id)
	return forgotten
}

func (m *Master) newFramework(id string, info *mesospb.FrameworkInfo) *framework {
	f := &framework{
		id: id, info: info, can: abilitiesOf(info),
		tally:      newTally(m.published(), info.GetName(), id),
		operations: map[string]*operation{}, tasks: map[string]*task{}, offers: map[string]*offer{},
		unreachable: ring{max: m.config.MaxUnreachableTasksPerFramework},
		completed:   ring{max: m.config.MaxCompletedTasksPerFramework},
		ends:        ring{max: maxEnds},
	}
	m.frameworks.registered[id] = f
	m.adoptOperations(f)
	m.desk.touchFramework(id)
	return f
}

// recoverFramework takes in a framework that an agent works for and that has not subscribed since this
// master leads. Unlike in Mesos the clock of its return runs from now on, so that one whose scheduler is gone
// for good does not run for ever. It gets at least as long as agents do, because it may have to find this
// master first.
func (m *Master) recoverFramework(info *mesospb.FrameworkInfo) {
	id := info.GetId().GetValue()
	f := m.newFramework(id, info)
	f.recovered = true
	m.Log().Info("framework learned from an agent", "framework", id)
	m.addToAllocator(f)
	m.desk.frameworkAdded(f)
	patience := max(failoverTimeout(info), m.config.AgentReregisterTimeout)
	f.failover = m.Delay(patience, func() { m.failoverOver(f) })
}

// failoverTimeout bounds what frameworks ask for to what a clock can count.
func failoverTimeout(info *mesospb.FrameworkInfo) time.Duration {
	s := info.GetFailoverTimeout()
	const most = 1 << 62
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s*float64(time.Second), most))
}

func frameworkID(id string) *mesospb.FrameworkID {
	return &mesospb.FrameworkID{Value: proto.String(id)}
}

// tell sends an event to a framework that listens. What it does not hear it learns by reconciliation.
func (m *Master) tell(f *framework, e *schedulerpb.Event) {
	if !f.connected {
		return
	}
	f.tally.event(e.GetType())
	m.Send(f.pid, e)
}

func (m *Master) tellError(to process.UPID, why string) {
	m.Send(to, &schedulerpb.Event{Type: schedulerpb.Event_ERROR.Enum(), Error: &schedulerpb.Event_Error{Message: proto.String(why)}})
}

func failureEvent(agent string) *schedulerpb.Event {
	return &schedulerpb.Event{Type: schedulerpb.Event_FAILURE.Enum(), Failure: &schedulerpb.Event_Failure{AgentId: agentID(agent)}}
}
