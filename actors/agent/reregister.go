package agent

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Version is the version that agents report.
const Version = mesos.Version

// capabilities is what a master may rely on.
var capabilities = []*mesospb.AgentInfo_Capability{
	{Type: mesospb.AgentInfo_Capability_MULTI_ROLE.Enum()},
	{Type: mesospb.AgentInfo_Capability_HIERARCHICAL_ROLE.Enum()},
	{Type: mesospb.AgentInfo_Capability_RESERVATION_REFINEMENT.Enum()},
	{Type: mesospb.AgentInfo_Capability_RESOURCE_PROVIDER.Enum()}, // it applies operations; it has no providers
	{Type: mesospb.AgentInfo_Capability_RESIZE_VOLUME.Enum()},
	{Type: mesospb.AgentInfo_Capability_AGENT_OPERATION_FEEDBACK.Enum()},
	{Type: mesospb.AgentInfo_Capability_AGENT_DRAINING.Enum()},
	{Type: mesospb.AgentInfo_Capability_TASK_RESOURCE_LIMITS.Enum()},
}

// reregistration is everything that a master has to know of an agent that returns. Command executors are left
// out, as in Mesos: the agent made them up, and their resources are in no offer.
func (a *Agent) reregistration() *controlpb.ReregisterAgent {
	first := !a.membership.reported
	a.membership.reported = true
	m := &controlpb.ReregisterAgent{Agent: a.info, Version: proto.String(Version), Capabilities: capabilities,
		CheckpointedResources: checkpointed(a.holdings.stored).Proto(), Operations: a.holdings.report(first)}
	for _, f := range a.sortedFrameworks() {
		if f.leaving {
			continue
		}
		m.Frameworks = append(m.Frameworks, f.info)
		for _, e := range f.sorted() {
			if !e.command && e.state != terminated {
				m.Executors = append(m.Executors, e.info)
			}
			for _, t := range e.sorted() {
				m.Tasks = append(m.Tasks, t.message(e))
			}
		}
	}
	return m
}

// reconcile tells the fate of tasks that the master has and this agent does not.
func (a *Agent) reconcile(r *controlpb.ReconcileTasks) {
	f := a.adopt(r.GetFramework())
	for _, s := range r.GetStatuses() {
		if _, t := f.task(s.GetTaskId().GetValue()); t != nil {
			continue // it came meanwhile, or its end is on the way
		}
		a.refuse(f, s.GetTaskId(), &verdictOnTasks{f.word(mesospb.TaskState_TASK_DROPPED),
			mesospb.TaskStatus_REASON_RECONCILIATION, "Reconciliation: task is unknown to the agent"})
	}
	a.forgetIfIdle(f)
}
