package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/meseta-io/meseta/messages/fault"
)

// within opens the directory that volumes are relative to.
func (d *directory) within(root string) (at *os.Root, abs string, err error) {
	abs = d.abs
	if filepath.IsAbs(root) {
		abs = filepath.Clean(root)
	} else if root != "" {
		abs = filepath.Join(d.abs, root)
	}
	at, err = os.OpenRoot(abs)
	return at, abs, err
}

// volume makes, moves or clears a directory.
func (d *directory) volume(c Change) error {
	at, _, err := d.within(c.Root)
	if err != nil {
		return err
	}
	defer at.Close()
	switch c.Kind {
	case Make:
		return at.MkdirAll(c.Path, 0o755)
	case Move:
		return move(at, string(c.Data), c.Path)
	}
	if c.Path != "." {
		return at.RemoveAll(c.Path)
	}
	return empty(at)
}

func move(at *os.Root, from, to string) error {
	if _, err := at.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil // it was moved before
	}
	if err := at.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	return at.Rename(from, to)
}

// empty removes what a directory holds.
func empty(at *os.Root) error {
	dir, err := at.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	for _, name := range names {
		err = errors.Join(err, at.RemoveAll(name))
	}
	return err
}

// Bind implements Disk. The sandbox belongs to its tasks, so nothing in it is trusted: every step goes through an
// os.Root that ends at the sandbox.
func (d *directory) Bind(_ context.Context, sandbox string, volumes []Volume) error {
	if len(volumes) == 0 {
		return nil
	}
	box, err := d.root.OpenRoot(sandbox)
	if err != nil {
		return err
	}
	defer box.Close()
	owner, err := ownerOf(box)
	if err != nil {
		return err
	}
	for _, v := range volumes {
		if err := d.bind(box, owner, v); err != nil {
			return fmt.Errorf("volume at %s: %w", v.At, err)
		}
	}
	return nil
}

// owner is a user and a group.
type owner struct{ uid, gid int }

func ownerOf(at *os.Root) (owner, error) {
	info, err := at.Lstat(".")
	if err != nil {
		return owner{}, err
	}
	return owning(info), nil
}

func owning(info fs.FileInfo) owner {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return owner{int(s.Uid), int(s.Gid)}
	}
	return owner{os.Geteuid(), os.Getegid()}
}

func (d *directory) bind(box *os.Root, to owner, v Volume) error {
	if !inSandbox(v.At) {
		return fmt.Errorf("it is not below the sandbox: %w", fault.ErrInvalid)
	}
	at, abs, err := d.within(v.Root)
	if err != nil {
		return err
	}
	defer at.Close()
	info, err := at.Lstat(v.Path)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory: %w", filepath.Join(abs, v.Path), fault.ErrInvalid)
	case owning(info) != to:
		if err := at.Lchown(v.Path, to.uid, to.gid); err != nil {
			return err
		}
	}
	if v.Mounted {
		return nil
	}
	clean := path.Clean(v.At)
	if err := makeWay(box, to, path.Dir(clean)); err != nil {
		return err
	}
	target := filepath.Join(abs, filepath.FromSlash(v.Path))
	err = box.Symlink(target, clean)
	if errors.Is(err, fs.ErrExist) {
		if there, _ := box.Readlink(clean); there == target {
			return nil
		}
		return fmt.Errorf("something else is there already: %w", fault.ErrConflict)
	}
	return err
}

// makeWay makes directories inside a sandbox, and gives those that it made to the sandbox's owner.
func makeWay(box *os.Root, to owner, dir string) error {
	if dir == "." {
		return nil
	}
	if err := makeWay(box, to, path.Dir(dir)); err != nil {
		return err
	}
	if err := box.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	if to.uid == os.Geteuid() && to.gid == os.Getegid() {
		return nil
	}
	return box.Lchown(dir, to.uid, to.gid)
}
