package posix

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Usage implements containerizer.Launcher with one look for all containers.
func (l *Launcher) Usage(ctx context.Context, of []containerizer.Process) ([]*mesospb.ResourceStatistics, error) {
	t, err := l.looks.take(ctx)
	if err != nil {
		return nil, err
	}
	now := float64(time.Now().UnixNano()) / 1e9
	answers := make([]*mesospb.ResourceStatistics, len(of))
	for i, p := range of {
		if members := t.members(p, orphanCookies, l.knows(p)); len(members) > 0 {
			answers[i] = measure(members, now)
		}
	}
	return answers, nil
}

// Update implements containerizer.Launcher: what plain processes may use is an intention, and there is nothing to change.
func (l *Launcher) Update(context.Context, containerizer.Process, []*mesospb.Resource, map[string]float64) error {
	return nil
}

// Limited implements containerizer.Launcher: nothing is limited.
func (l *Launcher) Limited(context.Context, containerizer.Process) *isolators.Limitation { return nil }

// Status implements containerizer.Launcher.
func (l *Launcher) Status(_ context.Context, p containerizer.Process) (*mesospb.ContainerStatus, error) {
	s := &mesospb.ContainerStatus{}
	if p.PID != 0 {
		s.ExecutorPid = proto.Uint32(uint32(p.PID))
	}
	return s, nil
}

// measure adds up. Time of children that have ended is in whoever waited for them.
func measure(members []*stat, now float64) *mesospb.ResourceStatistics {
	var user, system, threads, pages uint64
	for _, m := range members {
		user += m.user + m.waitedUser
		system += m.system + m.waitedSystem
		threads += m.threads
		pages += m.residentPages
	}
	return &mesospb.ResourceStatistics{
		Timestamp:          proto.Float64(now),
		Processes:          proto.Uint32(uint32(len(members))),
		Threads:            proto.Uint32(uint32(threads)),
		CpusUserTimeSecs:   proto.Float64(float64(user) / ticksPerSecond),
		CpusSystemTimeSecs: proto.Float64(float64(system) / ticksPerSecond),
		MemRssBytes:        proto.Uint64(pages * pageSize),
		MemTotalBytes:      proto.Uint64(pages * pageSize),
	}
}
