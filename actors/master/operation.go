package master

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/operations"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/uuid"
)

// operation is one that an agent was asked to carry out, until its end is acknowledged.
//
//	pending ─→ finished, failed or dropped, as the agent says ─→ acknowledged: forgotten
//	   └──→ unreachable, gone or unknown with its agent: forgotten here, and told by the agent if that returns
type operation struct {
	number    int // in the order of their making, which is the order in which the agent gets them
	uuid      string
	agent     string
	framework string // "": an operator asked for it
	id        string // the framework's; "": it wants no feedback
	// info is never changed, only replaced, because readers of the view share it.
	info *mesospb.Operation
}

// maxOperations bounds what an agent may have to remember for a framework that never acknowledges.
const maxOperations = 1000

func (o *operation) pending() bool {
	return o.info.GetLatestStatus().GetState() == mesospb.OperationState_OPERATION_PENDING
}

// bookkeeping counts operations, by what they are and how they are.
type bookkeeping struct {
	next   int
	counts map[operationKind]int
	shown  map[string]bool // gauges that were set before
}

func (b *bookkeeping) any() bool {
	for _, n := range b.counts {
		if n > 0 {
			return true
		}
	}
	return false
}

type operationKind struct {
	kind  mesospb.Offer_Operation_Type
	state mesospb.OperationState
}

func (o *operation) kind() operationKind {
	return operationKind{o.info.GetInfo().GetType(), o.info.GetLatestStatus().GetState()}
}

// sortedOperations are those of an agent in the order in which it gets them.
func (a *agent) sortedOperations() []*operation {
	return slices.SortedFunc(maps.Values(a.operations), func(x, y *operation) int { return x.number - y.number })
}

// operating tells whether the agent has yet to say what became of an operation.
func (a *agent) operating() bool {
	for _, o := range a.operations {
		if o.pending() {
			return true
		}
	}
	return false
}

// operateOn books an operation and orders the agent to carry it out. f is nil for an operator's.
func (m *Master) operateOn(a *agent, f *framework, op *mesospb.Offer_Operation) {
	id := uuid.New(m.Rand())
	info := &mesospb.Operation{AgentId: a.idpb(), Info: op, Uuid: &mesospb.UUID{Value: id[:]},
		LatestStatus: &mesospb.OperationStatus{OperationId: op.Id, State: mesospb.OperationState_OPERATION_PENDING.Enum(), AgentId: a.idpb()}}
	if f != nil {
		info.FrameworkId = f.info.Id
	}
	m.addOperation(a, info)
	m.Log().Info("operation ordered", "framework", info.GetFrameworkId().GetValue(), "agent", a.id, "operation", op.GetType())
	m.Send(a.pid, &controlpb.ApplyOperation{FrameworkId: info.FrameworkId, Operation: op, Uuid: id[:], Epoch: m.stamp()})
}

// addOperation takes an operation into the books.
func (m *Master) addOperation(a *agent, info *mesospb.Operation) *operation {
	o := &operation{number: m.operations.next, uuid: string(info.GetUuid().GetValue()), agent: a.id,
		framework: info.GetFrameworkId().GetValue(), id: info.GetInfo().GetId().GetValue(), info: info}
	m.operations.next++
	a.operations[o.uuid] = o
	if f := m.frameworks.registered[o.framework]; f != nil && o.id != "" {
		f.operations[o.id] = o
	}
	m.operations.counts[o.kind()]++
	m.desk.setOperation(o)
	return o
}

// removeOperation forgets one.
func (m *Master) removeOperation(a *agent, o *operation) {
	delete(a.operations, o.uuid)
	if f := m.frameworks.registered[o.framework]; f != nil && f.operations[o.id] == o {
		delete(f.operations, o.id)
	}
	m.operations.counts[o.kind()]--
	m.desk.dropOperation(o)
}

// setStatus replaces how an operation is.
func (m *Master) setStatus(o *operation, s *mesospb.OperationStatus) {
	m.operations.counts[o.kind()]--
	info := &mesospb.Operation{FrameworkId: o.info.FrameworkId, AgentId: o.info.AgentId, Info: o.info.Info, Uuid: o.info.Uuid,
		LatestStatus: s, Statuses: []*mesospb.OperationStatus{s}}
	o.info = info
	m.operations.counts[o.kind()]++
	m.desk.setOperation(o)
}

// The truth about an agent's resources is what the agent has written down. What the master offers is that, and every
// operation on top of it that the agent has been sent and not answered.

// booked is what the agent will have when it has carried out everything. What does not fit any more the agent drops.
func (a *agent) booked() resources.Resources {
	total := a.truth
	for _, o := range a.sortedOperations() {
		if !o.pending() {
			continue
		}
		if next, err := total.Apply(unallocated(o.info.GetInfo())); err == nil {
			total = next
		}
	}
	return total
}

// unallocated is an operation on resources of which nobody says to whom they are offered.
func unallocated(op *mesospb.Offer_Operation) *mesospb.Offer_Operation {
	op = proto.CloneOf(op)
	operations.Unallocate(op)
	return op
}

// setTotal takes a new total of an agent into the books, but not to the allocator.
func (m *Master) setTotal(a *agent, total resources.Resources) {
	a.total, a.totalpb = total, nil
	m.desk.touchAgent(a.id)
}

// correct makes the books agree with what an agent has said. What was offered may not be there: nothing stays on offer.
func (m *Master) correct(a *agent, truth resources.Resources) {
	a.truth = truth
	total := a.booked()
	if total.Equal(a.total) {
		return
	}
	m.Log().Warn("reservations are not what was believed", "agent", a.id, "believed", a.total, "are", total)
	m.rescindAll(a)
	m.setTotal(a, total)
	m.allocator.UpdateAgent(a.id, m.share(a))
}

// holdings is what an agent has: what its flags say, with what it has checkpointed on top.
func holdings(flags resources.Resources, checkpointed []*mesospb.Resource) (resources.Resources, error) {
	had, err := resources.FromProto(checkpointed)
	if err != nil {
		return flags, err
	}
	return flags.ApplyCheckpoint(had)
}

// countedOperations are the names of what is counted from the first moment on, though there be none, as in Mesos.
func countedOperations() map[string]bool {
	all := map[string]bool{"operations/total": true}
	for _, state := range []string{"pending", "recovering", "unreachable", "finished", "failed", "error", "dropped", "gone_by_operator"} {
		all["operations/"+state] = true
		for _, kind := range []string{"reserve", "unreserve", "create", "destroy", "grow_volume", "shrink_volume", "create_disk", "destroy_disk"} {
			all["operations/"+kind+"/"+state], all["operations/"+kind+"/total"] = true, true
		}
	}
	return all
}

// countOperations shows how many operations are in the books, of each kind and in each state. What was shown once
// stays, at 0 if need be.
func (m *Master) countOperations() {
	b, now := &m.operations, map[string]int{}
	for k, n := range b.counts {
		kind, state := strings.ToLower(k.kind.String()), strings.ToLower(strings.TrimPrefix(k.state.String(), "OPERATION_"))
		for _, name := range []string{"total", state, kind + "/total", kind + "/" + state} {
			now["operations/"+name] += n
			b.shown["operations/"+name] = true
		}
	}
	for name := range b.shown {
		m.counts.gauge(name, float64(now[name]))
	}
}
