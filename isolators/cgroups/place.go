package cgroups

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
)

// A Place is where the control groups of a container are.
type Place struct {
	// Home is the group by which it is killed, Leaf the one below it, or the same, in which its processes are born.
	Home hierarchy.Group `json:"home"`
	Leaf hierarchy.Group `json:"leaf"`
	// Controllers are the groups that hold it to something, by version 1's names. They are an outer container's where
	// Shared: nothing of this container's own is done there, but its processes are in it.
	Controllers map[string]hierarchy.Group `json:"controllers,omitempty"`
	Shared      bool                       `json:"shared,omitempty"`
	recorded    bool                       // and not guessed
	kept        kept                       // open files
}

// record is the file in a container's state directory.
const record = "cgroups"

// between stands between the group of a container and those of the containers in it, as in Mesos.
const between = "mesos"

// Where is the place of a container: as it was recorded, else where it would be made now.
func (g *Groups) Where(c *isolators.Container) (*Place, error) {
	g.mu.RLock()
	p := g.places[c.ID]
	g.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := read(c)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return g.guess(c)
	case err != nil:
		return nil, err
	}
	p.recorded = true
	g.remember(c.ID, p)
	return p, nil
}

func (g *Groups) remember(id string, p *Place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.places[id] == nil {
		p.kept.may, p.kept.budget = true, g.budget
		g.places[id] = p
	}
}

func (g *Groups) forget(id string) {
	g.mu.Lock()
	p := g.places[id]
	delete(g.places, id)
	g.mu.Unlock()
	if p != nil {
		p.kept.end()
	}
}

// read reads the record. One that was cut short is as good as none: a container is recorded before anything is made for it.
func read(c *isolators.Container) (*Place, error) {
	if c.State == "" {
		return nil, fs.ErrNotExist
	}
	b, err := os.ReadFile(filepath.Join(c.State, record))
	if err != nil {
		return nil, err
	}
	p := &Place{}
	if err := json.Unmarshal(b, p); err != nil || p.Home == "" {
		return nil, fmt.Errorf("%s: %w", filepath.Join(c.State, record), fs.ErrNotExist)
	}
	return p, nil
}

func (p *Place) write(c *isolators.Container) error {
	if c.State == "" {
		return nil
	}
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	name := filepath.Join(c.State, record)
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// plan says where a container is to be.
func (g *Groups) plan(c *isolators.Container) (*Place, error) {
	way, err := below(c)
	if err != nil {
		return nil, err
	}
	var outer *Place
	if c.Parent != nil {
		if outer, err = g.Where(c.Parent); err != nil {
			return nil, err
		}
	}
	p := &Place{Home: g.top(g.home).Below(way...), Controllers: map[string]hierarchy.Group{}}
	if outer != nil {
		p.Home = outer.Home.Below(way[len(way)-2:]...)
	}
	if p.Leaf = p.Home; g.home.Unified {
		p.Leaf = p.Home.Below("leaf")
	}
	if outer != nil && !c.OwnCgroups {
		p.Shared = true
		p.Controllers = outer.Controllers
		return p, nil
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, name := range g.needed {
		p.Controllers[name] = g.group(name, p, outer, way)
	}
	return p, nil
}

// group is the one for a controller: the home where that is in the same hierarchy.
func (g *Groups) group(controller string, p, outer *Place, way []string) hierarchy.Group {
	h, _ := g.layout.Of(controller)
	if h.Unified || slices.Contains(g.home.Controllers, controller) {
		return p.Home
	}
	if outer != nil && outer.Controllers[controller] != "" {
		return outer.Controllers[controller].Below(way[len(way)-2:]...)
	}
	return g.top(h).Below(way...)
}

// below is the way from the top to a container's group: a container, or those that it is in with "mesos" between them.
func below(c *isolators.Container) ([]string, error) {
	var way []string
	for value := range strings.SplitSeq(c.ID, ".") {
		if value == "" || strings.ContainsAny(value, "/\x00\n") || slices.Contains(taken, value) {
			return nil, fmt.Errorf("container %q cannot be the name of a control group: %w", c.ID, fault.ErrInvalid)
		}
		if len(way) > 0 {
			way = append(way, between)
		}
		way = append(way, value)
	}
	return way, nil
}

// taken are names of files in groups of version 1 that a group could have too, having no dot.
var taken = []string{"tasks", "notify_on_release", "release_agent"}

// guess is where a container without a record would be, with every controller for which a group of it is there.
func (g *Groups) guess(c *isolators.Container) (*Place, error) {
	p, err := g.plan(c)
	if err != nil || p.Shared {
		return p, err
	}
	way, _ := below(c)
	for _, h := range g.layout {
		for _, name := range h.Controllers {
			if group := g.top(h).Below(way...); !h.Unified && p.Controllers[name] == "" && group.Exists() {
				p.Controllers[name] = group
			}
		}
	}
	return p, nil
}

// groups are all of a container's own, each once, the home last: while anything is left it is there to tell.
func (p *Place) groups() []hierarchy.Group {
	var all []hierarchy.Group
	if !p.Shared {
		for _, group := range p.Controllers {
			if group != p.Home {
				all = append(all, group)
			}
		}
	}
	slices.Sort(all)
	return append(slices.Compact(all), p.Home)
}
