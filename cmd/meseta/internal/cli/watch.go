package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/job"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

const (
	// A task that has found no place for so long is looked into: is it too large for every agent?
	placePatience = 1500 * time.Millisecond
	// How long to wait for the end of a framework at the master, and for the goodbye of a command.
	goodbye = 3 * time.Second
)

// watch is a `meseta run` under way.
type watch struct {
	*app
	spec   *spec
	rt     *process.Runtime
	api    *api.Client
	ref    process.Ref[*scheduler.Driver]
	job    *job.Job
	events *job.Events
	follow *follower

	began  time.Time
	placed bool
	state  mesospb.TaskState
	killed int // the signal that ended it, or -1 for the timeout
	waited string
}

// runTask runs one task from its offer to its end.
func (a *app) runTask(s *spec) error {
	address, err := node.Resolve(s.master)
	if err != nil {
		return usageError(err)
	}
	s.master = address
	rt, err := node.Client(s.master, s.ip, s.tls, logTo(a.err, quietLevel))
	if err != nil {
		return &exit{job.ExitOwn, err}
	}
	defer rt.Shutdown(a.ctx)
	w := &watch{app: a, spec: s, rt: rt, events: job.NewEvents(), began: time.Now(), state: -1}
	secured, err := s.tls.Client()
	if err != nil {
		return usageError(err)
	}
	w.api = api.New([]string{s.master}, s.credential, secured)
	master, err := leader(a.ctx, w.api, s.master)
	if err != nil {
		return &exit{job.ExitOwn, err}
	}
	w.job = &job.Job{Tasks: []*mesospb.TaskInfo{s.task}, Tell: w.events.Tell}
	w.ref, err = scheduler.Spawn(rt, "run", w.job, scheduler.Config{Framework: s.framework, Master: master, Credential: s.credential})
	if err != nil {
		return &exit{job.ExitOwn, err}
	}
	err = w.loop()
	w.leave()
	return err
}

// leave ends the framework, and with it whatever of it may be left, so that nothing stays behind in the cluster.
func (w *watch) leave() {
	process.Dispatch(w.ref, (*scheduler.Driver).Teardown)
	ctx, cancel := context.WithTimeout(w.ctx, goodbye)
	defer cancel()
	_ = process.Wait(ctx, w.ref)
}

func (w *watch) loop() error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, endings()...)
	defer signal.Stop(signals)
	var timeout <-chan time.Time
	if w.spec.timeout > 0 {
		timer := time.NewTimer(w.spec.timeout)
		defer timer.Stop()
		timeout = timer.C
	}
	look := time.NewTicker(placePatience)
	defer look.Stop()
	for {
		select {
		case <-w.events.Ready():
			for _, e := range w.events.Fetch() {
				if done, err := w.event(e); done {
					return err
				}
			}
		case s := <-signals:
			if err := w.interrupted(int(s.(syscall.Signal))); err != nil {
				return err
			}
		case <-timeout:
			w.say(screen.Yellow, "not done after %v; killing it", w.spec.timeout)
			w.killed = -1
			w.kill()
		case <-look.C:
			if err := w.lookForPlace(); err != nil {
				return err
			}
		}
	}
}

// say tells people what happens, unless they want only the command's output.
func (w *watch) say(style screen.Style, format string, args ...any) {
	if !w.spec.quiet {
		fmt.Fprintf(w.err, "%s\n", w.err.Paint(style, "meseta: "+fmt.Sprintf(format, args...)))
	}
}

func (w *watch) interrupted(number int) error {
	if w.killed != 0 {
		return &exit{128 + number, errors.New("not waiting for the task to end; the cluster kills it")}
	}
	w.killed = number
	w.say(screen.Yellow, "killing %s (again to stop waiting)", w.id())
	w.kill()
	return nil
}

func (w *watch) kill() {
	process.Dispatch(w.ref, func(d *scheduler.Driver) { w.job.Kill(d, w.id(), nil) })
}

func (w *watch) id() string { return w.spec.task.GetTaskId().GetValue() }

func (w *watch) event(e job.Event) (done bool, err error) {
	switch {
	case e.Failed != "":
		return true, &exit{job.ExitOwn, errors.New(e.Failed)}
	case e.Disconnected:
		w.say(screen.Yellow, "lost the master %s; waiting for it", w.spec.master)
	case e.Placed:
		w.placed = true
		w.say(screen.Faint, "%s goes to %s", w.id(), e.Place.Host)
		if e.Place.UPID != (process.UPID{}) {
			w.follow = follow(w.api, e.Place, e.Task, w.out, w.err)
			w.follow.away = func() {
				w.say(screen.Yellow, "agent %s does not answer; the command may go on there, so wait for the agent", e.Place.Host)
			}
			go w.follow.loop(w.ctx)
		}
	case e.AgentLost != "":
		w.say(screen.Yellow, "the master lost agent %s", e.AgentLost)
	case e.Status != nil:
		return w.status(e)
	}
	return false, nil
}

func (w *watch) status(e job.Event) (done bool, err error) {
	s := e.Status
	if w.spec.states {
		printState(w.out, s)
	}
	switch {
	case s.GetState() == mesospb.TaskState_TASK_UNREACHABLE, s.GetState() == mesospb.TaskState_TASK_UNKNOWN:
		return true, &exit{job.ExitOwn, fmt.Errorf("lost agent: %s on %s cannot be reached any more, so nobody knows how "+
			"the command ends; it is killed should the agent return. Run it again to have it elsewhere", e.Place.Agent.GetValue(), e.Place.Host)}
	case !scheduler.Terminal(s.GetState()):
		if s.GetState() != w.state { // else it is the answer to a reconciliation
			w.state = s.GetState()
			w.say(screen.Faint, "%s is %s", w.id(), stateName(w.state))
		}
		return false, nil
	}
	w.follow.finish()
	w.follow = nil
	code, sentence := outcome(s)
	switch {
	case w.killed < 0:
		return true, &exit{job.ExitTimeout, fmt.Errorf("%s was killed after --timeout=%v", w.id(), w.spec.timeout)}
	case w.killed > 0 && s.GetState() != mesospb.TaskState_TASK_FINISHED:
		w.say(screen.Yellow, "%s was killed", w.id())
		return true, &exit{code: 128 + w.killed}
	case code == 0:
		w.say(screen.Green, "%s finished in %s", w.id(), took(time.Since(w.began)))
		return true, nil
	case code == job.ExitOwn:
		return true, &exit{code, fmt.Errorf("%s: %s", w.id(), sentence)}
	}
	w.say(screen.Red, "%s failed: %s", w.id(), sentence)
	return true, &exit{code: code}
}

// lookForPlace finds out why the task has no place yet.
func (w *watch) lookForPlace() error {
	if w.placed || w.killed != 0 {
		return nil
	}
	agents, err := activeAgents(w.ctx, w.api)
	if err != nil {
		return nil // the master is away; the framework waits for it as well
	}
	needs := resources.FromValid(w.spec.task.GetResources())
	fits, largest := whoFits(agents, needs, w.spec.framework.GetRoles()[0])
	why := ""
	switch {
	case len(agents) == 0:
		why = "the cluster has no agent yet; waiting for one (start one with: meseta agent --master=" + w.spec.master + ")"
	case !fits:
		return &exit{job.ExitOwn, fmt.Errorf("too large: the task needs %s, and the largest agent has %s; ask for less",
			summary(needs), largest)}
	default:
		why = "waiting for room for " + summary(needs) + ": every agent that could hold it is busy or keeps it for others"
	}
	if why != w.waited {
		w.waited = why
		w.say(screen.Yellow, "%s", why)
	}
	return nil
}

func stateName(s mesospb.TaskState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "TASK_"))
}
