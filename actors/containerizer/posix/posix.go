// Package posix runs containers as plain processes: each in a session of its own, as the user that was asked
// for, found again and ended as a whole through /proc. It is an edge: it owns goroutines and talks to the kernel.
//
// What belongs to a container is decided from one look at /proc (tree.go): the descendants of its first process,
// whoever is in their sessions and process groups, and whoever carries its id in the environment. The last one
// finds a daemon that left its parents and its session behind, even after the agent that started it is gone.
package posix

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/containerizer"
)

// Launcher is a containerizer.Launcher on Linux processes.
type Launcher struct {
	// subreaper: orphans below this process become its children, and all of its descendants are one container.
	subreaper bool
	looks     looks

	mu       sync.Mutex // also held from fork to registration, so that no exit is reaped before it is expected
	children map[int]*child
}

// child is a process that this Launcher started, until its container is destroyed.
type child struct {
	start uint64
	reaps bool          // see containerizer.Spec
	ended chan struct{} // closed when exit is set
	exit  containerizer.Exit
}

// New is for an agent: each container is on its own, and its processes outlive this one.
//
// Files that this process itself inherited open are marked to be closed in what it starts: what Go opens is
// marked already, but whoever started this process may have been less careful, and a container must not get hold of it.
func New() *Launcher {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // a kernel before 5.11 lacks it: as before then
	return &Launcher{children: map[int]*child{}}
}

// NewSubreaper is for an executor with one container: what its command leaves behind becomes a child of this
// process, so nothing escapes Destroy, which ends every descendant of this process. No other part of the process
// may start children.
func NewSubreaper() (*Launcher, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the reaper of orphans: %w", err)
	}
	l := New()
	l.subreaper = true
	// Before anything is started: of a child that ends before somebody listens nobody would ever hear.
	news := make(chan os.Signal, 1)
	signal.Notify(news, syscall.SIGCHLD)
	go l.reapAll(news)
	return l, nil
}

// Launch implements containerizer.Launcher.
func (l *Launcher) Launch(_ context.Context, spec containerizer.Spec) (containerizer.Process, error) {
	path, err := lookPath(spec.Path, spec.Env, spec.Dir)
	if err != nil {
		return containerizer.Process{}, err
	}
	credential, owner, err := identity(spec.User)
	if err != nil {
		return containerizer.Process{}, err
	}
	streams, err := l.streams(spec, credential, owner)
	if err != nil {
		return containerizer.Process{}, err
	}
	defer streams.close()
	attr := &syscall.ProcAttr{
		Dir:   spec.Dir,
		Env:   append(append([]string(nil), spec.Env...), containerizer.CookieVariable+"="+spec.ContainerID),
		Files: streams.fds(),
		Sys:   &syscall.SysProcAttr{Setsid: true, Credential: credential},
	}
	pid, start, err := l.fork(path, spec.Argv, spec.Reaps, attr)
	if err != nil {
		return containerizer.Process{}, fmt.Errorf("run %s in %s: %w", path, spec.Dir, err)
	}
	return containerizer.Process{ContainerID: spec.ContainerID, PID: pid, StartTicks: start}, nil
}

// fork starts the program and expects its end. The start time is read before anything can reap the process, so
// it is there to be read even if the program has ended already.
func (l *Launcher) fork(path string, argv []string, reaps bool, attr *syscall.ProcAttr) (int, uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return 0, 0, err
	}
	s, err := readStat(pid)
	if err != nil {
		return 0, 0, err
	}
	c := &child{start: s.start, reaps: reaps, ended: make(chan struct{})}
	l.children[pid] = c
	if !l.subreaper {
		go reap(pid, c)
	}
	return pid, s.start, nil
}

// Recover implements containerizer.Launcher. It keeps nothing of what it has launched, so it knows nobody to destroy.
func (l *Launcher) Recover(ctx context.Context, want []containerizer.Process) ([]containerizer.Process, error) {
	return l.Find(ctx, want)
}

// Find implements containerizer.Launcher.
func (l *Launcher) Find(ctx context.Context, want []containerizer.Process) ([]containerizer.Process, error) {
	if len(want) == 0 {
		return nil, nil
	}
	t, err := l.looks.take(ctx)
	if err != nil {
		return nil, err
	}
	var found []containerizer.Process
	for _, p := range want {
		members := t.members(p, everyCookie, l.knows(p))
		if len(members) == 0 {
			continue
		}
		found = append(found, containerizer.Process{ContainerID: p.ContainerID})
		if first := firstOf(p, members); first != nil {
			last := &found[len(found)-1]
			last.PID, last.StartTicks = first.pid, first.start
		}
	}
	return found, nil
}

// firstOf is the container's first process among its members: the one that was written down, or when none was,
// the oldest leader of a session, because Launch makes the first process one.
func firstOf(p containerizer.Process, members []*stat) *stat {
	var first *stat
	for _, m := range members {
		if p.PID != 0 {
			if m.pid == p.PID && m.start == p.StartTicks {
				return m
			}
			continue
		}
		if m.session == m.pid && (first == nil || m.start < first.start) {
			first = m
		}
	}
	return first
}

// Signal implements containerizer.Launcher.
func (l *Launcher) Signal(ctx context.Context, p containerizer.Process, sig syscall.Signal) error {
	t, err := l.looks.take(ctx)
	if err != nil {
		return err
	}
	for _, m := range l.membersOf(t, p) {
		if h, ok := hold(m); ok {
			h.signal(sig)
			h.close()
		}
	}
	return nil
}

// membersOf is everybody in the container.
func (l *Launcher) membersOf(t *table, p containerizer.Process) []*stat {
	if l.subreaper {
		return t.descendants(os.Getpid())
	}
	return t.members(p, everyCookie, l.knows(p))
}

// knows tells whether this Launcher started the process and has not destroyed it: its number is not free long
// enough to have been given out again.
func (l *Launcher) knows(p containerizer.Process) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.children[p.PID]
	return c != nil && c.start == p.StartTicks
}
