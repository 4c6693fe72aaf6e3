package cgroups

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// perf is cgroups/perf_event: what processor and kernel count of each container, for a while now and then. They are asked
// without the perf tool.
type perf struct {
	controlled
	events             []event
	interval, duration time.Duration

	mu      sync.Mutex
	watched map[string]hierarchy.Group // of containers that are watched
	samples map[string]*mesospb.PerfStatistics
	stop    context.CancelFunc // of the sampling; nil while nobody is watched
}

func (s *shared) perf(settings isolators.Settings) (isolators.Isolator, error) {
	i := &perf{interval: settings.PerfInterval, duration: settings.PerfDuration, watched: map[string]hierarchy.Group{}, samples: map[string]*mesospb.PerfStatistics{}}
	if i.interval <= 0 {
		i.interval = time.Minute
	}
	if i.duration <= 0 {
		i.duration = 10 * time.Second
	}
	if i.duration > i.interval {
		return nil, fmt.Errorf("--perf_duration=%v: at most --perf_interval, which is %v: %w", i.duration, i.interval, fault.ErrInvalid)
	}
	var err error
	if i.controlled, err = s.perfGroups(settings); err != nil {
		return nil, err
	}
	i.events, err = eventsOf(settings.PerfEvents, i.top())
	return i, err
}

// perfGroups finds who counts: a hierarchy of version 1, or version 2, which counts for each of its groups as long as no
// hierarchy of version 1 does.
func (s *shared) perfGroups(settings isolators.Settings) (controlled, error) {
	const name, controller = "cgroups/perf_event", "perf_event"
	g, err := s.open(settings)
	if err != nil {
		return controlled{}, err
	}
	if h, ok := g.layout.Of(controller); ok && !h.Unified {
		return s.need(settings, name, controller)
	}
	text, err := hierarchy.Slurp("/proc/cgroups", nil)
	if err != nil || !g.home.Unified || presenceIn(string(text), controller) != present || hierarchyIn(string(text), controller) != "0" {
		return controlled{}, g.missing(controller)
	}
	return controlled{groups: g, name: name, controller: controller, two: true}, nil
}

// hierarchyIn is the number of the hierarchy of a controller in /proc/cgroups; that of version 2 is 0.
func hierarchyIn(text, controller string) string {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == controller {
			return f[1]
		}
	}
	return ""
}

func (i *perf) top() hierarchy.Group {
	if i.two {
		return i.groups.top(i.groups.home)
	}
	return i.groups.topOf(i.controller)
}

// Watch implements isolators.Isolator: the container is counted from now on.
func (i *perf) Watch(c *isolators.Container, _ func(isolators.Limitation)) {
	p, err := i.groups.Where(c)
	if err != nil || p.Shared || len(i.events) == 0 {
		return
	}
	group := p.Home
	if !i.two {
		if group = p.Controllers[i.controller]; group == "" {
			return
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.watched[c.ID] = group
	// Until the first sample is taken there is one of no time.
	i.samples[c.ID] = &mesospb.PerfStatistics{Timestamp: proto.Float64(seconds(time.Now())), Duration: proto.Float64(0)}
	if i.stop == nil {
		var ctx context.Context
		ctx, i.stop = context.WithCancel(context.Background())
		go i.sample(ctx)
	}
}

// Cleanup implements isolators.Isolator.
func (i *perf) Cleanup(_ context.Context, c *isolators.Container) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.watched, c.ID)
	delete(i.samples, c.ID)
	if len(i.watched) == 0 && i.stop != nil {
		i.stop()
		i.stop = nil
	}
	return nil
}

// Usage implements isolators.Isolator: the last sample.
func (i *perf) Usage(_ context.Context, of []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, c := range of {
		if s := i.samples[c.ID]; s != nil {
			into[n].Perf = s // nobody changes it any more
		}
	}
	return nil
}

// sample takes samples until nobody is watched.
func (i *perf) sample(ctx context.Context) {
	every := time.NewTicker(i.interval)
	defer every.Stop()
	for {
		i.round(ctx)
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// round takes a sample of every container, of as many at the same time as there may be open files for.
func (i *perf) round(ctx context.Context) {
	i.mu.Lock()
	var ids []string
	groups := map[string]hierarchy.Group{}
	for id, group := range i.watched {
		ids = append(ids, id)
		groups[id] = group
	}
	i.mu.Unlock()
	slices.Sort(ids)
	for batch := range slices.Chunk(ids, max(1, 4096/(len(i.events)*len(online())))) {
		i.run(ctx, batch, groups)
	}
}

// run counts for as long as a sample lasts. A container that ends meanwhile has none.
func (i *perf) run(ctx context.Context, ids []string, groups map[string]hierarchy.Group) {
	began := time.Now()
	running := map[string]*counting{}
	for _, id := range ids {
		if c, err := countersOf(groups[id], i.events); err == nil {
			running[id] = c
			defer c.close()
		}
	}
	wait := time.NewTimer(i.duration)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return
	}
	took := time.Since(began)
	i.mu.Lock()
	defer i.mu.Unlock()
	for id, c := range running {
		s := &mesospb.PerfStatistics{Timestamp: proto.Float64(seconds(began)), Duration: proto.Float64(took.Seconds())}
		if i.samples[id] != nil && c.read(s) == nil {
			i.samples[id] = s
		}
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
