package executor_test

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// What the master orders.

func frameworkID(id string) *mesospb.FrameworkID { return &mesospb.FrameworkID{Value: &id} }
func executorID(id string) *mesospb.ExecutorID   { return &mesospb.ExecutorID{Value: &id} }

func killTask(framework, task string) *controlpb.KillTask {
	return &controlpb.KillTask{FrameworkId: frameworkID(framework), TaskId: &mesospb.TaskID{Value: &task}, Epoch: proto.Uint64(1)}
}

func shutdownFramework(id string) *controlpb.ShutdownFramework {
	return &controlpb.ShutdownFramework{FrameworkId: frameworkID(id), Epoch: proto.Uint64(1)}
}

func shutdownExecutor(framework, executor string) *controlpb.ShutdownExecutor {
	return &controlpb.ShutdownExecutor{FrameworkId: frameworkID(framework), ExecutorId: executorID(executor), Epoch: proto.Uint64(1)}
}

func message(framework, executor string, data []byte) *controlpb.FrameworkMessage {
	return &controlpb.FrameworkMessage{AgentId: &mesospb.AgentID{Value: proto.String("A1")}, FrameworkId: frameworkID(framework),
		ExecutorId: executorID(executor), Data: data, Epoch: proto.Uint64(1)}
}
