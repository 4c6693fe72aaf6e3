// Package operations changes the resources that an offer operation speaks of. Frameworks with a single role say nowhere
// to which role resources are allocated, while everything inside counts by roles; so what comes in from such a framework is
// completed at the door, and what goes out to it is cut back.
package operations

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Allocate says of all resources in op that they are allocated to role, where nothing is said yet. It changes op.
func Allocate(op *mesospb.Offer_Operation, role string) {
	each(op, func(r *mesospb.Resource) {
		if r.AllocationInfo == nil {
			r.AllocationInfo = &mesospb.Resource_AllocationInfo{Role: proto.String(role)}
		}
	})
}

// Unallocate takes away what the resources in op say of their allocation. It changes op.
func Unallocate(op *mesospb.Offer_Operation) {
	each(op, func(r *mesospb.Resource) { r.AllocationInfo = nil })
}

// each calls f with every resource of an operation of whatever type, those of tasks and executors included.
func each(op *mesospb.Offer_Operation, f func(*mesospb.Resource)) {
	all := func(rs []*mesospb.Resource) {
		for _, r := range rs {
			f(r)
		}
	}
	one := func(r *mesospb.Resource) {
		if r != nil {
			f(r)
		}
	}
	tasks := func(ts []*mesospb.TaskInfo) {
		for _, t := range ts {
			all(t.GetResources())
			all(t.GetExecutor().GetResources())
		}
	}
	tasks(op.GetLaunch().GetTaskInfos())
	all(op.GetLaunchGroup().GetExecutor().GetResources())
	tasks(op.GetLaunchGroup().GetTaskGroup().GetTasks())
	all(op.GetReserve().GetSource())
	all(op.GetReserve().GetResources())
	all(op.GetUnreserve().GetResources())
	all(op.GetCreate().GetVolumes())
	all(op.GetDestroy().GetVolumes())
	one(op.GetGrowVolume().GetVolume())
	one(op.GetGrowVolume().GetAddition())
	one(op.GetShrinkVolume().GetVolume())
	one(op.GetCreateDisk().GetSource())
	one(op.GetDestroyDisk().GetSource())
}
