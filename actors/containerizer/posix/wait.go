package posix

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/containerizer"
)

// Wait implements containerizer.Launcher.
func (l *Launcher) Wait(p containerizer.Process, done func(containerizer.Exit, error)) (cancel func()) {
	once := newOnce(done)
	go func() { once.call(l.await(p, once.cancelled)) }()
	return once.cancel
}

// await blocks until the first process ended. One that this Launcher did not start, or that is gone, has an
// unknown status.
func (l *Launcher) await(p containerizer.Process, cancelled <-chan struct{}) (containerizer.Exit, error) {
	l.mu.Lock()
	c := l.children[p.PID]
	l.mu.Unlock()
	if c != nil && c.start == p.StartTicks {
		select {
		case <-c.ended:
			return c.exit, nil
		case <-cancelled:
			return containerizer.Exit{}, nil
		}
	}
	return containerizer.Exit{}, awaitOther(p, cancelled)
}

func awaitOther(p containerizer.Process, cancelled <-chan struct{}) error {
	h, ok := hold(&stat{pid: p.PID, start: p.StartTicks})
	if !ok {
		return nil
	}
	defer h.close()
	ended := make(chan struct{})
	defer close(ended)
	go func() { // ends the wait below; closing again is harmless
		select {
		case <-cancelled:
			h.close()
		case <-ended:
		}
	}()
	return h.wait()
}

// reap waits for one child. It parks on the pidfd in Go's poller, so a thousand containers cost no thread.
func reap(pid int, c *child) {
	if h, err := open(pid); err == nil {
		_ = h.wait() // on an error the blocking wait below does the same, at the price of a thread
		h.close()
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		_, err := syscall.Wait4(pid, &status, 0, &usage)
		if err == syscall.EINTR {
			continue
		}
		if err == nil {
			c.exit = exitOf(status, &usage)
		}
		close(c.ended)
		return
	}
}

// reapAll serves a subreaper: it takes in whoever ends below this process, known or orphaned.
func (l *Launcher) reapAll(news <-chan os.Signal) {
	for range news {
		l.reapEnded()
	}
}

// reapEnded takes in whoever has ended, and tells whether this process has no child any more.
func (l *Launcher) reapEnded() (childless bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, &usage)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return err == syscall.ECHILD
		}
		if c := l.children[pid]; c != nil {
			c.exit = exitOf(status, &usage)
			close(c.ended)
		}
	}
}

func exitOf(status syscall.WaitStatus, usage *syscall.Rusage) containerizer.Exit {
	return containerizer.Exit{
		Status:     status,
		Known:      true,
		CPU:        time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
		PeakMemory: uint64(usage.Maxrss) * 1024,
	}
}

// handle holds on to one process, so that what is done to it cannot hit another that got its number.
type handle struct{ file *os.File }

func open(pid int) (*handle, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &handle{os.NewFile(uintptr(fd), "pidfd")}, nil
}

// hold opens the process only if it is still the one that was seen.
func hold(s *stat) (*handle, bool) {
	h, err := open(s.pid)
	if err != nil {
		return nil, false
	}
	if now, err := readStat(s.pid); err != nil || now.start != s.start {
		h.close()
		return nil, false
	}
	return h, true
}

func (h *handle) close() { h.file.Close() }

func (h *handle) signal(sig syscall.Signal) {
	conn, err := h.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _ = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
}

// wait returns when the process has ended, or the handle was closed.
func (h *handle) wait() error {
	conn, err := h.file.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Read(func(fd uintptr) bool {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, _ := unix.Poll(polled, 0)
		return n > 0
	})
}

// waitFor is wait with an end to patience; it tells whether the process has ended.
func (h *handle) waitFor(d time.Duration) bool {
	_ = h.file.SetReadDeadline(time.Now().Add(d))
	return h.wait() == nil
}

// once keeps the promise of callbacks: called once, or never when cancelled first.
type once[T any] struct {
	mu        sync.Mutex
	f         func(T, error)
	cancelled chan struct{}
}

func newOnce[T any](f func(T, error)) *once[T] {
	return &once[T]{f: f, cancelled: make(chan struct{})}
}

func (o *once[T]) take() func(T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.f
	o.f = nil
	return f
}

func (o *once[T]) call(v T, err error) {
	if f := o.take(); f != nil {
		f(v, err)
		close(o.cancelled)
	}
}

func (o *once[T]) cancel() {
	if o.take() != nil {
		close(o.cancelled)
	}
}
