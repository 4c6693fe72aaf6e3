package cli

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/cmd/meseta/internal/job"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// instance is one of the tasks of a run, through all attempts at it.
type instance struct {
	name     string            // the id of the first attempt
	task     *mesospb.TaskInfo // the last attempt
	tries    int               // how often it was launched anew
	out, err io.WriteCloser
	follow   *follower

	placed bool
	state  mesospb.TaskState
	over   bool
	code   int
	failed error // why its code is not the command's own
}

func (i *instance) id() string { return i.task.GetTaskId().GetValue() }

// plainStream is a screen that one task has for itself.
type plainStream struct{ *screen.Screen }

// Close implements io.Closer.
func (plainStream) Close() error { return nil }

func (w *watch) goes(i *instance, e job.Event) {
	i.placed = true
	w.say(screen.Faint, "%s goes to %s", i.id(), e.Place.Host)
	if w.spec.states {
		fmt.Fprintf(w.out, "Submitted task '%s' to agent '%s'\n", i.task.GetName(), e.Place.Agent.GetValue())
	}
	if e.Place.UPID == (process.UPID{}) || w.spec.parent != nil {
		return
	}
	i.follow = follow(w.api, e.Place, e.Task, i.out, i.err)
	i.follow.away = func() {
		w.say(screen.Yellow, "agent %s does not answer; the command may go on there, so wait for the agent", e.Place.Host)
	}
	go i.follow.loop(w.ctx)
}

func (w *watch) status(i *instance, e job.Event) {
	s := e.Status
	if w.spec.states {
		printState(w.out, s)
	}
	lost := s.GetState() == mesospb.TaskState_TASK_UNREACHABLE || s.GetState() == mesospb.TaskState_TASK_UNKNOWN
	switch {
	case lost && w.retried(i, "its agent "+e.Place.Host+" cannot be reached any more"):
	case lost:
		w.end(i, job.ExitOwn, fmt.Errorf("lost agent: %s on %s cannot be reached any more, so nobody knows how "+
			"the command ends; it is killed should the agent return. Run it again to have it elsewhere", e.Place.Agent.GetValue(), e.Place.Host))
	case !scheduler.Terminal(s.GetState()):
		if s.GetState() != i.state { // else it is the answer to a reconciliation
			i.state = s.GetState()
			w.say(screen.Faint, "%s is %s", i.id(), stateName(i.state))
		}
	default:
		w.ended(i, s)
	}
}

// ended is the end of an attempt.
func (w *watch) ended(i *instance, s *mesospb.TaskStatus) {
	i.follow.finish()
	i.follow = nil
	i.state = s.GetState()
	code, sentence := outcome(s)
	switch {
	case w.killed != 0 && s.GetState() != mesospb.TaskState_TASK_FINISHED:
		if w.killed > 0 {
			w.say(screen.Yellow, "%s was killed", i.id())
		}
		w.end(i, 128+max(w.killed, 0), nil)
	case code == 0:
		w.say(screen.Green, "%s finished in %s", i.id(), took(time.Since(w.began)))
		w.end(i, 0, nil)
	case s.GetState() == mesospb.TaskState_TASK_KILLED:
		w.say(screen.Yellow, "%s was killed by somebody else", i.id())
		w.end(i, code, nil)
	case mayRetry(s.GetState()) && w.retried(i, sentence):
	case code == job.ExitOwn:
		w.end(i, code, fmt.Errorf("%s: %s", i.id(), sentence))
	default:
		w.say(screen.Red, "%s failed: %s", i.id(), sentence)
		w.end(i, code, nil)
	}
}

// mayRetry says whether a task may end otherwise the next time: not one that the cluster refuses, nor one that somebody
// killed and does not want.
func mayRetry(s mesospb.TaskState) bool {
	return s != mesospb.TaskState_TASK_ERROR && s != mesospb.TaskState_TASK_KILLED
}

// retried launches a task anew, if there are attempts left.
func (w *watch) retried(i *instance, why string) bool {
	if w.killed != 0 || i.tries >= w.spec.retry {
		return false
	}
	i.follow.finish()
	i.follow = nil
	i.tries++
	old, task := i.id(), again(i.task, i.name+".retry"+strconv.Itoa(i.tries))
	delete(w.byTask, old)
	i.task, i.placed, i.state = task, false, -1
	w.byTask[i.id()] = i
	w.say(screen.Yellow, "%s failed: %s; trying again as %s (%d of %d)", old, why, i.id(), i.tries, w.spec.retry)
	process.Dispatch(w.ref, func(d *scheduler.Driver) { w.job.Replace(d, old, task) })
	return true
}

// end is the end of an instance.
func (w *watch) end(i *instance, code int, why error) {
	i.follow.finish()
	i.follow = nil
	_, _ = i.out.Close(), i.err.Close() // what a full disk does not take, nobody sees
	i.over, i.code, i.failed = true, code, why
}

// started says whether a task runs, or has finished already.
func (i *instance) started() bool {
	if i.over {
		return i.code == 0
	}
	return i.state == mesospb.TaskState_TASK_RUNNING
}
