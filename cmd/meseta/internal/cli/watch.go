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

	"google.golang.org/protobuf/proto"

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
	spec      *spec
	rt        *process.Runtime
	api       *api.Client
	ref       process.Ref[*scheduler.Driver]
	job       *job.Job
	events    *job.Events
	framework string // its id, once it is subscribed

	instances []*instance
	byTask    map[string]*instance
	began     time.Time
	killed    int // the signal that ended it, or -1 for the timeout
	waited    string
	ran       bool // whoever detached was told so
}

// runTask runs tasks from their offers to their ends.
func (a *app) runTask(s *spec) error {
	w := &watch{app: a, spec: s, events: job.NewEvents(), began: time.Now(), byTask: map[string]*instance{}}
	var err error
	if w.api, err = s.clientOf(s.credential); err != nil {
		return err
	}
	master, err := leader(a.ctx, w.api, s.Master)
	if err != nil {
		return &exit{job.ExitOwn, err}
	}
	if w.rt, err = node.Client(master.Addr, s.ip, s.TLS, logTo(a.err, quietLevel)); err != nil {
		return &exit{job.ExitOwn, err}
	}
	defer w.rt.Shutdown(a.ctx)
	w.populate()
	w.job = &job.Job{Tasks: s.tasks, Executor: s.executor, Tell: w.events.Tell}
	masters, err := node.ParseMasters(s.Master)
	if err != nil {
		return &exit{job.ExitOwn, err}
	}
	leading, end, err := masters.Detector(w.rt, "detector", logTo(a.err, quietLevel))
	if err != nil {
		return &exit{job.ExitOwn, err}
	}
	defer end()
	w.ref, err = scheduler.Spawn(w.rt, "run", w.job, scheduler.Config{Framework: s.framework, Detector: leading, Credential: s.credential})
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
				if e.Failed != "" {
					return &exit{job.ExitOwn, errors.New(e.Failed)}
				}
				w.event(e)
			}
			if w.tellParent(); w.over() {
				return w.conclude()
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
	text := screen.Clean(fmt.Sprintf(format, args...))
	if w.spec.parent != nil {
		w.spec.parent.say(style, text)
		fmt.Fprintf(w.err, "%s %s\n", time.Now().Format(time.DateTime), text)
		return
	}
	if !w.spec.quiet {
		fmt.Fprintf(w.err, "%s\n", w.err.Paint(style, "meseta: "+text))
	}
}

func (w *watch) interrupted(number int) error {
	if w.killed != 0 {
		return &exit{128 + number, errors.New("not waiting for the task to end; the cluster kills it")}
	}
	w.killed = number
	if w.spec.parent != nil {
		w.say(screen.Yellow, "killing %s", w.names())
	} else {
		w.say(screen.Yellow, "killing %s (again to stop waiting)", w.names())
	}
	w.kill()
	return nil
}

// kill ends every task that has not ended.
func (w *watch) kill() {
	for _, i := range w.instances {
		if id := i.id(); !i.over {
			process.Dispatch(w.ref, func(d *scheduler.Driver) { w.job.Kill(d, id, nil) })
		}
	}
}

// names is what to call all tasks together.
func (w *watch) names() string {
	if len(w.instances) == 1 {
		return w.instances[0].id()
	}
	return plural(len(w.instances), "task")
}

func (w *watch) event(e job.Event) {
	i := w.byTask[e.Task.GetTaskId().GetValue()]
	switch {
	case e.Subscribed:
		w.framework = e.Framework.GetValue()
	case e.Disconnected:
		w.say(screen.Yellow, "lost the master %s; waiting for it", w.spec.Master)
	case e.AgentLost != "":
		w.say(screen.Yellow, "the master lost agent %s", e.AgentLost)
	case i == nil || i.over:
	case e.Placed:
		w.goes(i, e)
	case e.Status != nil:
		w.status(i, e)
	}
}

// lookForPlace finds out why a task has no place yet.
func (w *watch) lookForPlace() error {
	waiting := w.waiting()
	if waiting == nil || w.killed != 0 {
		return nil
	}
	agents, err := activeAgents(w.ctx, w.api)
	if err != nil {
		return nil // the master is away; the framework waits for it as well
	}
	needs, role := w.needs(waiting), w.spec.framework.GetRoles()[0]
	fits, largest := whoFits(agents, needs, role)
	why := ""
	switch {
	case len(agents) == 0:
		why = "the cluster has no agent yet; waiting for one (start one with: meseta agent --master=" + w.spec.Master + ")"
	case !fits:
		return &exit{job.ExitOwn, fmt.Errorf("too large: %s needs %s, and the largest agent has %s; ask for less",
			map[bool]string{false: "the task", true: "the group"}[w.spec.executor != nil], summary(needs), largest)}
	default:
		why = "waiting for room for " + summary(needs) + ": " +
			orElse(whyNoPlace(w.ctx, w.api, w.framework, role, needs), "every agent that could hold it is busy or keeps it for others")
	}
	if why != w.waited {
		w.waited = why
		w.say(screen.Yellow, "%s", why)
	}
	return nil
}

// needs is what has to be free on one agent for a task, or for the whole group.
func (w *watch) needs(i *instance) resources.Resources {
	if w.spec.executor == nil {
		return resources.FromValid(i.task.GetResources()).Add(resources.FromValid(i.task.GetExecutor().GetResources()))
	}
	all := resources.FromValid(w.spec.executor.GetResources())
	for _, t := range w.spec.tasks {
		all = all.Add(resources.FromValid(t.GetResources()))
	}
	return all
}

// conclude is how all of it ended: as the first instance that did not end well.
func (w *watch) conclude() error {
	var errs []error
	var first *instance
	good := 0
	for _, i := range w.instances {
		if i.failed != nil {
			errs = append(errs, i.failed)
		}
		switch {
		case i.code == 0:
			good++
		case first == nil:
			first = i
		}
	}
	if len(w.instances) > 1 {
		style := screen.Green
		if first != nil {
			style = screen.Yellow
		}
		w.say(style, "%d of %d finished in %s", good, len(w.instances), took(time.Since(w.began)))
	}
	if w.killed < 0 {
		return &exit{job.ExitTimeout, fmt.Errorf("%s killed after --timeout=%v", w.were(), w.spec.timeout)}
	}
	if first == nil {
		return nil
	}
	return &exit{first.code, errors.Join(errs...)}
}

func (w *watch) were() string {
	if len(w.instances) == 1 {
		return w.names() + " was"
	}
	return w.names() + " were"
}

func (w *watch) over() bool {
	for _, i := range w.instances {
		if !i.over {
			return false
		}
	}
	return true
}

// waiting is a task that has no place, or nil.
func (w *watch) waiting() *instance {
	for _, i := range w.instances {
		if !i.placed && !i.over {
			return i
		}
	}
	return nil
}

// populate makes the instances. Where there are several, their output is told apart.
func (w *watch) populate() {
	out, errs := screen.Share(w.out), screen.Share(w.err)
	for n, t := range w.spec.tasks {
		i := &instance{task: t, name: t.GetTaskId().GetValue(), out: plainStream{w.out}, err: plainStream{w.err}, state: -1}
		if len(w.spec.tasks) > 1 {
			label := "[" + strings.TrimPrefix(i.name, w.spec.id+".") + "]"
			style := streamStyles[n%len(streamStyles)]
			i.out, i.err = out.Named(label, style), errs.Named(label, style)
		}
		w.instances, w.byTask[i.name] = append(w.instances, i), i
	}
}

var streamStyles = []screen.Style{screen.Cyan, screen.Magenta, screen.Green, screen.Blue, screen.Yellow}

func stateName(s mesospb.TaskState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "TASK_"))
}

// again is a task under a new id.
func again(t *mesospb.TaskInfo, id string) *mesospb.TaskInfo {
	t = proto.CloneOf(t)
	t.TaskId = &mesospb.TaskID{Value: proto.String(id)}
	return t
}
