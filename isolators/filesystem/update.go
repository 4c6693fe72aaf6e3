package filesystem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/mounts"
	"github.com/meseta-io/meseta/isolators/namespaces"
)

// Update implements isolators.Isolator: it mounts the volumes of tasks that have come, and takes away those of tasks that have
// gone, in the namespace of the container.
func (l *Linux) Update(ctx context.Context, c *isolators.Container) error {
	if c.Nested() {
		return nil
	}
	was, err := read(c)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was launched when this isolator was not used
	}
	if err != nil {
		return err
	}
	want, err := volumesOf(c, l.workDir)
	if err != nil {
		return err
	}
	old := slices.DeleteFunc(slices.Clone(was.Volumes), func(v volume) bool { return slices.Contains(want, v) })
	added := slices.DeleteFunc(slices.Clone(want), func(v volume) bool { return slices.Contains(was.Volumes, v) })
	if len(old)+len(added) == 0 {
		return nil
	}
	n, _, err := namespaces.Of(c, unix.CLONE_NEWNS)
	if err == nil {
		err = l.change(ctx, c, n, was, old, added)
	}
	if errors.Is(err, fs.ErrNotExist) || c.PID == 0 {
		return nil // it has just ended, and its namespace with it
	}
	if err != nil {
		return err
	}
	l.used.set(c.ID, want)
	return state{was.Sandbox, want}.write(c)
}

// change what is mounted in a container that runs. What was asked for before is taken as done: a crash in between leaves what
// the next change finds in its place, and puts right.
func (l *Linux) change(ctx context.Context, c *isolators.Container, n isolators.Namespace, s state, old, added []volume) error {
	trees := make([]*os.File, len(added))
	defer func() {
		for _, t := range trees {
			if t != nil {
				t.Close()
			}
		}
	}()
	box, err := beneath.Open(c.Sandbox, ".")
	if err != nil {
		return err
	}
	defer box.Close()
	owner, err := beneath.OwnerOf(box)
	if err != nil {
		return err
	}
	for i, v := range added {
		// A process that runs joins no group any more; those that are launched inside of it do.
		if _, err := l.ready(ctx, c, v, owner); err != nil {
			return err
		}
		f, err := beneath.Open(v.Root, v.Dir)
		if err != nil {
			return err
		}
		trees[i], err = mounts.Copy(f, true, v.ReadOnly)
		f.Close()
		if err != nil {
			return err
		}
	}
	return mounts.Inside(n, func() error {
		inside, err := beneath.Open("/", path.Clean(s.Sandbox)[1:])
		if err != nil {
			return err
		}
		defer inside.Close()
		for _, v := range old {
			if err := mounts.Drop(inside, v.At); err != nil {
				return err
			}
		}
		for i, v := range added {
			if err := put(inside, trees[i], v, owner); err != nil {
				return fmt.Errorf("Failed to mount persistent volume at '%s': %w", v.At, err)
			}
		}
		return nil
	})
}

// put mounts a tree at its place, which an interrupted change may have filled already.
func put(sandbox, tree *os.File, v volume, owner beneath.Owner) error {
	if err := mounts.Drop(sandbox, v.At); err != nil {
		return err
	}
	place, _, err := beneath.MakeDir(sandbox, v.At, owner)
	if err != nil {
		return err
	}
	defer place.Close()
	return mounts.Put(tree, place)
}
