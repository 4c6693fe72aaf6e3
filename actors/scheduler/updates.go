package scheduler

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// Terminal says whether a task in this state is over for good. Unreachable and unknown are not: both may turn out
// to be running.
func Terminal(s mesospb.TaskState) bool { return taskstate.Terminal(s) }

// update tells the framework, once, and acknowledges. An update comes again when its acknowledgement was lost on
// the way; then only the acknowledgement is repeated.
func (d *Driver) update(s *mesospb.TaskStatus) {
	if needsAcknowledgement(s.GetUuid(), s.GetAgentId()) && d.done.has(s.GetUuid()) {
		d.sendAcknowledge(s)
		return
	}
	if Terminal(s.GetState()) || s.GetState() == mesospb.TaskState_TASK_UNKNOWN {
		delete(d.kills, s.GetTaskId().GetValue())
	}
	d.scheduler.Update(d, s)
	if !d.config.ExplicitAcknowledgements {
		d.Acknowledge(s)
	}
}

// Acknowledge says that the framework is done with an update. Frameworks call it only if they asked for that. Updates
// of the master itself need no acknowledgement, so none is sent. Nothing is acknowledged after Stop, Teardown or an
// error; the update then goes to the framework's next instance.
func (d *Driver) Acknowledge(s *mesospb.TaskStatus) {
	if d.state == stopped || d.tearing || !needsAcknowledgement(s.GetUuid(), s.GetAgentId()) {
		return
	}
	d.done.add(s.GetUuid())
	// Without a master it waits for the update to come again.
	d.sendAcknowledge(s)
}

func (d *Driver) sendAcknowledge(s *mesospb.TaskStatus) {
	d.call(&schedulerpb.Call{
		Type: schedulerpb.Call_ACKNOWLEDGE.Enum(),
		Acknowledge: &schedulerpb.Call_Acknowledge{
			AgentId: s.GetAgentId(), TaskId: s.GetTaskId(), Uuid: s.GetUuid(),
		},
	})
}

// needsAcknowledgement: an update that carries a uuid is kept by an agent until it is acknowledged, and it takes
// the agent's id to reach it.
func needsAcknowledgement(uuid []byte, agent *mesospb.AgentID) bool {
	return len(uuid) > 0 && agent.GetValue() != ""
}

// operationUpdate does for operations what update does for tasks.
func (d *Driver) operationUpdate(s *mesospb.OperationStatus) {
	w, ok := d.scheduler.(OperationWatcher)
	if known := len(s.GetUuid().GetValue()) > 0 && d.done.has(s.GetUuid().GetValue()); ok && !known {
		w.OperationUpdated(d, s)
	}
	// An operation that nobody watches is acknowledged too, or its agent would send it for ever.
	if !ok || !d.config.ExplicitAcknowledgements {
		d.AcknowledgeOperation(s)
	}
}

// AcknowledgeOperation says that the framework is done with an operation's status, as Acknowledge does for tasks.
func (d *Driver) AcknowledgeOperation(s *mesospb.OperationStatus) {
	uuid := s.GetUuid().GetValue()
	if d.state == stopped || d.tearing || len(uuid) == 0 {
		return
	}
	d.done.add(uuid)
	d.call(&schedulerpb.Call{
		Type: schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS.Enum(),
		AcknowledgeOperationStatus: &schedulerpb.Call_AcknowledgeOperationStatus{
			AgentId: s.GetAgentId(), ResourceProviderId: s.GetResourceProviderId(),
			Uuid: uuid, OperationId: s.GetOperationId(),
		},
	})
}

// lose tells the framework that tasks were not launched because there is no master: dropped, or lost for those who
// do not know partitions, as Mesos' drivers do. It waits for the current message to end, so that the framework is not
// called back inside of its own call.
func (d *Driver) lose(tasks []*mesospb.TaskInfo) {
	state := mesospb.TaskState_TASK_LOST
	if capabilities.OfFramework(d.info.GetCapabilities()).Has(mesospb.FrameworkInfo_Capability_PARTITION_AWARE) {
		state = mesospb.TaskState_TASK_DROPPED
	}
	for _, task := range tasks {
		s := &mesospb.TaskStatus{
			TaskId:    task.GetTaskId(),
			AgentId:   task.GetAgentId(),
			State:     state.Enum(),
			Source:    mesospb.TaskStatus_SOURCE_MASTER.Enum(),
			Reason:    mesospb.TaskStatus_REASON_MASTER_DISCONNECTED.Enum(),
			Message:   proto.String("there is no master; launch it again with a new offer"),
			Timestamp: proto.Float64(float64(d.Now().UnixNano()) / 1e9),
		}
		d.Delay(0, func() {
			if d.state != stopped && !d.tearing {
				d.update(s)
			}
		})
	}
}

// tasksOf lists what operations would launch.
func tasksOf(operations []*mesospb.Offer_Operation) (tasks []*mesospb.TaskInfo) {
	for _, o := range operations {
		tasks = slices.Concat(tasks, o.GetLaunch().GetTaskInfos(), o.GetLaunchGroup().GetTaskGroup().GetTasks())
	}
	return tasks
}
