package validation_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
	"google.golang.org/protobuf/proto"
)

// A pod is two tasks under one executor.
type pod struct {
	one, two *mesospb.TaskInfo
	executor *mesospb.ExecutorInfo
	at       validation.Place
}

func (p pod) validate() error {
	return validation.TaskGroup(&mesospb.TaskGroupInfo{Tasks: []*mesospb.TaskInfo{p.one, p.two}}, p.executor, p.at)
}

func aPod(t *testing.T) *pod {
	return &pod{
		one: aTask(t, using(t, "cpus:1;mem:128;ports:[80-80]")),
		two: aTask(t, using(t, "cpus:1;mem:128;ports:[81-81]"), func(x *mesospb.TaskInfo) { x.TaskId.Value = proto.String("t2") }),
		executor: anExecutor(t, func(e *mesospb.ExecutorInfo) {
			e.Type, e.Command = mesospb.ExecutorInfo_DEFAULT.Enum(), nil
		}),
		at: here(t),
	}
}

func TestTaskGroup(t *testing.T) {
	joined := func(kind mesospb.HealthCheck_Type) func(*pod) {
		return func(p *pod) {
			p.one.HealthCheck = &mesospb.HealthCheck{
				Type: &kind, Http: &mesospb.HealthCheck_HTTPCheckInfo{Port: proto.Uint32(80)}, Tcp: &mesospb.HealthCheck_TCPCheckInfo{Port: proto.Uint32(80)},
			}
			p.one.Container = &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum(), NetworkInfos: []*mesospb.NetworkInfo{{}}}
		}
	}
	docker := &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_DOCKER.Enum(), Docker: &mesospb.ContainerInfo_DockerInfo{Image: proto.String("i")}}
	for _, c := range []struct {
		name, reason string
		edit         func(*pod)
	}{
		{"that fits", "", func(*pod) {}},
		{"whose tasks repeat the executor", "", func(p *pod) { p.one.Executor = proto.CloneOf(p.executor) }},
		{"with another executor in a task", "differs", func(p *pod) { p.one.Executor = anExecutor(t) }},
		{"with an executor of no framework", "framework_id is not set", func(p *pod) { p.executor.FrameworkId = nil }},
		{"with an executor of no type", "type", func(p *pod) { p.executor.Type = nil }},
		{"with a small executor", "memory", func(p *pod) { p.executor.Resources = amounts(t, "cpus:1;mem:8;disk:1").Proto() }},
		{"with an executor without disk", "disk", func(p *pod) { p.executor.Resources = amounts(t, "cpus:1;mem:32").Proto() }},
		{"with an executor for Docker", "MESOS", func(p *pod) { p.executor.Container = docker }},
		{"with a custom executor for Docker", "MESOS", func(p *pod) {
			p.executor = anExecutor(t, func(e *mesospb.ExecutorInfo) { e.Type, e.Container = mesospb.ExecutorInfo_CUSTOM.Enum(), docker })
		}},
		{"with a custom executor with a bad environment", "set value", func(p *pod) {
			p.executor = anExecutor(t, func(e *mesospb.ExecutorInfo) { e.Type, e.Command = mesospb.ExecutorInfo_CUSTOM.Enum(), badCommand() })
		}},
		{"with an executor that shares control groups", "share", func(p *pod) { p.executor.Container = sharing(true) }},
		{"with a task for Docker", "DOCKER", func(p *pod) { p.one.Container = docker }},
		{"with a bad environment", "set value", func(p *pod) { p.one.Command = badCommand() }},
		{"with an HTTP health check into another network", "HTTP", joined(mesospb.HealthCheck_HTTP)},
		{"with a TCP health check into another network", "TCP", joined(mesospb.HealthCheck_TCP)},
		{"with a port twice", "overlap", func(p *pod) { p.two.Resources = p.one.Resources }},
		{"that needs more than is offered", "only", func(p *pod) { p.two.Resources = amounts(t, "cpus:3").Proto() }},
		{"with revocable and other resources in a task", "revocable", func(p *pod) {
			p.one.Resources = append(p.one.Resources, revocable(amounts(t, "cpus:1").Proto())...)
		}},
		{"with revocable and other resources in two tasks", "revocable", func(p *pod) { p.one.Resources = revocable(amounts(t, "cpus:1").Proto()) }},
		{"with limits in shared control groups", "share_cgroups", func(p *pod) { limit("cpus", 2)(p.one) }},
		{"with limits in control groups of their own", "", func(p *pod) {
			limit("cpus", 2)(p.one)
			p.one.Container, p.two.Container = sharing(false), sharing(false)
		}},
		{"with limits where tasks cannot be limited", "cannot limit", func(p *pod) {
			limit("cpus", 2)(p.one)
			p.one.Container, p.two.Container = sharing(false), sharing(false)
			p.at.CanLimit = false
		}},
		{"whose tasks disagree about control groups", "same for all", func(p *pod) { p.one.Container = sharing(false) }},
		{"that disagrees with what runs", "same for all", func(p *pod) {
			p.at.Containers = func(string) []*mesospb.ContainerInfo { return []*mesospb.ContainerInfo{sharing(false)} }
		}},
		{"that agrees with what runs", "", func(p *pod) {
			p.at.Containers = func(string) []*mesospb.ContainerInfo { return []*mesospb.ContainerInfo{nil, sharing(true)} }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := aPod(t)
			c.edit(p)
			check(t, p.validate(), c.reason)
		})
	}
}

func TestTaskGroupRevocable(t *testing.T) {
	p := aPod(t)
	p.one.Resources, p.two.Resources = revocable(amounts(t, "cpus:1").Proto()), revocable(amounts(t, "cpus:1").Proto())
	p.executor.Resources = append(revocable(amounts(t, "cpus:0.1").Proto()), amounts(t, "mem:32;disk:1").Proto()...)
	loose, err := validation.Resources(revocable(amounts(t, "cpus:3").Proto()))
	if err != nil {
		t.Fatal(err)
	}
	p.at.Offered = p.at.Offered.Add(loose.Allocate("eng"))
	t.Run("everywhere", func(t *testing.T) { mustPass(t, p.validate()) })
	t.Run("but not in the executor", func(t *testing.T) {
		p.executor.Resources = amounts(t, "cpus:0.1;mem:32;disk:1").Proto()
		mustRefuse(t, p.validate(), "revocable")
	})
}
