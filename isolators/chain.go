package isolators

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Chain is isolators in the order in which they work; they clean up in reverse, because what comes later may rest on
// what came before.
type Chain []Isolator

// Prepare has each isolator prepare, up to the first that cannot.
func (ch Chain) Prepare(ctx context.Context, c *Container, plan *Plan) error {
	for _, i := range ch {
		err := ctx.Err()
		if err == nil {
			err = i.Prepare(ctx, c, plan)
		}
		if err != nil {
			return of(i, "prepare", c, err)
		}
	}
	return nil
}

// Isolate has each isolator isolate c.PID, up to the first that cannot.
func (ch Chain) Isolate(ctx context.Context, c *Container) error {
	for _, i := range ch {
		err := ctx.Err()
		if err == nil {
			err = i.Isolate(ctx, c)
		}
		if err != nil {
			return of(i, "isolate", c, err)
		}
	}
	return nil
}

// Watch has each isolator watch; limited is called at most once.
func (ch Chain) Watch(c *Container, limited func(Limitation)) {
	var once sync.Once
	first := func(l Limitation) { once.Do(func() { limited(l) }) }
	for _, i := range ch {
		i.Watch(c, first)
	}
}

// Update has each isolator apply what changed. One that cannot keeps none of the others from it.
func (ch Chain) Update(ctx context.Context, c *Container) error {
	var errs []error
	for _, i := range ch {
		if err := i.Update(ctx, c); err != nil {
			errs = append(errs, of(i, "update", c, err))
		}
	}
	return errors.Join(errs...)
}

// Usage collects from each isolator. Where one fails the others' numbers stand, and the error says which are missing.
func (ch Chain) Usage(ctx context.Context, containers []*Container, into []*mesospb.ResourceStatistics) error {
	var errs []error
	for _, i := range ch {
		if err := i.Usage(ctx, containers, into); err != nil {
			errs = append(errs, fmt.Errorf("%s: measure %d containers: %w", i.Name(), len(containers), err))
		}
	}
	return errors.Join(errs...)
}

// Status collects from each isolator, as Usage does.
func (ch Chain) Status(ctx context.Context, c *Container, into *mesospb.ContainerStatus) error {
	var errs []error
	for _, i := range ch {
		if err := i.Status(ctx, c, into); err != nil {
			errs = append(errs, of(i, "tell the status of", c, err))
		}
	}
	return errors.Join(errs...)
}

// Cleanup has every isolator clean up, in reverse, whatever becomes of the others.
func (ch Chain) Cleanup(ctx context.Context, c *Container) error {
	var errs []error
	for n := len(ch) - 1; n >= 0; n-- {
		if err := ch[n].Cleanup(ctx, c); err != nil {
			errs = append(errs, of(ch[n], "clean up after", c, err))
		}
	}
	return errors.Join(errs...)
}

// Recover tells each isolator which containers live, parents before their children.
func (ch Chain) Recover(ctx context.Context, alive []*Container) error {
	for _, i := range ch {
		if err := i.Recover(ctx, alive); err != nil {
			return fmt.Errorf("%s: recover %d containers: %w", i.Name(), len(alive), err)
		}
	}
	return nil
}

func of(i Isolator, what string, c *Container, err error) error {
	return fmt.Errorf("%s: %s container %s: %w", i.Name(), what, c.ID, err)
}
