package linux

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Usage implements containerizer.Launcher. The chain measures all containers at once; what it does not know of processors and
// memory is added up from the processes.
func (l *Launcher) Usage(ctx context.Context, of []containerizer.Process) ([]*mesospb.ResourceStatistics, error) {
	answers := make([]*mesospb.ResourceStatistics, len(of))
	var known []*isolators.Container
	var into []*mesospb.ResourceStatistics
	now := float64(time.Now().UnixNano()) / 1e9
	for i, p := range of {
		c := l.known(p.ContainerID)
		if c == nil || c.isDestroyed() {
			continue
		}
		c.facts.RLock()
		defer c.facts.RUnlock() // until all are measured
		answers[i] = &mesospb.ResourceStatistics{Timestamp: proto.Float64(now)}
		known, into = append(known, c.Container), append(into, answers[i])
	}
	err := l.chain.Usage(ctx, known, into)
	if plain := l.unmeasured(of, answers); len(plain) > 0 {
		err = l.addPlain(ctx, of, plain, answers)
	}
	return answers, err
}

// unmeasured are those of which the chain knows no processors or no memory, or nothing at all.
func (l *Launcher) unmeasured(of []containerizer.Process, answers []*mesospb.ResourceStatistics) (which []int) {
	for i := range of {
		if a := answers[i]; a == nil || a.CpusUserTimeSecs == nil || a.MemRssBytes == nil && a.MemTotalBytes == nil {
			which = append(which, i)
		}
	}
	return which
}

func (l *Launcher) addPlain(ctx context.Context, of []containerizer.Process, which []int, answers []*mesospb.ResourceStatistics) error {
	processes := make([]containerizer.Process, len(which))
	for n, i := range which {
		processes[n] = of[i]
	}
	measured, err := l.plain.Usage(ctx, processes)
	if err != nil {
		return err
	}
	for n, i := range which {
		a, m := answers[i], measured[n]
		switch {
		case a == nil:
			answers[i] = m
		case m != nil:
			complete(a, m)
		}
	}
	return nil
}

// complete adds what is missing.
func complete(a, m *mesospb.ResourceStatistics) {
	if a.CpusUserTimeSecs == nil {
		a.CpusUserTimeSecs, a.CpusSystemTimeSecs = m.CpusUserTimeSecs, m.CpusSystemTimeSecs
	}
	if a.MemRssBytes == nil && a.MemTotalBytes == nil {
		a.MemRssBytes, a.MemTotalBytes = m.MemRssBytes, m.MemTotalBytes
	}
	if a.Processes == nil {
		a.Processes = m.Processes
	}
	if a.Threads == nil {
		a.Threads = m.Threads
	}
}

// Status implements containerizer.Launcher.
func (l *Launcher) Status(ctx context.Context, p containerizer.Process) (*mesospb.ContainerStatus, error) {
	c := l.known(p.ContainerID)
	if c == nil {
		return l.plain.Status(ctx, p)
	}
	c.facts.RLock()
	defer c.facts.RUnlock()
	s := &mesospb.ContainerStatus{}
	if c.PID != 0 {
		s.ExecutorPid = proto.Uint32(uint32(c.PID))
	}
	err := l.chain.Status(ctx, c.Container, s)
	return s, err
}

// Update implements containerizer.Launcher. It is written down first, so that a restarted agent isolates by what was meant.
func (l *Launcher) Update(ctx context.Context, p containerizer.Process, resources []*mesospb.Resource, limits map[string]float64) error {
	c := l.known(p.ContainerID)
	if c == nil {
		return l.plain.Update(ctx, p, resources, limits)
	}
	c.life.Lock()
	defer c.life.Unlock()
	if l.known(c.ID) != c {
		return nil // gone meanwhile
	}
	c.facts.Lock()
	c.Resources, c.Limits = resources, limits
	c.facts.Unlock()
	if err := l.write(c); err != nil {
		return err
	}
	err := l.chain.Update(ctx, c.Container)
	select {
	case <-c.ended:
		return nil // there is nothing left to limit
	default:
		return err
	}
}
