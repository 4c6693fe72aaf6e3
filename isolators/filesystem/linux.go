package filesystem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/mounts"
	"github.com/meseta-io/meseta/isolators/namespaces"
	"github.com/meseta-io/meseta/isolators/volumes/groups"
	"github.com/meseta-io/meseta/messages/fault"
)

// Linux is filesystem/linux.
type Linux struct {
	isolators.Nothing
	workDir, runtimeDir string
	sandbox             string // where it is in a root of its own
	ipc                 bool   // namespaces/ipc mounts /dev/shm
	used                use
	groups              *groups.Groups // nil: volumes belong to users
}

// NewLinux is the builder's.
func NewLinux(s isolators.Settings) (isolators.Isolator, error) {
	if err := s.Supports("mnt", "filesystem/linux"); err != nil {
		return nil, err
	}
	if err := errors.Join(beneath.Supported(), mounts.Supported()); err != nil {
		return nil, err
	}
	l := &Linux{sandbox: s.SandboxDirectory, ipc: s.Uses("namespaces/ipc")}
	if l.sandbox == "" {
		l.sandbox = "/mnt/mesos/sandbox"
	}
	var errs [2]error
	l.workDir, errs[0] = filepath.EvalSymlinks(s.WorkDir)
	l.runtimeDir, errs[1] = filepath.EvalSymlinks(s.RuntimeDir)
	if err := errors.Join(errs[:]...); err != nil || s.VolumeGIDRange == "" {
		return l, err
	}
	var err error
	l.groups, err = groups.Open(l.workDir, s.VolumeGIDRange)
	return l, err
}

// Name implements isolators.Isolator.
func (*Linux) Name() string { return "filesystem/linux" }

// state is what is written down of a container.
type state struct {
	// Sandbox is the container's path of it.
	Sandbox string
	Volumes []volume
}

func (s state) write(c *isolators.Container) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.State, "filesystem-linux"), text, 0o600)
}

func read(c *isolators.Container) (s state, err error) {
	text, err := os.ReadFile(filepath.Join(c.State, "filesystem-linux"))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

// Prepare implements isolators.Isolator.
func (l *Linux) Prepare(ctx context.Context, c *isolators.Container, plan *isolators.Plan) error {
	if c.Debug {
		return l.debug(c, plan)
	}
	plan.New(unix.CLONE_NEWNS)
	s := state{Sandbox: c.Sandbox}
	if plan.RootFS != "" {
		s.Sandbox = l.sandbox
		if err := l.ownRoot(c, plan); err != nil {
			return err
		}
	} else {
		l.hide(c, plan)
	}
	mask(c, plan)
	volumes, err := volumesOf(c, l.workDir)
	if err != nil {
		return err
	}
	s.Volumes = volumes
	if err := s.write(c); err != nil {
		return err
	}
	l.used.set(c.ID, volumes)
	return l.volumes(ctx, c, plan, s)
}

// Groups are those of volumes, for who brings others; nil: there are none.
func (l *Linux) Groups() *groups.Groups { return l.groups }

// debug has a container see what its parent sees, and nothing else.
func (l *Linux) debug(c *isolators.Container, plan *isolators.Plan) error {
	switch {
	case plan.RootFS != "":
		return fmt.Errorf("A 'rootfs' cannot be set for DEBUG containers: %w", fault.ErrInvalid)
	case len(c.Info.GetVolumes()) > 0:
		return fmt.Errorf("Volumes not supported for DEBUG containers: %w", fault.ErrInvalid)
	}
	n, agents, err := namespaces.Of(c.Parent, unix.CLONE_NEWNS)
	if err == nil && !agents {
		plan.Enter(n)
	}
	return err
}

// volumes has the launcher mount persistent volumes. The places for them are made here, where the owner of the sandbox is
// known.
func (l *Linux) volumes(ctx context.Context, c *isolators.Container, plan *isolators.Plan, s state) error {
	if len(s.Volumes) == 0 {
		return nil
	}
	box, err := beneath.Open(c.Sandbox, ".")
	if err != nil {
		return err
	}
	defer box.Close()
	owner, err := beneath.OwnerOf(box)
	if err != nil {
		return err
	}
	for _, v := range s.Volumes {
		gid, err := l.ready(ctx, c, v, owner)
		if err != nil {
			return err
		}
		if gid != 0 {
			plan.Groups = append(plan.Groups, gid)
		}
		place, _, err := beneath.MakeDir(box, v.At, owner)
		if err != nil {
			return fmt.Errorf("make a place for a persistent volume: %w", err)
		}
		place.Close()
		m := isolators.Mount{Source: v.Dir, From: v.Root, Target: v.At, Within: s.Sandbox, Type: "bind", Flags: unix.MS_BIND | unix.MS_REC, Make: true}
		if v.ReadOnly {
			m.Flags |= unix.MS_RDONLY
		}
		plan.Mounts = append(plan.Mounts, m)
	}
	return nil
}

// ready makes sure that the container may use a volume, and returns the group that it has to be in for that; 0: none.
func (l *Linux) ready(ctx context.Context, c *isolators.Container, v volume, owner beneath.Owner) (int, error) {
	if l.groups == nil || owner.UID == 0 {
		f, err := l.used.open(c, v, owner)
		if err == nil {
			err = f.Close()
		}
		return 0, err
	}
	f, err := l.used.open(c, v, beneath.Owner{}) // whose it is stays
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return l.groups.Give(ctx, f, filepath.Join(v.Root, filepath.FromSlash(v.Dir)))
}

// Isolate implements isolators.Isolator.
func (*Linux) Isolate(_ context.Context, c *isolators.Container) error {
	return namespaces.Remember(c, unix.CLONE_NEWNS)
}

// Cleanup implements isolators.Isolator. The mounts have gone with the last process; the empty directories that they were
// on go now.
func (l *Linux) Cleanup(_ context.Context, c *isolators.Container) error {
	l.used.set(c.ID, nil)
	s, err := read(c)
	if err != nil || len(s.Volumes) == 0 {
		return nil
	}
	box, err := beneath.Open(c.Sandbox, ".")
	if errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer box.Close()
	for _, v := range s.Volumes {
		above, err := beneath.OpenAt(box, path.Dir(v.At))
		if err != nil {
			continue
		}
		_ = unix.Unlinkat(int(above.Fd()), path.Base(v.At), unix.AT_REMOVEDIR) // it stays when somebody has put something there
		above.Close()
	}
	return nil
}

// Recover implements isolators.Isolator.
func (l *Linux) Recover(_ context.Context, alive []*isolators.Container) error {
	for _, c := range alive {
		s, err := read(c)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("container %s: %w", c.ID, err)
		}
		l.used.set(c.ID, s.Volumes)
	}
	return nil
}
