// Package beneath resolves names in directories that belong to others. Whoever owns a directory may turn any name in it into
// a link, a pipe or another directory between two looks, so the kernel is asked to open the whole path at once and to refuse to
// leave where it began (openat2(2) with RESOLVE_BENEATH, Linux 5.6). What comes back are descriptors that only stand for a
// place (O_PATH): opening a pipe or a device that way does nothing to it.
//
// It needs /proc at its usual place for what takes a path and no descriptor.
package beneath

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/fault"
)

// Supported says why this kernel cannot resolve names beneath a directory, or nil.
func Supported() error {
	f, err := Open("/", ".")
	if err != nil {
		return fmt.Errorf("the kernel does not resolve names beneath a directory (openat2: %w): use Linux 5.6 or newer: %w", err, fault.ErrInvalid)
	}
	return f.Close()
}

// Open finds a name below a directory of the machine. Links are followed as long as they stay below; one that leads out, and
// dot-dot that does, is fault.ErrDenied. What is not there is fault.ErrNotFound. The directory itself is trusted.
func Open(dir, name string) (*os.File, error) {
	d, err := directory(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return OpenAt(d, name)
}

// OpenAt is Open below a directory that is open.
func OpenAt(dir *os.File, name string) (*os.File, error) {
	return resolve(dir, name, unix.O_PATH, 0)
}

func directory(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, classed(dir, err)
	}
	return os.NewFile(uintptr(fd), dir), nil
}

// resolve opens a name with flags of open(2). A name that others move about just now makes the kernel give up with EAGAIN,
// which is tried again some times, not for ever: others may go on moving.
func resolve(dir *os.File, name string, flags uint64, mode uint64) (*os.File, error) {
	if strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0) {
		return nil, fmt.Errorf("%q is not a relative path: %w", name, fault.ErrInvalid)
	}
	if name == "" {
		name = "."
	}
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Mode: mode, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	for tries := 0; ; tries++ {
		fd, err := unix.Openat2(int(dir.Fd()), name, &how)
		if (errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)) && tries < 1000 {
			continue
		}
		if err != nil {
			return nil, classed(path.Join(dir.Name(), name), err)
		}
		return os.NewFile(uintptr(fd), path.Join(dir.Name(), name)), nil
	}
}

// classed says what a failure to find a name means.
func classed(name string, err error) error {
	switch {
	case errors.Is(err, unix.EXDEV):
		return fmt.Errorf("%s leads out of its directory: %w", name, fault.ErrDenied)
	case errors.Is(err, unix.ELOOP):
		return fmt.Errorf("%s: too many links, or one that is not followed: %w", name, fault.ErrDenied)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return fmt.Errorf("%s: %w: %w", name, err, fault.ErrNotFound)
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("%s: its names are moved about all the time: %w", name, fault.ErrConflict)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// Path is a name by which the calls that take no descriptor reach what is open, whatever becomes of its own name.
func Path(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }
