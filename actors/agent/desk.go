package agent

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/refusal"
	"github.com/meseta-io/meseta/messages/validation"
)

// desk answers operators from the agent's last view, so that however much is asked the agent goes on deciding.
type desk struct {
	config     Config
	disk       Disk
	launcher   containerizer.Launcher
	authorizer authorization.Authorizer
	latest     *process.Published[View]
	b          *process.Base
	counting   bool // the runtime's metrics are about to be brought up to date
	usage      usage
}

// Initialize implements process.Process.
func (d *desk) Initialize(b *process.Base) {
	d.b = b
	process.Install(b, d.call)
	d.count()
	d.age()
	d.keepHistory()
}

// operatorCall passes on what was sent to the agent itself. The answer comes from the desk.
func (a *Agent) operatorCall(from process.UPID, c *agentpb.Call) {
	process.Dispatch(a.desk, func(d *desk) { d.call(from, c) })
}

// call answers another process, with an agentpb.Response or with a controlpb.Refused that says why not.
func (d *desk) call(from process.UPID, c *agentpb.Call) {
	var answer process.Future[*agentpb.Response]
	switch v := d.latest.Load(); {
	case c.GetType() == agentpb.Call_LIST_FILES && c.ListFiles != nil:
		answer = process.Go(d.b, d.listFiles(v, c.GetListFiles()))
	case c.GetType() == agentpb.Call_READ_FILE && c.ReadFile != nil:
		answer = process.Go(d.b, d.readFile(v, c.GetReadFile()))
	case c.GetType() == agentpb.Call_GET_METRICS && c.GetMetrics != nil:
		answer = process.Ready(&agentpb.Response{Type: agentpb.Response_GET_METRICS.Enum(),
			GetMetrics: &agentpb.Response_GetMetrics{Metrics: v.metrics(d.b.Now())}})
	default:
		answer = d.ask(authorization.Subject{}, c)
	}
	process.Then(d.b, answer, func(r *agentpb.Response, err error) {
		if err != nil {
			d.b.Send(from, refusal.Of(err))
			return
		}
		d.b.Send(from, r)
	})
}

// ask may be called from anywhere.
func (d *desk) ask(who authorization.Subject, c *agentpb.Call) process.Future[*agentpb.Response] {
	if err := validation.AgentCall(c); err != nil {
		return process.Failed[*agentpb.Response](fmt.Errorf("%w: %w", fault.ErrInvalid, err))
	}
	v := d.latest.Load()
	if v.Recovering && c.GetType() != agentpb.Call_GET_HEALTH {
		return process.Failed[*agentpb.Response](ErrRecovering)
	}
	if c.GetType() == agentpb.Call_GET_CONTAINERS {
		return process.Go(d.b, func(ctx context.Context) (*agentpb.Response, error) {
			r, err := d.containers(ctx, v, who)
			if err != nil {
				d.b.Log().Warn("cannot measure the containers; listing them without statistics", "error", err)
			}
			return r, ctx.Err()
		})
	}
	r, err := d.answer(v, who, c.GetType())
	if err != nil {
		return process.Failed[*agentpb.Response](err)
	}
	return process.Ready(r)
}

// measure may be called from anywhere.
func (d *desk) measure(who authorization.Subject) process.Future[*agentpb.Response] {
	v := d.latest.Load()
	if v.Recovering {
		return process.Failed[*agentpb.Response](ErrRecovering)
	}
	return process.Go(d.b, func(ctx context.Context) (*agentpb.Response, error) { return d.containers(ctx, v, who) })
}

// ErrRecovering is the answer to almost everything until the agent knows what it has.
var ErrRecovering = fmt.Errorf("Agent has not finished recovery: %w", fault.ErrUnavailable)

// answer is for what the view knows.
func (d *desk) answer(v *View, who authorization.Subject, call agentpb.Call_Type) (*agentpb.Response, error) {
	r := &agentpb.Response{}
	seen := v.Seen(d.authorizer, who)
	switch call {
	case agentpb.Call_GET_HEALTH:
		r.Type, r.GetHealth = agentpb.Response_GET_HEALTH.Enum(), &agentpb.Response_GetHealth{Healthy: proto.Bool(true)}
	case agentpb.Call_GET_FLAGS:
		if !authorization.Approves(d.authorizer, who, authorization.ViewFlags, authorization.Object{}) {
			return nil, fault.ErrDenied
		}
		r.Type, r.GetFlags = agentpb.Response_GET_FLAGS.Enum(), &agentpb.Response_GetFlags{Flags: flagsOf(d.config)}
	case agentpb.Call_GET_VERSION:
		r.Type, r.GetVersion = agentpb.Response_GET_VERSION.Enum(), &agentpb.Response_GetVersion{
			VersionInfo: &mesospb.VersionInfo{Version: proto.String(Version)}}
	case agentpb.Call_GET_STATE:
		r.Type, r.GetState = agentpb.Response_GET_STATE.Enum(), &agentpb.Response_GetState{
			GetTasks: seen.tasks(), GetExecutors: seen.executors(), GetFrameworks: seen.frameworks()}
	case agentpb.Call_GET_TASKS:
		r.Type, r.GetTasks = agentpb.Response_GET_TASKS.Enum(), seen.tasks()
	case agentpb.Call_GET_EXECUTORS:
		r.Type, r.GetExecutors = agentpb.Response_GET_EXECUTORS.Enum(), seen.executors()
	case agentpb.Call_GET_FRAMEWORKS:
		r.Type, r.GetFrameworks = agentpb.Response_GET_FRAMEWORKS.Enum(), seen.frameworks()
	case agentpb.Call_GET_AGENT:
		r.Type, r.GetAgent = agentpb.Response_GET_AGENT.Enum(), v.answerGetAgent()
	case agentpb.Call_GET_OPERATIONS:
		r.Type, r.GetOperations = agentpb.Response_GET_OPERATIONS.Enum(), &agentpb.Response_GetOperations{Operations: v.Operations}
	case agentpb.Call_GET_RESOURCE_PROVIDERS:
		r.Type, r.GetResourceProviders = agentpb.Response_GET_RESOURCE_PROVIDERS.Enum(), &agentpb.Response_GetResourceProviders{}
	case agentpb.Call_PRUNE_IMAGES:
		// Every image that nobody uses is gone already, because there is none.
		if !authorization.Approves(d.authorizer, who, authorization.PruneImages, authorization.Object{}) {
			return nil, fault.ErrDenied
		}
	default:
		return nil, unsupported(call)
	}
	return r, nil
}
