package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch/internal/birth"
	"github.com/meseta-io/meseta/messages/fault"
)

// Child is the first process of a container. Kill may be called at any time and from anywhere; Go and Wait once each.
type Child struct {
	// PID is its number as the agent sees it.
	PID int
	// StartTicks is when it began, in clock ticks since the machine's start: with the number it is one process for all time.
	StartTicks uint64

	steps        steps
	plan, report *os.File

	mu    sync.Mutex
	pidfd int // -1 when it was waited for
	end   *os.File
}

// settle learns what can only be learned of a living process, and gives it what it cannot take itself.
func (c *Child) settle(plan *isolators.Plan) error {
	var err error
	if c.StartTicks, err = startTicks(c.PID); err != nil {
		return fmt.Errorf("when process %d began: %w", c.PID, err)
	}
	if plan.OOMScore != nil {
		f := fmt.Sprintf("/proc/%d/oom_score_adj", c.PID)
		if err := os.WriteFile(f, fmt.Append(nil, *plan.OOMScore), 0); err != nil {
			return classed(err, "let memory run out with an OOM score of %d; below the agent's own it needs CAP_SYS_RESOURCE", *plan.OOMScore)
		}
	}
	return c.raiseLimits(plan)
}

// raiseLimits beyond what the agent has, which a process in a user namespace cannot. They are lowered by the process itself,
// at the last moment, because it is the program that has to live with them.
func (c *Child) raiseLimits(plan *isolators.Plan) error {
	for _, r := range plan.Rlimits {
		var now unix.Rlimit
		if err := unix.Prlimit(c.PID, r.Kind, nil, &now); err != nil || r.Hard <= now.Max {
			continue // the process itself will say what is wrong
		}
		if err := unix.Prlimit(c.PID, r.Kind, &unix.Rlimit{Cur: now.Cur, Max: r.Hard}, nil); err != nil {
			return classed(err, "raise the limit %s to %s; the agent has %s", rlimitName(r.Kind), limit(r.Hard), limit(now.Max))
		}
	}
	return nil
}

// Go has the process take the steps of its plan. It returns when the process runs the program, or the process is dead and
// the error says which step failed, why, and what would help.
func (c *Child) Go() error {
	defer c.report.Close()
	_, sent := c.plan.Write(birth.Encode(c.steps.list))
	_ = c.plan.Close()
	said, err := io.ReadAll(io.LimitReader(c.report, 4096))
	r, spoke := birth.ReadReport(said)
	if ready := spoke && r.Step == birth.Ready; ready {
		if r, spoke = birth.ReadReport(said[birth.WordBytes:]); !spoke {
			return nil
		}
	}
	if spoke {
		err = c.steps.failed(r)
	} else {
		err = fmt.Errorf("process %d ended before it ran the program; was it killed?: %w", c.PID, errors.Join(fault.ErrUnavailable, sent, err))
	}
	c.Kill()
	return err
}

// Kill ends the process, and with it, where it is the first one of a pid namespace, all the others in there. A process that
// is waiting or on its way ends too. It is safe at any time: no other process has its number before Wait has returned.
func (c *Child) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pidfd >= 0 {
		_ = unix.PidfdSendSignal(c.pidfd, unix.SIGKILL, nil, 0)
	}
}

// Wait until the process has ended, and take it from the kernel's list. No thread waits with it. The first process of a pid
// namespace has ended when every other one in there is gone, those too that joined it and that somebody else has to wait for.
func (c *Child) Wait() (syscall.WaitStatus, *syscall.Rusage, error) {
	var status syscall.WaitStatus
	var usage syscall.Rusage
	conn, err := c.holder()
	if err != nil {
		return 0, nil, err
	}
	var failed error
	err = conn.Read(func(uintptr) bool {
		pid, err := syscall.Wait4(c.PID, &status, syscall.WNOHANG, &usage)
		for err == syscall.EINTR {
			pid, err = syscall.Wait4(c.PID, &status, syscall.WNOHANG, &usage)
		}
		failed = err
		return pid != 0 || err != nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pidfd = -1
	_ = c.end.Close()
	_, _ = c.plan.Close(), c.report.Close()
	if err := errors.Join(err, failed); err != nil {
		return 0, nil, fmt.Errorf("wait for process %d: %w", c.PID, err)
	}
	return status, &usage, nil
}

// holder is the process as a file that becomes readable with its end.
func (c *Child) holder() (syscall.RawConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pidfd < 0 || c.end != nil {
		return nil, fmt.Errorf("process %d: somebody waits or has waited for it already: %w", c.PID, fault.ErrConflict)
	}
	c.end = pollable(c.pidfd, "process")
	return c.end.SyscallConn()
}
