package hierarchy

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/fault"
)

// A Group is the directory of a control group: an absolute path.
type Group string

// File is the path of one of the group's files.
func (g Group) File(name string) string { return string(g) + "/" + name }

// Below is a group in this one.
func (g Group) Below(names ...string) Group {
	return Group(filepath.Join(append([]string{string(g)}, names...)...))
}

// Exists tells whether there is such a group.
func (g Group) Exists() bool { return exists(string(g)) }

// Has tells whether the group has a file, which depends on its controllers and on the kernel.
func (g Group) Has(file string) bool { return exists(g.File(file)) }

func exists(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil
}

// Read is what is in one of the group's files, without the blank at its end. Where there is no such file, or no such group,
// it is of class fs.ErrNotExist.
func (g Group) Read(file string) (string, error) {
	b, err := Slurp(g.File(file), nil)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\n "), nil
}

// Slurp reads a file of the kernel's into a buffer, which grows where it is too small. It does without what os.ReadFile does
// for files that are unlike these, because a thousand containers have many thousands of them.
func Slurp(path string, into []byte) ([]byte, error) {
	fd, err := retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	into = into[:0]
	for {
		if cap(into)-len(into) < 512 {
			grown := make([]byte, len(into), max(4096, 2*cap(into)))
			copy(grown, into)
			into = grown
		}
		n, err := retry(func() (int, error) { return unix.Read(fd, into[len(into):cap(into)]) })
		switch {
		case err != nil:
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		case n == 0:
			return into, nil
		}
		into = into[:len(into)+n]
	}
}

// Write writes a value to one of the group's files. The kernel takes it with one call or not at all.
func (g Group) Write(file, value string) error {
	path := g.File(file)
	fd, err := retry(func() (int, error) { return unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return fmt.Errorf("write %q: %w", value, &fs.PathError{Op: "open", Path: path, Err: err})
	}
	defer unix.Close(fd)
	if _, err := retry(func() (int, error) { return unix.Write(fd, []byte(value)) }); err != nil {
		return fmt.Errorf("write %q: %w", value, &fs.PathError{Op: "write", Path: path, Err: err})
	}
	return nil
}

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// Uint reads a file with one number in it.
func (g Group) Uint(file string) (uint64, error) {
	s, err := g.Read(file)
	if err != nil {
		return 0, err
	}
	n, err := Number([]byte(s))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", g.File(file), err)
	}
	return n, nil
}

// Number is what a file with one number in it says; "max", which is version 2's word for none, is the largest.
func Number(text []byte) (uint64, error) {
	s := strings.TrimRight(string(text), "\n ")
	if s == "max" {
		return math.MaxUint64, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number: %w", s, fault.ErrUnsupported)
	}
	return n, nil
}

// Join puts a process with all its threads into the group.
func (g Group) Join(pid int) error {
	err := g.Write("cgroup.procs", strconv.Itoa(pid))
	if errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("put process %d into %s: it has ended: %w", pid, g, fault.ErrNotFound)
	}
	return err
}

// Holds tells whether a process is in the group itself.
func (g Group) Holds(pid int) bool {
	text, err := g.Read("cgroup.procs")
	if err != nil {
		return false
	}
	want := strconv.Itoa(pid)
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == want {
			return true
		}
	}
	return false
}

// Make makes the group, and those that it is in as far as they are missing.
func (g Group) Make() error {
	err := unix.Mkdir(string(g), 0o755)
	if above := Group(filepath.Dir(string(g))); err == unix.ENOENT && above != g && !above.Exists() {
		if err := above.Make(); err != nil {
			return err
		}
		err = unix.Mkdir(string(g), 0o755)
	}
	if err != nil && err != unix.EEXIST {
		return fmt.Errorf("make control group %s: %w", g, err)
	}
	return nil
}
