package cli

import (
	"context"
	"errors"
	"io"
	"path"
	"time"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/job"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

const (
	// How long to wait before looking for more output: soon after there was some, seldom when there was none.
	followMin = 20 * time.Millisecond
	followMax = 250 * time.Millisecond
)

// follower copies what a task prints to this program's own streams as it grows.
type follower struct {
	c     *api.Client
	files []followed
	over  chan struct{} // closed when the task has ended: what is there now is all there will be
	done  chan struct{}
	away  func() // called when the agent is away, once each time; from loop's goroutine
}

type followed struct {
	*api.Log
	to io.Writer
}

// sandboxOf is where an agent shows the files of a task. The executor of a command task has the task's id.
func sandboxOf(p job.Place, task *mesospb.TaskInfo) string {
	executor := orElse(task.GetExecutor().GetExecutorId().GetValue(), task.GetTaskId().GetValue())
	return path.Join("/frameworks", p.Framework.GetValue(), "executors", executor, "runs/latest")
}

// follow makes a follower; its loop does the work.
func follow(c *api.Client, p job.Place, task *mesospb.TaskInfo, out, err io.Writer) *follower {
	f := &follower{c: c, over: make(chan struct{}), done: make(chan struct{})}
	sandbox := sandboxOf(p, task)
	f.files = []followed{
		{api.OpenLog(api.File{Agent: p.UPID.String(), Path: path.Join(sandbox, "stdout")}), out},
		{api.OpenLog(api.File{Agent: p.UPID.String(), Path: path.Join(sandbox, "stderr")}), err},
	}
	return f
}

// finish copies the rest and waits until that is done.
func (f *follower) finish() {
	if f != nil {
		close(f.over)
		<-f.done
	}
}

func (f *follower) loop(ctx context.Context) {
	defer close(f.done)
	wait, away := followMin, false
	for ended := false; !ended; {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-f.over:
			ended = true
		case <-timer.C:
		}
		timer.Stop()
		wait = min(2*wait, followMax)
		for i := range f.files {
			// An agent that restarts is away for a moment; what it has not told is there afterwards.
			n, err := f.files[i].Copy(ctx, f.c, f.files[i].to)
			if n > 0 {
				wait = followMin
			}
			if gone := errors.Is(err, fault.ErrUnavailable); gone != away && !ended {
				if away = gone; gone {
					f.away()
				}
			}
		}
	}
}
