package cgroups

import (
	"context"
	"fmt"
	"strings"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
)

// core makes every container's groups, has its first process born or put into them, and removes them. It is part of every
// chain on a machine that has control groups, and the first: what the others prepare are files of these groups.
type core struct {
	isolators.Nothing
	groups *Groups
	// dear: the kernel is asked to spare this agent when memory runs out (OOMScoreAdjust= below 0), which its children would
	// inherit.
	dear bool
}

func newCore(g *Groups) core {
	score, err := hierarchy.Slurp("/proc/self/oom_score_adj", nil)
	return core{groups: g, dear: err == nil && strings.HasPrefix(string(score), "-")}
}

// Name implements isolators.Isolator.
func (core) Name() string { return "cgroups/core" }

// Prepare implements isolators.Isolator.
func (i core) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	p, err := i.groups.Make(c)
	if err != nil {
		return err
	}
	if i.groups.home.Unified {
		plan.Cgroup = string(p.Leaf)
	}
	if i.dear && plan.OOMScore == nil {
		plan.OOMScore = new(int)
	}
	return nil
}

// Isolate implements isolators.Isolator.
func (i core) Isolate(_ context.Context, c *isolators.Container) error {
	return i.groups.Join(c, c.PID)
}

// Cleanup implements isolators.Isolator.
func (i core) Cleanup(ctx context.Context, c *isolators.Container) error {
	return i.groups.Destroy(ctx, c)
}

// Recover implements isolators.Isolator.
func (i core) Recover(_ context.Context, alive []*isolators.Container) error {
	for _, c := range alive {
		if _, err := i.groups.Where(c); err != nil {
			return fmt.Errorf("where the control groups of container %s are: %w", c.ID, err)
		}
	}
	return nil
}

// Processes implements isolators.Keeper.
func (i core) Processes(c *isolators.Container) ([]int, error) { return i.groups.Processes(c) }

// Kill implements isolators.Keeper.
func (i core) Kill(ctx context.Context, c *isolators.Container) error { return i.groups.Kill(ctx, c) }
