package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

// writer puts changes on disk in the order in which they were decided, and runs what waits for them in that
// order. One call is underway at a time; what is decided meanwhile goes together in the next, so a hundred tasks
// that start at once cost a few calls.
//
// A full disk ends nothing. What may be refused is: launches. Everything else waits, is tried again, and is told to
// nobody until it is written: executors keep updates that are not acknowledged, and so does the master.
type writer struct {
	busy    bool
	waiting []*pendingWrite
	full    error // why the last write failed, if for want of room
}

type pendingWrite struct {
	changes []Change
	then    func()
	// refuse is called instead of then when there is no room, once undo has taken back what was written. Nil: the write
	// waits for room.
	refuse func(error)
	undo   []Change
}

// fullRetry is how often a full disk is tried again. Whoever makes room waits for it.
const fullRetry = time.Second

// write stores and then goes on. Nothing that must survive is told to anybody outside of then. A disk that fails
// ends the agent: it could not keep a promise any more, and its executors go on without it.
func (a *Agent) write(changes []Change, then func()) {
	a.enqueue(&pendingWrite{changes: changes, then: then})
}

// writeOrRefuse is write for what may also not happen: without room for it, undo is done and refuse called.
func (a *Agent) writeOrRefuse(changes []Change, then func(), undo []Change, refuse func(error)) {
	if a.writer.full != nil {
		refuse(a.writer.full)
		return
	}
	a.enqueue(&pendingWrite{changes: changes, then: then, undo: undo, refuse: refuse})
}

func (a *Agent) enqueue(w *pendingWrite) {
	a.writer.waiting = append(a.writer.waiting, w)
	if !a.writer.busy {
		a.flush()
	}
}

// withdraw forgets changes below a directory that are not written yet, and goes on as if they were.
func (a *Agent) withdraw(dir string) {
	below := func(c Change) bool { return c.Path == dir || strings.HasPrefix(c.Path, dir+"/") }
	var now []func()
	a.writer.waiting = slices.DeleteFunc(a.writer.waiting, func(w *pendingWrite) bool {
		if len(w.changes) == 0 || slices.ContainsFunc(w.changes, func(c Change) bool { return !below(c) }) {
			return false
		}
		now = append(now, w.then)
		return true
	})
	for _, then := range now {
		if then != nil {
			then()
		}
	}
}

func (a *Agent) flush() {
	group := a.writer.waiting
	a.writer.waiting = nil
	var changes []Change
	for _, w := range group {
		changes = append(changes, w.changes...)
	}
	a.writer.busy = true
	a.store(changes, func(done int, full error) {
		if full != nil {
			a.noRoom(group, done, full)
			return
		}
		if len(changes) > 0 && a.writer.full != nil {
			a.b.Log().Info("the disk has room again")
			a.writer.full = nil
		}
		for _, w := range group {
			if w.then != nil {
				w.then()
			}
		}
		a.writer.busy = false
		if len(a.writer.waiting) > 0 {
			a.flush()
		}
	})
}

// store makes changes and says how many are done, and why not all.
func (a *Agent) store(changes []Change, then func(done int, full error)) {
	type result struct {
		done int
		full error
	}
	stored := process.Go(a.b, func(ctx context.Context) (result, error) {
		done, err := a.parts.Disk.Apply(ctx, changes)
		if errors.Is(err, ErrFull) {
			return result{done, err}, nil
		}
		return result{done: done}, err
	})
	process.Then(a.b, stored, func(r result, err error) {
		if err != nil {
			a.fatal("checkpoint", err)
			return
		}
		then(r.done, r.full)
	})
}

// noRoom goes on when the disk was full after some changes of a group: what is done is told, what can be is refused, and
// the rest is tried again.
func (a *Agent) noRoom(group []*pendingWrite, done int, full error) {
	if a.writer.full == nil {
		a.b.Log().Warn("the disk is full: nothing new is launched, and what has to be written waits; free space below --work_dir", "error", full)
		a.watchDisk() // sandboxes that are over may go
	}
	a.writer.full = full
	for len(group) > 0 && done >= len(group[0].changes) {
		done -= len(group[0].changes)
		if then := group[0].then; then != nil {
			then()
		}
		group = group[1:]
	}
	a.writer.waiting = append(group, a.writer.waiting...)
	half := a.writer.waiting[0] // the one that failed
	if half.refuse == nil {
		half.changes = half.changes[done:]
		a.refuseWaiting()
		return
	}
	a.store(half.undo, func(int, error) { a.refuseWaiting() })
}

// refuseWaiting refuses everything that may be, and tries the rest again later.
func (a *Agent) refuseWaiting() {
	var refused []*pendingWrite
	a.writer.waiting = slices.DeleteFunc(a.writer.waiting, func(w *pendingWrite) bool {
		if w.refuse == nil {
			return false
		}
		refused = append(refused, w)
		return true
	})
	for _, w := range refused {
		w.refuse(a.writer.full)
	}
	a.b.Delay(fullRetry, a.flush)
}
