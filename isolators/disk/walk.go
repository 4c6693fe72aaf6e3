package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/fault"
)

const (
	// mostOpen is how many directories of one path a walk holds open at once, however deep it goes.
	mostOpen = 64
	// mostEntries is where a walk gives up.
	mostEntries = 50_000_000
	// mostLinked is of how many files with several names a walk remembers that it has counted them.
	mostLinked = 1_000_000
)

// level is a directory on the way down. Those far above are closed, and opened again from below on the way back.
type level struct {
	fd     int // -1: closed
	ino    uint64
	off    int64  // where in the directory the walk goes on
	buffer []byte // what was read of it, and what of that is left to be looked at
	rest   []byte
}

// walk is one measurement of a tree that its owner changes meanwhile.
type walk struct {
	ctx     context.Context
	dev     uint64
	levels  []level
	open    int // the uppermost level that is open
	bytes   uint64
	entries int
	linked  map[uint64]struct{}
	spare   [][]byte
	each    func(fd int) error // what is done to every directory and file, which are open; nil: they are counted only
}

// Usage is how much of the disk everything in a directory takes, in bytes, as du(1) counts it: in blocks, a file with several names
// once, the directory itself included. It follows no link and stays on the directory's file system. Its memory and
// its descriptors are bounded whatever is in there. What goes while it looks is no error; the sum so far comes with every error.
func Usage(ctx context.Context, dir *os.File) (uint64, error) {
	w := &walk{ctx: ctx, linked: map[uint64]struct{}{}}
	if err := w.all(dir); err != nil {
		return w.bytes, fmt.Errorf("measure %s: %w", dir.Name(), err)
	}
	return w.bytes, nil
}

// Each does something to every directory and file in a directory, itself included, which are open while it does.
func Each(ctx context.Context, dir *os.File, do func(fd int) error) error {
	w := &walk{ctx: ctx, linked: map[uint64]struct{}{}, each: do}
	return w.all(dir)
}

func (w *walk) all(dir *os.File) error {
	defer w.close()
	if err := w.enter(int(dir.Fd()), "."); err != nil {
		return err
	}
	for len(w.levels) > 0 {
		if err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) close() {
	for _, l := range w.levels {
		if l.fd >= 0 {
			_ = unix.Close(l.fd)
		}
	}
}

func (w *walk) top() *level { return &w.levels[len(w.levels)-1] }

// enter goes down into a directory. One of another file system, or one that has gone, is passed over.
func (w *walk) enter(at int, name string) error {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if passing(err) && len(w.levels) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		_ = unix.Close(fd)
		return err
	}
	if len(w.levels) == 0 {
		w.dev = s.Dev
	} else if s.Dev != w.dev {
		return unix.Close(fd)
	}
	if w.each != nil {
		if err := w.each(fd); err != nil {
			_ = unix.Close(fd)
			return err
		}
	}
	w.bytes += uint64(s.Blocks) * 512
	w.levels = append(w.levels, level{fd: fd, ino: s.Ino})
	if len(w.levels)-w.open > mostOpen {
		far := &w.levels[w.open]
		_ = unix.Close(far.fd)
		w.free(far)
		far.fd = -1
		w.open++
	}
	return nil
}

// leave goes up. Whoever owns the tree may have moved a directory elsewhere, and then the way back leads elsewhere too.
func (w *walk) leave() error {
	n := len(w.levels) - 1
	from := w.levels[n]
	w.free(&w.levels[n])
	w.levels = w.levels[:n]
	defer unix.Close(from.fd)
	if n == 0 || w.levels[n-1].fd >= 0 {
		return nil
	}
	fd, err := unix.Openat(from.fd, "..", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil || s.Ino != w.levels[n-1].ino || s.Dev != w.dev {
		_ = unix.Close(fd)
		return fmt.Errorf("a directory was moved meanwhile: %w", errors.Join(err, fault.ErrConflict))
	}
	w.levels[n-1].fd, w.open = fd, n-1
	_, err = unix.Seek(fd, w.levels[n-1].off, unix.SEEK_SET)
	return err
}

// free takes the buffer of a directory for the next one.
func (w *walk) free(l *level) {
	if l.buffer != nil {
		w.spare = append(w.spare, l.buffer)
	}
	l.buffer, l.rest = nil, nil
}

// read reads on in a directory; false: there is no more.
func (w *walk) read(l *level) (more bool, err error) {
	if l.buffer == nil {
		if n := len(w.spare); n > 0 {
			l.buffer, w.spare = w.spare[n-1], w.spare[:n-1]
		} else {
			l.buffer = make([]byte, 16<<10)
		}
	}
	n, err := unix.Getdents(l.fd, l.buffer)
	if passing(err) {
		return false, nil
	}
	if err != nil || n <= 0 {
		return false, err
	}
	l.rest = l.buffer[:n]
	return true, nil
}

// step goes on in the lowest directory, up to one in it that is entered, or up again at its end.
func (w *walk) step() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	l := w.top()
	if len(l.rest) == 0 {
		if more, err := w.read(l); err != nil || !more {
			return errors.Join(err, w.leave())
		}
	}
	for len(l.rest) > 0 {
		e := parse(l.rest)
		l.rest, l.off = l.rest[e.length:], e.next
		if e.name == "." || e.name == ".." {
			continue
		}
		if w.entries++; w.entries > mostEntries {
			return fmt.Errorf("it has more than %d entries: %w", mostEntries, fault.ErrUnavailable)
		}
		if entered, err := w.count(l.fd, e); err != nil || entered {
			return err
		}
	}
	return nil
}

// count adds what an entry takes, or enters it.
func (w *walk) count(at int, e entry) (entered bool, err error) {
	if e.kind == unix.DT_DIR {
		return w.descend(at, e.name)
	}
	var s unix.Stat_t
	if err := unix.Fstatat(at, e.name, &s, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		if passing(err) {
			err = nil
		}
		return false, err
	}
	if s.Mode&unix.S_IFMT == unix.S_IFDIR {
		return w.descend(at, e.name)
	}
	if w.each != nil && s.Mode&unix.S_IFMT == unix.S_IFREG && s.Dev == w.dev {
		return false, w.file(at, e.name)
	}
	if s.Nlink > 1 {
		if _, counted := w.linked[s.Ino]; counted {
			return false, nil
		}
		if len(w.linked) < mostLinked {
			w.linked[s.Ino] = struct{}{}
		}
	}
	w.bytes += uint64(s.Blocks) * 512
	return false, nil
}

// file does what is done to a file that is still one.
func (w *walk) file(at int, name string) error {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if passing(err) || errors.Is(err, unix.ENXIO) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil || s.Mode&unix.S_IFMT != unix.S_IFREG {
		return err
	}
	return w.each(fd)
}

func (w *walk) descend(at int, name string) (bool, error) {
	before := len(w.levels)
	err := w.enter(at, name)
	return len(w.levels) > before, err
}

// passing are errors of what has just gone, turned into something else, or may not be looked at.
func passing(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)
}

// entry is a linux_dirent64.
type entry struct {
	next   int64
	length int
	kind   byte
	name   string
}

func parse(b []byte) entry {
	e := entry{next: int64(binary.NativeEndian.Uint64(b[8:])), length: int(binary.NativeEndian.Uint16(b[16:])), kind: b[18]}
	e.name, _, _ = strings.Cut(string(b[19:e.length]), "\x00")
	return e
}
