package posix

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer"
)

// patience is how long one round of killing waits for the killed before it looks again. A process in an
// uninterruptible sleep (a dead file server) may need any number of rounds; the number is not a deadline.
const patience = 200 * time.Millisecond

// Destroy implements containerizer.Launcher. It kills in rounds until a look finds nobody: a process that was
// forked while its parent was being killed is caught by the next one.
func (l *Launcher) Destroy(p containerizer.Process, done func(error)) (cancel func()) {
	once := newOnce(func(_ struct{}, err error) { done(err) })
	go func() {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		go func() {
			<-once.cancelled
			stop()
		}()
		err := l.destroy(ctx, p)
		if l.subreaper {
			settle(ctx) // its container prints what it prints
		}
		l.forget(p)
		once.call(struct{}{}, err)
	}()
	return once.cancel
}

func (l *Launcher) destroy(ctx context.Context, p containerizer.Process) error {
	if l.empty(p) {
		return nil
	}
	for {
		if l.subreaper && l.reapEnded() {
			return nil // without a child there is no descendant: nothing to look for
		}
		t, err := l.looks.take(ctx)
		if err != nil {
			return fmt.Errorf("destroy container %s: %w", p.ContainerID, err)
		}
		members := l.membersOf(t, p)
		if len(members) == 0 {
			if l.subreaper {
				l.reapEnded() // those who wait for nobody else: they are all children of this process by now
			}
			return nil
		}
		kill(members)
	}
}

// empty tells whether a container is known to be empty without looking. A look at all processes of the machine for each of a
// few hundred tasks a second would cost more than the tasks.
func (l *Launcher) empty(p containerizer.Process) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.children[p.PID]
	if c == nil || c.start != p.StartTicks || !c.reaps {
		return false
	}
	select {
	case <-c.ended:
		return c.exit.Known && c.exit.Status.Exited() && c.exit.Status.ExitStatus() == 0
	default:
		return false
	}
}

func kill(members []*stat) {
	var held []*handle
	for _, m := range members {
		if h, ok := hold(m); ok {
			h.signal(syscall.SIGKILL)
			held = append(held, h)
		}
	}
	for _, h := range held {
		h.waitFor(patience)
		h.close()
	}
}

// forget drops what is kept about a child whose container is gone, once it has been reaped.
func (l *Launcher) forget(p containerizer.Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.children[p.PID]; c != nil && c.start == p.StartTicks {
		select {
		case <-c.ended:
			delete(l.children, p.PID)
		default: // its exit is about to be told; a later child with this number replaces the entry
		}
	}
}
