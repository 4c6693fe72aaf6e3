package agent

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// judge asks the launcher, before an executor's word about a failed task is taken, whether its container has broken a limit.
// When memory runs out the kernel kills a process of the task, and the executor sees no more than that it was killed. Its word
// may be here before the launcher has noticed, and would be told in place of the reason. It returns false when there is nothing
// to ask; else the call is taken up again when the answer is there.
func (a *Agent) judge(e *executor, from process.UPID, c *executorpb.Call) bool {
	if e.judged == c || e.process.PID == 0 || e.ending() || !tellsFailure(c) {
		return false
	}
	launcher, p := a.parts.Launcher, e.process
	asked := process.Go(a.b, func(ctx context.Context) (*isolators.Limitation, error) { return launcher.Limited(ctx, p), nil })
	process.Then(a.b, asked, func(l *isolators.Limitation, _ error) {
		if l == nil {
			e.judged = c
			a.executorCall(from, c)
			e.judged = nil
			return
		}
		a.limited(e, l)
		if rest := withoutFailures(c); rest != nil {
			a.executorCall(from, rest) // what it says of other tasks is true nevertheless
		}
		a.destroy(e)
	})
	return true
}

func failed(s *mesospb.TaskStatus) bool { return s.GetState() == mesospb.TaskState_TASK_FAILED }

func failing(u *executorpb.Call_Update) bool { return failed(u.GetStatus()) }

func tellsFailure(c *executorpb.Call) bool {
	return c.GetType() == executorpb.Call_UPDATE && failed(c.GetUpdate().GetStatus()) ||
		c.GetType() == executorpb.Call_SUBSCRIBE && slices.ContainsFunc(c.GetSubscribe().GetUnacknowledgedUpdates(), failing)
}

// withoutFailures is a call without what the launcher knows better; nil when nothing is left.
func withoutFailures(c *executorpb.Call) *executorpb.Call {
	if c.GetType() == executorpb.Call_UPDATE {
		return nil
	}
	c = proto.CloneOf(c)
	c.Subscribe.UnacknowledgedUpdates = slices.DeleteFunc(c.Subscribe.UnacknowledgedUpdates, failing)
	return c
}

// limited notes why the tasks of a container end.
func (a *Agent) limited(e *executor, l *isolators.Limitation) {
	if e.verdict != nil {
		return // it was about to end anyway, for a reason that came first
	}
	brief, _, _ := strings.Cut(l.Message, "\n") // what follows are numbers
	a.log(e).Info("the container has broken a limit", "because", brief)
	e.broken, e.verdict = l, &verdictOnTasks{mesospb.TaskState_TASK_FAILED, l.Reason, l.Message}
}
