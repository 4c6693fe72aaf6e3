package cast

import (
	"context"
	"syscall"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// noticing is how long it takes from a broken limit until the launcher hears of it by itself: longer than an executor
// needs to tell that its command was killed, because that is the case that goes wrong.
const noticing = 20 * time.Millisecond

// Break has the kernel find that the container of a process has broken a limit, and kill victim for it, which is in that
// container. The launcher notices a moment later, or when it is asked.
func (p *Process) Break(victim *Process, l isolators.Limitation) {
	p.broken = &l
	victim.Kill(syscall.SIGKILL)
	p.World().At(noticing, p.limit)
}

// limit ends a container for what it has done.
func (p *Process) limit() {
	for _, q := range p.descendants() {
		q.Kill(syscall.SIGKILL)
	}
}

// Limited implements containerizer.Launcher.
func (l launcher) Limited(_ context.Context, c containerizer.Process) *isolators.Limitation {
	p := l.process(c)
	if p == nil || p.broken == nil {
		return nil
	}
	p.World().At(0, p.limit)
	return p.broken
}

// Update implements containerizer.Launcher.
func (l launcher) Update(_ context.Context, c containerizer.Process, resources []*mesospb.Resource, limits map[string]float64) error {
	p := l.process(c)
	if p == nil || p.ended {
		return nil
	}
	if may := l.machine.OnUpdate; may != nil {
		if err := may(p, resources, limits); err != nil {
			return err
		}
	}
	p.Spec.Resources, p.Spec.Limits = resources, limits
	return nil
}

// Status implements containerizer.Launcher.
func (l launcher) Status(_ context.Context, c containerizer.Process) (*mesospb.ContainerStatus, error) {
	s := &mesospb.ContainerStatus{}
	if p := l.process(c); p != nil && p.status != nil {
		s = p.status
	}
	return s, nil
}

// Tell sets what is known of the container from outside.
func (p *Process) Tell(s *mesospb.ContainerStatus) { p.status = s }

// Noticed has it known that the container of a process has broken a limit, of which the process lives to tell.
func (p *Process) Noticed(l isolators.Limitation) { p.broken = &l }
