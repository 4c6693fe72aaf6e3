package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch/internal/birth"
	"github.com/meseta-io/meseta/messages/fault"
)

// passage is the step by which a process is born inside of namespaces that exist; nil where none is of a kind that needs
// it. Then the new ones are made from inside as well, so that they belong to the user namespace that was entered.
//
// A mount namespace is not among them: the process starts once more after the passage, and if this binary has a dynamic loader,
// that must be the machine's and not the one that a container put in its place. It is entered later, as it is without a passage.
func passage(plan *isolators.Plan) *birth.Step {
	if !slices.ContainsFunc(plan.Join, func(n isolators.Namespace) bool { return n.Kind&(unix.CLONE_NEWUSER|unix.CLONE_NEWPID) != 0 }) {
		return nil
	}
	join := slices.DeleteFunc(slices.Clone(plan.Join), func(n isolators.Namespace) bool { return n.Kind == unix.CLONE_NEWNS })
	// The machine's superuser may enter all, that of a user namespace what belongs to it: so the user namespace is the last one
	// for the first and the first one for everybody else.
	rank := func(n isolators.Namespace) int {
		if (n.Kind == unix.CLONE_NEWUSER) == (os.Geteuid() == 0) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(join, func(a, b isolators.Namespace) int { return rank(a) - rank(b) })
	s := &birth.Step{Op: birth.Enter}
	for _, n := range join {
		s.S, s.N = append(s.S, n.Path), append(s.N, uint64(n.Kind))
	}
	s.N = append(s.N, uint64(atBirth(plan)))
	for _, n := range join {
		s.N = append(s.N, n.Inode)
	}
	return s
}

// atBirth are the namespaces that a process is born in. That of control groups is made when it is in its groups.
func atBirth(plan *isolators.Plan) uintptr { return plan.Namespaces &^ unix.CLONE_NEWCGROUP }

// pass sends the process through the passage. Several processes come of it, all children of ours: the one that was started,
// those that went, and the one that was born there, which is the container's.
func (b *newborn) pass(s *birth.Step) error {
	defer reap(b.pid)
	_ = unix.Close(b.pidfd)
	b.pidfd = -1
	_, err := b.plan.Write(birth.Encode([]birth.Step{{Op: birth.Keyring}, *s}))
	for err == nil {
		var r birth.Report
		if r, err = b.hear(); err != nil {
			break
		}
		switch r.Step {
		case birth.Passing:
			defer reap(int(r.Errno))
		case birth.Born:
			b.pid = int(r.Errno)
			if b.pidfd, err = unix.PidfdOpen(b.pid, 0); err != nil {
				_ = unix.Kill(b.pid, unix.SIGKILL)
				defer reap(b.pid)
				return fmt.Errorf("hold the process that was born in %s: %w", names(s), err)
			}
			return nil
		default:
			return classed(r.Errno, "enter %s: %s", names(s), r.Detail)
		}
	}
	return fmt.Errorf("enter %s: the process that was to enter ended without a word; was it killed?: %w", names(s), errors.Join(fault.ErrUnavailable, err))
}

// hear one report. All but the last one have no detail.
func (b *newborn) hear() (birth.Report, error) {
	word := make([]byte, birth.WordBytes)
	if _, err := io.ReadFull(b.report, word); err != nil {
		return birth.Report{}, err
	}
	r, _ := birth.ReadReport(word)
	if r.Step == birth.Passing || r.Step == birth.Born {
		return r, nil
	}
	detail, err := io.ReadAll(io.LimitReader(b.report, 4096))
	r.Detail = string(detail)
	return r, err
}

func names(s *birth.Step) string {
	return fmt.Sprintf("the namespaces %q", s.S)
}

func reap(pid int) {
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}

// fromInside forks in a thread that is in the namespaces to be joined. They are the machine's own, which a process in a new
// user namespace may not enter any more. It has a session keyring of its own, because there it could not make one either: every
// container's superuser is the same user of the machine, and shares one small quota of keys. The thread is not used for anything
// else after it.
func fromInside(join []isolators.Namespace, fork func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		for _, n := range join {
			if err := enter(n); err != nil {
				done <- err
				return
			}
		}
		// Without a name, which the wrapper of golang.org/x/sys always gives.
		_, _, e := unix.Syscall(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0)
		if e == 0 || e == unix.ENOSYS || e == unix.EPERM || os.Geteuid() != 0 {
			done <- fork()
		} else {
			done <- classed(e, "a session keyring of its own")
		}
	}()
	return <-done
}

func enter(n isolators.Namespace) error {
	fd, err := unix.Open(n.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return classed(err, "the namespace %s", n.Path)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || n.Inode != 0 && st.Ino != n.Inode {
		return fmt.Errorf("the namespace %s is another one by now: %w", n.Path, fault.ErrConflict)
	}
	if err := unix.Setns(fd, int(n.Kind)); err != nil {
		return classed(err, "enter the namespace %s", n.Path)
	}
	return nil
}
