package posix

import (
	"os"
	"syscall"

	"github.com/meseta-io/meseta/actors/containerizer"
)

// Identity is who a user's name stands for: what the kernel needs to run something as him. Nil: the caller himself.
func Identity(name string) (*syscall.Credential, error) {
	credential, _, err := identity(name)
	return credential, err
}

// Streams opens the three standard files of a container, or starts its logger and opens the pipes to it. Files belong to the
// container's user. The caller closes them.
func (l *Launcher) Streams(spec containerizer.Spec, credential *syscall.Credential) ([]*os.File, error) {
	var o *owner
	if credential != nil {
		o = &owner{int(credential.Uid), int(credential.Gid)}
	}
	return l.streams(spec, credential, o)
}

// Await waits until a process has ended that somebody else has started, or cancelled is closed. One that is gone, or whose pid
// was given to somebody else, has ended.
func Await(p containerizer.Process, cancelled <-chan struct{}) { _ = awaitOther(p, cancelled) }

// Alive tells whether the process is there and not only waits to be waited for.
func Alive(p containerizer.Process) bool {
	s, err := readStat(p.PID)
	return err == nil && s.start == p.StartTicks && !s.dead()
}

// Send sends a signal to one process; one that is gone is no error.
func Send(p containerizer.Process, sig syscall.Signal) {
	if p.PID == 0 {
		return
	}
	if h, ok := hold(&stat{pid: p.PID, start: p.StartTicks}); ok {
		h.signal(sig)
		h.close()
	}
}

// Started is a process by its number, as it is now.
func Started(pid int) (containerizer.Process, error) {
	s, err := readStat(pid)
	if err != nil {
		return containerizer.Process{}, err
	}
	return containerizer.Process{PID: pid, StartTicks: s.start}, nil
}
