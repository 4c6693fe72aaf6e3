// Package volumes brings directories and files into containers: volume/host_path those of the machine, volume/sandbox_path
// those of their own sandbox and of their parent's. Sandboxes belong to tasks, which turn names into links when they like: every
// name in one is resolved beneath it, here when places are made and in the launcher when they are mounted.
package volumes

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
)

// valid are the volumes that a container asks for. Masters have checked them; not every container comes from a master.
func valid(c *isolators.Container) ([]*mesospb.Volume, error) {
	if c.Info.Type != nil && c.Info.GetType() != mesospb.ContainerInfo_MESOS && len(c.Info.GetVolumes()) > 0 {
		return nil, fmt.Errorf("Only support MESOS containers: %w", fault.ErrInvalid)
	}
	for _, v := range c.Info.GetVolumes() {
		if err := validation.Volume(v); err != nil {
			return nil, fmt.Errorf("Invalid volume: %w: %w", err, fault.ErrInvalid)
		}
		if v.GetContainerPath() == "" || strings.ContainsRune(v.GetContainerPath(), 0) {
			return nil, fmt.Errorf("Invalid volume: it has no container_path: %w", fault.ErrInvalid)
		}
	}
	return c.Info.GetVolumes(), nil
}

// source is something that is there, to be mounted.
type source struct {
	// Name is below root; without a root it is a path of the machine.
	root, name string
	directory  bool
	readonly   bool
}

// mounter puts sources where containers find them.
type mounter struct{ sandbox string }

func newMounter(s isolators.Settings) mounter {
	if s.SandboxDirectory == "" {
		return mounter{"/mnt/mesos/sandbox"}
	}
	return mounter{s.SandboxDirectory}
}

// mount says how the launcher mounts a source at a volume's place, and makes the place when that is in the sandbox.
func (m mounter) mount(c *isolators.Container, plan *isolators.Plan, v *mesospb.Volume, s source) (isolators.Mount, error) {
	out := isolators.Mount{Source: s.name, From: s.root, Type: "bind", Flags: unix.MS_BIND | unix.MS_REC, Make: true}
	if s.readonly || v.GetMode() == mesospb.Volume_RO {
		out.Flags |= unix.MS_RDONLY
	}
	at := v.GetContainerPath()
	if plan.RootFS == "" {
		if name, ok := strings.CutPrefix(path.Clean(at), c.Sandbox+"/"); ok {
			at = name
		}
	}
	if path.IsAbs(at) {
		out.Target = path.Clean(at)
		if plan.RootFS != "" {
			return out, filesystem.Place(plan, at, s.directory)
		}
		// Without a root of its own, what is not there would have to be made on the machine.
		if _, err := os.Stat(at); err != nil {
			return out, fmt.Errorf("Mount point '%s' is an absolute path. It must exist if the container shares the host filesystem: %w", at, fault.ErrInvalid)
		}
		return out, nil
	}
	out.Target, out.Within = at, c.Sandbox
	if plan.RootFS != "" {
		out.Within = m.sandbox
	}
	return out, place(c, at, s.directory)
}

// place makes where a volume is mounted in a sandbox, a directory or an empty file, as the sandbox's owner's.
func place(c *isolators.Container, at string, directory bool) error {
	box, err := sandboxOf(c)
	if err != nil {
		return err
	}
	defer box.Close()
	owner, err := beneath.OwnerOf(box)
	if err != nil {
		return err
	}
	do := beneath.MakeFile
	if directory {
		do = beneath.MakeDir
	}
	if path.Clean(at) == "." {
		return fmt.Errorf("Failed to create the mount point at '%s': it is the sandbox itself: %w", at, fault.ErrInvalid)
	}
	f, _, err := do(box, at, owner)
	if err != nil {
		return fmt.Errorf("Failed to create the mount point at '%s': %w", at, err)
	}
	return f.Close()
}

// sandboxOf opens a sandbox. That of a nested container is a name in its parent's.
func sandboxOf(c *isolators.Container) (*os.File, error) {
	top := c.Top().Sandbox
	name, ok := strings.CutPrefix(c.Sandbox, top+"/")
	if !ok {
		return beneath.Open(c.Sandbox, ".")
	}
	return beneath.Open(top, name)
}

// isDirectory tells what is open.
func isDirectory(f *os.File) (bool, error) {
	info, err := f.Stat()
	return err == nil && info.IsDir(), err
}

func notFound(err error) bool { return errors.Is(err, fault.ErrNotFound) }
