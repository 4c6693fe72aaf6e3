package agent

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// containers measures all of those that somebody may see in one go. There is no nested and no standalone one to show. With
// an error they are listed without statistics.
func (d *desk) containers(ctx context.Context, v *View, who authorization.Subject) (*agentpb.Response, error) {
	may := d.authorizer.Approver(who, authorization.ViewContainer)
	all := &agentpb.Response_GetContainers{}
	var of []containerizer.Process
	var limits []*ExecutorView
	v.EveryExecutor(func(f *FrameworkView, e *ExecutorView, over bool) {
		id := &mesospb.ContainerID{Value: proto.String(e.Container)}
		if over || !e.Running || e.Process.PID == 0 ||
			!may(authorization.Object{Framework: f.Info, Executor: e.Info, ContainerID: id}) {
			return
		}
		of = append(of, e.Process)
		limits = append(limits, e)
		all.Containers = append(all.Containers, &agentpb.Response_GetContainers_Container{
			FrameworkId:     f.Info.GetId(),
			ExecutorId:      e.Info.GetExecutorId(),
			ExecutorName:    proto.String(e.Info.GetName()),
			ContainerId:     id,
			ContainerStatus: e.status(id),
		})
	})
	r := &agentpb.Response{Type: agentpb.Response_GET_CONTAINERS.Enum()}
	if len(of) == 0 {
		return r, nil // as in Mesos without the list
	}
	r.GetContainers = all
	usage, err := d.launcher.Usage(ctx, of)
	if err != nil {
		return r, fmt.Errorf("measure %d containers: %w", len(of), err)
	}
	for i, u := range usage {
		if u != nil { // else it has just ended
			all.Containers[i].ResourceStatistics = limited(u, limits[i])
		}
	}
	return r, nil
}

// status is what is known of a container from outside.
func (e *ExecutorView) status(id *mesospb.ContainerID) *mesospb.ContainerStatus {
	s := &mesospb.ContainerStatus{ContainerId: id, ExecutorPid: proto.Uint32(uint32(e.Process.PID))}
	if e.Status != nil {
		proto.Merge(s, e.Status)
	}
	return s
}

// limited adds what a container may use, where no isolator has said it. Without control groups that is an intention, as with
// Mesos' posix isolators.
func limited(u *mesospb.ResourceStatistics, e *ExecutorView) *mesospb.ResourceStatistics {
	allowed := e.Resources()
	mem := uint64(allowed.Mem().Float64() * mb)
	if u.CpusLimit == nil && u.CpusSoftLimit == nil {
		u.CpusSoftLimit = proto.Float64(allowed.CPUs().Float64())
	}
	if u.MemLimitBytes == nil && u.MemSoftLimitBytes == nil {
		u.MemLimitBytes, u.MemSoftLimitBytes = proto.Uint64(mem), proto.Uint64(mem)
	}
	return u
}
