// Package netns makes network namespaces that last, and runs code in one. A namespace lasts because its file
// (/proc/…/ns/net) is mounted on a file of ours: it needs no process, and survives a restart of the agent.
//
// Threads enter namespaces, not processes. Do and New enter with a thread of their own and put it back; one that cannot be
// put back is never used again.
package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// self is the namespace of the calling thread. /proc/self would be that of the first thread.
const self = "/proc/thread-self/ns/net"

// New makes a network namespace whose only interface is lo, up, and mounts it on a new file. It returns the number by which
// the kernel tells namespaces apart.
func New(path string) (inode uint64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o400)
	if err != nil {
		return 0, fmt.Errorf("a place for a network namespace: %w", err)
	}
	f.Close()
	err = inside(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() error {
		if err := Up("lo"); err != nil {
			return fmt.Errorf("lo: %w", err)
		}
		return unix.Mount(self, path, "", unix.MS_BIND, "")
	})
	if err == nil {
		inode, err = Inode(path)
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("make a network namespace at %s: %w", path, err), Remove(path))
	}
	return inode, nil
}

// Adopt mounts the namespace of a process, as in /proc/7/ns/net, on a file where New's has been, unless it is the agent's own.
func Adopt(of, path string) (inode uint64, err error) {
	own, err := Inode("/proc/self/ns/net")
	if err == nil {
		inode, err = Inode(of)
	}
	switch {
	case err != nil:
		return 0, err
	case inode == own:
		return 0, fmt.Errorf("%s is the machine's network: %w", of, unix.EINVAL)
	}
	if err := unix.Mount(of, path, "", unix.MS_BIND, ""); err != nil {
		return 0, fmt.Errorf("mount %s on %s: %w", of, path, err)
	}
	return inode, nil
}

// Remove lets a namespace go that New made: it ends when nobody is in it any more. One that is not there is no error.
func Remove(path string) error {
	// Other mount namespaces may have copies of the mount. To unlink the file takes those away too.
	for {
		err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			break // nothing is mounted there any more
		}
		if err != nil {
			return fmt.Errorf("unmount the network namespace %s: %w", path, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Inode is the number of the namespace that a file stands for. It fails for a file that stands for none, as one is on
// which nothing is mounted any more.
func Inode(path string) (uint64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	if fs.Type != unix.NSFS_MAGIC {
		return 0, fmt.Errorf("%s is no namespace: %w", path, unix.ENOENT)
	}
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return s.Ino, nil
}

// Do runs f in the namespace of a file, such as one that New made or /proc/7/ns/net. What f opens there stays there: a socket
// belongs to the namespace that it was made in. f must not start goroutines that rely on the namespace.
func Do(path string, f func() error) error {
	to, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("network namespace %s: %w", path, err)
	}
	defer unix.Close(to)
	return inside(func() error {
		if err := unix.Setns(to, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter the network namespace %s: %w", path, err)
		}
		return nil
	}, f)
}

// inside enters and does something there on a thread of its own.
func inside(enter, do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		back, err := unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			runtime.UnlockOSThread()
			done <- err
			return
		}
		defer unix.Close(back)
		if err = enter(); err == nil {
			err = do()
		}
		// A thread that cannot return ends with this goroutine, because it stays locked.
		if unix.Setns(back, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// Up turns an interface on, in the namespace of the calling thread.
func Up(name string) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(s, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, request)
}
