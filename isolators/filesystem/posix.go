package filesystem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/volumes/groups"
	"github.com/meseta-io/meseta/messages/fault"
)

// Posix is filesystem/posix: persistent volumes are symbolic links in the sandbox. It cannot keep anybody from writing to a volume
// that is to be read only. It opens names through os.Root, which needs no newer kernel.
type Posix struct {
	isolators.Nothing
	workDir string
	used    use
	groups  *groups.Groups // nil: volumes belong to users
}

// NewPosix is the builder's.
func NewPosix(s isolators.Settings) (isolators.Isolator, error) {
	if s.Uses("filesystem/linux") {
		return nil, fmt.Errorf("filesystem/posix and filesystem/linux exclude each other: leave one out of --isolation: %w", fault.ErrInvalid)
	}
	dir, err := filepath.Abs(s.WorkDir)
	p := &Posix{workDir: dir}
	if err == nil && s.VolumeGIDRange != "" && s.Root {
		p.groups, err = groups.Open(dir, s.VolumeGIDRange)
	}
	return p, err
}

// Name implements isolators.Isolator.
func (*Posix) Name() string { return "filesystem/posix" }

// Prepare implements isolators.Isolator.
func (p *Posix) Prepare(ctx context.Context, c *isolators.Container, plan *isolators.Plan) error {
	switch {
	case plan.RootFS != "":
		return fmt.Errorf("Container root filesystems not supported: use filesystem/linux: %w", fault.ErrInvalid)
	case !c.Nested() && len(c.Info.GetVolumes()) > 0:
		return fmt.Errorf("Volumes in ContainerInfo is not supported: use filesystem/linux: %w", fault.ErrInvalid)
	}
	return p.link(ctx, c, plan)
}

// Update implements isolators.Isolator.
func (p *Posix) Update(ctx context.Context, c *isolators.Container) error {
	return p.link(ctx, c, &isolators.Plan{}) // a process that runs joins no group any more
}

// Groups are those of volumes, for who brings others; nil: there are none.
func (p *Posix) Groups() *groups.Groups { return p.groups }

// link makes the links of volumes that have come and removes those of volumes that have gone.
func (p *Posix) link(ctx context.Context, c *isolators.Container, plan *isolators.Plan) error {
	if c.Nested() {
		return nil
	}
	want, err := volumesOf(c, p.workDir)
	if err != nil {
		return err
	}
	was := p.used.of(c.ID)
	if len(want)+len(was) == 0 {
		return nil
	}
	box, err := os.OpenRoot(c.Sandbox)
	if errors.Is(err, fs.ErrNotExist) && len(want) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	defer box.Close()
	for _, v := range was {
		if there, err := box.Readlink(v.At); !slices.Contains(want, v) && err == nil && there == v.target() {
			if err := box.Remove(v.At); err != nil {
				return fmt.Errorf("Failed to remove the symlink for the unneeded persistent volume: %w", err)
			}
		}
	}
	for _, v := range want {
		if err := p.one(ctx, c, plan, box, v); err != nil {
			return fmt.Errorf("persistent volume at %s: %w", v.At, err)
		}
	}
	p.used.set(c.ID, want)
	return nil
}

func (v volume) target() string { return filepath.Join(v.Root, filepath.FromSlash(v.Dir)) }

func (p *Posix) one(ctx context.Context, c *isolators.Container, plan *isolators.Plan, box *os.Root, v volume) error {
	owner, err := ownerOf(box, ".")
	if err != nil {
		return err
	}
	if p.groups != nil && owner.UID != 0 {
		gid, err := p.admit(ctx, v)
		if err != nil {
			return err
		}
		plan.Groups = append(plan.Groups, gid)
	} else if err := p.give(c, v, owner); err != nil {
		return err
	}
	if err := way(box, owner, path.Dir(v.At)); err != nil {
		return err
	}
	err = box.Symlink(v.target(), v.At)
	if errors.Is(err, fs.ErrExist) {
		if there, _ := box.Readlink(v.At); there == v.target() {
			return nil
		}
		return fmt.Errorf("something else is there already: %w", fault.ErrConflict)
	}
	return err
}

// admit is the group that may use a volume.
func (p *Posix) admit(ctx context.Context, v volume) (int, error) {
	f, err := beneath.Open(v.Root, v.Dir)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return p.groups.Give(ctx, f, v.target())
}

// give hands the volume to the owner of the sandbox, under the same conditions as filesystem/linux does.
func (p *Posix) give(c *isolators.Container, v volume, to beneath.Owner) error {
	root, err := os.OpenRoot(v.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(v.Dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory: %w", v.target(), fault.ErrInvalid)
	}
	if is, err := ownerOf(root, v.Dir); err != nil || is == to || to.UID == 0 || v.Shared && p.used.others(c.ID, v) {
		return err
	}
	return root.Lchown(v.Dir, to.UID, to.GID)
}

func ownerOf(root *os.Root, name string) (beneath.Owner, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return beneath.Owner{}, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return beneath.Owner{UID: os.Geteuid(), GID: os.Getegid()}, nil
	}
	return beneath.Owner{UID: int(s.Uid), GID: int(s.Gid)}, nil
}

// way makes the directories to a link, and gives those that it made to the owner of the sandbox.
func way(box *os.Root, to beneath.Owner, dir string) error {
	if dir == "." {
		return nil
	}
	if err := way(box, to, path.Dir(dir)); err != nil {
		return err
	}
	if err := box.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	if to.UID == os.Geteuid() && to.GID == os.Getegid() {
		return nil
	}
	return box.Lchown(dir, to.UID, to.GID)
}

// Cleanup implements isolators.Isolator. Links stay in the sandbox, which goes with them when its time comes.
func (p *Posix) Cleanup(_ context.Context, c *isolators.Container) error {
	p.used.set(c.ID, nil)
	return nil
}

// Recover implements isolators.Isolator.
func (p *Posix) Recover(_ context.Context, alive []*isolators.Container) error {
	for _, c := range alive {
		volumes, err := volumesOf(c, p.workDir)
		if err != nil {
			return fmt.Errorf("container %s: %w", c.ID, err)
		}
		p.used.set(c.ID, volumes)
	}
	return nil
}
