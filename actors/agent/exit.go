package agent

import (
	"cmp"
	"fmt"
	"syscall"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// watch waits for the end of the executor's process.
func (a *Agent) watch(e *executor) {
	e.watched = true
	promise, ended := process.NewPromise[containerizer.Exit](a.b)
	e.waits = append(e.waits, a.parts.Launcher.Wait(e.process,
		func(x containerizer.Exit, err error) { promise.Complete(x, err) }))
	process.Then(a.b, ended, func(x containerizer.Exit, err error) {
		if err != nil {
			a.log(e).Warn("cannot wait for the executor's process; taking it as ended", "error", err)
		}
		e.exit, e.ended = x, true
		if x.Limitation != nil {
			a.limited(e, x.Limitation)
		}
		a.destroy(e)
	})
}

// destroy ends whatever is left of a container. Its tasks are told to have ended only when nothing of them runs
// and, if it can be known, how the executor ended.
func (a *Agent) destroy(e *executor) {
	if e.state != terminated {
		e.state = terminating
	}
	a.touch(e)
	if e.unfetch != nil {
		e.unfetch() // started goes on when it has ended
	}
	switch {
	case e.state == terminated || e.launching || e.destroying:
		return // started and destroyed go on
	case !e.begun:
		return // start finds out that it is not wanted any more
	case e.destroyed:
		a.gone(e)
		return
	}
	e.destroying = true
	promise, done := process.NewPromise[struct{}](a.b)
	e.waits = append(e.waits, a.parts.Launcher.Destroy(e.process, func(err error) { promise.Complete(struct{}{}, err) }))
	process.Then(a.b, done, func(_ struct{}, err error) { a.destroyed(e, err) })
}

func (a *Agent) destroyed(e *executor, err error) {
	e.destroying = false
	if err != nil {
		a.log(e).Error("cannot end the container; trying again", "error", err)
		a.b.Metrics().Counter(destroyErrors).Inc()
		e.patience = a.b.Delay(a.config.ExecutorShutdownGracePeriod, func() { a.destroy(e) })
		return
	}
	e.destroyed = true
	if e.ended || !e.watched {
		a.gone(e)
	}
}

// gone is the end of an executor: its container is empty.
func (a *Agent) gone(e *executor) {
	if e.state == terminated {
		return
	}
	e.stopPatience()
	e.state = terminated
	a.counters.executorsTerminated++
	if !e.upid.IsZero() {
		// The stream of one that speaks HTTP stays open, as in Mesos: it ends with the process that reads it.
		a.b.Unlink(e.upid)
		e.upid = process.UPID{}
	}
	a.touch(e)
	a.log(e).Debug("executor ended", "status", describeExit(e.exit))
	v := verdictOnTasks{mesospb.TaskState_TASK_FAILED, mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED,
		"Executor ended: " + describeExit(e.exit)}
	if e.verdict != nil {
		v = *e.verdict
	}
	a.traceRegistered(e, cmp.Or(v.message, v.state.String()))
	for _, t := range e.sorted() {
		if !taskstate.Terminal(t.state) {
			a.conclude(e.framework, e, t, v)
		}
	}
	if !e.command && a.phase == member {
		a.b.Send(a.membership.master, &controlpb.ExitedExecutor{
			AgentId: a.info.GetId(), FrameworkId: e.framework.info.GetId(), ExecutorId: e.info.GetExecutorId(),
			Status: proto.Int32(e.exit.Raw()),
		})
	}
	a.recoveredOne()
	a.forgetExecutorIfDone(e)
}

// describeExit says how a process ended.
func describeExit(x containerizer.Exit) string {
	switch {
	case !x.Known:
		return "with an unknown status"
	case x.Status.Signaled():
		return fmt.Sprintf("by signal %s", signalName(x.Status.Signal()))
	}
	return fmt.Sprintf("with status %d", x.Status.ExitStatus())
}

func signalName(s syscall.Signal) string {
	switch s {
	case syscall.SIGKILL:
		return "SIGKILL"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGSEGV:
		return "SIGSEGV"
	case syscall.SIGABRT:
		return "SIGABRT"
	case syscall.SIGINT:
		return "SIGINT"
	}
	return fmt.Sprintf("%d (%s)", int(s), s)
}
