package cgroups

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/devices"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
)

// guard is cgroups/devices: a container opens and makes no device but those of Mesos' list, of --allowed_devices, and those
// that its own plan makes nodes for.
type guard struct {
	controlled
	allowed []devices.Entry
	enforce func(hierarchy.Group, devices.Policy) error

	mu    sync.Mutex
	plans map[string]*isolators.Plan // of containers that are being born: others add devices after this one has prepared
}

func (s *shared) guard(settings isolators.Settings) (isolators.Isolator, error) {
	g, err := s.open(settings)
	if err != nil {
		return nil, err
	}
	more, err := devices.Of(settings.AllowedDevices)
	if err != nil {
		return nil, err
	}
	i := &guard{allowed: append(devices.Default(), more...), plans: map[string]*isolators.Plan{}}
	if h, ok := g.layout.Of("devices"); ok && !h.Unified {
		if i.controlled, err = s.need(settings, "cgroups/devices", "devices"); err != nil {
			return nil, err
		}
		i.enforce = devices.Enforce1
		return i, nil
	}
	// Version 2 has no controller for it: a program of eBPF guards the home.
	i.controlled = controlled{groups: g, name: "cgroups/devices", controller: "devices", two: true}
	i.enforce = devices.Enforce2
	if !g.home.Unified {
		return nil, g.missing("devices")
	}
	if err := devices.Possible(); err != nil {
		return nil, fmt.Errorf("programs that guard devices cannot be loaded (%w): run the agent as root on a kernel with CONFIG_CGROUP_BPF, or mount -t cgroup -o devices: %w", err, fault.ErrInvalid)
	}
	return i, nil
}

// group is the one to be guarded. In version 2 that is the home, of a container that shares its controllers too: it may do
// less than the one around it, and never more.
func (i *guard) group(c *isolators.Container) (hierarchy.Group, bool) {
	if !i.two {
		return i.own(c)
	}
	p, err := i.groups.Where(c)
	if err != nil {
		return "", false
	}
	return p.Home, true
}

// Prepare implements isolators.Isolator.
func (i *guard) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	group, ok := i.group(c)
	if !ok {
		return nil
	}
	i.mu.Lock()
	i.plans[c.ID] = plan
	i.mu.Unlock()
	return i.follow(group, nil)
}

// Isolate implements isolators.Isolator.
func (i *guard) Isolate(_ context.Context, c *isolators.Container) error {
	i.mu.Lock()
	plan := i.plans[c.ID]
	delete(i.plans, c.ID)
	i.mu.Unlock()
	group, ok := i.group(c)
	if !ok || plan == nil || len(plan.Devices)+len(plan.Grants) == 0 {
		return nil
	}
	return i.follow(group, slices.Concat(plan.Devices, plan.Grants))
}

// Grant implements isolators.Granter.
func (i *guard) Grant(c *isolators.Container, nodes []isolators.Device) error {
	group, ok := i.group(c)
	if !ok {
		return nil
	}
	return i.follow(group, nodes)
}

// follow has a group follow the policy of the agent and a few nodes more.
func (i *guard) follow(group hierarchy.Group, nodes []isolators.Device) error {
	allow := i.allowed
	for _, n := range nodes {
		allow = append(allow[:len(allow):len(allow)], devices.Entry{Kind: n.Type, Major: int64(n.Major), Minor: int64(n.Minor), Access: devices.Any})
	}
	policy, err := devices.New(allow, nil)
	if err != nil {
		return err
	}
	return i.enforce(group, policy)
}

// Cleanup implements isolators.Isolator.
func (i *guard) Cleanup(_ context.Context, c *isolators.Container) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.plans, c.ID)
	return nil
}
