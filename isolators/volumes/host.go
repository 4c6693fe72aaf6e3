package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/mounts"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// HostPath is volume/host_path.
type HostPath struct {
	isolators.Nothing
	mounter
	create []string // below these directories what is missing is made
}

// NewHostPath is the builder's.
func NewHostPath(s isolators.Settings) (isolators.Isolator, error) {
	if err := s.Supports("mnt", "volume/host_path"); err != nil {
		return nil, err
	}
	if err := s.NeedsFilesystem("volume/host_path"); err != nil {
		return nil, err
	}
	h := &HostPath{mounter: newMounter(s)}
	for _, dir := range s.HostPathVolumeForceCreation {
		if !filepath.IsAbs(dir) {
			return nil, fmt.Errorf("--host_path_volume_force_creation: %q is not an absolute path: %w", dir, fault.ErrInvalid)
		}
		h.create = append(h.create, filepath.Clean(dir))
	}
	return h, nil
}

// Name implements isolators.Isolator.
func (*HostPath) Name() string { return "volume/host_path" }

// Prepare implements isolators.Isolator.
func (h *HostPath) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	all, err := valid(c)
	for _, v := range all {
		name, bidirectional, ok, err := hostPath(v)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if c.Debug {
			return fmt.Errorf("HOST_PATH volume is not supported for DEBUG containers: %w", fault.ErrInvalid)
		}
		if err := h.bring(c, plan, v, name, bidirectional); err != nil {
			return err
		}
	}
	return err
}

// hostPath is the machine's path that a volume names, if it is one of the machine.
func hostPath(v *mesospb.Volume) (name string, bidirectional, ok bool, err error) {
	if v.HostPath != nil { // the old way to say it; a relative one is a path of the sandbox
		return v.GetHostPath(), false, path.IsAbs(v.GetHostPath()), nil
	}
	if v.GetSource().GetType() != mesospb.Volume_Source_HOST_PATH {
		return "", false, false, nil
	}
	s := v.GetSource().GetHostPath()
	if !path.IsAbs(s.GetPath()) {
		return "", false, false, fmt.Errorf("Path '%s' in HOST_PATH volume is not absolute: %w", s.GetPath(), fault.ErrInvalid)
	}
	return s.GetPath(), s.GetMountPropagation().GetMode() == mesospb.MountPropagation_BIDIRECTIONAL, true, nil
}

func (h *HostPath) bring(c *isolators.Container, plan *isolators.Plan, v *mesospb.Volume, name string, bidirectional bool) error {
	s, err := h.find(name)
	if err != nil {
		return err
	}
	m, err := h.mount(c, plan, v, s)
	if err != nil {
		return err
	}
	if bidirectional {
		if err := spreads(name, plan); err != nil {
			return err
		}
		m.Propagation = unix.MS_SHARED | unix.MS_REC
	}
	if m.Flags&unix.MS_RDONLY == 0 && !bidirectional && plan.RootFS == "" && m.Target == s.name && m.Within == "" {
		return nil // it is there
	}
	plan.Mounts = append(plan.Mounts, m)
	return nil
}

// find looks what is at a path of the machine, and makes a directory there if that is allowed.
func (h *HostPath) find(name string) (source, error) {
	info, err := os.Stat(name)
	if err == nil {
		return source{name: path.Clean(name), directory: info.IsDir()}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return source{}, fmt.Errorf("Path '%s' in HOST_PATH volume: %w: %w", name, err, fault.ErrInvalid)
	}
	if len(h.create) == 0 {
		return source{}, fmt.Errorf("Path '%s' in HOST_PATH volume does not exist: make it, or name a directory above it in --host_path_volume_force_creation: %w", name, fault.ErrInvalid)
	}
	clean := path.Clean(name)
	n := slices.IndexFunc(h.create, func(dir string) bool {
		return clean == dir || strings.HasPrefix(clean, strings.TrimSuffix(dir, "/")+"/")
	})
	if n < 0 {
		return source{}, fmt.Errorf("Path '%s' in HOST_PATH volume does not exist and is not whitelisted for creation: Path '%s' is not whitelisted in --host_path_volume_force_creation: %w",
			name, clean, fault.ErrDenied)
	}
	if err := os.MkdirAll(h.create[n], 0o755); err != nil {
		return source{}, fmt.Errorf("Failed to create the host path at '%s': %w", name, err)
	}
	// Containers write in there: a link of theirs must not have a directory made elsewhere.
	dir, err := beneath.Open(h.create[n], ".")
	if err != nil {
		return source{}, err
	}
	defer dir.Close()
	rest := strings.TrimPrefix(strings.TrimPrefix(clean, h.create[n]), "/")
	f, _, err := beneath.MakeDir(dir, rest, beneath.Owner{UID: os.Geteuid(), GID: os.Getegid()})
	if err != nil {
		return source{}, fmt.Errorf("Failed to create the host path at '%s': %w", name, err)
	}
	return source{root: h.create[n], name: path.Clean("./" + rest), directory: true}, f.Close()
}

// spreads tells whether what is mounted below a path of the machine can spread to others.
func spreads(name string, plan *isolators.Plan) error {
	if plan.Namespaces&unix.CLONE_NEWUSER != 0 {
		return fmt.Errorf("Cannot setup bidirectional mount propagation for host path '%s' in a container with a user namespace of its own: the kernel lets no mount out of one: %w", name, fault.ErrInvalid)
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	table, err := mounts.Read("self")
	if err != nil {
		return err
	}
	if m, ok := table.Of(real); !ok || m.Shared == 0 {
		return fmt.Errorf("Cannot setup bidirectional mount propagation for host path '%s' because it is not under a shared mount: make it one with mount --make-shared: %w", name, fault.ErrInvalid)
	}
	return nil
}
