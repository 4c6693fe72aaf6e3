package master_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

func custom(id string, o *mesospb.Offer) *mesospb.ExecutorInfo {
	return &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String(id)}, Command: &mesospb.CommandInfo{Value: proto.String("exit 1")},
		Resources: command("", o, "cpus:0.1;mem:32;disk:32").Resources}
}

// Amounts below what an executor needs are the framework's own business, as in Mesos.
func TestTinyResources(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	o := f.offer()
	f.launch(o, command("t1", o, "cpus:0.001;mem:1"))
	rs, err := resources.FromProto(a.run("t1").GetTask().GetResources())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "the resources", rs.Unallocate().String(), "cpus:0.001; mem:1")
}

// What tasks, executors, frameworks and statuses say of themselves can be read at the desk.
func TestLabels(t *testing.T) {
	labels := func(v string) *mesospb.Labels {
		return &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("k"), Value: proto.String(v)}, {Key: proto.String("k"), Value: proto.String(v)}}}
	}
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
	f := s.framework("f1", func(i *mesospb.FrameworkInfo) { i.Labels = labels("framework") })
	o := f.offer()
	task := command("t1", o, "cpus:1;mem:64")
	task.Labels = labels("task")
	task.Discovery = &mesospb.DiscoveryInfo{Visibility: mesospb.DiscoveryInfo_EXTERNAL.Enum(), Name: proto.String("svc"),
		Ports: &mesospb.Ports{Ports: []*mesospb.Port{{Number: proto.Uint32(80), Name: proto.String("http")}}}}
	task.Command, task.Executor = nil, custom("e", o)
	task.Executor.Labels = labels("executor")
	f.launch(o, task)
	a.run("t1")
	container := &mesospb.ContainerStatus{NetworkInfos: []*mesospb.NetworkInfo{{IpAddresses: []*mesospb.NetworkInfo_IPAddress{{IpAddress: proto.String("10.9.8.7")}}}}}
	a.Send(s.master(), &controlpb.StatusUpdate{FrameworkId: fid(f.id), AgentId: a.info.Id, Status: &mesospb.TaskStatus{TaskId: tid("t1"),
		State: mesospb.TaskState_TASK_RUNNING.Enum(), Uuid: sixteen("u"), Labels: labels("status"), ContainerStatus: container}})
	told := f.updated("t1", mesospb.TaskState_TASK_RUNNING)
	kept := s.tasks().GetTasks()[0]
	for what, pair := range map[string][2]proto.Message{
		"framework labels":         {s.frameworks().GetFrameworks()[0].GetFrameworkInfo().GetLabels(), labels("framework")},
		"task labels":              {kept.GetLabels(), labels("task")},
		"discovery":                {kept.GetDiscovery(), task.Discovery},
		"status labels":            {kept.GetStatuses()[0].GetLabels(), labels("status")},
		"status labels as told":    {told.GetLabels(), labels("status")},
		"container status":         {kept.GetStatuses()[0].GetContainerStatus(), container},
		"container status as told": {told.GetContainerStatus(), container},
		"executor labels":          {s.ask(masterpb.Call_GET_EXECUTORS).GetGetExecutors().GetExecutors()[0].GetExecutorInfo().GetLabels(), labels("executor")},
	} {
		if !proto.Equal(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
		}
	}
}

func TestTaskStateMetrics(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	o := f.offer()
	f.launch(o, command("t1", o, "cpus:1;mem:64"), command("t2", o, "cpus:1;mem:64"))
	a.run("t1")
	a.run("t2")
	step := func(staging, starting, running, finished, failed float64) {
		t.Helper()
		s.Advance(100 * time.Millisecond)
		for name, want := range map[string]float64{"staging": staging, "starting": starting, "running": running, "finished": finished, "failed": failed} {
			equal(t, name, s.metric("master/tasks_"+name), want)
		}
	}
	step(2, 0, 0, 0, 0)
	a.update(f.id, "t1", mesospb.TaskState_TASK_STARTING, "1")
	step(1, 1, 0, 0, 0)
	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "2")
	a.update(f.id, "t2", mesospb.TaskState_TASK_RUNNING, "3")
	step(0, 0, 2, 0, 0)
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "4")
	a.update(f.id, "t2", mesospb.TaskState_TASK_FAILED, "5")
	step(0, 0, 0, 1, 1)
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "4") // told again
	step(0, 0, 0, 1, 1)
}
