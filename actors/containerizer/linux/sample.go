package linux

import (
	"context"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/sample"
)

var _ containerizer.Sampler = (*Launcher)(nil)

// Samples implements containerizer.Sampler.
func (l *Launcher) Samples(ctx context.Context, of []containerizer.Process) ([]*sample.Sample, error) {
	answers := make([]*sample.Sample, len(of))
	var known []*isolators.Container
	var which []int
	for i, p := range of {
		c := l.known(p.ContainerID)
		if c == nil || c.isDestroyed() {
			continue
		}
		c.facts.RLock()
		defer c.facts.RUnlock() // until all are measured
		known, which = append(known, c.Container), append(which, i)
	}
	into := make([]sample.Sample, len(known))
	err := l.chain.Sample(ctx, known, into)
	for n, i := range which {
		if len(into[n].Has) > 0 {
			answers[i] = &into[n]
		}
	}
	return answers, err
}
