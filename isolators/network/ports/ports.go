// Package ports is the isolator network/ports: it looks, every so often, on which TCP ports of the machine containers listen,
// and tells or ends those that listen on ports that they were not given. Containers in a network of their own are no matter
// of it: their sockets are not the machine's.
package ports

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/values"
)

// Builder makes the isolator.
var Builder = isolators.Builder{Names: []string{name}, New: New}

const name = "network/ports"

// Isolator is network/ports.
type Isolator struct {
	isolators.Nothing
	log      *slog.Logger
	interval time.Duration
	enforce  bool
	within   *values.Ranges // the ports that count; nil: all

	mu    sync.Mutex
	boxes map[string]*box
	stop  context.CancelFunc // of the watch, while there is one
}

// New makes the isolator from an agent's flags.
func New(s isolators.Settings) (isolators.Isolator, error) {
	if err := s.Supports("net", name); err != nil {
		return nil, err
	}
	within, err := counting(s)
	if err != nil {
		return nil, err
	}
	i := &Isolator{log: s.Log, interval: s.ContainerPortsWatchInterval, enforce: s.EnforceContainerPorts, within: within, boxes: map[string]*box{}}
	if i.interval <= 0 {
		i.interval = 30 * time.Second
	}
	if i.log == nil {
		i.log = slog.New(slog.DiscardHandler)
	}
	return i, nil
}

// counting are the ports that the flags are about.
func counting(s isolators.Settings) (*values.Ranges, error) {
	switch {
	case s.CheckAgentPortRangeOnly && s.ContainerPortsIsolatedRange != "":
		return nil, fmt.Errorf("only one of `--check_agent_port_range_only` or `--container_ports_isolated_range` should be specified: %w", fault.ErrInvalid)
	case s.CheckAgentPortRangeOnly:
		r := resources.FromValid(s.AgentResources).Ports()
		if len(r) == 0 {
			return nil, fmt.Errorf("--check_agent_port_range_only: the agent offers no ports: give it some in --resources: %w", fault.ErrInvalid)
		}
		return &r, nil
	case s.ContainerPortsIsolatedRange != "":
		all, err := resources.Parse("ports:" + s.ContainerPortsIsolatedRange)
		if err != nil || len(all.Ports()) == 0 {
			return nil, fmt.Errorf("--container_ports_isolated_range: %q is no range of ports, such as [31000-32000]: %w", s.ContainerPortsIsolatedRange, fault.ErrInvalid)
		}
		r := all.Ports()
		return &r, nil
	}
	return nil, nil
}

// Name implements isolators.Isolator.
func (i *Isolator) Name() string { return name }

// Prepare implements isolators.Isolator.
func (i *Isolator) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	i.keep(&box{id: c.ID, top: c.Top().ID, ports: resources.FromValid(c.Resources).Ports(), place: place{Cgroup: plan.Cgroup}})
	return nil
}

func (i *Isolator) keep(b *box) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.boxes[b.id] = b
}

// Isolate implements isolators.Isolator: the process is in its control groups now.
func (i *Isolator) Isolate(_ context.Context, c *isolators.Container) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	b := i.boxes[c.ID]
	if b == nil {
		return fmt.Errorf("container %s was not prepared: %w", c.ID, fault.ErrConflict)
	}
	b.place = b.of(c.PID)
	return b.save(c.State)
}

// Recover implements isolators.Isolator.
func (i *Isolator) Recover(_ context.Context, alive []*isolators.Container) error {
	for _, c := range alive {
		b := &box{id: c.ID, top: c.Top().ID, ports: resources.FromValid(c.Resources).Ports()}
		b.load(c.State)
		if len(b.Lines) == 0 && c.PID > 0 {
			b.place = b.of(c.PID) // it was born, and the agent ended before it was noted
		}
		i.keep(b)
	}
	return nil
}

// Update implements isolators.Isolator.
func (i *Isolator) Update(_ context.Context, c *isolators.Container) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if b := i.boxes[c.ID]; b != nil {
		b.ports = resources.FromValid(c.Resources).Ports()
	}
	return nil
}

// Watch implements isolators.Isolator.
func (i *Isolator) Watch(c *isolators.Container, limited func(isolators.Limitation)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	b := i.boxes[c.ID]
	if b == nil {
		return
	}
	b.limited = limited
	if i.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		i.stop = stop
		go i.watch(ctx)
	}
}

// Cleanup implements isolators.Isolator. Once it has returned nothing is told of the container any more.
func (i *Isolator) Cleanup(_ context.Context, c *isolators.Container) error {
	i.mu.Lock()
	b := i.boxes[c.ID]
	delete(i.boxes, c.ID)
	if len(i.boxes) == 0 && i.stop != nil {
		i.stop()
		i.stop = nil
	}
	i.mu.Unlock()
	if b != nil {
		b.end()
	}
	return forget(c.State)
}

// watch looks until nobody is left to look at. A port that is found is looked at once more soon after: between a task's end and
// the news of it, its port is nobody's for an instant.
func (i *Isolator) watch(ctx context.Context) {
	timer := time.NewTimer(i.interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		next := i.interval
		if i.look() {
			next = min(next, time.Second)
		}
		timer.Reset(next)
	}
}
