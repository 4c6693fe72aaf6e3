package cgroups

import (
	"context"
	"math"
	"strconv"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
)

// pids is cgroups/pids: a container cannot take all the process numbers that the machine has. It may have as many processes
// and threads as its resource "pids" says, where the operator named one, and else half of what the machine can have:
// Mesos bounds nothing there, and one container that forks without end takes the machine with it.
type pids struct {
	controlled
	most int64 // without a resource
}

func (s *shared) pids(settings isolators.Settings) (isolators.Isolator, error) {
	c, err := s.need(settings, "cgroups/pids", "pids")
	if err != nil {
		return nil, err
	}
	machine := hierarchy.Group("/proc/sys/kernel")
	most := int64(math.MaxInt32)
	for _, file := range []string{"pid_max", "threads-max"} {
		if n, err := machine.Uint(file); err == nil {
			most = min(most, int64(n))
		}
	}
	return pids{controlled: c, most: max(most/2, 1)}, nil
}

// Prepare implements isolators.Isolator.
func (i pids) Prepare(_ context.Context, c *isolators.Container, _ *isolators.Plan) error {
	return i.bound(c)
}

// Update implements isolators.Isolator.
func (i pids) Update(_ context.Context, c *isolators.Container) error {
	if err := i.bound(c); !gone(err) {
		return err
	}
	return nil
}

func (i pids) bound(c *isolators.Container) error {
	group, ok := i.own(c)
	if !ok {
		return nil
	}
	return group.Write("pids.max", atMost(c, i.most))
}

// atMost is how many processes and threads a container may have, as the kernel takes it.
func atMost(c *isolators.Container, otherwise int64) string {
	asked, _ := amount(c, "pids")
	if limit, limited := c.Limits["pids"]; limited {
		asked = limit
	}
	switch {
	case math.IsInf(asked, 1):
		return "max"
	case !(asked >= 1):
		return strconv.FormatInt(otherwise, 10)
	}
	return strconv.FormatInt(int64(min(asked, math.MaxInt32)), 10)
}
