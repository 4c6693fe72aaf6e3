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

// Owner is to whom something new is given. Its zero value is root.
type Owner struct{ UID, GID int }

// OwnerOf is to whom something that is open belongs.
func OwnerOf(f *os.File) (Owner, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return Owner{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return Owner{int(s.Uid), int(s.Gid)}, nil
}

// MakeDir finds a directory below another one and makes what is missing on the way, as the owner's; made is whether the last
// part is new. What was there stays as it was. Something else than a directory on the way is fault.ErrConflict.
func MakeDir(dir *os.File, name string, to Owner) (f *os.File, made bool, err error) {
	f, err = dup(dir)
	for _, part := range parts(name) {
		if err != nil {
			return nil, false, err
		}
		var next *os.File
		next, made, err = child(dir, f, part, to)
		f.Close()
		f = next
	}
	return f, made, err
}

// MakeFile finds a name below a directory, or makes an empty file there and the directories on the way.
func MakeFile(dir *os.File, name string, to Owner) (f *os.File, made bool, err error) {
	if f, err = OpenAt(dir, name); !errors.Is(err, fault.ErrNotFound) {
		return f, false, err
	}
	clean := path.Clean(name)
	at, _, err := MakeDir(dir, path.Dir(clean), to)
	if err != nil {
		return nil, false, err
	}
	defer at.Close()
	// O_EXCL follows no link and opens nothing that somebody else has put there.
	f, err = resolve(at, path.Base(clean), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW, 0o644)
	if errors.Is(err, unix.EEXIST) {
		return nil, false, fmt.Errorf("%s: something else came there meanwhile: %w", path.Join(dir.Name(), name), fault.ErrConflict)
	}
	if err == nil {
		err = give(f, to)
	}
	return f, err == nil, err
}

func parts(name string) (list []string) {
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		if part != "." && part != "" {
			list = append(list, part)
		}
	}
	return list
}

func dup(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// child is a directory in another one, made when it is missing. A link is not followed when something new is made:
// the directories on the way to it could be anywhere.
func child(root, at *os.File, name string, to Owner) (*os.File, bool, error) {
	if name == ".." {
		return nil, false, fmt.Errorf("%s leads out of its directory: %w", path.Join(root.Name(), name), fault.ErrDenied)
	}
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW
	f, err := resolve(at, name, flags, 0)
	if !errors.Is(err, fault.ErrNotFound) {
		return f, false, err
	}
	if err := unix.Mkdirat(int(at.Fd()), name, 0o755); errors.Is(err, unix.EEXIST) {
		// It is not a directory: a link, a file, a pipe. Or somebody else made one just now.
		if f, err := resolve(at, name, flags, 0); err == nil {
			return f, false, nil
		}
		return nil, false, fmt.Errorf("%s: something that is not a directory is there: %w", path.Join(at.Name(), name), fault.ErrConflict)
	} else if err != nil {
		return nil, false, fmt.Errorf("make %s: %w", path.Join(at.Name(), name), err)
	}
	if f, err = resolve(at, name, flags, 0); err == nil {
		err = give(f, to)
	}
	return f, true, err
}

// give hands something new over, unless it is its owner's already.
func give(f *os.File, to Owner) error {
	if is, err := OwnerOf(f); err != nil || is == to {
		return err
	}
	if err := unix.Fchownat(int(f.Fd()), "", to.UID, to.GID, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("give %s to %d:%d: %w", f.Name(), to.UID, to.GID, err)
	}
	return nil
}

// Give changes the owner of what is open, and of nothing else.
func Give(f *os.File, to Owner) error { return give(f, to) }
