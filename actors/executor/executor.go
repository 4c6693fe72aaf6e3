package executor

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Executor runs tasks. Its methods are called on the driver's actor, one at a time: they do not block. What takes
// time goes through process.Go(d.Base(), …) and comes back with process.Then.
type Executor interface {
	// Launch starts a task. Updates tell how it goes; the last one has a terminal state.
	Launch(d *Driver, task *mesospb.TaskInfo)
	// Kill ends a task, within the grace period of the policy (which may be nil). It may be called again, and for
	// tasks that have ended.
	Kill(d *Driver, id *mesospb.TaskID, policy *mesospb.KillPolicy)
}

// Subscriber is an Executor that wants to know when the agent has welcomed it, the first time and after each loss
// of the connection.
type Subscriber interface {
	Subscribed(d *Driver, s *executorpb.Event_Subscribed)
}

// Messenger is an Executor that its scheduler sends messages to. They may be lost.
type Messenger interface {
	Message(d *Driver, data []byte)
}

// Shutdowner is an Executor that has something to do before it ends: to end its tasks, tell how they ended, and
// call Driver.Stop. It has Config.ShutdownGracePeriod for that. Without it an executor is stopped at once.
type Shutdowner interface {
	Shutdown(d *Driver)
}

// Status is an update of a task. Driver.Update fills in the rest.
func Status(id *mesospb.TaskID, state mesospb.TaskState) *mesospb.TaskStatus {
	return &mesospb.TaskStatus{TaskId: id, State: state.Enum()}
}

// Explained adds a message for people.
func Explained(s *mesospb.TaskStatus, message string) *mesospb.TaskStatus {
	s.Message = proto.String(message)
	return s
}
