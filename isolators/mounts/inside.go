package mounts

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

// Supported says why this kernel cannot move mounts between namespaces, or nil.
func Supported() error {
	// Without a tree there is nothing to set: a kernel that knows the call says EBADF.
	if err := unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err == unix.EBADF {
		return nil
	}
	return fmt.Errorf("the kernel cannot move mounts between namespaces (mount_setattr): use Linux 5.12 or newer: %w", fault.ErrInvalid)
}

// Inside runs f on a thread of its own that has entered a mount namespace: the paths in f are those of its processes.
// The agent's own is refused, because what is done inside is meant for nobody else.
func Inside(ns isolators.Namespace, f func() error) error {
	into, err := open(ns)
	if err != nil {
		return err
	}
	defer into.Close()
	done := make(chan error, 1)
	go visit(into, f, done)
	return <-done
}

func open(ns isolators.Namespace) (*os.File, error) {
	into, err := os.Open(ns.Path)
	if err != nil {
		return nil, err
	}
	var that, own unix.Stat_t
	err = unix.Fstat(int(into.Fd()), &that)
	if err == nil {
		err = unix.Stat("/proc/self/ns/mnt", &own)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("%s: %w", ns.Path, err)
	case ns.Inode != 0 && that.Ino != ns.Inode:
		err = fmt.Errorf("%s is another namespace than the container's, which has ended: %w", ns.Path, fault.ErrNotFound)
	case that.Ino == own.Ino && that.Dev == own.Dev:
		err = fmt.Errorf("%s is the agent's own mount namespace: %w", ns.Path, fault.ErrDenied)
	}
	if err != nil {
		into.Close()
		return nil, err
	}
	return into, nil
}

// visit never gives its thread back: it ends with the goroutine. So a program that calls it starts no process that is to die
// with its parent (PR_SET_PDEATHSIG), which the kernel takes to be a thread. The main thread is what /proc shows as the agent, so it
// stays at home, and another one goes.
func visit(into *os.File, f func() error, done chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		other := make(chan error, 1)
		go visit(into, f, other)
		done <- <-other
		runtime.UnlockOSThread()
		return
	}
	err := unix.Unshare(unix.CLONE_FS)
	if err == nil {
		err = unix.Setns(int(into.Fd()), unix.CLONE_NEWNS)
	}
	if err != nil {
		err = fmt.Errorf("enter %s: %w", into.Name(), err)
	} else {
		err = f()
	}
	done <- err
}
