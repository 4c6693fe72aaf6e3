package disk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

const directoryOnly = unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK

// XFS is disk/xfs: every sandbox and every volume is a project of the file system, which counts it and refuses more than its
// quota. What is in a container counts for the outermost one.
type XFS struct {
	isolators.Nothing
	log      *slog.Logger
	workDir  string
	enforce  bool
	kill     bool
	headroom uint64
	interval time.Duration
	projects *projects
	mu       sync.Mutex
	by       map[string]*managed
}

// managed is a container. Its lock is held while limited is called, so that Cleanup comes before or after.
type managed struct {
	mu      sync.Mutex
	shares  []*project
	limited func(isolators.Limitation)
	cancel  context.CancelFunc
}

// project is a share with an id; 0: it is a disk of its own.
type project struct {
	share
	id uint32
}

// NewXFS is the builder's.
func NewXFS(s isolators.Settings) (isolators.Isolator, error) {
	if !s.Root {
		return nil, fmt.Errorf("The XFS disk isolator requires running as root: run the agent as root, or use disk/du: %w", fault.ErrInvalid)
	}
	p, err := newProjects(s.XFSProjectRange)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.EvalSymlinks(s.WorkDir)
	if err == nil {
		err = supported(dir)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range s.AgentResources {
		if source := r.GetDisk().GetSource(); source.GetType() == mesospb.Resource_DiskInfo_Source_PATH && r.ProviderId == nil {
			root := source.GetPath().GetRoot()
			if !filepath.IsAbs(root) {
				root = filepath.Join(dir, root)
			}
			if err := supported(root); err != nil {
				return nil, err
			}
		}
	}
	x := &XFS{log: s.Log, workDir: dir, enforce: s.EnforceContainerDiskQuota, kill: s.EnforceContainerDiskQuota && s.XFSKillContainers,
		headroom: s.XFSQuotaHeadroom, interval: interval(s), projects: p, by: map[string]*managed{}}
	if x.headroom == 0 {
		x.headroom = 10 << 20
	}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	return x, nil
}

// Name implements isolators.Isolator.
func (*XFS) Name() string { return "disk/xfs" }

// Prepare implements isolators.Isolator.
func (x *XFS) Prepare(ctx context.Context, c *isolators.Container, _ *isolators.Plan) error {
	if c.Nested() {
		return nil
	}
	return x.apply(ctx, c)
}

// Update implements isolators.Isolator.
func (x *XFS) Update(ctx context.Context, c *isolators.Container) error {
	if c.Nested() {
		return nil
	}
	err := x.apply(ctx, c)
	if errors.Is(err, fault.ErrNotFound) {
		return nil // it has just ended
	}
	return err
}

// apply gives every directory of a container an id and a quota.
func (x *XFS) apply(ctx context.Context, c *isolators.Container) error {
	list, err := shares(c, x.workDir)
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].disk != nil { // the sandbox is counted even if it has no disk
		list = append([]share{{root: c.Sandbox, dir: "."}}, list...)
	}
	var all []*project
	for _, s := range list {
		p, err := x.project(ctx, s)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.by[c.ID]
	if m == nil {
		m = &managed{cancel: func() {}}
		x.by[c.ID] = m
	}
	m.mu.Lock()
	m.shares = all
	m.mu.Unlock()
	return nil
}

// project gives one directory its id, if it has none yet, and its quota.
func (x *XFS) project(ctx context.Context, s share) (*project, error) {
	p := &project{share: s}
	if s.whole() {
		return p, nil
	}
	dir, err := s.open()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd := int(dir.Fd())
	if p.id, err = projectOf(fd); err != nil {
		return nil, fmt.Errorf("find the project of %s: %w", s.path(), err)
	}
	if p.id == 0 {
		if err := supported(s.path()); err != nil {
			return nil, err
		}
		if p.id, err = x.projects.next(s.path()); err != nil {
			return nil, err
		}
		// The directory itself comes first: what a crash leaves half done is found by it, and what is made from now on inherits.
		if err := Each(ctx, dir, func(fd int) error { return setProject(fd, p.id) }); err != nil {
			return nil, fmt.Errorf("Failed to assign project %d: %w", p.id, err)
		}
	}
	x.projects.own(p.id, s.path())
	soft, hard := uint64(0), uint64(0)
	if x.enforce && len(s.parts) > 0 {
		soft, hard = s.limit, s.limit
	}
	if x.kill && soft > 0 {
		hard += x.headroom // or nobody could ever be seen beyond the soft limit
	}
	if err := limit(fd, p.id, soft, hard); err != nil {
		return nil, fmt.Errorf("Failed to update quota for project %d: %w", p.id, err)
	}
	return p, nil
}

// open opens a directory for what needs more than its place.
func (s share) open() (*os.File, error) {
	place, err := beneath.Open(s.root, s.dir)
	if err != nil {
		return nil, err
	}
	defer place.Close()
	fd, err := unix.Openat(int(place.Fd()), ".", unix.O_RDONLY|directoryOnly, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path(), err)
	}
	return os.NewFile(uintptr(fd), s.path()), nil
}

// used is what a directory uses.
func (p *project) used() (uint64, error) {
	dir, err := p.open()
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	if p.id != 0 {
		return usedBy(int(dir.Fd()), p.id)
	}
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &s); err != nil {
		return 0, err
	}
	return (s.Blocks - s.Bfree) * uint64(s.Bsize), nil
}

// Usage implements isolators.Isolator.
func (x *XFS) Usage(_ context.Context, of []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	var errs []error
	for i, c := range of {
		x.mu.Lock()
		m := x.by[c.ID]
		x.mu.Unlock()
		if m == nil {
			continue
		}
		m.mu.Lock()
		list := m.shares
		m.mu.Unlock()
		for _, p := range list {
			used, err := p.used()
			if errors.Is(err, fault.ErrNotFound) {
				continue
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			p.tell(into[i], used, true)
		}
	}
	return errors.Join(errs...)
}

// Cleanup implements isolators.Isolator. Ids stay with their directories as long as these are there.
func (x *XFS) Cleanup(_ context.Context, c *isolators.Container) error {
	x.mu.Lock()
	m := x.by[c.ID]
	delete(x.by, c.ID)
	x.mu.Unlock()
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cancel()
	m.limited = nil
	return nil
}

// Recover implements isolators.Isolator. A container that was launched when this isolator was not used is managed from now on.
func (x *XFS) Recover(ctx context.Context, alive []*isolators.Container) error {
	if err := x.projects.recover(x.workDir); err != nil {
		return err
	}
	for _, c := range alive {
		if c.Nested() {
			continue
		}
		if err := x.apply(ctx, c); err != nil && !errors.Is(err, fault.ErrNotFound) {
			return fmt.Errorf("container %s: %w", c.ID, err)
		}
	}
	return nil
}
