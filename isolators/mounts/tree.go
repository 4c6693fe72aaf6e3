package mounts

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/messages/fault"
)

// Copy is a tree of mounts that is nowhere yet: what is seen at an open place, with all that is mounted below it when deep.
// It takes no part in the propagation of what it was copied from, except for what the machine mounts there later.
func Copy(place *os.File, deep, readonly bool) (*os.File, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_EMPTY_PATH)
	all := uint(0)
	if deep {
		flags, all = flags|unix.AT_RECURSIVE, unix.AT_RECURSIVE
	}
	fd, err := unix.OpenTree(int(place.Fd()), "", flags)
	if err != nil {
		return nil, fmt.Errorf("copy the mount of %s: %w", place.Name(), err)
	}
	tree := os.NewFile(uintptr(fd), place.Name())
	attr := unix.MountAttr{Propagation: unix.MS_SLAVE}
	if readonly {
		attr.Attr_set = unix.MOUNT_ATTR_RDONLY
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|all, &attr); err != nil {
		tree.Close()
		return nil, fmt.Errorf("set up the mount of %s: %w", place.Name(), err)
	}
	return tree, nil
}

// Put puts a tree on an open place. Both have to be open in the namespace that the thread is in, or the tree nowhere.
func Put(tree, place *os.File) error {
	const both = unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH
	if err := unix.MoveMount(int(tree.Fd()), "", int(place.Fd()), "", both); err != nil {
		return fmt.Errorf("mount %s on %s: %w", tree.Name(), place.Name(), err)
	}
	return nil
}

// Drop takes away what is mounted at a name below an open directory of the namespace that the thread is in, at once for
// whoever looks, and for those who use it when they stop. The directory at which it was mounted is removed if it is empty. What is
// not mounted, or not there, is no error.
func Drop(within *os.File, name string) error {
	place, err := beneath.OpenAt(within, name)
	if errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	// By the working directory, because the /proc of a container does not know this thread.
	if err = unix.Fchdir(int(place.Fd())); err == nil {
		err = unix.Unmount(".", unix.MNT_DETACH)
	}
	place.Close()
	if back := unix.Chdir("/"); err == nil {
		err = back
	}
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("unmount %s: %w", place.Name(), err)
	}
	above, err := beneath.OpenAt(within, path.Dir(path.Clean(name)))
	if err != nil {
		return nil // it went meanwhile
	}
	defer above.Close()
	_ = unix.Unlinkat(int(above.Fd()), path.Base(path.Clean(name)), unix.AT_REMOVEDIR)
	return nil
}

// Lend shows a directory of one container, by its absolute path, to a process in another mount namespace that has not run
// anything yet, at the same path.
func Lend(from isolators.Namespace, to int, dir string) error {
	var tree *os.File
	err := Inside(from, func() error {
		place, err := beneath.Open("/", dir[1:])
		if err != nil {
			return err
		}
		defer place.Close()
		tree, err = Copy(place, false, false)
		return err
	})
	if err != nil {
		return fmt.Errorf("take %s from the parent: %w", dir, err)
	}
	defer tree.Close()
	err = Inside(isolators.Namespace{Kind: unix.CLONE_NEWNS, Path: "/proc/" + strconv.Itoa(to) + "/ns/mnt"}, func() error {
		if err := secede(dir); err != nil {
			return err
		}
		place, err := beneath.Open("/", dir[1:])
		if err != nil {
			return err
		}
		defer place.Close()
		return Put(tree, place)
	})
	if err != nil {
		return fmt.Errorf("show the parent's %s: %w", dir, err)
	}
	return nil
}

// secede makes sure that what is mounted at a path of a young namespace is not mounted on the machine too: the mount that the
// path is on is a peer of the machine's until somebody says otherwise.
func secede(dir string) error {
	for {
		err := unix.Mount("", dir, "", unix.MS_SLAVE, "")
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINVAL) || dir == "/" { // EINVAL: nothing is mounted just there
			return fmt.Errorf("keep the machine out of %s: %w", dir, err)
		}
		dir = path.Dir(dir)
	}
}
