package linux

import (
	"context"
	"sync"
	"syscall"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch"
)

// expect waits for the end of a child.
func (l *Launcher) expect(c *container, child *launch.Child) {
	go func() {
		x := containerizer.Exit{}
		status, used, err := child.Wait()
		if err == nil {
			x = containerizer.Exit{Status: status, Known: true, PeakMemory: uint64(used.Maxrss) * 1024,
				CPU: time.Duration(used.Utime.Nano() + used.Stime.Nano())}
		}
		if program := readStatus(c); program.Known {
			x.Status = program.Status // the child stood before it, and has no signal to die of
		}
		l.exited(c, x)
	}()
}

// follow waits for the end of a process that an earlier agent has started: how it ends is known only if it is written down.
func (l *Launcher) follow(c *container) {
	p := c.process()
	go func() {
		posix.Await(p, c.ended)
		l.exited(c, readExit(c))
	}()
}

// exited notes the end of the first process. If it was killed, whoever may have had a reason is asked first. It is written down
// before anybody is told: an agent that is killed in between does not forget it.
func (l *Launcher) exited(c *container, x containerizer.Exit) {
	if c.guilty() == nil && (!x.Known || x.Status.Signaled() || x.Status.ExitStatus() != 0) {
		if v := l.judge(context.Background(), c); v != nil {
			c.accuse(v)
		}
	}
	x.Limitation = c.guilty()
	if l.known(c.ID) == c && !c.isDestroyed() && (x.Known || x.Limitation != nil) { // else nobody will ask
		if err := writeExit(c, x); err != nil {
			l.log.Warn("how a container ended is not written down", "container", c.ID, "error", err)
		}
	}
	c.end(x)
}

// limit ends a container for what it has done.
func (l *Launcher) limit(c *container, v *isolators.Limitation) {
	if c.accuse(v) {
		l.log.Info("a container has broken a limit", "container", c.ID, "reason", v.Reason)
		go func() {
			if err := l.kill(context.Background(), c); err != nil {
				l.log.Error("a container that has broken a limit cannot be killed", "container", c.ID, "error", err)
			}
		}()
	}
}

// Wait implements containerizer.Launcher.
func (l *Launcher) Wait(p containerizer.Process, done func(containerizer.Exit, error)) (cancel func()) {
	c := l.known(p.ContainerID)
	if c == nil {
		return l.plain.Wait(p, done)
	}
	told := newTelling()
	go func() {
		select {
		case <-c.ended:
			told.tell(func() { done(c.exit, nil) })
		case <-told.cancelled:
		}
	}()
	return told.cancel
}

// Limited implements containerizer.Launcher.
func (l *Launcher) Limited(ctx context.Context, p containerizer.Process) *isolators.Limitation {
	c := l.known(p.ContainerID)
	if c == nil {
		return nil
	}
	if v := c.guilty(); v != nil {
		return v
	}
	v := l.judge(ctx, c)
	if v != nil {
		l.limit(c, v)
	}
	return v
}

func (l *Launcher) judge(ctx context.Context, c *container) *isolators.Limitation {
	c.facts.RLock()
	defer c.facts.RUnlock()
	return l.chain.Judge(ctx, c.Container)
}

// Signal implements containerizer.Launcher.
func (l *Launcher) Signal(ctx context.Context, p containerizer.Process, sig syscall.Signal) error {
	c := l.known(p.ContainerID)
	if c == nil || l.keeper == nil {
		return l.plain.Signal(ctx, p, sig)
	}
	pids, err := l.keeper.Processes(c.Container)
	for _, pid := range pids {
		if member, err := posix.Started(pid); err == nil {
			posix.Send(member, sig)
		}
	}
	return err
}

// telling keeps the promise of callbacks: called once, or never when cancelled first.
type telling struct {
	mu        sync.Mutex
	over      bool
	cancelled chan struct{}
}

func newTelling() *telling { return &telling{cancelled: make(chan struct{})} }

func (t *telling) first() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !t.over
	t.over = true
	return first
}

func (t *telling) tell(how func()) {
	if t.first() {
		how()
	}
}

func (t *telling) cancel() {
	if t.first() {
		close(t.cancelled)
	}
}
