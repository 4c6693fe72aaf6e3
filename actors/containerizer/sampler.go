package containerizer

import (
	"context"

	"github.com/meseta-io/meseta/isolators/sample"
)

// Sampler is a Launcher that knows more of containers than Mesos' statistics have room for.
type Sampler interface {
	// Samples measures containers: one answer for each, in order; nil for one that is gone or of which nothing more is known.
	Samples(ctx context.Context, of []Process) ([]*sample.Sample, error)
}
