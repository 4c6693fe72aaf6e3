package cgroups

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
)

// Make makes a container's groups, after it has recorded where they will be. A home that is there already is somebody
// else's, or was left by a container of the same name: fault.ErrConflict.
func (g *Groups) Make(c *isolators.Container) (*Place, error) {
	p, err := g.plan(c)
	if err != nil {
		return nil, err
	}
	if p.Home.Exists() {
		return nil, fmt.Errorf("control group %s is there already: another agent has a container of this name, or one was not cleaned up: %w", p.Home, fault.ErrConflict)
	}
	if err := p.write(c); err != nil {
		return nil, fmt.Errorf("record where the control groups are: %w", err)
	}
	p.recorded = true
	g.remember(c.ID, p)
	if err := g.make(g.home, p.Home); err != nil {
		return nil, err
	}
	if err := g.sign(p.Home); err != nil {
		return nil, err
	}
	if err := g.make(g.home, p.Leaf); err != nil {
		return nil, err
	}
	if p.Shared {
		return p, nil
	}
	if err := g.handDown(c, p); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(p.Controllers)) {
		if h, ok := g.layout.Of(name); ok && !h.Unified {
			if err := g.make(h, p.Controllers[name]); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// handDown gives controllers of version 2 from the groups of an outer container to this one's. At the top that is done once
// and for all, by Need.
func (g *Groups) handDown(c *isolators.Container, p *Place) error {
	if c.Parent == nil || !g.home.Unified {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(p.Controllers)) {
		if p.Controllers[name] == p.Home {
			names = append(names, hierarchy.Unified(name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	outer, err := g.Where(c.Parent)
	if err != nil {
		return err
	}
	if outer.Shared {
		return fmt.Errorf("container %s has no control groups of its own in which %s could have some: %w", c.Parent.ID, c.ID, fault.ErrInvalid)
	}
	if err := enable(outer.Home, names...); err != nil {
		return err
	}
	return enable(outer.Home.Below(between), names...)
}

// Join puts a process into all groups of a container, where it is not born in them.
func (g *Groups) Join(c *isolators.Container, pid int) error {
	p, err := g.Where(c)
	if err != nil {
		return err
	}
	// The home comes first: from then on the process is killed with the container, whatever happens.
	if !p.Leaf.Holds(pid) {
		if err := p.Leaf.Join(pid); err != nil {
			return err
		}
	}
	joined := map[hierarchy.Group]bool{p.Home: true, p.Leaf: true}
	for _, name := range slices.Sorted(maps.Keys(p.Controllers)) {
		h, ok := g.layout.Of(name)
		group := p.Controllers[name]
		if !ok || h.Unified || joined[group] {
			continue
		}
		joined[group] = true
		if err := group.Join(pid); err != nil {
			return err
		}
	}
	return nil
}

// ours is the place of a container that this agent has made; nil where it has made none, be it that another agent has a
// container of that name.
func (g *Groups) ours(c *isolators.Container) (*Place, error) {
	if _, err := below(c); err != nil {
		return nil, nil // nothing is made under such a name
	}
	p, err := g.Where(c)
	if err != nil || p.recorded || g.mine(p.Home) {
		return p, err
	}
	return nil, nil
}

// Processes are all of a container's, with those of the containers in it, wherever in its groups they are: one that
// managed to leave some of them is still in others.
func (g *Groups) Processes(c *isolators.Container) ([]int, error) {
	p, err := g.ours(c)
	if err != nil || p == nil {
		return nil, err
	}
	var all []int
	for _, group := range p.groups() {
		pids, err := group.Processes()
		if err != nil {
			return nil, err
		}
		all = append(all, pids...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Kill kills all of a container's processes, and those of the containers in it, and returns when there are none, or with an
// error that names them after the time that a container has for that.
func (g *Groups) Kill(ctx context.Context, c *isolators.Container) error {
	p, err := g.ours(c)
	if err != nil || p == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	if err := p.Home.Kill(ctx); err != nil {
		return err
	}
	// Who left the home, by rights that it had over the files of control groups, is found in the others.
	for _, group := range p.groups() {
		if err := group.Kill(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Freeze makes all of a container's processes stand still.
func (g *Groups) Freeze(ctx context.Context, c *isolators.Container) error {
	p, err := g.ours(c)
	if err != nil || p == nil {
		return err
	}
	return p.Home.Freeze(ctx)
}

// Thaw lets them go on.
func (g *Groups) Thaw(ctx context.Context, c *isolators.Container) error {
	p, err := g.ours(c)
	if err != nil || p == nil {
		return err
	}
	return p.Home.Thaw(ctx)
}

// Destroy kills what is left of a container and removes its groups, with those of the containers in it. What is not there
// is no error, and neither is a group of its name that another agent has made.
func (g *Groups) Destroy(ctx context.Context, c *isolators.Container) error {
	p, err := g.ours(c)
	if err != nil || p == nil {
		return err
	}
	if err := g.Kill(ctx, c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	var errs []error
	for _, group := range p.groups() {
		errs = append(errs, group.Remove(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	g.forget(c.ID)
	return nil
}

// Orphans are the ids of containers that have groups here which this agent made and of which known does not know, outer
// ones before those in them. There are some when a record was lost that was written before them.
func (g *Groups) Orphans(known func(id string) bool) ([]string, error) {
	top := g.top(g.home)
	var found []string
	err := top.Walk(func(group hierarchy.Group) error {
		id, ok := idOf(top, group)
		if ok && !known(id) && g.mine(group) {
			found = append(found, id)
		}
		return nil
	})
	slices.Sort(found)
	return found, err
}

// idOf is the container whose home a group is, by its name.
func idOf(top, group hierarchy.Group) (string, bool) {
	way, ok := strings.CutPrefix(string(group), string(top)+"/")
	if !ok {
		return "", false
	}
	var id []string
	for i, name := range strings.Split(way, string(filepath.Separator)) {
		switch {
		case i%2 == 1 && name != between:
			return "", false
		case i%2 == 0:
			id = append(id, name)
		}
	}
	return strings.Join(id, "."), strings.Count(way, "/")%2 == 0
}

// The mark on a home says whose it is: the runtime directory of its agent. Root's kind of mark comes first, because a
// container that may write below its own group cannot change it.
var marks = []string{"trusted.meseta.agent", "user.meseta.agent"}

func (g *Groups) sign(group hierarchy.Group) error {
	var errs []error
	for _, name := range marks {
		err := unix.Setxattr(string(group), name, []byte(g.owner), 0)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("mark %s as this agent's (%s): %w", group, name, err))
	}
	// Linux before 5.7 may have neither for this agent. What is not marked is nobody's, and lives on as such.
	if all := errors.Join(errs...); !errors.Is(all, unix.EOPNOTSUPP) && !errors.Is(all, unix.EPERM) {
		return all
	}
	return nil
}

func (g *Groups) mine(group hierarchy.Group) bool {
	owner, ok := signed(group)
	return ok && owner == g.owner
}

func signed(group hierarchy.Group) (string, bool) {
	buf := make([]byte, 4096)
	for _, name := range marks {
		if n, err := unix.Getxattr(string(group), name, buf); err == nil {
			return string(buf[:n]), true
		}
	}
	return "", false
}
