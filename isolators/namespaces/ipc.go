package namespaces

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/mounts"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// shm is where programs share memory by names.
const shm = "/dev/shm"

// IPC gives containers queues, semaphores and a /dev/shm of their own. Nested ones share both with their parent, unless
// they ask for ipc_mode PRIVATE or have a root of their own.
//
// Mesos leaves the machine's /dev/shm to a top-level container that says no ipc_mode; ours has its own, because a directory
// where everybody may write is no place to meet strangers. SHARE_PARENT shares it still.
type IPC struct {
	isolators.Nothing
	disallow bool
	size     uint64
}

// NewIPC is the builder's.
func NewIPC(s isolators.Settings) (isolators.Isolator, error) {
	if err := s.Supports("ipc", "namespaces/ipc"); err != nil {
		return nil, err
	}
	if err := s.NeedsFilesystem("namespaces/ipc"); err != nil {
		return nil, err
	}
	return &IPC{disallow: s.DisallowSharingAgentIPCNamespace, size: s.DefaultContainerShmSize}, nil
}

// Name implements isolators.Isolator.
func (*IPC) Name() string { return "namespaces/ipc" }

// Prepare implements isolators.Isolator.
func (i *IPC) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	l := c.Info.GetLinuxInfo()
	mode, said := l.GetIpcMode(), l.GetIpcMode() != mesospb.LinuxInfo_UNKNOWN
	switch {
	case l != nil && l.IpcMode != nil && !said:
		return fmt.Errorf("Unknown IPC mode: use PRIVATE or SHARE_PARENT: %w", fault.ErrInvalid)
	case l != nil && l.ShmSize != nil && mode != mesospb.LinuxInfo_PRIVATE:
		return fmt.Errorf("Only support specifying the size of /dev/shm when the IPC mode is `PRIVATE`: %w", fault.ErrInvalid)
	case c.Debug && mode == mesospb.LinuxInfo_PRIVATE:
		return fmt.Errorf("Private IPC mode is not supported for DEBUG containers: %w", fault.ErrInvalid)
	case c.Debug:
		_, err := enter(c, plan, unix.CLONE_NEWIPC)
		return err // the mount namespace is the parent's, and so is /dev/shm
	case mode == mesospb.LinuxInfo_PRIVATE, !said && !c.Nested():
		plan.New(unix.CLONE_NEWIPC)
		plan.Mounts = append(plan.Mounts, i.own(l))
		return nil
	case !c.Nested():
		if i.disallow {
			return fmt.Errorf("Sharing agent IPC namespace with top-level container is not allowed: leave ipc_mode out, or say PRIVATE: %w", fault.ErrDenied)
		}
		plan.Mounts = append(plan.Mounts, shared(plan)...)
		return nil
	}
	if _, err := enter(c, plan, unix.CLONE_NEWIPC); err != nil {
		return err
	}
	if !said && plan.RootFS != "" { // as in Mesos: with a root of its own, memory of its own
		plan.Mounts = append(plan.Mounts, i.own(l))
		return nil
	}
	plan.Mounts = append(plan.Mounts, shared(plan)...)
	return nil
}

// own is a /dev/shm that nobody else sees.
func (i *IPC) own(l *mesospb.LinuxInfo) isolators.Mount {
	m := isolators.Mount{Source: "tmpfs", Target: shm, Type: "tmpfs", Flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_STRICTATIME, Data: "mode=1777", Make: true}
	size := i.size
	if l != nil && l.ShmSize != nil {
		size = uint64(l.GetShmSize()) << 20
	}
	if size > 0 {
		m.Data += fmt.Sprintf(",size=%d", size)
	}
	return m
}

// shared is the /dev/shm that the process is born with, seen below a root of its own.
func shared(plan *isolators.Plan) []isolators.Mount {
	if plan.RootFS == "" {
		return nil
	}
	return []isolators.Mount{{Source: shm, Target: shm, Type: "bind", Flags: unix.MS_BIND, Make: true}}
}

// Isolate implements isolators.Isolator. A nested container is born with the machine's /dev/shm; one that shares its parent's
// finds that in its place before it goes on.
func (i *IPC) Isolate(_ context.Context, c *isolators.Container) error {
	if err := Remember(c, unix.CLONE_NEWIPC); err != nil || !c.Nested() || c.Debug || c.Info.GetLinuxInfo().GetIpcMode() == mesospb.LinuxInfo_PRIVATE {
		return err
	}
	parents, agents, err := Of(c.Parent, unix.CLONE_NEWNS)
	if err != nil || agents {
		return err
	}
	return mounts.Lend(parents, c.PID, shm)
}
