package hierarchy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/fault"
)

// Remove removes the group and all below it, in which there must be no process. One that has just ended may keep its group
// for an instant, for which this waits; it is an error when that takes longer than ctx allows. What is not there is removed.
func (g Group) Remove(ctx context.Context) error {
	for wait := 100 * time.Microsecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := g.removeOnce()
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		if g.Has("cgroup.events") {
			if waited := g.awaitEmpty(ctx); waited != nil {
				return fmt.Errorf("%w: %s: %w: %w", err, g.whoIsLeft(), waited, fault.ErrUnavailable)
			}
		}
		// The last process is gone from the group a little before the group may go, which nobody announces.
		if waited := rest(ctx, wait); waited != nil {
			return fmt.Errorf("%w: %s: %w: %w", err, g.whoIsLeft(), waited, fault.ErrUnavailable)
		}
	}
}

func (g Group) removeOnce() error {
	return g.Walk(func(g Group) error {
		if err := unix.Rmdir(string(g)); err != nil && err != unix.ENOENT {
			return fmt.Errorf("remove control group %s: %w", g, err)
		}
		return nil
	})
}

// Destroy kills everything in the group and removes it.
func (g Group) Destroy(ctx context.Context) error {
	if err := g.Kill(ctx); err != nil {
		return err
	}
	return g.Remove(ctx)
}
