package master_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

// A flaw makes a good task bad, or a good pod. The framework reads why in the message of the update.
type flaw struct {
	name, reason string
	spoil        func(*mesospb.TaskInfo)
}

func negative() *mesospb.DurationInfo { return &mesospb.DurationInfo{Nanoseconds: proto.Int64(-1)} }

// unset is an environment with a variable that has no value.
func unset() *mesospb.Environment {
	return &mesospb.Environment{Variables: []*mesospb.Environment_Variable{{Name: proto.String("KEY")}}}
}

func sharing(share bool) *mesospb.ContainerInfo {
	return &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum(), LinuxInfo: &mesospb.LinuxInfo{ShareCgroups: &share}}
}

func dockerized(parameter string) *mesospb.ContainerInfo {
	c := &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_DOCKER.Enum(), Docker: &mesospb.ContainerInfo_DockerInfo{Image: proto.String("i")}}
	if parameter != "" {
		c.Docker.Parameters = []*mesospb.Parameter{{Key: &parameter, Value: proto.String("x")}}
	}
	return c
}

func limited(name string, v float64) func(*mesospb.TaskInfo) {
	return func(t *mesospb.TaskInfo) { t.Limits = map[string]*mesospb.Value_Scalar{name: {Value: &v}} }
}

// executed gives a task an executor of its own in place of its command.
func executed(o *mesospb.Offer, spoil func(*mesospb.ExecutorInfo)) func(*mesospb.TaskInfo) {
	return func(t *mesospb.TaskInfo) {
		t.Command, t.Executor = nil, &mesospb.ExecutorInfo{
			ExecutorId: &mesospb.ExecutorID{Value: t.TaskId.Value}, Command: &mesospb.CommandInfo{Value: proto.String("exec")},
			Resources: command("", o, "cpus:0.1;mem:32;disk:1").Resources,
		}
		if spoil != nil {
			spoil(t.Executor)
		}
	}
}

// TestInvalidTask launches one bad task after another from one offer. Each ends in TASK_ERROR with the reason in
// words, and the good one after them runs.
func TestInvalidTask(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096;disk:4096")
	f := s.framework("f1")
	o := f.offer()
	flaws := []flaw{
		{"an executor of another framework", "framework_id", executed(o, func(e *mesospb.ExecutorInfo) { e.FrameworkId = fid("other") })},
		{"an executor with a bad environment", "set value", executed(o, func(e *mesospb.ExecutorInfo) { e.Command.Environment = unset() })},
		{"an executor without a command", "command", executed(o, func(e *mesospb.ExecutorInfo) { e.Command = nil })},
		{"an executor for pods", "CUSTOM", executed(o, func(e *mesospb.ExecutorInfo) { e.Type, e.Command = mesospb.ExecutorInfo_DEFAULT.Enum(), nil })},
		{"an executor with a negative grace period", "shutdown_grace_period", executed(o, func(e *mesospb.ExecutorInfo) { e.ShutdownGracePeriod = negative() })},
		{"an executor that shares control groups", "share", executed(o, func(e *mesospb.ExecutorInfo) { e.Container = sharing(true) })},
		{"a command and an executor", "exactly one", func(t *mesospb.TaskInfo) { c := t.Command; executed(o, nil)(t); t.Command = c }},
		{"no resources", "no resources", func(t *mesospb.TaskInfo) { t.Resources = nil }},
		{"more than was offered", "only", func(t *mesospb.TaskInfo) { t.Resources = command("", o, "cpus:4.001").Resources }},
		{"a negative grace period", "grace_period", func(t *mesospb.TaskInfo) { t.KillPolicy = &mesospb.KillPolicy{GracePeriod: negative()} }},
		{"a bad environment", "set value", func(t *mesospb.TaskInfo) { t.Command.Environment = unset() }},
		{"a Docker container that says nothing", "set docker", func(t *mesospb.TaskInfo) { t.Container = dockerized(""); t.Container.Docker = nil }},
		{"a Docker container with a name", `"name"`, func(t *mesospb.TaskInfo) { t.Container = dockerized("name") }},
		{"a limit below its request", "less than the request", limited("cpus", 0.05)},
		{"a limit of disk", "only cpus and mem", limited("disk", 100)},
		{"control groups of its own", "share_cgroups", func(t *mesospb.TaskInfo) { t.Container = sharing(false) }},
	}
	var tasks []*mesospb.TaskInfo
	for i, bad := range flaws {
		task := command(fmt.Sprint("bad", i), o, "cpus:0.1;mem:64")
		bad.spoil(task)
		tasks = append(tasks, task)
	}
	f.launch(o, append(tasks, command("good", o, "cpus:4;mem:4096"))...)
	for i, bad := range flaws {
		t.Run(bad.name, func(t *testing.T) {
			status := f.updated(fmt.Sprint("bad", i), mesospb.TaskState_TASK_ERROR)
			equal(t, "the reason", status.GetReason(), mesospb.TaskStatus_REASON_TASK_INVALID)
			says(t, status, bad.reason)
		})
	}
	a.run("good")
}

func says(t *testing.T, status *mesospb.TaskStatus, reason string) {
	t.Helper()
	if !strings.Contains(status.GetMessage(), reason) {
		t.Errorf("%q does not say %q", status.GetMessage(), reason)
	}
}

// A pod is one task or two under the executor for pods.
type pod struct {
	executor *mesospb.ExecutorInfo
	tasks    []*mesospb.TaskInfo
}

func newPod(o *mesospb.Offer, id string) *pod {
	p := &pod{tasks: []*mesospb.TaskInfo{command(id+"a", o, "cpus:0.1;mem:32"), command(id+"b", o, "cpus:0.1;mem:32")}}
	executed(o, func(e *mesospb.ExecutorInfo) { p.executor = e })(command(id, o, ""))
	p.executor.Type, p.executor.Command = mesospb.ExecutorInfo_DEFAULT.Enum(), nil
	p.executor.FrameworkId = o.FrameworkId
	return p
}

func (p *pod) launch() *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_LAUNCH_GROUP.Enum(), LaunchGroup: &mesospb.Offer_Operation_LaunchGroup{
		Executor: p.executor, TaskGroup: &mesospb.TaskGroupInfo{Tasks: p.tasks},
	}}
}

func (f *fakeScheduler) do(o *mesospb.Offer, ops ...*mesospb.Offer_Operation) {
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{
		OfferIds: []*mesospb.OfferID{o.Id}, Operations: ops, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(1e6)},
	}})
}

// TestInvalidPod launches one bad pod after another from one offer. All tasks of each end in TASK_ERROR, the good ones
// too, and the good pod after them runs.
func TestInvalidPod(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:8;mem:4096;disk:4096")
	f := s.framework("f1")
	o := f.offer()
	networked := func(kind mesospb.HealthCheck_Type) func(*pod) {
		return func(p *pod) {
			p.tasks[0].Container = &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum(), NetworkInfos: []*mesospb.NetworkInfo{{}}}
			p.tasks[0].HealthCheck = &mesospb.HealthCheck{
				Type: &kind, Http: &mesospb.HealthCheck_HTTPCheckInfo{Port: proto.Uint32(80)}, Tcp: &mesospb.HealthCheck_TCPCheckInfo{Port: proto.Uint32(80)},
			}
		}
	}
	custom := func(spoil func(*mesospb.ExecutorInfo)) func(*pod) {
		return func(p *pod) {
			p.executor.Type, p.executor.Command = mesospb.ExecutorInfo_CUSTOM.Enum(), &mesospb.CommandInfo{Value: proto.String("exec")}
			spoil(p.executor)
		}
	}
	flaws := []struct {
		name, reason string
		spoil        func(*pod)
	}{
		{"a Docker executor", "DOCKER", custom(func(e *mesospb.ExecutorInfo) { e.Container = dockerized("") })},
		{"an executor of no framework", "framework_id is not set", func(p *pod) { p.executor.FrameworkId = nil }},
		{"a Docker task", "DOCKER", func(p *pod) { p.tasks[0].Container = dockerized("") }},
		{"an HTTP health check into another network", "HTTP", networked(mesospb.HealthCheck_HTTP)},
		{"a TCP health check into another network", "TCP", networked(mesospb.HealthCheck_TCP)},
		{"another executor in a task", "differs", func(p *pod) { executed(o, nil)(p.tasks[1]) }},
		{"an executor with a bad environment", "set value", custom(func(e *mesospb.ExecutorInfo) { e.Command.Environment = unset() })},
		{"a task with a bad environment", "set value", func(p *pod) { p.tasks[1].Command.Environment = unset() }},
		{"limits in shared control groups", "share_cgroups", func(p *pod) { limited("cpus", 1)(p.tasks[0]) }},
		{"an executor that shares control groups", "share", func(p *pod) { p.executor.Container = sharing(true) }},
		{"tasks that disagree about control groups", "same for all", func(p *pod) { p.tasks[0].Container = sharing(false) }},
	}
	var ops []*mesospb.Offer_Operation
	for i, bad := range flaws {
		p := newPod(o, fmt.Sprint("bad", i))
		bad.spoil(p)
		ops = append(ops, p.launch())
	}
	good := newPod(o, "good")
	for _, task := range good.tasks {
		task.Container = sharing(false)
		limited("cpus", 1)(task)
	}
	f.do(o, append(ops, good.launch())...)
	for i, bad := range flaws {
		t.Run(bad.name, func(t *testing.T) {
			for _, id := range []string{"a", "b"} {
				status := f.updated(fmt.Sprint("bad", i, id), mesospb.TaskState_TASK_ERROR)
				equal(t, "the reason", status.GetReason(), mesospb.TaskStatus_REASON_TASK_GROUP_INVALID)
				says(t, status, bad.reason)
			}
		})
	}
	run := a.Expect(testkit.Of[*controlpb.RunTaskGroup]())[0].Msg.(*controlpb.RunTaskGroup)
	equal(t, "the executor of the good pod", run.GetExecutor().GetExecutorId().GetValue(), "good")

	t.Run("control groups unlike those that run", func(t *testing.T) {
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		o := f.offer()
		more := newPod(o, "more")
		more.executor.ExecutorId = good.executor.ExecutorId
		f.do(o, more.launch())
		says(t, f.updated("morea", mesospb.TaskState_TASK_ERROR), "same for all")
	})
}

func TestInvalidSecondExecutor(t *testing.T) {
	s := newStage(t, nil)
	a, b := s.agent("a1", "cpus:4;mem:4096;disk:64"), s.agent("a2", "cpus:4;mem:4096;disk:64")
	f := s.framework("f1")
	offers := f.offers(2)
	if offers[0].GetHostname() != "a1" {
		offers[0], offers[1] = offers[1], offers[0]
	}
	task := func(id string, o *mesospb.Offer, run string) *mesospb.TaskInfo {
		x := command(id, o, "cpus:1;mem:64")
		executed(o, func(e *mesospb.ExecutorInfo) { e.ExecutorId.Value, e.Command.Value = proto.String("e1"), &run })(x)
		return x
	}
	t.Run("on the same agent", func(t *testing.T) {
		f.launch(offers[0], task("t1", offers[0], "exec"), task("t2", offers[0], "another"))
		a.run("t1")
		says(t, f.updated("t2", mesospb.TaskState_TASK_ERROR), "differs")
	})
	t.Run("on another agent", func(t *testing.T) {
		f.launch(offers[1], task("t3", offers[1], "another"))
		b.run("t3")
	})
}

func TestInvalidReusedID(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware)
	s.running(f, a, "t1")
	a.deaf = true
	s.Advance(2 * time.Minute)
	f.updated("t1", mesospb.TaskState_TASK_UNREACHABLE)
	s.agent("a2", "cpus:4;mem:4096")
	o := f.offer()
	f.launch(o, command("t1", o, "cpus:1;mem:64"))
	says(t, f.updated("t1", mesospb.TaskState_TASK_ERROR), "unreachable")
}
