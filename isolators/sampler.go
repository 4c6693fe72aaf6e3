package isolators

import (
	"context"
	"errors"
	"fmt"

	"github.com/meseta-io/meseta/isolators/sample"
)

// Sampler is an isolator that knows more of a container than Mesos' statistics have room for.
type Sampler interface {
	// Sample is like Isolator.Usage: one call for all, and a container that has just ended is no error. What it does not know it
	// leaves as it is.
	Sample(ctx context.Context, of []*Container, into []sample.Sample) error
}

// Sample collects from each isolator that is a Sampler. Where one fails the others' numbers stand.
func (ch Chain) Sample(ctx context.Context, containers []*Container, into []sample.Sample) error {
	var errs []error
	for _, i := range ch {
		if s, ok := i.(Sampler); ok {
			if err := s.Sample(ctx, containers, into); err != nil {
				errs = append(errs, fmt.Errorf("%s: sample %d containers: %w", i.Name(), len(containers), err))
			}
		}
	}
	return errors.Join(errs...)
}
