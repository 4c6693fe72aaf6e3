package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Touch implements Disk.
func (d *directory) Touch(_ context.Context, name string) error {
	now := time.Now()
	return d.root.Chtimes(name, now, now)
}

// Where implements Disk.
func (d *directory) Where(_ context.Context, name string) (string, error) {
	return filepath.Join(d.abs, filepath.FromSlash(name)), nil
}

// Used implements Disk.
func (d *directory) Used(context.Context) (float64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(d.abs, &fs); err != nil {
		return 0, fmt.Errorf("the disk of %s: %w", d.abs, err)
	}
	if fs.Blocks == 0 {
		return 0, nil
	}
	return 1 - float64(fs.Bavail)/float64(fs.Blocks-fs.Bfree+fs.Bavail), nil
}

// prune implements Change Prune.
func (d *directory) prune(runs string) {
	link := path.Join(runs, latestRun)
	if _, err := d.root.Stat(link); errors.Is(err, os.ErrNotExist) {
		_ = d.root.Remove(link)
	}
	// slaves/A stays, and of slaves/A/frameworks/F/executors/E/runs what is not empty: Remove fails then.
	for at, depth := runs, 7; depth > 2 && d.root.Remove(at) == nil; depth-- {
		at = path.Dir(at)
	}
}

// Discard implements Disk.
func (d *directory) Discard(_ context.Context, name string) error {
	parent, err := d.root.Open(path.Dir(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	r := &remover{}
	if err := r.remove(int(parent.Fd()), path.Base(name), 0); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(d.abs, name), err)
	}
	return nil
}

// remover empties a tree by descriptors: a name that is swapped for a link is not followed, and a descriptor of a
// directory stays inside whatever is moved.
type remover struct {
	top  int // the directory that is emptied
	held int // directories that were moved up because they were too deep
}

// maxDepth is how many directories are open at once. What is deeper is moved up to the top first, so that no depth is
// too much.
const maxDepth = 64

// remove deletes one entry of a directory.
func (r *remover) remove(parent int, name string, depth int) error {
	err := unix.Unlinkat(parent, name, 0)
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%s: something is mounted there", name)
	case !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s: %w", name, err)
	}
	if depth == maxDepth {
		r.held++
		return unix.Renameat(parent, name, r.top, ".discarded-"+strconv.Itoa(r.held))
	}
	fd, err := enter(parent, name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer unix.Close(fd)
	if depth == 0 {
		r.top = fd
	}
	if err := r.empty(fd, depth); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// empty deletes what is in a directory, also what is moved there meanwhile. One entry that cannot be deleted does not
// keep the others.
func (r *remover) empty(fd, depth int) error {
	for {
		names, err := namesIn(fd)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return nil
		}
		var failed error
		removed := 0
		for _, name := range names {
			if err := r.remove(fd, name, depth+1); err != nil {
				failed = err
				continue
			}
			removed++
		}
		if failed != nil && (removed == 0 || depth > 0 || r.held == 0) {
			return failed
		}
	}
}

func namesIn(fd int) ([]string, error) {
	own, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	dir := os.NewFile(uintptr(own), ".")
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// enter opens a directory, and lets its owner do what is needed to empty it. It does not cross into what is mounted.
func enter(parent int, name string) (int, error) {
	how := &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(parent, name, how)
	if errors.Is(err, unix.EACCES) {
		if err := permit(parent, name); err != nil {
			return -1, err
		}
		fd, err = unix.Openat2(parent, name, how)
	}
	if errors.Is(err, unix.EXDEV) {
		return -1, errors.New("something is mounted there")
	}
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err == nil && st.Mode&0o700 != 0o700 {
		_ = unix.Fchmod(fd, 0o700) // if that is not allowed, deleting what is inside is not either, and says so
	}
	return fd, nil
}

// permit gives the owner of a directory back what was taken from him. The descriptor cannot read, so it needs no
// permission, and it is no link's.
func permit(parent int, name string) error {
	fd, err := unix.Openat(parent, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return os.Chmod("/proc/self/fd/"+strconv.Itoa(fd), 0o700)
}
