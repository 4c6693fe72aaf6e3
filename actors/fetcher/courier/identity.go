package courier

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// identity is whom files are read and written as; nil for the agent itself.
type identity struct {
	uid, gid int
	groups   []uint32
}

// identify finds a user. An agent that may not change users acts as itself, as in Mesos.
func identify(name string) (*identity, error) {
	if name == "" {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("no user %q on this machine", name)
	}
	who := &identity{}
	if who.uid, err = strconv.Atoi(u.Uid); err != nil {
		return nil, err
	}
	if who.gid, err = strconv.Atoi(u.Gid); err != nil {
		return nil, err
	}
	if who.uid == os.Geteuid() || os.Geteuid() != 0 {
		return nil, nil
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of user %q: %w", name, err)
	}
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			who.groups = append(who.groups, uint32(n))
		}
	}
	return who, nil
}

// do runs f with the rights of the user: on a thread of its own, which the kernel takes for the user's in everything
// that has to do with files, and which ends with f. The network is the agent's.
func (who *identity) do(f func() error) error {
	if who == nil {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: nobody else gets this thread
		if err := who.become(); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// become changes the calling thread, and makes sure of it. The order matters: without uid 0 the others are refused.
func (who *identity) become() error {
	groups := who.groups
	if len(groups) == 0 {
		groups = []uint32{uint32(who.gid)}
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
		return fmt.Errorf("take the groups of user %d: %w", who.uid, errno)
	}
	_, _ = unix.SetfsgidRetGid(who.gid)
	_, _ = unix.SetfsuidRetUid(who.uid)
	// They do not report failure; asked again they tell what is.
	gid, _ := unix.SetfsgidRetGid(-1)
	uid, _ := unix.SetfsuidRetUid(-1)
	if uid != who.uid || gid != who.gid {
		return fmt.Errorf("cannot act as user %d: the kernel says %d:%d", who.uid, uid, gid)
	}
	return nil
}

// own runs f on a thread that is still the agent's, for what belongs to the agent: the cache.
func own[T any](f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	r := <-done
	return r.v, r.err
}
