package hierarchy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Processes are those in the group and in all below it, in the order of their numbers. Those of a pid namespace that this
// process cannot see are left out, and so is a group that is gone.
func (g Group) Processes() ([]int, error) { return g.members("cgroup.procs") }

// Threads are those in the group and in all below it.
func (g Group) Threads() ([]int, error) {
	if g.Has("cgroup.threads") {
		return g.members("cgroup.threads")
	}
	return g.members("tasks")
}

func (g Group) members(file string) ([]int, error) {
	var found []int
	err := g.Walk(func(g Group) error {
		text, err := g.Read(file)
		switch {
		case gone(err):
			return nil
		case errors.Is(err, unix.EOPNOTSUPP): // of a threaded group the processes are told above it
			return nil
		case err != nil:
			return err
		}
		for line := range strings.FieldsSeq(text) {
			pid, err := strconv.Atoi(line)
			if err != nil {
				return fmt.Errorf("%s: %q is no process", g.File(file), line)
			}
			if pid > 0 {
				found = append(found, pid)
			}
		}
		return nil
	})
	slices.Sort(found)
	return slices.Compact(found), err // one that moved meanwhile was met twice
}

// Walk visits the group and all below it, what is deeper first. What is gone is passed over.
func (g Group) Walk(visit func(Group) error) error {
	entries, err := os.ReadDir(string(g))
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := g.Below(e.Name()).Walk(visit); err != nil {
			return err
		}
	}
	return visit(g)
}

// gone tells that a group was removed: before its file was opened, or after.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) }

// Signal sends a signal to every process in the group and below it. A process is looked at again once it is held by a
// descriptor, so that its number cannot have become somebody else's. This process itself and the machine's first one are
// never meant.
func (g Group) Signal(sig unix.Signal) error {
	pids, err := g.killable()
	if err != nil {
		return err
	}
	fds := make([]int, len(pids))
	for i, pid := range pids {
		// Without a descriptor (too many are open, or Linux is older than 5.3) it is in the group as far as anybody knows.
		if fds[i], err = unix.PidfdOpen(pid, 0); err != nil {
			fds[i] = -1
			continue
		}
		defer unix.Close(fds[i])
	}
	still, err := g.killable()
	if err != nil {
		return err
	}
	var errs []error
	for i, pid := range pids {
		if _, in := slices.BinarySearch(still, pid); !in {
			continue
		}
		if err := signal(fds[i], pid, sig); err != nil && err != unix.ESRCH {
			errs = append(errs, fmt.Errorf("send signal %d to process %d in %s: %w", sig, pid, g, err))
		}
	}
	return errors.Join(errs...)
}

func signal(fd, pid int, sig unix.Signal) error {
	if fd < 0 {
		return unix.Kill(pid, sig)
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}
