package linux

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/isolators"
)

// farewell is how long a recovery waits for what nobody wants to be gone; afterwards it goes on going in the background.
const farewell = 10 * time.Second

// Find implements containerizer.Launcher.
func (l *Launcher) Find(ctx context.Context, want []containerizer.Process) ([]containerizer.Process, error) {
	var living, strangers []containerizer.Process
	for _, p := range want {
		c := l.known(p.ContainerID)
		if c == nil {
			strangers = append(strangers, p)
			continue
		}
		first, alive, err := l.look(c)
		if err != nil {
			return nil, err
		}
		if alive {
			living = append(living, first)
		}
	}
	more, err := l.plain.Find(ctx, strangers)
	return append(living, more...), err
}

// Recover implements containerizer.Launcher.
func (l *Launcher) Recover(ctx context.Context, want []containerizer.Process) ([]containerizer.Process, error) {
	all, err := l.read(l.dir, nil)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, p := range want {
		wanted[p.ContainerID] = true
	}
	var alive, orphans []*container
	found := map[string]bool{}
	for _, c := range all {
		l.mu.Lock()
		l.containers[c.ID] = c
		l.mu.Unlock()
		found[c.ID] = true
		first, lives, err := l.look(c)
		if err != nil {
			return nil, err
		}
		if first.PID == 0 {
			c.end(readExit(c))
			c.PID, c.start = 0, 0
		}
		if c.PID != 0 {
			l.follow(c)
		}
		switch {
		case !wanted[c.Top().ID]:
			if c.Parent == nil {
				orphans = append(orphans, c)
			}
		case lives:
			alive = append(alive, c)
		}
	}
	if err := l.recover(ctx, alive); err != nil {
		return nil, err
	}
	l.dismiss(ctx, orphans)
	living, err := l.plain.Find(ctx, slices.DeleteFunc(slices.Clone(want), func(p containerizer.Process) bool { return found[p.ContainerID] }))
	for _, c := range alive {
		if wanted[c.ID] {
			living = append(living, c.process())
		}
	}
	return living, err
}

// look tells whether a container has a living process. The answer has PID 0 when it is not the first one.
func (l *Launcher) look(c *container) (first containerizer.Process, alive bool, err error) {
	first = c.process()
	if first.PID != 0 && posix.Alive(first) {
		return first, true, nil
	}
	first.PID, first.StartTicks = 0, 0
	if l.keeper == nil {
		return first, false, nil
	}
	pids, err := l.keeper.Processes(c.Container)
	if err != nil {
		return first, false, fmt.Errorf("find the processes of container %s: %w", c.ID, err)
	}
	return first, len(pids) > 0, nil
}

// recover takes over what lives.
func (l *Launcher) recover(ctx context.Context, alive []*container) error {
	known := make([]*isolators.Container, len(alive))
	for i, c := range alive {
		known[i] = c.Container
	}
	if err := l.chain.Recover(ctx, known); err != nil {
		return err
	}
	for _, c := range alive {
		l.chain.Watch(c.Container, func(v isolators.Limitation) { l.limit(c, &v) })
	}
	return nil
}

// dismiss destroys what nobody wants.
func (l *Launcher) dismiss(ctx context.Context, orphans []*container) {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	var leaving sync.WaitGroup
	for _, c := range orphans {
		l.log.Info("destroying a container that nobody wants any more", "container", c.ID)
		leaving.Go(func() {
			if err := l.destroy(context.Background(), c); err != nil {
				l.log.Warn("a container that nobody wants cannot be destroyed; trying again", "container", c.ID, "error", err)
				go l.insist(c)
			}
		})
	}
	gone := make(chan struct{})
	go func() {
		leaving.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
	}
}
