// Package capabilities is the isolator linux/capabilities: which of the superuser's rights a container has from the start
// (effective), and which it can ever gain (bounding). Both are asked for by the task or else given by --effective_capabilities
// and --bounding_capabilities, and no task gets beyond the latter.
//
// What the kernel makes of them is as in Mesos. A program of the superuser has what the bounding set allows, because that is
// how execve(2) treats the superuser; one of another user has the effective set, which is ambient, and what a file's own
// capabilities add within the bounding set.
package capabilities

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Isolator implements isolators.Isolator.
type Isolator struct {
	isolators.Nothing
	own Set
	// The operator's; nil: none.
	effective, bounding *Set
}

// Builder makes it.
var Builder = isolators.Builder{Names: []string{"linux/capabilities"}, New: New}

// New is the builder's.
func New(s isolators.Settings) (isolators.Isolator, error) {
	if !s.Root {
		return nil, fmt.Errorf("Linux capabilities isolator requires root permissions: run the agent as root, or leave linux/capabilities out: %w", fault.ErrInvalid)
	}
	own, err := Own()
	if err != nil {
		return nil, err
	}
	i := &Isolator{own: own}
	if i.effective, err = flag("--effective_capabilities", s.EffectiveCapabilities); err != nil {
		return nil, err
	}
	if i.bounding, err = flag("--bounding_capabilities", s.BoundingCapabilities); err != nil {
		return nil, err
	}
	if i.effective != nil && i.bounding != nil && !i.bounding.Holds(*i.effective) {
		return nil, fmt.Errorf("Allowed capabilities are not a subset of the bounding capabilites: %s of --effective_capabilities are missing in --bounding_capabilities: %w",
			*i.effective&^*i.bounding, fault.ErrInvalid)
	}
	return i, nil
}

func flag(name string, info *mesospb.CapabilityInfo) (*Set, error) {
	s, err := asked(info)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// asked is the set of a message; nil for none, which is not the same as an empty one.
func asked(info *mesospb.CapabilityInfo) (*Set, error) {
	if info == nil {
		return nil, nil
	}
	s, err := Of(info)
	return &s, err
}

// Name implements isolators.Isolator.
func (*Isolator) Name() string { return "linux/capabilities" }

// Prepare implements isolators.Isolator.
func (i *Isolator) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	effective, bounding, err := i.decide(c.Info.GetLinuxInfo())
	if err != nil || effective == nil && bounding == nil {
		return err
	}
	// In a user namespace of its own the container's superuser has all there are, over nothing but that namespace.
	own := i.own
	if plan.Namespaces&unix.CLONE_NEWUSER != 0 || joinsUsers(plan) {
		own = All()
	}
	if effective == nil {
		all := own & *bounding
		plan.Capabilities = sets(all, *bounding&own)
		plan.Capabilities.Ambient = 0 // what the kernel gives a user, within the bounds
		return nil
	}
	if !own.Holds(*effective) {
		return fmt.Errorf("Requested capabilities '%s', but the agent itself has no %s: leave them out, or start the agent with them: %w", *effective, *effective&^own, fault.ErrInvalid)
	}
	plan.Capabilities = sets(*effective, *bounding&own)
	return nil
}

func sets(effective, bounding Set) *isolators.Capabilities {
	e, b := uint64(effective), uint64(bounding)
	return &isolators.Capabilities{Bounding: b, Permitted: e, Effective: e, Inheritable: b, Ambient: e}
}

func joinsUsers(plan *isolators.Plan) bool {
	for _, n := range plan.Join {
		if n.Kind == unix.CLONE_NEWUSER {
			return true
		}
	}
	return false
}

// decide between what the task asks for and what the operator gives. Where there is an effective set there is a bounding one.
func (i *Isolator) decide(l *mesospb.LinuxInfo) (effective, bounding *Set, err error) {
	if l.GetCapabilityInfo() != nil && l.GetEffectiveCapabilities() != nil {
		return nil, nil, fmt.Errorf("Only one of 'capability_info' or 'effective_capabilities' is allowed: leave the deprecated capability_info out: %w", fault.ErrInvalid)
	}
	want := l.GetEffectiveCapabilities()
	if want == nil {
		want = l.GetCapabilityInfo()
	}
	if effective, err = asked(want); err != nil {
		return nil, nil, err
	}
	if bounding, err = asked(l.GetBoundingCapabilities()); err != nil {
		return nil, nil, err
	}
	if bounding != nil && i.bounding != nil && !i.bounding.Holds(*bounding) {
		return nil, nil, fmt.Errorf("Bounding capabilities '%s', but only '%s' are allowed: ask for less, or have the operator widen --bounding_capabilities: %w", *bounding, *i.bounding, fault.ErrDenied)
	}
	if effective == nil {
		effective = i.effective
	}
	if bounding == nil {
		bounding = i.bounding
	}
	if bounding == nil {
		bounding = effective
	}
	if effective != nil && !bounding.Holds(*effective) {
		return nil, nil, fmt.Errorf("Requested capabilities '%s', but only '%s' are allowed: ask for less, or widen the bounding capabilities: %w", *effective, *bounding, fault.ErrDenied)
	}
	return effective, bounding, nil
}
