package agent

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/refusal"
	"github.com/meseta-io/meseta/messages/validation"
)

// desk answers operators from the agent's last view, so that however much is asked the agent goes on deciding.
type desk struct {
	config   Config
	disk     Disk
	launcher containerizer.Launcher
	b        *process.Base
	view     *view
	began    float64
	counting bool // the runtime's metrics are about to be brought up to date
}

// Initialize implements process.Process.
func (d *desk) Initialize(b *process.Base) {
	d.b = b
	d.began = seconds(b.Now())
	process.Install(b, d.call)
	d.count()
}

// operatorCall passes on what was sent to the agent itself. The answer comes from the desk.
func (a *Agent) operatorCall(from process.UPID, c *agentpb.Call) {
	process.Dispatch(a.desk, func(d *desk) { d.call(from, c) })
}

// call answers with an agentpb.Response, or with a controlpb.Refused that says why not.
func (d *desk) call(from process.UPID, c *agentpb.Call) {
	if err := validation.AgentCall(c); err != nil {
		d.refuse(from, fmt.Errorf("%w: %w", fault.ErrInvalid, err))
		return
	}
	if d.view.recovering && c.GetType() != agentpb.Call_GET_HEALTH {
		d.refuse(from, fmt.Errorf("the agent has not finished recovery: %w", fault.ErrUnavailable))
		return
	}
	switch c.GetType() {
	case agentpb.Call_GET_CONTAINERS:
		d.later(from, d.containers)
	case agentpb.Call_LIST_FILES:
		d.later(from, d.listFiles(c.GetListFiles()))
	case agentpb.Call_READ_FILE:
		d.later(from, d.readFile(c.GetReadFile()))
	default:
		d.answer(from, c)
	}
}

// answer is for what the view knows.
func (d *desk) answer(from process.UPID, c *agentpb.Call) {
	r := &agentpb.Response{}
	v := d.view
	switch c.GetType() {
	case agentpb.Call_GET_HEALTH:
		r.Type, r.GetHealth = agentpb.Response_GET_HEALTH.Enum(), &agentpb.Response_GetHealth{Healthy: proto.Bool(true)}
	case agentpb.Call_GET_FLAGS:
		r.Type, r.GetFlags = agentpb.Response_GET_FLAGS.Enum(), &agentpb.Response_GetFlags{Flags: flagsOf(d.config)}
	case agentpb.Call_GET_VERSION:
		r.Type, r.GetVersion = agentpb.Response_GET_VERSION.Enum(), &agentpb.Response_GetVersion{
			VersionInfo: &mesospb.VersionInfo{Version: proto.String(Version)}}
	case agentpb.Call_GET_METRICS:
		r.Type, r.GetMetrics = agentpb.Response_GET_METRICS.Enum(), &agentpb.Response_GetMetrics{
			Metrics: v.metrics(seconds(d.b.Now()) - d.began)}
	case agentpb.Call_GET_STATE:
		r.Type, r.GetState = agentpb.Response_GET_STATE.Enum(), &agentpb.Response_GetState{
			GetTasks: v.tasks(), GetExecutors: v.executors(), GetFrameworks: v.theFrameworks()}
	case agentpb.Call_GET_TASKS:
		r.Type, r.GetTasks = agentpb.Response_GET_TASKS.Enum(), v.tasks()
	case agentpb.Call_GET_EXECUTORS:
		r.Type, r.GetExecutors = agentpb.Response_GET_EXECUTORS.Enum(), v.executors()
	case agentpb.Call_GET_FRAMEWORKS:
		r.Type, r.GetFrameworks = agentpb.Response_GET_FRAMEWORKS.Enum(), v.theFrameworks()
	case agentpb.Call_GET_AGENT:
		r.Type, r.GetAgent = agentpb.Response_GET_AGENT.Enum(), &agentpb.Response_GetAgent{AgentInfo: v.info}
	case agentpb.Call_GET_OPERATIONS:
		r.Type, r.GetOperations = agentpb.Response_GET_OPERATIONS.Enum(), &agentpb.Response_GetOperations{Operations: v.operations}
	case agentpb.Call_GET_RESOURCE_PROVIDERS:
		r.Type, r.GetResourceProviders = agentpb.Response_GET_RESOURCE_PROVIDERS.Enum(), &agentpb.Response_GetResourceProviders{}
	default:
		d.refuse(from, fmt.Errorf("%v is not supported by this agent: %w", c.GetType(), fault.ErrUnsupported))
		return
	}
	d.b.Send(from, r)
}

// later answers when the disk or the kernel has.
func (d *desk) later(from process.UPID, work func(context.Context) (*agentpb.Response, error)) {
	process.Then(d.b, process.Go(d.b, work), func(r *agentpb.Response, err error) {
		if err != nil {
			d.refuse(from, err)
			return
		}
		d.b.Send(from, r)
	})
}

func (d *desk) refuse(from process.UPID, err error) {
	d.b.Send(from, refusal.Of(err))
}
