package hierarchy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// A Hierarchy is one tree of control groups as this process sees it.
type Hierarchy struct {
	// Unified: version 2. There is one such hierarchy at most.
	Unified bool
	// Controllers are what the groups in it control: "cpu", "memory". In version 1 a controller is in one hierarchy only,
	// together with others or alone; in version 2 these are the ones that Own can give to groups below it.
	Controllers []string
	// Own is the group that this process is in.
	Own Group
}

// Layout is every hierarchy that is mounted where this process sees it and in which it sees its own group.
type Layout []Hierarchy

// Find looks how this machine is laid out.
func Find() (Layout, error) {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find control groups: %w: %w", err, fault.ErrUnsupported)
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("find control groups: this kernel has none: %w: %w", err, fault.ErrUnsupported)
	}
	layout, err := Parse(string(mountinfo), string(own))
	if err != nil {
		return nil, err
	}
	for i := range layout {
		if h := &layout[i]; h.Unified {
			names, err := h.Own.Read("cgroup.controllers")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			h.Controllers = strings.Fields(names)
		}
	}
	return layout, nil
}

// Parse makes a layout of the texts of /proc/self/mountinfo and /proc/self/cgroup. Which controllers the unified hierarchy
// has is not in them.
func Parse(mountinfo, cgroup string) (Layout, error) {
	shown, err := mounts(mountinfo)
	if err != nil {
		return nil, err
	}
	own, err := memberships(cgroup)
	if err != nil {
		return nil, err
	}
	var layout Layout
	for _, m := range own {
		for _, mo := range shown {
			dir, ok := mo.below(m.path)
			if !ok || !mo.shows(m) {
				continue
			}
			layout = append(layout, Hierarchy{Unified: m.unified(), Controllers: m.controllers, Own: Group(dir)})
			break
		}
	}
	return layout, nil
}

// Unified is the hierarchy of version 2.
func (l Layout) Unified() (Hierarchy, bool) {
	i := slices.IndexFunc(l, func(h Hierarchy) bool { return h.Unified })
	if i < 0 {
		return Hierarchy{}, false
	}
	return l[i], true
}

// Of is the hierarchy that has a controller, by the name that version 1 has for it: blkio is io in version 2, where freezer,
// devices, cpuacct and perf_event are part of the kernel and no controllers.
func (l Layout) Of(controller string) (Hierarchy, bool) {
	for _, h := range l {
		if !h.Unified && slices.Contains(h.Controllers, controller) {
			return h, true
		}
	}
	if h, ok := l.Unified(); ok && slices.Contains(h.Controllers, Unified(controller)) {
		return h, true
	}
	return Hierarchy{}, false
}

// Unified is version 2's name for a controller of version 1.
func Unified(controller string) string {
	if controller == "blkio" {
		return "io"
	}
	return controller
}

// Mode says in a word or two how a machine is laid out, for messages.
func (l Layout) Mode() string {
	one := slices.ContainsFunc(l, func(h Hierarchy) bool { return !h.Unified })
	_, two := l.Unified()
	switch {
	case one && two:
		return "hybrid (versions 1 and 2)"
	case one:
		return "version 1"
	case two:
		return "version 2"
	}
	return "none"
}
