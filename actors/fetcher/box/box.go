// Package box writes into a directory that somebody else may have filled: a sandbox. Nothing it writes lands outside,
// and no link in the directory is followed on the way, because what is written comes from archives and servers that may
// be hostile. A file appears under its name when it is whole.
package box

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Box is a directory to be written to. Close it.
type Box struct {
	root *os.Root
	n    atomic.Uint64
	// dirs are those that were seen to be directories. Nothing that a Box does makes another thing of one.
	dirs map[string]bool
}

// Open opens a directory.
func Open(dir string) (*Box, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Box{root: root, dirs: map[string]bool{}}, nil
}

// Close implements io.Closer.
func (b *Box) Close() error { return b.root.Close() }

// MaxName bounds a name, as kernels do.
const MaxName = 4095

// maxDepth bounds how many directories a name goes down: to find one costs as many steps.
const maxDepth = 128

// Clean is a name as it is used, or why it is not: it must be relative and lead nowhere but down.
func Clean(name string) (string, error) {
	switch {
	case strings.IndexByte(name, 0) >= 0:
		return "", fmt.Errorf("the name %q has a zero byte", name)
	case len(name) > MaxName:
		return "", fmt.Errorf("a name of %d bytes is too long", len(name))
	case path.IsAbs(name):
		return "", fmt.Errorf("the name %q is absolute", name)
	}
	if strings.Count(name, "/") > maxDepth {
		return "", fmt.Errorf("the name %.40q… is deeper than %d directories", name, maxDepth)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("the name %q leads out of the directory", name)
		}
	}
	return path.Clean(name), nil
}

// Mkdir makes a directory and those above it. What is there already must be directories, and no links to such.
func (b *Box) Mkdir(name string) error {
	name, err := Clean(name)
	if err != nil {
		return err
	}
	return b.mkdir(name)
}

func (b *Box) mkdir(name string) error {
	if name == "." || b.dirs[name] {
		return nil
	}
	info, err := b.root.Lstat(name)
	switch {
	case err == nil && info.IsDir():
		err := b.mkdir(path.Dir(name)) // none of those above may be a link either
		b.dirs[name] = err == nil
		return err
	case err == nil:
		return fmt.Errorf("%s is in the way: it is no directory", name)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := b.mkdir(path.Dir(name)); err != nil {
		return err
	}
	err = b.root.Mkdir(name, 0o755)
	b.dirs[name] = err == nil
	return err
}

// Mode sets the permissions of a directory. The owner keeps all.
func (b *Box) Mode(name string, mode fs.FileMode) error {
	name, err := Clean(name)
	if err != nil || name == "." {
		return err
	}
	f, err := b.root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(mode.Perm()|0o700), f.Close())
}

// Create makes a file in place of what was there, with the directories above it. The bits that make a program run as
// somebody else are dropped. fill writes it; if it fails there is no file.
func (b *Box) Create(name string, mode fs.FileMode, fill func(*os.File) error) error {
	return b.replace(name, func(temporary string) error {
		f, err := b.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return err
		}
		if err = fill(f); err == nil {
			err = f.Chmod(mode.Perm())
		}
		return errors.Join(err, f.Close())
	})
}

// Symlink makes a symbolic link in place of what was there. It must stay inside: relative, and up only at its
// beginning and only as far as the directory reaches. That holds through any chain of links, because each begins where
// it really is.
func (b *Box) Symlink(target, name string) error {
	clean, err := Clean(name)
	if err != nil {
		return err
	}
	if err := inside(target, clean); err != nil {
		return fmt.Errorf("the link %s: %w", clean, err)
	}
	return b.replace(clean, func(temporary string) error { return b.root.Symlink(target, temporary) })
}

func inside(target, name string) error {
	if target == "" || len(target) > MaxName || strings.IndexByte(target, 0) >= 0 {
		return errors.New("leads nowhere")
	}
	if path.IsAbs(target) {
		return fmt.Errorf("leads out of the directory, to %q", target)
	}
	up, down := 0, false
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if up++; down {
				return fmt.Errorf("leads down and up again, to %q", target)
			}
		default:
			down = true
		}
	}
	if up > strings.Count(name, "/") {
		return fmt.Errorf("leads out of the directory, to %q", target)
	}
	return nil
}

// Link gives a file that is in the box already a second name.
func (b *Box) Link(old, name string) error {
	from, err := Clean(old)
	if err != nil {
		return err
	}
	if err := b.mkdir(path.Dir(from)); err != nil {
		return err // one of the directories on the way is a link
	}
	info, err := b.root.Lstat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is to get another name, but is no file", from)
	}
	return b.replace(name, func(temporary string) error { return b.root.Link(from, temporary) })
}

// Open opens a file that was written, for reading. It is no link.
func (b *Box) Open(name string) (*os.File, error) {
	return b.root.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

// Append opens a file to add to it, and makes it when it is missing. A link in its place is an error.
func (b *Box) Append(name string) (*os.File, error) {
	if info, err := b.root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	return b.root.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
}

// replace makes a thing aside and moves it into place: a rename follows no link.
func (b *Box) replace(name string, make func(temporary string) error) error {
	name, err := Clean(name)
	if err != nil {
		return err
	}
	if name == "." {
		return errors.New("a file needs a name")
	}
	dir := path.Dir(name)
	if err := b.mkdir(dir); err != nil {
		return err
	}
	temporary := path.Join(dir, ".meseta-"+strconv.FormatUint(b.n.Add(1), 36)+".part")
	_ = b.root.Remove(temporary) // what an attempt before this one left
	if err := make(temporary); err != nil {
		_ = b.root.Remove(temporary)
		return err
	}
	// A hard link to itself would leave the name aside behind: rename does nothing then.
	if err := b.root.Rename(temporary, name); err != nil {
		_ = b.root.Remove(temporary)
		return fmt.Errorf("%s is in the way: %w", name, errors.Unwrap(err))
	}
	_ = b.root.Remove(temporary)
	return nil
}
