package namespaces

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

// PID gives containers pid namespaces of their own, nested ones inside of their parents'. One that asks for
// share_pid_namespace shares its parent's, at the top the machine's unless that is disallowed.
type PID struct {
	isolators.Nothing
	disallow bool
}

// NewPID is the builder's.
func NewPID(s isolators.Settings) (isolators.Isolator, error) {
	if err := s.Supports("pid", "namespaces/pid"); err != nil {
		return nil, err
	}
	if err := s.NeedsFilesystem("namespaces/pid"); err != nil {
		return nil, err
	}
	return &PID{disallow: s.DisallowSharingAgentPIDNamespace}, nil
}

// Name implements isolators.Isolator.
func (*PID) Name() string { return "namespaces/pid" }

// proc shows the processes of the pid namespace that it is mounted in.
var proc = isolators.Mount{Source: "proc", Target: "/proc", Type: "proc", Flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC}

// Prepare implements isolators.Isolator.
func (p *PID) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	share, agents := c.Info.GetLinuxInfo().GetSharePidNamespace(), true
	if c.Nested() {
		var err error
		if agents, err = enter(c, plan, unix.CLONE_NEWPID); err != nil || c.Debug {
			return err // a debug container finds its parent's /proc
		}
	} else if share && p.disallow {
		return fmt.Errorf("Sharing agent pid namespace with top-level container is not allowed: leave share_pid_namespace out: %w", fault.ErrDenied)
	}
	if !share {
		plan.New(unix.CLONE_NEWPID)
		// The first process of a pid namespace takes in orphans and gets no signal that it does not expect: few programs can do that.
		plan.Init = true
	}
	// With a root of its own filesystem/linux mounts it.
	if plan.RootFS == "" && (!share || !agents) {
		plan.Mounts = append(plan.Mounts, proc)
	}
	return nil
}

// Isolate implements isolators.Isolator.
func (*PID) Isolate(_ context.Context, c *isolators.Container) error {
	return Remember(c, unix.CLONE_NEWPID)
}
