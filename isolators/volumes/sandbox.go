package volumes

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/volumes/groups"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// SandboxPath is volume/sandbox_path. Where it cannot mount it makes symbolic links.
type SandboxPath struct {
	isolators.Nothing
	mounter
	workDir string
	binds   bool
	groups  *groups.Groups // nil: there are none
}

// NewSandboxPath is the builder's.
func NewSandboxPath(s isolators.Settings) (isolators.Isolator, error) {
	if err := beneath.Supported(); err != nil {
		return nil, err
	}
	dir, err := filepath.EvalSymlinks(s.WorkDir)
	p := &SandboxPath{mounter: newMounter(s), workDir: dir, binds: s.Launcher == "linux" && s.Uses("filesystem/linux")}
	for _, i := range s.Before {
		if l, ok := i.(interface{ Groups() *groups.Groups }); ok {
			p.groups = l.Groups()
		}
	}
	return p, err
}

// Name implements isolators.Isolator.
func (*SandboxPath) Name() string { return "volume/sandbox_path" }

// Prepare implements isolators.Isolator.
func (p *SandboxPath) Prepare(ctx context.Context, c *isolators.Container, plan *isolators.Plan) error {
	all, err := valid(c)
	if err == nil && !p.binds && plan.RootFS != "" {
		return fmt.Errorf("The 'linux' launcher and 'filesystem/linux' isolator must be enabled to change the rootfs and bind mount: %w", fault.ErrInvalid)
	}
	for _, v := range all {
		from, ok := sandboxPath(v)
		if !ok {
			continue
		}
		if err := p.bring(ctx, c, plan, v, from); err != nil {
			return err
		}
	}
	return err
}

// sandboxPath is the path of a sandbox that a volume names, if it is one.
func sandboxPath(v *mesospb.Volume) (*mesospb.Volume_Source_SandboxPath, bool) {
	if v.HostPath != nil { // the old way to say it
		return &mesospb.Volume_Source_SandboxPath{Type: mesospb.Volume_Source_SandboxPath_SELF.Enum(), Path: v.HostPath}, !path.IsAbs(v.GetHostPath())
	}
	return v.GetSource().GetSandboxPath(), v.GetSource().GetType() == mesospb.Volume_Source_SANDBOX_PATH
}

func (p *SandboxPath) bring(ctx context.Context, c *isolators.Container, plan *isolators.Plan, v *mesospb.Volume, from *mesospb.Volume_Source_SandboxPath) error {
	absolute := path.IsAbs(v.GetContainerPath())
	switch {
	case path.IsAbs(from.GetPath()):
		return fmt.Errorf("Path '%s' in SANDBOX_PATH volume is absolute: %w", from.GetPath(), fault.ErrInvalid)
	case c.Debug:
		return fmt.Errorf("SANDBOX_PATH volume is not supported for DEBUG containers: %w", fault.ErrInvalid)
	case !p.binds && absolute:
		return fmt.Errorf("The 'linux' launcher and 'filesystem/linux' isolator must be enabled to support SANDBOX_PATH volume with absolute container path: %w", fault.ErrInvalid)
	}
	owner := c
	switch from.GetType() {
	case mesospb.Volume_Source_SandboxPath_SELF:
		if !absolute {
			return fmt.Errorf("'container_path' is relative for SANDBOX_PATH volume SELF type: make a link in the sandbox instead: %w", fault.ErrInvalid)
		}
	case mesospb.Volume_Source_SandboxPath_PARENT:
		if owner = c.Parent; owner == nil {
			return fmt.Errorf("SANDBOX_PATH volume PARENT type only works for nested container: %w", fault.ErrInvalid)
		}
	default:
		return fmt.Errorf("Unknown SANDBOX_PATH volume type: %w", fault.ErrInvalid)
	}
	s, err := p.find(owner, from.GetPath())
	if err != nil {
		return err
	}
	if !p.binds {
		return p.link(c, v, s)
	}
	m, err := p.mount(c, plan, v, s)
	if err != nil {
		return err
	}
	plan.Mounts = append(plan.Mounts, m)
	if owner == c || p.groups == nil || c.UID == 0 || s.root == "" || !s.directory {
		return nil
	}
	return p.admit(ctx, c, plan, s)
}

// admit has a container that runs as another user than the one that the volume belongs to use it as a member of a group.
func (p *SandboxPath) admit(ctx context.Context, c *isolators.Container, plan *isolators.Plan, s source) error {
	f, err := beneath.Open(s.root, s.name)
	if err != nil {
		return err
	}
	defer f.Close()
	owner, err := beneath.OwnerOf(f)
	if err != nil || owner.UID == c.UID {
		return err
	}
	gid, err := p.groups.Give(ctx, f, filepath.Join(s.root, filepath.FromSlash(s.name)))
	if err == nil {
		plan.Groups = append(plan.Groups, gid)
	}
	return err
}

// find looks what is at a path of a container's sandbox, and makes a directory of the sandbox's owner if there is nothing. What
// is there is left alone: it may belong to somebody else, and be meant to.
func (p *SandboxPath) find(c *isolators.Container, name string) (source, error) {
	s, err := p.origin(c, name)
	if err != nil {
		return s, err
	}
	if s.root == "" { // a path of the machine, which is no sandbox
		info, err := os.Stat(s.name)
		s.directory = err == nil && info.IsDir()
		return s, err
	}
	root, err := beneath.Open(s.root, ".")
	if err != nil {
		return s, err
	}
	defer root.Close()
	f, err := beneath.OpenAt(root, s.name)
	if notFound(err) {
		var owner beneath.Owner
		if owner, err = beneath.OwnerOf(root); err == nil {
			f, _, err = beneath.MakeDir(root, s.name, owner)
		}
		if err != nil {
			return s, fmt.Errorf("Failed to create the directory '%s' in the sandbox: %w", name, err)
		}
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	s.directory, err = isDirectory(f)
	return s, err
}

// origin is where something in a sandbox really is: persistent volumes and other volumes are mounted there in the container's
// namespace only, and what is mounted in a child has to come from where they come from.
func (p *SandboxPath) origin(c *isolators.Container, name string) (source, error) {
	name = path.Clean(name)
	for _, v := range c.Info.GetVolumes() {
		at := path.Clean(v.GetContainerPath())
		rest, inside := strings.CutPrefix(name+"/", at+"/")
		if !inside || path.IsAbs(at) {
			continue
		}
		rest = strings.TrimSuffix(rest, "/")
		if host, _, ok, _ := hostPath(v); ok {
			s := source{root: host, name: rest, readonly: v.GetMode() == mesospb.Volume_RO}
			if rest == "" {
				s.root, s.name = "", host
			}
			return s, nil
		}
		if from, ok := sandboxPath(v); ok && c.Parent != nil {
			s, err := p.origin(c.Parent, path.Join(from.GetPath(), rest))
			s.readonly = s.readonly || v.GetMode() == mesospb.Volume_RO
			return s, err
		}
	}
	root, dir, readonly, err := filesystem.Origin(c, p.workDir, name)
	if top := c.Top().Sandbox; err == nil && root == c.Sandbox {
		if inside, ok := strings.CutPrefix(c.Sandbox, top+"/"); ok { // the sandbox is itself a name in that of the parent
			if dir == ".." || strings.HasPrefix(dir, "../") {
				return source{}, fmt.Errorf("Path '%s' in SANDBOX_PATH volume leads out of the sandbox: %w", name, fault.ErrDenied)
			}
			root, dir = top, path.Join(inside, dir)
		}
	}
	return source{root: root, name: dir, readonly: readonly}, err
}

// link makes a symbolic link in a sandbox. It keeps nobody from writing.
func (p *SandboxPath) link(c *isolators.Container, v *mesospb.Volume, s source) error {
	place, err := sandboxOf(c)
	if err != nil {
		return err
	}
	defer place.Close()
	box, err := os.OpenRoot(beneath.Path(place))
	if err != nil {
		return err
	}
	defer box.Close()
	at := path.Clean(v.GetContainerPath())
	if err := box.MkdirAll(path.Dir(at), 0o755); err != nil {
		return fmt.Errorf("Failed to create the directory for the mount point '%s': %w", at, err)
	}
	target := filepath.Join(s.root, filepath.FromSlash(s.name))
	if there, err := box.Readlink(at); err == nil && there == target {
		return nil
	}
	if err := box.Symlink(target, at); err != nil {
		return fmt.Errorf("Failed to symlink '%s' -> '%s': %w", target, at, err)
	}
	return nil
}
