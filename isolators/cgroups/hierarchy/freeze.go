package hierarchy

import (
	"context"
	"fmt"

	"github.com/meseta-io/meseta/messages/fault"
)

// CanFreeze tells whether the group's processes can be stopped: version 2 since Linux 5.2, version 1 in the hierarchy of the
// freezer.
func (g Group) CanFreeze() bool { return g.Has("cgroup.freeze") || g.Has("freezer.state") }

// Freeze stops every process in the group and below it, and returns when all of them stand still.
func (g Group) Freeze(ctx context.Context) error { return g.still(ctx, true) }

// Thaw lets them go on.
func (g Group) Thaw(ctx context.Context) error { return g.still(ctx, false) }

func (g Group) still(ctx context.Context, frozen bool) error {
	var err error
	switch {
	case g.Has("cgroup.freeze"):
		err = g.freeze2(ctx, frozen)
	case g.Has("freezer.state"):
		err = g.freeze1(ctx, frozen)
	default:
		err = fmt.Errorf("no freezer is in this hierarchy: mount -t cgroup -o freezer, or use Linux 5.2 and version 2: %w", fault.ErrUnsupported)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", map[bool]string{true: "freeze", false: "thaw"}[frozen], g, err)
	}
	return nil
}

func (g Group) freeze2(ctx context.Context, frozen bool) error {
	value := "0"
	if frozen {
		value = "1"
	}
	if err := g.Write("cgroup.freeze", value); err != nil {
		return err
	}
	_, err := g.await(ctx, "cgroup.events", true, func(text string) bool { return says(text, "frozen", value) })
	return err
}

// In version 1 a process that forks may get away from one attempt, and the state says FREEZING until somebody tries again.
func (g Group) freeze1(ctx context.Context, frozen bool) error {
	state := "THAWED"
	if frozen {
		state = "FROZEN"
	}
	var failed error
	_, err := g.await(ctx, "freezer.state", false, func(text string) bool {
		if text == state {
			return true
		}
		failed = g.Write("freezer.state", state)
		return failed != nil
	})
	if failed != nil {
		return failed
	}
	return err
}
