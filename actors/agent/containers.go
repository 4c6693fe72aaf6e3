package agent

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// containers measures all of them in one go.
func (d *desk) containers(ctx context.Context) (*agentpb.Response, error) {
	r := &agentpb.Response_GetContainers{}
	var of []containerizer.Process
	var limits []executorView
	d.view.everyExecutor(func(f frameworkView, e executorView, over bool) {
		if over || !e.running || e.process.PID == 0 {
			return
		}
		of = append(of, e.process)
		limits = append(limits, e)
		r.Containers = append(r.Containers, &agentpb.Response_GetContainers_Container{
			FrameworkId:  f.info.GetId(),
			ExecutorId:   e.info.GetExecutorId(),
			ExecutorName: proto.String(e.info.GetName()),
			ContainerId:  &mesospb.ContainerID{Value: proto.String(e.run.container)},
			ContainerStatus: &mesospb.ContainerStatus{
				ContainerId: &mesospb.ContainerID{Value: proto.String(e.run.container)},
				ExecutorPid: proto.Uint32(uint32(e.process.PID)),
			},
		})
	})
	usage, err := d.launcher.Usage(ctx, of)
	if err != nil {
		return nil, err
	}
	for i, u := range usage {
		if u == nil {
			continue // it has just ended
		}
		allowed := limits[i].resources()
		u.CpusLimit = proto.Float64(allowed.CPUs().Float64())
		u.MemLimitBytes = proto.Uint64(uint64(allowed.Mem().Float64() * mb))
		r.Containers[i].ResourceStatistics = u
	}
	return &agentpb.Response{Type: agentpb.Response_GET_CONTAINERS.Enum(), GetContainers: r}, nil
}
