package node

import (
	"context"
	"fmt"
	"sync"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators/sample"
)

// tracked is a launcher that remembers what it launched, so that a cluster for trying things leaves nothing behind.
type tracked struct {
	containerizer.Launcher
	mu   sync.Mutex
	over bool
	live map[string]containerizer.Process
}

// Launch implements containerizer.Launcher. Once the end has begun nothing is launched any more.
func (t *tracked) Launch(ctx context.Context, spec containerizer.Spec) (containerizer.Process, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return containerizer.Process{}, fmt.Errorf("the cluster is ending")
	}
	p, err := t.Launcher.Launch(ctx, spec)
	if err == nil {
		t.live[spec.ContainerID] = p
	}
	return p, err
}

// Destroy implements containerizer.Launcher.
func (t *tracked) Destroy(p containerizer.Process, done func(error)) (cancel func()) {
	return t.Launcher.Destroy(p, func(err error) {
		if err == nil {
			t.mu.Lock()
			delete(t.live, p.ContainerID)
			t.mu.Unlock()
		}
		done(err)
	})
}

// Samples implements containerizer.Sampler, as far as the launcher does.
func (t *tracked) Samples(ctx context.Context, of []containerizer.Process) ([]*sample.Sample, error) {
	if s, ok := t.Launcher.(containerizer.Sampler); ok {
		return s.Samples(ctx, of)
	}
	return make([]*sample.Sample, len(of)), nil
}

// destroyAll ends what still lives, with everything that it started.
func (t *tracked) destroyAll(ctx context.Context) error {
	t.mu.Lock()
	t.over = true
	left := make([]containerizer.Process, 0, len(t.live))
	for _, p := range t.live {
		left = append(left, p)
	}
	t.mu.Unlock()
	ended := make(chan error, len(left))
	for _, p := range left {
		t.Launcher.Destroy(p, func(err error) { ended <- err })
	}
	for range left {
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("a container did not end: %w", err)
			}
		case <-ctx.Done():
			return fmt.Errorf("containers did not end in time: %w", ctx.Err())
		}
	}
	return nil
}
