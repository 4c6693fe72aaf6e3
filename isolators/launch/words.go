package launch

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/launch/internal/birth"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// failed says what a process reported of a step.
func (s *steps) failed(r birth.Report) error {
	if int(r.Step) >= len(s.list) {
		return fmt.Errorf("the container's process could not read its steps; were they more than %d bytes?: %w", birth.MaxBytes, fault.ErrInvalid)
	}
	step, what := s.list[r.Step], s.what[r.Step]
	if r.Detail != "" && !strings.Contains(what, r.Detail) {
		what += ": " + r.Detail
	}
	if step.Op == birth.Exec {
		return program(what, step, r.Errno)
	}
	return classed(r.Errno, "%s", what)
}

// program says why one does not run, which is the failure that users see most.
func program(what string, step birth.Step, errno syscall.Errno) error {
	switch errno {
	case syscall.ENOENT:
		if step.N[0] > 1 {
			return fmt.Errorf("%s: command not found in any of %q: %w", what, step.S[:step.N[0]], fault.ErrNotFound)
		}
		return fmt.Errorf("%s: there is no such file in the container, or the interpreter that it names is not there: %w", what, fault.ErrNotFound)
	case syscall.EACCES:
		return fmt.Errorf("%s: it is not executable for the container's user, or its file system is mounted noexec: %w", what, fault.ErrDenied)
	case syscall.ENOEXEC:
		return fmt.Errorf("%s: it is neither a program for this machine nor a script that begins with #!: %w", what, fault.ErrInvalid)
	case syscall.E2BIG:
		return fmt.Errorf("%s: its arguments and environment are larger than the kernel allows: %w", what, fault.ErrInvalid)
	}
	return classed(errno, "%s", what)
}

// classed is an error of the kernel with what it was about, and what the caller can do.
func classed(err error, about string, args ...any) error {
	class, remedy := fault.ErrInvalid, ""
	var errno syscall.Errno
	if errors.As(err, &errno) {
		switch errno {
		case unix.EPERM, unix.EACCES:
			class, remedy = fault.ErrDenied, "; the agent lacks the right: run it as root with all capabilities"
		case unix.ENOSYS:
			class, remedy = fault.ErrUnsupported, "; Linux 5.12 or newer is needed"
		case unix.ENOENT, unix.ESRCH:
			class = fault.ErrNotFound
		case unix.EAGAIN, unix.ENOMEM, unix.ENOSPC, unix.EMFILE, unix.ENFILE, unix.EDQUOT:
			class, remedy = fault.ErrUnavailable, "; a limit of the machine or of the control group is reached"
		}
	}
	return fmt.Errorf("%s: %w%s: %w", fmt.Sprintf(about, args...), err, remedy, class)
}

var kindNames = []struct {
	kind uintptr
	name string
}{
	{unix.CLONE_NEWNS, "mount"}, {unix.CLONE_NEWPID, "pid"}, {unix.CLONE_NEWIPC, "ipc"}, {unix.CLONE_NEWUTS, "uts"},
	{unix.CLONE_NEWNET, "network"}, {unix.CLONE_NEWUSER, "user"}, {unix.CLONE_NEWCGROUP, "cgroup"},
}

const everyKind = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNET | unix.CLONE_NEWUSER | unix.CLONE_NEWCGROUP

func kinds(flags uintptr) string {
	var names []string
	for _, k := range kindNames {
		if flags&k.kind != 0 {
			names = append(names, k.name)
		}
	}
	if names == nil {
		return "no namespaces"
	}
	return strings.Join(names, ", ") + " namespaces"
}

var rlimitNames = []string{"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"}

func rlimitName(kind int) string {
	if kind < 0 || kind >= len(rlimitNames) {
		return strconv.Itoa(kind)
	}
	return "RLIMIT_" + rlimitNames[kind]
}

func limit(n uint64) string {
	if n == ^uint64(0) {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

func capNames(set uint64) string {
	var names []string
	for c := range 64 {
		if set&(1<<c) != 0 {
			names = append(names, mesospb.CapabilityInfo_Capability(c+int(mesospb.CapabilityInfo_CHOWN)).String())
		}
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// lastCapability that the kernel knows. Those beyond it cannot be dropped, nor gained.
var lastCapability = sync.OnceValue(func() int {
	b, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return unix.CAP_LAST_CAP
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n < 0 || n > 63 {
		return unix.CAP_LAST_CAP
	}
	return n
})
