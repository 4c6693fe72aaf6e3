package cgroups

import (
	"sync"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
)

// controlled is what the isolators of one controller have in common. By itself it has every container in a group of its own,
// and does nothing with that.
type controlled struct {
	isolators.Nothing
	groups     *Groups
	name       string // in --isolation
	controller string // in version 1
	two        bool   // it is in the hierarchy of version 2
}

// need makes what a controller's isolator begins with.
func (s *shared) need(settings isolators.Settings, name, controller string) (controlled, error) {
	g, err := s.open(settings)
	if err != nil {
		return controlled{}, err
	}
	h, err := g.Need(controller)
	return controlled{groups: g, name: name, controller: controller, two: h.Unified}, err
}

// Name implements isolators.Isolator.
func (i controlled) Name() string { return i.name }

// own is a container's group of this controller: false where it has none, because it shares that of an outer container, or
// was launched when this isolator was not in use.
func (i controlled) own(c *isolators.Container) (hierarchy.Group, bool) {
	p, err := i.groups.Where(c)
	if err != nil || p.Shared || p.Controllers[i.controller] == "" {
		return "", false
	}
	return p.Controllers[i.controller], true
}

// buffers are for reading files of the kernel's: those of a thousand containers, one after the other.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 8192); return &b }}

// reading has a file's content for as long as f runs.
func reading(path string, f func(content []byte) error) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	content, err := hierarchy.Slurp(path, *buf)
	if err != nil {
		return err
	}
	*buf = content
	return f(content)
}
