package cgroups

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
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
	if err != nil {
		return "", false
	}
	return i.ownIn(p)
}

func (i controlled) ownIn(p *Place) (hierarchy.Group, bool) {
	if p.Shared || p.Controllers[i.controller] == "" {
		return "", false
	}
	return p.Controllers[i.controller], true
}

// measure has all containers measured, on all processors where there are many. A container that has just ended is no error.
func (i controlled) measure(of []*isolators.Container, into []*mesospb.ResourceStatistics, one func(*isolators.Container, *Place, *mesospb.ResourceStatistics) error) error {
	part := func(from, to int) error {
		var errs []error
		for n := from; n < to; n++ {
			p, err := i.groups.Where(of[n])
			if err == nil {
				err = one(of[n], p, into[n])
			}
			if err != nil && !gone(err) {
				errs = append(errs, fmt.Errorf("container %s: %w", of[n].ID, err))
			}
		}
		return errors.Join(errs...)
	}
	hands := min(runtime.GOMAXPROCS(0), len(of)/64)
	if hands < 2 {
		return part(0, len(of))
	}
	errs := make([]error, hands)
	var wait sync.WaitGroup
	for h := range hands {
		wait.Go(func() { errs[h] = part(h*len(of)/hands, (h+1)*len(of)/hands) })
	}
	wait.Wait()
	return errors.Join(errs...)
}
