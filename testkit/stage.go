package testkit

import (
	"context"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

// stage lets the world decide which process runs next, and for one message only.
type stage struct{ *life }

var _ process.Stage = (*stage)(nil)

// turn is a process that has mail.
type turn struct {
	of   *life
	who  process.Runnable
	mark uint64
	pos  int
}

func (t *turn) place() *int { return &t.pos }

// Ready queues the process.
func (s *stage) Ready(r process.Runnable) {
	if s.dead {
		return
	}
	t := s.turn()
	t.who = r
	d := digest(s.mark)
	d.text(r.UPID().ID)
	t.mark = uint64(d)
	s.node.world.queue.add(t)
}

// turn takes a used one when there is one: a busy world makes millions.
func (l *life) turn() *turn {
	if n := len(l.free); n > 0 {
		t := l.free[n-1]
		l.free = l.free[:n-1]
		return t
	}
	return &turn{of: l, pos: -1}
}

func (t *turn) step(w *World) {
	l := t.of
	if l.dead || l.park(t) {
		return
	}
	w.traceTurn(t)
	if l.ending && l.node.waits {
		l.spin(t.take) // a process may wait for a service to hear its last words
		return
	}
	t.take()
}

// take has the process handle a message.
func (t *turn) take() {
	l := t.of
	if t.who.Run(1) && !l.dead {
		l.node.world.queue.add(t)
		return
	}
	t.who = nil
	l.free = append(l.free, t)
}

// job is blocking work handed to process.Go.
type job struct {
	of   *life
	work func(context.Context)
	done bool
	at   *event
}

// Go runs the work at a chosen step, after a chosen while: none, or about what a disk or a far service takes.
func (s *stage) Go(work func(context.Context)) {
	if s.dead {
		return
	}
	w := s.node.world
	j := &job{of: s.life, work: work}
	s.jobs = append(s.jobs, j)
	j.at = w.at(w.now+w.workTime(), s.life, "work", func() {
		s.forget(j)
		j.run()
	})
}

func (l *life) forget(j *job) {
	for i, other := range l.jobs {
		if other == j {
			l.jobs = append(l.jobs[:i], l.jobs[i+1:]...)
			return
		}
	}
}

func (j *job) run() {
	j.done = true
	if j.of.node.waits {
		j.of.spin(func() { j.work(context.Background()) })
		return
	}
	j.work(context.Background())
}

func (w *World) dropJob(j *job) { w.cancel(j.at) }

// workTimes are how long blocking work may take, the dull one first.
var workTimes = [...]time.Duration{0, 50 * time.Microsecond, time.Millisecond, 10 * time.Millisecond}

func (w *World) workTime() time.Duration { return workTimes[w.choose(delays, len(workTimes))] }

// Close is called by Runtime.Shutdown; the world runs what is left.
func (s *stage) Close(context.Context) error { return nil }
