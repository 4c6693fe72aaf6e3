package agent

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/operations"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/uuid"
)

// operation is one that was carried out, or could not be, until somebody acknowledges that.
//
//	applied → stored → told, again and again → acknowledged: forgotten
type operation struct {
	info   *mesospb.Operation
	stored bool
	// known: the master has ordered it, or it was in what the agent told it when it registered.
	known bool
	// truth is said once with an operation that had no effect: what the agent has instead.
	truth *controlpb.CheckpointedResources
	wait  time.Duration
	retry process.Timer
}

func (o *operation) uuid() []byte { return o.info.GetUuid().GetValue() }

// applyOperation changes what the agent has as its master has booked already. Nobody hears of it before it is written
// down. One that does not fit, because something before it was lost, changes nothing, and the master learns the truth.
func (a *Agent) applyOperation(from process.UPID, m *controlpb.ApplyOperation) {
	if !a.obey(from, m.GetEpoch()) || a.phase != member {
		return // the master finds it missing when the agent registers again, and asks
	}
	h := &a.holdings
	if h.knows(m.GetUuid()) {
		return // said twice
	}
	o := &operation{wait: firstRetry, known: true, info: &mesospb.Operation{FrameworkId: m.FrameworkId, AgentId: a.info.GetId(),
		Info: m.GetOperation(), Uuid: &mesospb.UUID{Value: m.GetUuid()}}}
	status := &mesospb.OperationStatus{OperationId: m.GetOperation().Id, AgentId: a.info.GetId(),
		State: mesospb.OperationState_OPERATION_FINISHED.Enum()}
	if status.OperationId != nil {
		id := uuid.New(a.b.Rand())
		status.Uuid = &mesospb.UUID{Value: id[:]}
	}
	total, err := a.carriedOut(m.GetOperation())
	var volumes []*controlpb.VolumeChange
	if err != nil {
		a.b.Log().Warn("operation dropped", "framework", m.GetFrameworkId().GetValue(), "operation", m.GetOperation().GetType(), "because", err)
		status.State, status.Message = mesospb.OperationState_OPERATION_DROPPED.Enum(), proto.String(err.Error())
		o.truth = h.truth()
	} else {
		a.b.Log().Info("operation carried out", "framework", m.GetFrameworkId().GetValue(), "operation", m.GetOperation().GetType())
		volumes = volumeChanges(h.total, total)
		h.total = total
	}
	o.info.LatestStatus, o.info.Statuses = status, []*mesospb.OperationStatus{status}
	h.remember(o)
	a.changed = true
	a.writeResources(volumes, func() {
		o.stored = true
		a.changed = true
		a.tellOperation(o)
	})
}

// carriedOut is what the agent has after an operation.
func (a *Agent) carriedOut(op *mesospb.Offer_Operation) (resources.Resources, error) {
	op = proto.CloneOf(op)
	operations.Unallocate(op)
	total, err := a.holdings.total.Apply(op)
	if err != nil {
		return total, err
	}
	if err := checkVolumes(total); err != nil {
		return total, err
	}
	for _, x := range missingIn(a.holdings.total, total) {
		if a.uses(placeOf(x)) {
			return total, fmt.Errorf("volume %s is in use: %w", x, fault.ErrConflict)
		}
	}
	return total, nil
}

// uses tells whether a container that may have processes has a volume.
func (a *Agent) uses(p place) bool {
	in := func(rs []*mesospb.Resource) bool {
		return slices.ContainsFunc(volumesOf(rs), func(v Volume) bool { return place{v.Root, v.Path} == p })
	}
	for _, f := range a.frameworks {
		for _, e := range f.executors {
			if e.state == terminated {
				continue
			}
			if in(e.info.GetResources()) {
				return true
			}
			for _, t := range e.tasks {
				if in(t.info.GetResources()) {
					return true
				}
			}
		}
	}
	return false
}

// tellOperation sends what became of an operation, until it is acknowledged. One that an earlier master ordered, and that was
// written down after the agent had told the present one what it has, means nothing to that one: it is told everything anew.
func (a *Agent) tellOperation(o *operation) {
	if a.phase != member || !o.stored || !slices.Contains(a.holdings.operations, o) {
		return
	}
	if !o.known {
		a.b.Log().Info("the master does not know of an operation; registering again", "operation", o.info.GetInfo().GetType())
		a.disconnect()
		a.join()
		return
	}
	a.b.Send(a.membership.master, &controlpb.UpdateOperationStatus{AgentId: a.info.GetId(), FrameworkId: o.info.FrameworkId,
		OperationUuid: o.uuid(), Status: o.info.GetLatestStatus(), Checkpointed: o.truth})
	o.truth = nil
	o.retry = a.b.Delay(o.wait, func() { a.tellOperation(o) })
	o.wait = min(2*o.wait, lastRetry)
}

// acknowledgeOperation forgets an operation that its framework, or the master in its place, has heard of.
func (a *Agent) acknowledgeOperation(from process.UPID, m *controlpb.AcknowledgeOperation) {
	if !a.obey(from, m.GetEpoch()) {
		return
	}
	h := &a.holdings
	i := slices.IndexFunc(h.operations, func(o *operation) bool {
		status := o.info.GetLatestStatus().GetUuid().GetValue()
		return o.stored && (m.OperationUuid != nil && bytes.Equal(m.OperationUuid, o.uuid()) ||
			len(status) > 0 && bytes.Equal(m.StatusUuid, status))
	})
	if i < 0 {
		return
	}
	h.operations[i].pause()
	h.operations = slices.Delete(slices.Clone(h.operations), i, i+1)
	a.changed = true
	a.writeResources(nil, nil)
}

// reconcileOperations answers for operations that the master has sent and this agent has not heard of. What it has
// heard of was written, or is being written, and is told by itself.
func (a *Agent) reconcileOperations(uuids [][]byte) {
	for _, id := range uuids {
		if a.holdings.knows(id) {
			continue
		}
		answer := &controlpb.UpdateOperationStatus{AgentId: a.info.GetId(), OperationUuid: id,
			Status: &mesospb.OperationStatus{State: mesospb.OperationState_OPERATION_DROPPED.Enum(), AgentId: a.info.GetId(),
				Message: proto.String("Reconciliation: operation is unknown to the agent")},
			Checkpointed: a.holdings.truth()}
		// After the word of everything that is in that truth already.
		a.write(nil, func() {
			if a.phase == member {
				a.b.Send(a.membership.master, answer)
			}
		})
	}
}

func (o *operation) pause() {
	if o.retry != nil {
		o.retry.Stop()
		o.retry = nil
	}
}

// pauseOperations stops telling: there is no master. resumeOperations begins anew, at once and with short waits.
func (a *Agent) pauseOperations() {
	for _, o := range a.holdings.operations {
		o.pause()
	}
}

func (a *Agent) resumeOperations() {
	for _, o := range slices.Clone(a.holdings.operations) {
		o.wait = firstRetry
		a.tellOperation(o)
	}
}
