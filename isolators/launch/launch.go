// Package launch carries out a Plan: it starts the first process of a container, and nothing of the agent reaches it but
// what the plan says. It is an edge.
//
// A container is born in two stages. Start clones a process into the control group and the new namespaces of the plan; it
// runs the agent's own binary again, taken over long before main by package birth, and waits at a pipe. Meanwhile isolators do
// to it what they have to. Go sends the steps of the plan and returns when the process has become the program, or with the
// step that failed and why. A process that nobody sends steps ends with its pipe: a crash between the two leaves nothing.
//
// What a container cannot get at:
//   - the agent's binary: it is run through a mount of its own that is nowhere and read-only, so that opening /proc/N/exe for
//     writing fails for everybody and for ever (sealed.go);
//   - the agent's descriptors: every one but the three streams closes when the program runs;
//   - the agent's environment, memory and keys: it is a new process with an environment and a session keyring of its own;
//   - what a link in its directory points to: targets of mounts, and what is masked, are opened below its root and used by
//     descriptor, never by name again.
//
// Linux 5.12 is needed where there are mounts, 5.7 where there is a unified hierarchy of control groups. Without root it
// does what a plan asks that needs none.
package launch

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch/internal/birth"
)

// Files are the streams of a container's first process; nil: the null device. The caller closes its own.
type Files struct {
	Stdin, Stdout, Stderr *os.File
	// Status is a file, open for writing, that gets the program's wait status as 4 bytes in the machine's order when it has
	// ended: with Plan.Init, because then the process that the agent can wait for is another one, which ends with 128 and the
	// number of the signal where the program was killed by one. It may be on a disk, where an agent finds it that did not start
	// the container. nil: nowhere.
	Status *os.File
}

// Start has the first process of a container born, which waits. Whoever started it calls Wait, whatever becomes of it.
// Errors have the class of what to do: fault.ErrInvalid to change the plan, ErrDenied to give the agent a right,
// ErrUnsupported to have a newer kernel.
func Start(plan *isolators.Plan, files Files) (*Child, error) {
	steps, err := compile(plan, os.Geteuid() == 0, files.Status != nil)
	if err != nil {
		return nil, err
	}
	b, err := conceive(plan, files)
	if err != nil {
		return nil, err
	}
	defer b.close()
	if err := b.fork(plan); err != nil {
		return nil, err
	}
	c := &Child{PID: b.pid, steps: steps, pidfd: b.pidfd, plan: b.plan, report: b.report}
	b.plan, b.report = nil, nil // the child's from now on
	if err := c.settle(plan); err != nil {
		c.Kill()
		_, _, _ = c.Wait()
		return nil, err
	}
	return c, nil
}

// newborn is what is open while a process is being born.
type newborn struct {
	exe, cgroup  *os.File
	null, init   *os.File
	status       *os.File
	plan, report *os.File // our ends
	theirs       []int
	streams      []uintptr
	pid, pidfd   int
}

func conceive(plan *isolators.Plan, files Files) (b *newborn, err error) {
	b = &newborn{pidfd: -1, status: files.Status}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.exe, err = image(plan); err != nil {
		return b, err
	}
	if plan.Init {
		if b.init, err = stayer(); err != nil {
			return b, err
		}
	}
	if plan.Cgroup != "" {
		fd, err := unix.Open(plan.Cgroup, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return b, classed(err, "the container's control group %s", plan.Cgroup)
		}
		b.cgroup = os.NewFile(uintptr(fd), plan.Cgroup)
	}
	if b.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return b, err
	}
	for _, f := range []*os.File{files.Stdin, files.Stdout, files.Stderr} {
		if f == nil {
			f = b.null
		}
		fd, err := raw(f)
		if err != nil {
			return b, err
		}
		b.streams = append(b.streams, fd)
	}
	var steps, report [2]int
	if err = syscall.Pipe2(steps[:], syscall.O_CLOEXEC); err != nil {
		return b, fmt.Errorf("a pipe for a container's steps: %w", err)
	}
	b.theirs, b.plan = append(b.theirs, steps[0]), pollable(steps[1], "steps")
	if err = syscall.Pipe2(report[:], syscall.O_CLOEXEC); err != nil {
		return b, fmt.Errorf("a pipe for a container's report: %w", err)
	}
	b.theirs, b.report = append(b.theirs, report[1]), pollable(report[0], "report")
	return b, nil
}

// raw is the descriptor of a file, which stays as it is: File.Fd would make it blocking for everybody.
func raw(f *os.File) (fd uintptr, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = c.Control(func(n uintptr) { fd = n })
	return fd, err
}

// pollable: whoever waits for it is a goroutine, not a thread.
func pollable(fd int, name string) *os.File {
	_ = syscall.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), name)
}

// fork makes the process. With namespaces to enter that need it the process is another one in the end.
func (b *newborn) fork(plan *isolators.Plan) error {
	files := append(b.streams[:len(b.streams):len(b.streams)], uintptr(b.theirs[0]), uintptr(b.theirs[1]))
	if b.init != nil {
		fd, err := raw(b.init)
		if err != nil {
			return err
		}
		files = append(files, fd)
	}
	if b.init != nil && b.status != nil {
		fd, err := raw(b.status)
		if err != nil {
			return err
		}
		files = append(files, fd)
	}
	attr := &syscall.ProcAttr{
		Env:   []string{birth.Marker + "=1", "GOGC=off", "GOMAXPROCS=1"},
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &b.pidfd},
	}
	if b.cgroup != nil {
		fd, err := raw(b.cgroup)
		if err != nil {
			return err
		}
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(fd)
	}
	passage := passage(plan)
	if passage == nil {
		attr.Sys.Cloneflags = atBirth(plan)
		users(attr.Sys, plan)
	}
	exe, err := raw(b.exe)
	if err != nil {
		return err
	}
	fork := func() error {
		b.pid, err = syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", exe), []string{birth.Name}, attr)
		if err != nil {
			return classed(err, "the first process of a container with new %s in the control group %q", kinds(plan.Namespaces), plan.Cgroup)
		}
		return nil
	}
	if passage == nil && plan.Namespaces&unix.CLONE_NEWUSER != 0 && (ownKeyring(plan) || len(plan.Join) > 0) {
		err = fromInside(plan.Join, fork)
	} else {
		err = fork()
	}
	for _, fd := range b.theirs {
		_ = syscall.Close(fd)
	}
	b.theirs = nil
	if err == nil && passage != nil {
		err = b.pass(passage)
	}
	return err
}

// users maps those of a new user namespace. The process starts as its superuser: a user that it has not would lose all
// capabilities when the binary is run.
func users(sys *syscall.SysProcAttr, plan *isolators.Plan) {
	if plan.Namespaces&unix.CLONE_NEWUSER == 0 {
		return
	}
	root := os.Geteuid() == 0
	for _, m := range plan.UIDs {
		sys.UidMappings = append(sys.UidMappings, syscall.SysProcIDMap{ContainerID: m.Inside, HostID: m.Outside, Size: m.Size})
	}
	for _, m := range plan.GIDs {
		sys.GidMappings = append(sys.GidMappings, syscall.SysProcIDMap{ContainerID: m.Inside, HostID: m.Outside, Size: m.Size})
	}
	// Without root the kernel wants setgroups to be off, or membership of a group that is meant to keep out could be given up.
	sys.GidMappingsEnableSetgroups = root
	sys.Credential = &syscall.Credential{NoSetGroups: !root}
}

func (b *newborn) close() {
	for _, f := range []*os.File{b.cgroup, b.null, b.plan, b.report} {
		if f != nil {
			_ = f.Close()
		}
	}
	for _, fd := range b.theirs {
		_ = syscall.Close(fd)
	}
}
