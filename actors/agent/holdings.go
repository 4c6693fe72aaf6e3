package agent

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// holdings is what the agent has, whose it is, and the operations that made it so. The flags say how much there is;
// reservations and volumes are remembered here and outlive the agent's id.
type holdings struct {
	flags, total resources.Resources
	// stored is what total was when it was written last: what a master may be told.
	stored     resources.Resources
	operations []*operation // not acknowledged, the oldest first
	recent     []string     // uuids of the last operations, acknowledged or not: a message may come twice
}

// maxRecent bounds the memory for what comes twice. A repeated message is not far behind the first.
const maxRecent = 256

func checkpointed(rs resources.Resources) resources.Resources {
	return rs.Filter(resources.Resource.NeedsCheckpoint)
}

func (h *holdings) truth() *controlpb.CheckpointedResources {
	return &controlpb.CheckpointedResources{Resources: checkpointed(h.total).Proto()}
}

func (h *holdings) remember(o *operation) {
	h.operations = append(h.operations, o)
	h.recent = last(append(h.recent, string(o.uuid())), maxRecent)
}

func (h *holdings) knows(uuid []byte) bool {
	for _, r := range h.recent {
		if r == string(uuid) {
			return true
		}
	}
	return false
}

// messages are the operations that are written down.
func (h *holdings) messages() (list []*mesospb.Operation) {
	for _, o := range h.operations {
		if o.stored {
			list = append(list, o.info)
		}
	}
	return list
}

// report is what a master is told of operations when the agent registers. It may be asked several times, and which of the reports
// the master has read is not known: it knows for certain what was in all of them.
func (h *holdings) report(first bool) []*mesospb.Operation {
	for _, o := range h.operations {
		o.known = o.stored && (first || o.known)
	}
	return h.messages()
}

// record is what goes to disk.
func (h *holdings) record(unfinished []*controlpb.VolumeChange) *controlpb.ResourcesCheckpoint {
	r := &controlpb.ResourcesCheckpoint{Version: proto.Uint32(checkpointVersion), Resources: checkpointed(h.total).Proto(),
		Unfinished: unfinished}
	for _, o := range h.operations {
		r.Operations = append(r.Operations, o.info)
	}
	return r
}

// writeResources writes down what the agent has and what was done to it, then changes directories. The record says
// what is to be changed, so that a restart can go on where a crash cut it short.
func (a *Agent) writeResources(volumes []*controlpb.VolumeChange, then func()) {
	record := put(resourcesFile, a.holdings.record(volumes))
	// The cluster relies on it: even a loss of power must not give the reserved away.
	record.Durable = true
	total := a.holdings.total
	a.vacate(volumes)
	a.write(append([]Change{record}, steps(volumes)...), func() {
		a.holdings.stored = total
		if then != nil {
			then()
		}
	})
}

// inherit brings back reservations and volumes on top of what the flags say now.
func (a *Agent) inherit(saved *controlpb.ResourcesCheckpoint) error {
	h := &a.holdings
	h.flags = resources.FromValid(a.info.GetResources())
	h.total, h.stored = h.flags, h.flags
	if saved == nil {
		return nil
	}
	had, err := resources.FromProto(saved.GetResources())
	if err != nil {
		return fmt.Errorf("%s: %w: %w", resourcesFile, errDamaged, err)
	}
	if h.total, err = h.flags.ApplyCheckpoint(had); err != nil {
		return fmt.Errorf("the reservations and volumes of this agent do not fit its resources any more: %w. "+
			"Start it with the --resources that it had, or unreserve first", err)
	}
	h.stored = h.total
	for _, m := range saved.GetOperations() {
		h.remember(&operation{info: m, stored: true, wait: firstRetry})
	}
	return nil
}

// restoreVolumes finishes what a crash cut short, and sees to it that every volume is there before anybody hears of it. On a
// full disk it goes on all the same: executors wait for this agent.
func (a *Agent) restoreVolumes(saved *controlpb.ResourcesCheckpoint, then func()) {
	changes := steps(saved.GetUnfinished())
	for x := range a.holdings.total.PersistentVolumes().All() {
		p := placeOf(x)
		changes = append(changes, Change{Kind: Make, Root: p.root, Path: p.path})
	}
	if len(changes) == 0 {
		then()
		return
	}
	a.writeOrRefuse(changes, then, nil, func(error) {
		a.write(changes, nil) // when there is room
		then()
	})
}

// disown drops the operations of an earlier identity: their frameworks know another agent.
func (a *Agent) disown() {
	var own []*operation
	for _, o := range a.holdings.operations {
		if a.id() != "" && o.info.GetAgentId().GetValue() == a.id() {
			own = append(own, o)
		}
	}
	a.holdings.operations = own
}

// lacks is what a task needs of the agent's reservations and volumes and is not there: something before it was lost.
func (a *Agent) lacks(t *mesospb.TaskInfo) error {
	for _, list := range [][]*mesospb.Resource{t.GetResources(), t.GetExecutor().GetResources()} {
		rs, err := resources.FromProto(list)
		if err != nil {
			return err
		}
		for x := range checkpointed(rs).Unallocate().All() {
			if !a.holdings.total.Contains(resources.Of(x)) {
				return fmt.Errorf("this agent does not have %s: its reservations and volumes are not what the master believes", x)
			}
		}
	}
	return nil
}
