package lodge

import (
	"context"
	"sync"
	"syscall"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Launcher pretends to run containers.
type Launcher struct {
	mu      sync.Mutex
	pid     int
	running map[string]*container // by id
}

type container struct {
	spec    containerizer.Spec
	process containerizer.Process
	waits   []func(containerizer.Exit, error)
}

func newLauncher() *Launcher { return &Launcher{running: map[string]*container{}} }

// Specs are what runs, by container.
func (l *Launcher) Specs() map[string]containerizer.Spec {
	l.mu.Lock()
	defer l.mu.Unlock()
	specs := map[string]containerizer.Spec{}
	for id, c := range l.running {
		specs[id] = c.spec
	}
	return specs
}

// Exit ends a container by itself.
func (l *Launcher) Exit(id string, status syscall.WaitStatus) {
	l.mu.Lock()
	c := l.running[id]
	delete(l.running, id)
	l.mu.Unlock()
	if c != nil {
		for _, done := range c.waits {
			done(containerizer.Exit{Known: true, Status: status}, nil)
		}
	}
}

// Launch implements containerizer.Launcher.
func (l *Launcher) Launch(_ context.Context, spec containerizer.Spec) (containerizer.Process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pid++
	p := containerizer.Process{ContainerID: spec.ContainerID, PID: l.pid, StartTicks: 1}
	l.running[spec.ContainerID] = &container{spec: spec, process: p}
	return p, nil
}

// Recover implements containerizer.Launcher.
func (l *Launcher) Recover(ctx context.Context, want []containerizer.Process) ([]containerizer.Process, error) {
	return l.Find(ctx, want)
}

// Find implements containerizer.Launcher.
func (l *Launcher) Find(_ context.Context, want []containerizer.Process) (found []containerizer.Process, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range want {
		if c := l.running[p.ContainerID]; c != nil {
			found = append(found, c.process)
		}
	}
	return found, nil
}

// Wait implements containerizer.Launcher.
func (l *Launcher) Wait(p containerizer.Process, done func(containerizer.Exit, error)) func() {
	l.mu.Lock()
	c := l.running[p.ContainerID]
	if c != nil {
		c.waits = append(c.waits, done)
	}
	l.mu.Unlock()
	if c == nil {
		done(containerizer.Exit{}, nil)
	}
	return func() {}
}

// Signal implements containerizer.Launcher.
func (l *Launcher) Signal(context.Context, containerizer.Process, syscall.Signal) error { return nil }

// Destroy implements containerizer.Launcher.
func (l *Launcher) Destroy(p containerizer.Process, done func(error)) func() {
	l.Exit(p.ContainerID, syscall.WaitStatus(syscall.SIGKILL))
	done(nil)
	return func() {}
}

// Update implements containerizer.Launcher.
func (l *Launcher) Update(_ context.Context, p containerizer.Process, resources []*mesospb.Resource, limits map[string]float64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.running[p.ContainerID]; c != nil {
		c.spec.Resources, c.spec.Limits = resources, limits
	}
	return nil
}

// Limited implements containerizer.Launcher.
func (l *Launcher) Limited(context.Context, containerizer.Process) *isolators.Limitation { return nil }

// Status implements containerizer.Launcher.
func (l *Launcher) Status(context.Context, containerizer.Process) (*mesospb.ContainerStatus, error) {
	return &mesospb.ContainerStatus{}, nil
}

// Usage implements containerizer.Launcher.
func (l *Launcher) Usage(_ context.Context, of []containerizer.Process) ([]*mesospb.ResourceStatistics, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	usage := make([]*mesospb.ResourceStatistics, len(of))
	for i, p := range of {
		if l.running[p.ContainerID] != nil {
			usage[i] = &mesospb.ResourceStatistics{Timestamp: proto.Float64(1), MemRssBytes: proto.Uint64(1 << 20), CpusUserTimeSecs: proto.Float64(2)}
		}
	}
	return usage, nil
}
