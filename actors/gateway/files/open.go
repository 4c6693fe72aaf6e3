package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/authorization"
)

// place is where a virtual path leads: a name below a directory that cannot be left. Close it.
type place struct {
	root *os.Root
	name string // without links, unless somebody has just put one there
}

func (p place) close() { p.root.Close() }

// locate finds what a virtual path means to somebody.
func (s *Service) locate(who authorization.Subject, virtual string) (place, error) {
	at, rest := s.find(virtual)
	if at == nil {
		return place{}, errNotFound
	}
	if at.may != nil && !at.may(who) {
		return place{}, errForbidden
	}
	root, base, err := at.open()
	if err != nil {
		return place{}, err
	}
	if !at.is.IsDir() {
		if rest != "" {
			root.Close()
			return place{}, errNotFound
		}
		return place{root, filepath.Base(at.host)}, nil
	}
	name, err := follow(root, base, rest)
	if err != nil {
		root.Close()
		if errors.Is(err, errOutside) {
			return place{}, invalid("'%s' is inaccessible.\n", virtual)
		}
		return place{}, notThere(err)
	}
	return place{root, name}, nil
}

// open opens the directory that is attached, or the one of the file that is. It is the very directory that was
// attached, or none: one that a task put in its place has another inode.
func (at *attachment) open() (root *os.Root, base string, err error) {
	dir := at.host
	if !at.is.IsDir() {
		dir = filepath.Dir(at.host)
	}
	if root, err = os.OpenRoot(dir); err != nil {
		return nil, "", notThere(err)
	}
	if !at.is.IsDir() {
		return root, dir, nil
	}
	info, err := root.Stat(".")
	if err != nil || !os.SameFile(info, at.is) {
		root.Close()
		return nil, "", errNotFound
	}
	return root, dir, nil
}

// maxLinks is the kernel's bound.
const maxLinks = 40

var errOutside = errors.New("leads outside")

// follow resolves links and dots below a root, as the kernel would if the root were all there is. It is only for
// finding the name: should the name change its meaning meanwhile, the Root still holds. Unlike a Root it follows
// absolute links that lead back into the directory, which is at base on this machine.
func follow(root *os.Root, base, name string) (string, error) {
	done, rest, links := ".", split(name), 0
	for len(rest) > 0 {
		next := rest[0]
		rest = rest[1:]
		if next == ".." {
			if done == "." {
				return "", errOutside
			}
			done = path.Dir(done)
			continue
		}
		at := path.Join(done, next)
		info, err := root.Lstat(at)
		if err != nil {
			return "", err
		}
		if info.Mode().Type() != fs.ModeSymlink {
			if len(rest) > 0 && !info.IsDir() {
				return "", syscall.ENOTDIR
			}
			done = at
			continue
		}
		if links++; links > maxLinks {
			return "", syscall.ELOOP
		}
		target, err := root.Readlink(at)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			inside, ok := below(base, target)
			if !ok {
				return "", errOutside
			}
			done, target = ".", inside
		}
		rest = append(split(target), rest...)
	}
	return done, nil
}

func split(name string) []string {
	return strings.FieldsFunc(strings.ReplaceAll("/"+name+"/", "/./", "/"), func(r rune) bool { return r == '/' })
}

// below cuts a directory off a path that begins with it.
func below(dir, name string) (rest string, ok bool) {
	if name == dir {
		return "", true
	}
	return strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// openFile opens a regular file or a directory and nothing else. The first descriptor cannot read and wakes no
// device, pipe or socket; the second is of the very thing that the first has shown to be harmless.
func (p place) openFile() (*os.File, fs.FileInfo, error) {
	look, err := p.root.OpenFile(p.name, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, nil, notThere(err)
	}
	defer look.Close()
	info, err := look.Stat()
	if err != nil {
		return nil, nil, notThere(err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, nil, invalid("Cannot read %s.\n", kindOf(info.Mode()))
	}
	f, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(int(look.Fd())), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, notThere(err)
	}
	return f, info, nil
}

func kindOf(m fs.FileMode) string {
	switch m.Type() {
	case fs.ModeSymlink:
		return "a link"
	case fs.ModeNamedPipe:
		return "a pipe"
	case fs.ModeSocket:
		return "a socket"
	}
	return "a device"
}

// refusal is an error with Mesos' status and body.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string {
	if r.text == "" {
		return map[int]string{403: "not allowed", 404: "no such file"}[r.status]
	}
	return strings.TrimSuffix(r.text, "\n")
}

// HTTPStatus is what the gateway answers with.
func (r *refusal) HTTPStatus() int { return r.status }

// Body is the answer's text, to the letter: empty for what is not there or not allowed.
func (r *refusal) Body() string { return r.text }

var (
	errNotFound  = &refusal{404, ""}
	errForbidden = &refusal{403, ""}
)

func invalid(format string, args ...any) error { return &refusal{400, fmt.Sprintf(format, args...)} }

// notThere is what becomes of an error of the file system: a name that cannot be is not there, and neither is what
// has just been taken away or swapped. What the machine itself failed at stays an error.
func notThere(err error) error {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return err
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOMEM):
		return err
	}
	return errNotFound
}
