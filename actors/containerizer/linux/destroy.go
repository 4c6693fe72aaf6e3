package linux

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
)

// Destroy implements containerizer.Launcher. Containers in the container go first.
func (l *Launcher) Destroy(p containerizer.Process, done func(error)) (cancel func()) {
	c := l.known(p.ContainerID)
	if c == nil {
		return l.plain.Destroy(p, done)
	}
	told := newTelling()
	go func() {
		// It goes on when nobody waits any more: what is begun leaves nothing behind.
		err := l.destroy(context.Background(), c)
		told.tell(func() { done(err) })
	}()
	return told.cancel
}

// destroy ends a container with all that is in it.
func (l *Launcher) destroy(ctx context.Context, c *container) error {
	c.mu.Lock()
	c.destroyed = true // nothing is launched in it any more
	c.mu.Unlock()
	for _, inner := range l.inside(c.ID) {
		if err := l.destroy(ctx, inner); err != nil {
			return err
		}
	}
	c.life.Lock()
	defer c.life.Unlock()
	return l.dissolve(ctx, c)
}

// dissolve leaves nothing of a container, which may be half of one. It may be called again when it failed.
func (l *Launcher) dissolve(ctx context.Context, c *container) error {
	if l.known(c.ID) != c {
		return nil // somebody was faster
	}
	l.at("destroy begins")
	if err := l.kill(ctx, c); err != nil {
		return fmt.Errorf("kill container %s: %w", c.ID, err)
	}
	l.at("killed")
	if err := l.chain.Cleanup(ctx, c.Container); err != nil {
		return err
	}
	l.at("cleaned up")
	if err := remove(c.State); err != nil {
		return fmt.Errorf("the directory of container %s cannot be removed: %w", c.ID, err)
	}
	l.at("record removed")
	l.mu.Lock()
	delete(l.containers, c.ID)
	l.mu.Unlock()
	return nil
}

// kill kills everybody in a container, and returns when nobody is left and the first process has been waited for.
func (l *Launcher) kill(ctx context.Context, c *container) error {
	p := c.process()
	posix.Send(p, syscall.SIGKILL) // with a pid namespace of its own everybody in there dies with it
	var err error
	if l.keeper != nil {
		err = l.keeper.Kill(ctx, c.Container)
	} else {
		err = wait(ctx, func(done func(error)) func() { return l.plain.Destroy(p, done) })
	}
	if err != nil {
		return err
	}
	if p.PID == 0 {
		c.end(containerizer.Exit{})
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func wait(ctx context.Context, begin func(done func(error)) (cancel func())) error {
	ended := make(chan error, 1)
	cancel := begin(func(err error) { ended <- err })
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		cancel()
		return ctx.Err()
	}
}

// insist destroys a container that nobody else will try to destroy again.
func (l *Launcher) insist(c *container) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		time.Sleep(pause)
		err := l.destroy(context.Background(), c)
		if err == nil {
			return
		}
		l.log.Warn("a container that nobody wants cannot be destroyed; trying again", "container", c.ID, "error", err)
	}
}
