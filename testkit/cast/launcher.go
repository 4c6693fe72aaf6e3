package cast

import (
	"context"
	"fmt"
	"path"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

type processUPID = process.UPID

// launcher runs simulated processes on a Machine, for one of its processes: the agent in one of its lives
// (parent 0), or an executor.
type launcher struct {
	machine *Machine
	parent  int
	life    int
}

var _ containerizer.Launcher = launcher{}

// Launcher is the Launcher of a process, for what it starts itself.
func (p *Process) Launcher() containerizer.Launcher { return launcher{p.Machine, p.PID, 0} }

func (l launcher) Launch(_ context.Context, spec containerizer.Spec) (containerizer.Process, error) {
	program := l.machine.programs[path.Base(spec.Path)]
	if program == nil {
		return containerizer.Process{}, fmt.Errorf("%s: no such program", spec.Path)
	}
	spec.Env = append(append([]string(nil), spec.Env...), containerizer.CookieVariable+"="+spec.ContainerID)
	return l.machine.start(spec, l.parent, l.life, program).name(), nil
}

func (p *Process) name() containerizer.Process {
	return containerizer.Process{ContainerID: p.Spec.ContainerID, PID: p.PID, StartTicks: uint64(p.began / (10 * time.Millisecond))}
}

// process finds what a caller wrote down, by pid, or by the container when the pid was never written.
func (l launcher) process(want containerizer.Process) *Process {
	if want.PID > 0 && want.PID <= len(l.machine.processes) {
		if p := l.machine.processes[want.PID-1]; p.Spec.ContainerID == want.ContainerID {
			return p
		}
		return nil
	}
	for _, p := range l.machine.processes {
		if p.Spec.ContainerID == want.ContainerID && p.Parent == l.parent {
			return p
		}
	}
	return nil
}

func (l launcher) Recover(ctx context.Context, want []containerizer.Process) ([]containerizer.Process, error) {
	return l.Find(ctx, want)
}

func (l launcher) Find(_ context.Context, want []containerizer.Process) ([]containerizer.Process, error) {
	var found []containerizer.Process
	for _, c := range want {
		p := l.process(c)
		switch {
		case p == nil || len(p.descendants()) == 0:
		case p.ended:
			found = append(found, containerizer.Process{ContainerID: c.ContainerID})
		default:
			found = append(found, p.name())
		}
	}
	return found, nil
}

func (l launcher) Wait(c containerizer.Process, done func(containerizer.Exit, error)) func() {
	p := l.process(c)
	if p == nil {
		done(containerizer.Exit{}, nil)
		return func() {}
	}
	x := &wait{p: p, life: l.life, done: done}
	if p.ended {
		x.tell()
	} else {
		p.waits = append(p.waits, x)
	}
	return func() { x.cancelled = true }
}

func (l launcher) Signal(_ context.Context, c containerizer.Process, sig syscall.Signal) error {
	if p := l.process(c); p != nil {
		for _, q := range p.descendants() {
			q.Kill(sig)
		}
	}
	return nil
}

// Destroy takes a moment, because killed processes are not gone at once.
func (l launcher) Destroy(c containerizer.Process, done func(error)) func() {
	if p := l.process(c); p != nil {
		for _, q := range p.descendants() {
			q.Kill(syscall.SIGKILL)
		}
	}
	cancel := l.machine.node.World().At(time.Millisecond, func() { done(nil) })
	return func() { cancel() }
}

func (l launcher) Usage(_ context.Context, of []containerizer.Process) ([]*mesospb.ResourceStatistics, error) {
	stats := make([]*mesospb.ResourceStatistics, len(of))
	w := l.machine.node.World()
	for i, c := range of {
		if p := l.process(c); p != nil && !p.ended {
			stats[i] = &mesospb.ResourceStatistics{
				Timestamp:        proto.Float64(float64(w.Now().UnixNano()) / 1e9),
				CpusUserTimeSecs: proto.Float64((w.Elapsed() - p.began).Seconds() / 100),
				MemRssBytes:      proto.Uint64(1 << 20),
			}
		}
	}
	return stats, nil
}
