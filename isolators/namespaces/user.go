package namespaces

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/values"
)

const (
	defaultUserRange = "[1000000-66535999]"
	// block is how many user ids a container sees.
	block = 65536
)

// User gives each top-level container a user namespace: its root is nobody on the machine. The user that it runs as stays
// what it is, so that files in sandboxes and volumes belong to the same user inside and outside; all others are mapped to a
// block of ids that no other container has. The sandbox of a container that runs as root is given to the block's first id.
type User struct {
	isolators.Nothing
	first, blocks int

	mu    sync.Mutex
	taken map[int]string // by whom, by number of the block
}

// NewUser is the builder's.
func NewUser(s isolators.Settings) (isolators.Isolator, error) {
	if err := s.Supports("user", "namespaces/user"); err != nil {
		return nil, err
	}
	if err := s.NeedsFilesystem("namespaces/user"); err != nil {
		return nil, err
	}
	text := s.UserNamespaceRange
	if text == "" {
		text = defaultUserRange
	}
	v, err := values.Parse(text)
	rs := v.Ranges
	if err != nil || len(rs) != 1 || rs[0].Begin == 0 || rs[0].End > 1<<32-2 || rs[0].End-rs[0].Begin+1 < block {
		return nil, fmt.Errorf("the range of user ids %q is not one of at least %d above 0, such as %s: %w", text, block, defaultUserRange, fault.ErrInvalid)
	}
	return &User{first: int(rs[0].Begin), blocks: int((rs[0].End - rs[0].Begin + 1) / block), taken: map[int]string{}}, nil
}

// Name implements isolators.Isolator.
func (*User) Name() string { return "namespaces/user" }

// Prepare implements isolators.Isolator.
func (u *User) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	if c.Nested() {
		return u.nested(c, plan)
	}
	switch l := c.Info.GetLinuxInfo(); {
	case l.GetSharePidNamespace():
		return fmt.Errorf("a container in a user namespace of its own cannot share the machine's pid namespace: leave share_pid_namespace out, or namespaces/user: %w", fault.ErrInvalid)
	case c.UID == 0 && !resources.FromValid(c.Resources).PersistentVolumes().IsEmpty():
		return fmt.Errorf("a container that runs as root in a user namespace of its own cannot use persistent volumes, whose files belong to ids that it does not have: run it as another user: %w", fault.ErrInvalid)
	case c.UID >= block || c.GID >= block:
		return fmt.Errorf("user %d and group %d have to be below %d for a user namespace: run it as another user: %w", c.UID, c.GID, block, fault.ErrInvalid)
	}
	n, err := u.take(c)
	if err != nil {
		return err
	}
	base := u.first + n*block
	plan.New(unix.CLONE_NEWUSER)
	plan.UIDs, plan.GIDs = mapped(base, c.UID), mapped(base, c.GID)
	if c.UID == 0 {
		return hand(c.Sandbox, base)
	}
	return nil
}

// nested gives a container inside of another one a namespace with the same ids: a thread of a program like this one cannot
// enter a user namespace.
func (u *User) nested(c *isolators.Container, plan *isolators.Plan) error {
	top := c.Top()
	n, err := blockOf(top)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // it was launched when this isolator was not used
	case err != nil:
		return err
	case c.Debug || c.Info.GetLinuxInfo().GetSharePidNamespace():
		return fmt.Errorf("a container inside of one with a user namespace of its own cannot join its processes: leave share_pid_namespace out, or namespaces/user: %w", fault.ErrUnsupported)
	case c.UID != top.UID || c.GID != top.GID:
		return fmt.Errorf("a container inside of one with a user namespace of its own has to run as the same user, %s: %w", top.User, fault.ErrInvalid)
	}
	base := u.first + n*block
	plan.New(unix.CLONE_NEWUSER)
	plan.UIDs, plan.GIDs = mapped(base, c.UID), mapped(base, c.GID)
	if c.UID != 0 {
		return nil
	}
	// It is inside of the sandbox of its parent, which may make a link of it: only what is below is given away.
	name, err := filepath.Rel(top.Sandbox, c.Sandbox)
	if err != nil {
		return err
	}
	sandbox, err := beneath.Open(top.Sandbox, name)
	if err != nil {
		return err
	}
	defer sandbox.Close()
	return beneath.Give(sandbox, beneath.Owner{UID: base, GID: base})
}

// mapped are the ids of a container: 0 up to the last of the block are the block's, except for the one that stays itself.
func mapped(base, own int) []isolators.IDMap {
	if own == 0 {
		return []isolators.IDMap{{Inside: 0, Outside: base, Size: block}}
	}
	m := []isolators.IDMap{{Inside: 0, Outside: base, Size: own}, {Inside: own, Outside: own, Size: 1}}
	if rest := block - own - 1; rest > 0 {
		m = append(m, isolators.IDMap{Inside: own + 1, Outside: base + own + 1, Size: rest})
	}
	return m
}

// hand gives a sandbox of root's, with what was fetched into it, to another id. Nothing of the container runs yet, so
// nobody moves its names.
func hand(sandbox string, to int) error {
	return filepath.WalkDir(sandbox, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, to, to)
	})
}

func record(c *isolators.Container) string { return filepath.Join(c.State, "namespaces-user-block") }

func blockOf(c *isolators.Container) (n int, err error) {
	text, err := os.ReadFile(record(c))
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	return n, err
}

// take finds a block for a container and writes it down.
func (u *User) take(c *isolators.Container) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for n := range u.blocks {
		if _, taken := u.taken[n]; !taken {
			u.taken[n] = c.ID
			return n, os.WriteFile(record(c), strconv.AppendInt(nil, int64(n), 10), 0o600)
		}
	}
	return 0, fmt.Errorf("all %d blocks of user ids are taken: use a longer range: %w", u.blocks, fault.ErrUnavailable)
}

// Cleanup implements isolators.Isolator.
func (u *User) Cleanup(_ context.Context, c *isolators.Container) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for n, who := range u.taken {
		if who == c.ID {
			delete(u.taken, n)
		}
	}
	return nil
}

// Recover implements isolators.Isolator.
func (u *User) Recover(_ context.Context, alive []*isolators.Container) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range alive {
		if n, err := blockOf(c); err == nil {
			u.taken[n] = c.ID
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("container %s: %w", c.ID, err)
		}
	}
	return nil
}
