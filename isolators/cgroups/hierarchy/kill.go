package hierarchy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/fault"
)

// Kill kills every process in the group and below it, and returns when there is none. It wins against processes that fork
// while they are killed: Linux 5.14 kills a group at a stroke in version 2; elsewhere the group stands still meanwhile, where
// it can, and the killing goes on until nobody is left. A group that is gone has nobody in it.
func (g Group) Kill(ctx context.Context) error {
	err := g.kill(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("kill %s: %s: %w: %w", g, g.whoIsLeft(), err, fault.ErrUnavailable)
	}
	return err
}

func (g Group) kill(ctx context.Context) error {
	err := g.Write("cgroup.kill", "1")
	switch {
	case err == nil:
		return g.awaitEmpty(ctx)
	case gone(err) && !g.Exists():
		return nil
	}
	for round := 0; ; round++ {
		pids, err := g.killable()
		if err != nil || len(pids) == 0 {
			return err
		}
		if round > 0 {
			// Those are killed already and on their way out, or were born meanwhile.
			if err := rest(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		if err := g.killRound(ctx); err != nil {
			return err
		}
		if err := awaitEnd(ctx, pids); err != nil {
			return err
		}
	}
}

// killRound kills who is there now.
func (g Group) killRound(ctx context.Context) error {
	if !g.CanFreeze() {
		return g.Signal(unix.SIGKILL)
	}
	// One that hangs in the kernel keeps the group from standing still, but not the others from being killed.
	soon, cancel := context.WithTimeout(ctx, time.Second)
	_ = g.Freeze(soon)
	cancel()
	err := g.Signal(unix.SIGKILL)
	if thawed := g.Thaw(ctx); !gone(thawed) { // in version 1 a frozen process dies when it is thawed
		err = errors.Join(err, thawed)
	}
	return err
}

// killable are all processes but this one and the machine's first.
func (g Group) killable() ([]int, error) {
	pids, err := g.Processes()
	return slices.DeleteFunc(pids, func(pid int) bool { return pid == 1 || pid == os.Getpid() }), err
}

// awaitEnd waits until one of the processes has ended, at most for a moment: then it is time to look again who is there.
func awaitEnd(ctx context.Context, pids []int) error {
	for _, pid := range pids {
		if fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK); err == nil {
			return awaitExit(ctx, fd, 50*time.Millisecond)
		}
	}
	return ctx.Err()
}

// awaitExit waits for the end of the process of a descriptor, which it closes.
func awaitExit(ctx context.Context, fd int, atMost time.Duration) error {
	f := os.NewFile(uintptr(fd), "pidfd")
	defer f.Close()
	f.SetReadDeadline(time.Now().Add(atMost))
	stop := context.AfterFunc(ctx, func() { f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	_ = raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, 0)
		return err == nil && n > 0
	})
	return ctx.Err()
}

func rest(ctx context.Context, d time.Duration) error {
	pause := time.NewTimer(d)
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awaitEmpty waits until no process is in the group or below it; version 2 tells.
func (g Group) awaitEmpty(ctx context.Context) error {
	_, err := g.await(ctx, "cgroup.events", true, func(text string) bool { return says(text, "populated", "0") })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// whoIsLeft names processes and what they hang in, for somebody who has to look after them.
func (g Group) whoIsLeft() string {
	pids, _ := g.Processes()
	if len(pids) == 0 {
		return "processes of another pid namespace are left"
	}
	var names []string
	for _, pid := range pids[:min(len(pids), 5)] {
		names = append(names, fmt.Sprintf("%d (%s, state %s, in %s)", pid, proc(pid, "comm"), state(pid), proc(pid, "wchan")))
	}
	return fmt.Sprintf("%d processes are left: %s", len(pids), strings.Join(names, ", "))
}

func proc(pid int, file string) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if s := strings.TrimSpace(string(b)); err == nil && s != "" {
		return s
	}
	return "?"
}

// state is the letter after the name, which stands in brackets and may have any.
func state(pid int) string {
	stat := proc(pid, "stat")
	if i := strings.LastIndexByte(stat, ')'); i >= 0 && len(stat) > i+2 {
		return stat[i+2 : i+3]
	}
	return "?"
}
