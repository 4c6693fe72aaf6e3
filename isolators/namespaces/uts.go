package namespaces

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
)

// plain gives each top-level container a namespace of one kind. Those inside of it share it, except where each is to have
// its own; debug containers always share.
type plain struct {
	isolators.Nothing
	name   string
	kind   uintptr
	nested bool // nested containers have their own too
}

// NewUTS is the builder's of namespaces/uts: a container that changes its host name changes nobody else's.
func NewUTS(s isolators.Settings) (isolators.Isolator, error) {
	return newPlain(s, "namespaces/uts", unix.CLONE_NEWUTS, false)
}

// NewCgroup is the builder's of namespaces/cgroup: a container does not see where on the machine its control groups are.
func NewCgroup(s isolators.Settings) (isolators.Isolator, error) {
	return newPlain(s, "namespaces/cgroup", unix.CLONE_NEWCGROUP, true)
}

func newPlain(s isolators.Settings, name string, kind uintptr, nested bool) (isolators.Isolator, error) {
	if err := s.Supports(kinds[kind], name); err != nil {
		return nil, err
	}
	return &plain{name: name, kind: kind, nested: nested}, nil
}

// Name implements isolators.Isolator.
func (p *plain) Name() string { return p.name }

// Prepare implements isolators.Isolator.
func (p *plain) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	if c.Nested() && (c.Debug || !p.nested) {
		_, err := enter(c, plan, p.kind)
		return err
	}
	plan.New(p.kind)
	return nil
}

// Isolate implements isolators.Isolator.
func (p *plain) Isolate(_ context.Context, c *isolators.Container) error {
	if p.kind == unix.CLONE_NEWCGROUP {
		return nil // it is made later, and only debug containers join it
	}
	return Remember(c, p.kind)
}
