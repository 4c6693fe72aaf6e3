package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/meseta-io/meseta/messages/fault"
)

// OpenDisk opens a work directory, making it when it is missing. It refuses one that cannot be written, in one
// sentence, before anything else is begun.
//
// Writes survive the end of the process, as those of Mesos do, but not a loss of power in the last seconds,
// which no process survives either: after a reboot the master is told that every task is gone. The agent's own
// identity survives that too.
func OpenDisk(dir string) (Disk, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("--work_dir=%s: %w", dir, err)
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return nil, fmt.Errorf("--work_dir=%s: cannot be made: %w", dir, cause(err))
	}
	if err := writable(abs); err != nil {
		return nil, fmt.Errorf("--work_dir=%s: cannot be written: %w", dir, cause(err))
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	return &directory{abs: abs, root: root}, nil
}

// writable tries to make a file. A full disk does not keep an agent from starting: it has executors to look after, and
// acknowledgements and removals make room.
func writable(dir string) error {
	probe, err := os.CreateTemp(dir, ".writable-")
	if full(err) {
		return nil
	}
	if err != nil {
		return err
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// cause is an error without the path that the sentence names already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// directory is the real Disk. Everything goes through an os.Root, which no path and no link leaves.
type directory struct {
	abs  string
	root *os.Root
}

// Apply implements Disk.
func (d *directory) Apply(_ context.Context, changes []Change) (int, error) {
	for done, c := range changes {
		err := d.apply(c)
		if err == nil && c.Durable {
			err = d.sync(c.Path)
		}
		if full(err) {
			return done, fmt.Errorf("write %s: %w: %w", filepath.Join(d.abs, c.Path), ErrFull, cause(err))
		}
		if err != nil {
			return done, fmt.Errorf("write %s: %w", filepath.Join(d.abs, c.Path), err)
		}
	}
	return len(changes), nil
}

// full tells whether there is no room for a write. A sync can say so too, where room is found only when data leaves
// memory.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// sync makes a file safe, and that it is where it is. The file of a link is what it names, which does no harm.
func (d *directory) sync(name string) error {
	for at := name; ; at = path.Dir(at) {
		f, err := d.root.Open(at)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		if at == "." {
			return nil
		}
	}
}

func (d *directory) apply(c Change) error {
	switch c.Kind {
	case Remove:
		return d.remove(c.Path)
	case Cut:
		f, err := d.root.OpenFile(c.Path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Truncate(c.Size), f.Close())
	case Prune:
		d.prune(c.Path)
		return nil
	case Make, Move, Clear:
		return d.volume(c)
	}
	err := d.write(c)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.root.MkdirAll(path.Dir(c.Path), 0o755); err != nil {
		return err
	}
	return d.write(c)
}

func (d *directory) write(c Change) error {
	switch c.Kind {
	case Put:
		return d.replace(c.Path, func(temporary string) error {
			return d.root.WriteFile(temporary, c.Data, 0o644)
		})
	case Link:
		return d.replace(c.Path, func(temporary string) error {
			_ = d.root.Remove(temporary) // of a write that was cut short
			return d.root.Symlink(string(c.Data), temporary)
		})
	case Append:
		return d.append(c.Path, c.Data)
	}
	return fmt.Errorf("change of kind %d: %w", c.Kind, fault.ErrInvalid)
}

// append takes back what a full disk let it write: what comes next would stand behind half a record.
func (d *directory) append(name string, data []byte) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	if n, wrote := f.Write(data); wrote != nil {
		err = wrote
		if size, at := f.Seek(0, io.SeekEnd); at == nil {
			at = f.Truncate(size - int64(n))
			if at != nil {
				err = fmt.Errorf("%v, and what was written of it cannot be taken back: %w", wrote, at)
			}
		}
	}
	return errors.Join(err, f.Close())
}

// remove deletes in the order of the names, so that it is known what is left when it is cut short: a task's updates
// never go before the task, which would look as if nothing had happened to it yet.
func (d *directory) remove(name string) error {
	info, err := d.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.IsDir() {
		err = d.empty(name)
	}
	if err != nil {
		return err
	}
	return d.root.RemoveAll(name)
}

func (d *directory) empty(name string) error {
	dir, err := d.root.Open(name)
	if err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	slices.Sort(names)
	for _, below := range names {
		if err != nil {
			break
		}
		err = d.remove(path.Join(name, below))
	}
	return err
}

// replace makes the new thing aside and moves it into place, so that nobody ever sees half of it. Writes come
// one call at a time, so the name aside is free.
func (d *directory) replace(name string, make func(temporary string) error) error {
	temporary := name + ".new"
	if err := make(temporary); err != nil {
		_ = d.root.Remove(temporary) // it takes room
		return err
	}
	return d.root.Rename(temporary, name)
}

// Read implements Disk.
func (d *directory) Read(_ context.Context, name string) ([]byte, error) {
	data, err := d.root.ReadFile(name)
	return data, d.wrap(name, err)
}

// ReadAt implements Disk.
func (d *directory) ReadAt(_ context.Context, name string, offset int64, length int) ([]byte, int64, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, 0, d.wrap(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.IsDir() {
		return nil, 0, fmt.Errorf("%s is a directory: %w", name, fault.ErrInvalid)
	}
	size := info.Size()
	if length = int(min(int64(length), size-offset)); length <= 0 {
		return nil, size, nil
	}
	data := make([]byte, length)
	n, err := f.ReadAt(data, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	return data[:n], size, nil
}

// open does not wait: a task may put a pipe where a file was, and reading it would block for ever. Below a
// sandbox no link leads out of that sandbox, though it would stay in the work directory.
func (d *directory) open(name string) (*os.File, error) {
	box, rest, ok := cutSandbox(name)
	if !ok {
		return d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	root, err := d.root.OpenRoot(box)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(rest, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// cutSandbox splits slaves/A/frameworks/F/executors/E/runs/C/rest before the rest.
func cutSandbox(name string) (box, rest string, ok bool) {
	parts := strings.Split(name, "/")
	const depth = 8
	if len(parts) <= depth || parts[0] != "slaves" {
		return "", "", false
	}
	return path.Join(parts[:depth]...), path.Join(parts[depth:]...), true
}

// List implements Disk.
func (d *directory) List(_ context.Context, name string) ([]File, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, d.wrap(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []File{file(info)}, nil
	}
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	files := make([]File, 0, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // else it was removed meanwhile
			files = append(files, file(info))
		}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

func file(info fs.FileInfo) File {
	f := File{Name: info.Name(), Size: info.Size(), Mode: info.Mode(), Modified: info.ModTime(), Links: 1}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		f.Links = int(s.Nlink)
		f.User, f.Group = strconv.Itoa(int(s.Uid)), strconv.Itoa(int(s.Gid))
		if u, err := user.LookupId(f.User); err == nil {
			f.User = u.Username
		}
		if g, err := user.LookupGroupId(f.Group); err == nil {
			f.Group = g.Name
		}
	}
	return f
}

// Sandbox implements Disk.
func (d *directory) Sandbox(_ context.Context, name, owner string) (string, error) {
	if err := d.root.MkdirAll(name, 0o755); err != nil {
		return "", err
	}
	abs := filepath.Join(d.abs, filepath.FromSlash(name))
	if owner == "" {
		return abs, nil
	}
	u, err := user.Lookup(owner)
	if err != nil {
		return "", fmt.Errorf("no user %q on this machine: %w", owner, fault.ErrNotFound)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return "", err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return "", err
	}
	if uid == os.Geteuid() {
		return abs, nil
	}
	// Others may not read it: what a task writes is its user's, as in Mesos.
	if err := d.root.Chmod(name, 0o750); err != nil {
		return "", err
	}
	return abs, d.root.Lchown(name, uid, gid)
}

func (d *directory) wrap(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, fault.ErrNotFound)
	}
	return err
}
