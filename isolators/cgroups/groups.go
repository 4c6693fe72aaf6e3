package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
)

// Groups are the control groups of one agent's containers. Its methods may be called from any goroutine.
type Groups struct {
	layout  hierarchy.Layout
	home    hierarchy.Hierarchy
	root    string        // below an own group, "mesos"
	owner   string        // whose these are, see mark
	timeout time.Duration // for a group to become empty
	logger  *slog.Logger
	budget  *budget

	mu     sync.RWMutex
	needed []string // controllers that a container gets a group for
	places map[string]*Place
}

// Open finds the hierarchies of this machine and makes the group in which all homes are. Where that is impossible, it says
// why and what to do, in class fault.ErrUnsupported.
func Open(s isolators.Settings) (*Groups, error) {
	layout, err := hierarchy.Find()
	if err != nil {
		return nil, err
	}
	return open(s, layout)
}

func open(s isolators.Settings, layout hierarchy.Layout) (*Groups, error) {
	root := filepath.Clean("/" + s.CgroupsRoot)[1:]
	if root == "" {
		root = "mesos"
	}
	owner, err := filepath.Abs(s.RuntimeDir)
	if err != nil {
		return nil, err
	}
	g := &Groups{root: root, owner: owner, timeout: s.DestroyTimeout, logger: s.Log, budget: newBudget(), places: map[string]*Place{}}
	if g.logger == nil {
		g.logger = slog.Default()
	}
	if g.timeout <= 0 {
		g.timeout = time.Minute
	}
	for _, h := range layout {
		// An agent that has moved to make room is still the owner of the group that it was in.
		if above, leaf := filepath.Split(string(h.Own)); h.Unified && leaf == agentLeaf {
			h.Own = hierarchy.Group(filepath.Clean(above))
			if names, err := h.Own.Read("cgroup.controllers"); err == nil { // those of the leaf are the ones in use only
				h.Controllers = strings.Fields(names)
			}
		}
		g.layout = append(g.layout, h)
	}
	var ok bool
	if g.home, ok = g.layout.Unified(); !ok {
		if g.home, ok = g.layout.Of("freezer"); !ok {
			return nil, fmt.Errorf("neither version 2 of control groups is mounted nor the freezer of version 1 (found: %s): mount -t cgroup2 none /sys/fs/cgroup: %w",
				g.layout.Mode(), fault.ErrUnsupported)
		}
	}
	if err := g.make(g.home, g.top(g.home)); err != nil {
		return nil, fmt.Errorf("%w: run the agent as root, or give it a group that is its own, as systemd does with Delegate=yes: %w", err, fault.ErrUnsupported)
	}
	return g, nil
}

// top is the group below which all containers are.
func (g *Groups) top(h hierarchy.Hierarchy) hierarchy.Group { return h.Own.Below(g.root) }

// topOf is the same for the hierarchy of a controller that there is.
func (g *Groups) topOf(controller string) hierarchy.Group {
	h, _ := g.layout.Of(controller)
	return g.top(h)
}

// agentLeaf is where the agent goes when the group that it was started in has to have controllers for those below it, in
// which version 2 suffers no processes. The name says whose it is: who is in a group of this name put himself there, or
// systemd did (DelegateSubgroup=).
const agentLeaf = "meseta.agent"

// Layout is what was found on this machine.
func (g *Groups) Layout() hierarchy.Layout { return g.layout }

// Need has every container that is made from now on get a group of its own for a controller, which is named as in version 1. A
// controller that is not to be had is an error that says why and what to do, in class fault.ErrInvalid.
func (g *Groups) Need(controller string) (hierarchy.Hierarchy, error) {
	h, ok := g.layout.Of(controller)
	if !ok {
		return h, g.missing(controller)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.Contains(g.needed, controller) {
		return h, nil
	}
	if err := g.make(h, g.top(h)); err != nil {
		return h, fmt.Errorf("%w: run the agent as root, or give it a group that is its own: %w", err, fault.ErrInvalid)
	}
	if h.Unified {
		if err := g.hand(hierarchy.Unified(controller)); err != nil {
			return h, err
		}
	}
	g.needed = append(g.needed, controller)
	return h, nil
}

// make makes a group and those that it is in, down from the agent's own, and has each begin as its controllers want it.
func (g *Groups) make(h hierarchy.Hierarchy, group hierarchy.Group) error {
	if group == h.Own {
		return nil
	}
	above := hierarchy.Group(filepath.Dir(string(group)))
	if !group.Exists() {
		if len(above) > 1 {
			if err := g.make(h, above); err != nil {
				return err
			}
		}
		if err := unix.Mkdir(string(group), 0o755); err != nil && err != unix.EEXIST {
			return fmt.Errorf("make control group %s: %w", group, err)
		}
	}
	return begin(h, above, group) // of one that exists too, because an agent may have died between the two
}

// begin gives a new group of version 1 what it would have by itself in version 2.
func begin(h hierarchy.Hierarchy, above, group hierarchy.Group) error {
	if h.Unified {
		return nil
	}
	if slices.Contains(h.Controllers, "cpuset") { // begins with no processor and no memory, and takes no process in so
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			if err := inherit(above, group, file); err != nil {
				return err
			}
		}
	}
	if slices.Contains(h.Controllers, "memory") { // older kernels count what is below only where they are told to
		if v, err := group.Read("memory.use_hierarchy"); err == nil && v == "0" {
			return group.Write("memory.use_hierarchy", "1")
		}
	}
	return nil
}

func inherit(above, group hierarchy.Group, file string) error {
	if v, err := group.Read(file); err != nil || v != "" {
		return err
	}
	v, err := above.Read(file)
	if err != nil {
		return err
	}
	return group.Write(file, v)
}

// missing says why a controller is not to be had.
func (g *Groups) missing(controller string) error {
	if u, ok := g.layout.Unified(); ok && len(g.layout) == 1 {
		if inTwo := hierarchy.Unified(controller); slices.Contains([]string{"cpu", "memory", "pids", "cpuset", "io", "hugetlb"}, inTwo) {
			return fmt.Errorf("the agent's group %s was not given the controller %s: echo +%s into cgroup.subtree_control of the group above it, or run the agent as a systemd unit with Delegate=yes: %w",
				u.Own, inTwo, inTwo, fault.ErrInvalid)
		}
	}
	switch state, err := kernelHas(controller); {
	case err != nil:
	case state == absent:
		return fmt.Errorf("this kernel has no controller %s: boot one that was built with it: %w", controller, fault.ErrInvalid)
	case state == disabled:
		return fmt.Errorf("the controller %s is switched off: boot without cgroup_disable=%s: %w", controller, controller, fault.ErrInvalid)
	}
	dir := "/sys/fs/cgroup/" + controller
	return fmt.Errorf("the controller %s is not mounted where the agent sees it: mkdir -p %s && mount -t cgroup -o %s %s %s: %w", controller, dir, controller, controller, dir, fault.ErrInvalid)
}

type presence int

const (
	present presence = iota
	disabled
	absent
)

// kernelHas reads what /proc/cgroups says of a controller.
func kernelHas(controller string) (presence, error) {
	text, err := hierarchy.Slurp("/proc/cgroups", nil)
	if err != nil {
		return absent, err
	}
	return presenceIn(string(text), controller), nil
}

func presenceIn(text, controller string) presence {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line) // name, hierarchy, number of groups, enabled
		if len(fields) < 4 || fields[0] != controller {
			continue
		}
		if fields[3] == "0" {
			return disabled
		}
		return present
	}
	return absent
}

// gone tells that a group, or one of its files, is not there: a container may end at any moment.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) }
