package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
	"github.com/meseta-io/meseta/messages/validation"
)

// executorCall is everything that an executor says.
func (a *Agent) executorCall(from process.UPID, c *executorpb.Call) {
	if c.GetType() == executorpb.Call_HEARTBEAT {
		return // it keeps a connection alive that has a link of its own here
	}
	e, err := a.caller(from, c)
	if err != nil {
		a.b.Log().Info("refused a call of an executor", "from", from.String(), "call", c.GetType(), "error", err)
		a.b.Send(from, &executorpb.Event{Type: executorpb.Event_ERROR.Enum(), Error: &executorpb.Event_Error{Message: ptr(err.Error())}})
		return
	}
	if e == nil || a.judge(e, from, c) {
		return
	}
	switch c.GetType() {
	case executorpb.Call_SUBSCRIBE:
		a.subscribe(e, from, false, c.GetSubscribe())
	case executorpb.Call_UPDATE:
		a.executorUpdate(e, c.GetUpdate().GetStatus())
	case executorpb.Call_MESSAGE:
		a.executorMessage(e, c.GetMessage().GetData())
	}
}

func ptr[T any](v T) *T { return &v }

// caller finds the executor that speaks. While the agent recovers nobody is answered, not even with an error: an
// executor takes an error for final, and keeps on trying when there is silence. Both nil: ignore it.
func (a *Agent) caller(from process.UPID, c *executorpb.Call) (*executor, error) {
	if a.phase == recovering && len(a.frameworks) == 0 {
		a.early = append(a.early, from)
		return nil, nil
	}
	if err := validation.ExecutorCall(c); err != nil {
		return nil, err
	}
	f := a.frameworks[c.GetFrameworkId().GetValue()]
	if f == nil {
		return nil, a.unknownCaller(from, c, "Framework cannot be found")
	}
	e := f.executors[c.GetExecutorId().GetValue()]
	if e == nil {
		return nil, a.unknownCaller(from, c, "Executor cannot be found")
	}
	if err := a.unproven(e, from); err != nil {
		return nil, err
	}
	if c.GetType() != executorpb.Call_SUBSCRIBE && e.upid != from {
		// It has not noticed yet that its connection, or the agent, is not the one that it subscribed with. When
		// it subscribes again it says all of it again.
		a.log(e).Info("ignored a call of an executor that is not subscribed", "call", c.GetType())
		a.b.Send(from, &controlpb.ReconnectExecutor{AgentId: a.info.GetId()})
		return nil, nil
	}
	return e, nil
}

// unknownCaller sends an executor home that subscribes and that nobody waits for.
func (a *Agent) unknownCaller(from process.UPID, c *executorpb.Call, why string) error {
	if c.GetType() == executorpb.Call_SUBSCRIBE {
		a.b.Send(from, shutdownEvent())
	}
	return fmt.Errorf("%s", why)
}

// subscribe connects an executor, for the first time or again. The order is Mesos': first what it still has to
// tell, then what it never got, then the welcome and what waits for it.
func (a *Agent) subscribe(e *executor, from process.UPID, http bool, s *executorpb.Call_Subscribe) {
	if e.ending() || e.framework.leaving || a.phase >= leaving {
		a.b.Send(from, shutdownEvent())
		a.release(from, http)
		return
	}
	if !e.upid.IsZero() && e.upid != from {
		a.b.Unlink(e.upid)
		a.release(e.upid, e.http)
	}
	// The same question twice over one connection: it asks again because the answer took long. Nothing is lost
	// then, what it has been handed is on its way, in order.
	anew := e.upid != from
	again := e.state == running && anew
	e.stopPatience()
	a.returned = a.b.Now()
	a.traceRegistered(e, "")
	e.upid, e.home, e.http, e.state = from, from, http, running
	a.touch(e)
	a.b.Link(from)
	a.write([]Change{subscribedChange(e)}, nil)
	for _, u := range s.GetUnacknowledgedUpdates() {
		a.executorUpdate(e, u.GetStatus())
	}
	switch {
	case again && !http:
		e.queue = append(a.undelivered(e, s.GetUnacknowledgedTasks()), e.queue...)
	case again, anew && a.phase == recovering:
		a.dropUndelivered(e, s.GetUnacknowledgedTasks())
	}
	if e.idle() && !e.spoken && len(e.queue) == 0 {
		a.log(e).Info("the executor has no task and never had one; shutting it down")
		a.shutdownOne(e)
		return
	}
	a.b.Send(from, &executorpb.Event{Type: executorpb.Event_SUBSCRIBED.Enum(), Subscribed: &executorpb.Event_Subscribed{
		ExecutorInfo: e.info, FrameworkInfo: e.framework.info, AgentInfo: a.info, ContainerId: e.containerID()}})
	a.deliver(e)
	for _, t := range e.sorted() {
		if t.kill != nil && !taskstate.Terminal(t.state) {
			a.b.Send(from, killEvent(t.name, t.kill))
		}
	}
	a.recoveredOne()
}

// executorLost is a broken link to an executor. Most often it has ended, and the launcher is about to tell. If it
// lives, only one of the two directions may be broken and it does not know; so it is asked to subscribe again.
func (a *Agent) executorLost(e *executor) {
	upid := e.upid
	e.upid = process.UPID{}
	a.touch(e)
	a.log(e).Debug("lost the connection to the executor")
	if e.state == running && !e.http {
		a.b.Delay(reconnectAfter, func() { a.reconnect(e, upid) })
	}
}

// reconnectAfter leaves an executor that has ended the time to be seen to have.
const reconnectAfter = time.Second

func (a *Agent) reconnect(e *executor, upid process.UPID) {
	if e.state == running && e.upid.IsZero() && !e.http {
		a.b.Send(upid, &controlpb.ReconnectExecutor{AgentId: a.info.GetId()})
		a.b.Delay(a.config.ExecutorReregistrationTimeout, func() { a.reconnect(e, upid) })
	}
}

// undelivered are tasks that were handed over when a connection or the agent ended, and that the executor does not
// list. An executor of ours is handed them once more, because its list may be older than the hand-over: it may have been
// on its way while the connection broke. It knows a task that it has, and launches it once.
func (a *Agent) undelivered(e *executor, has []*mesospb.TaskInfo) (tasks []*task) {
	had := map[string]bool{}
	for _, t := range has {
		had[t.GetTaskId().GetValue()] = true
	}
	for _, t := range e.sorted() {
		if t.state == mesospb.TaskState_TASK_STAGING && !had[t.id()] && !slices.Contains(e.queue, t) {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// dropUndelivered gives up what the executor of an agent that was restarted does not list, or one that speaks HTTP and
// would launch it twice, as Mesos does.
func (a *Agent) dropUndelivered(e *executor, has []*mesospb.TaskInfo) {
	for _, t := range a.undelivered(e, has) {
		a.conclude(e.framework, e, t, verdictOnTasks{e.framework.word(mesospb.TaskState_TASK_DROPPED),
			mesospb.TaskStatus_REASON_AGENT_RESTARTED, "Task was not delivered to the executor before the agent or its connection ended"})
	}
}
