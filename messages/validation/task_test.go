package validation_test

import (
	"errors"
	"math"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
	"google.golang.org/protobuf/proto"
)

// aTask is a valid task; edits break it.
func aTask(t *testing.T, edits ...func(*mesospb.TaskInfo)) *mesospb.TaskInfo {
	task := &mesospb.TaskInfo{
		Name:      proto.String("t"),
		TaskId:    &mesospb.TaskID{Value: proto.String("t1")},
		AgentId:   &mesospb.AgentID{Value: proto.String("a1")},
		Resources: amounts(t, "cpus:1;mem:128;ports:[80-80]").Proto(),
		Command:   &mesospb.CommandInfo{Value: proto.String("true")},
	}
	for _, edit := range edits {
		edit(task)
	}
	return task
}

// here is a place where it fits.
func here(t *testing.T, edits ...func(*validation.Place)) validation.Place {
	p := validation.Place{
		FrameworkID: "f1", AgentID: "a1", Role: "eng", CanLimit: true,
		Offered: amounts(t, "cpus:4;mem:1024;disk:1024;ports:[80-90];gpus:1").Allocate("eng"),
	}
	for _, edit := range edits {
		edit(&p)
	}
	return p
}

func anExecutor(t *testing.T, edits ...func(*mesospb.ExecutorInfo)) *mesospb.ExecutorInfo {
	e := &mesospb.ExecutorInfo{
		ExecutorId:  &mesospb.ExecutorID{Value: proto.String("e1")},
		FrameworkId: &mesospb.FrameworkID{Value: proto.String("f1")},
		Command:     &mesospb.CommandInfo{Value: proto.String("exec")},
		Resources:   amounts(t, "cpus:0.1;mem:32;disk:1").Proto(),
	}
	for _, edit := range edits {
		edit(e)
	}
	return e
}

// withExecutor gives a task an executor in place of its command.
func withExecutor(t *testing.T, edits ...func(*mesospb.ExecutorInfo)) func(*mesospb.TaskInfo) {
	return func(x *mesospb.TaskInfo) { x.Command, x.Executor = nil, anExecutor(t, edits...) }
}

func using(t *testing.T, text string) func(*mesospb.TaskInfo) {
	return func(x *mesospb.TaskInfo) { x.Resources = amounts(t, text).Proto() }
}

// revocable makes every resource revocable.
func revocable(rs []*mesospb.Resource) []*mesospb.Resource {
	for _, r := range rs {
		r.Revocable = &mesospb.Resource_RevocableInfo{}
	}
	return rs
}

func limit(name string, v float64) func(*mesospb.TaskInfo) {
	return func(x *mesospb.TaskInfo) {
		if x.Limits == nil {
			x.Limits = make(map[string]*mesospb.Value_Scalar)
		}
		x.Limits[name] = &mesospb.Value_Scalar{Value: &v}
	}
}

func longAgo() *mesospb.DurationInfo { return &mesospb.DurationInfo{Nanoseconds: proto.Int64(-1)} }

type story struct {
	name, reason string
	edit         func(*mesospb.TaskInfo)
}

func runTasks(t *testing.T, name string, at validation.Place, stories ...story) {
	t.Run(name, func(t *testing.T) {
		for _, s := range stories {
			t.Run(s.name, func(t *testing.T) {
				task := aTask(t)
				if s.edit != nil {
					s.edit(task)
				}
				before := proto.CloneOf(task)
				check(t, validation.Task(task, at), s.reason)
				if !proto.Equal(task, before) {
					t.Errorf("looking at %v made it %v", before, task)
				}
			})
		}
	})
}

func TestTask(t *testing.T) {
	taken := func(p *validation.Place) {
		p.TaskID = func(id string) error { return errors.New("a task of this id is unreachable: choose another") }
	}
	runTasks(t, "itself", here(t),
		story{"one that fits", "", nil},
		story{"with an executor", "", withExecutor(t)},
		story{"a bad id", "slash", func(x *mesospb.TaskInfo) { x.TaskId.Value = proto.String("a/b") }},
		story{"for another agent", "offer is from", func(x *mesospb.TaskInfo) { x.AgentId.Value = proto.String("a2") }},
		story{"command and executor", "exactly one", func(x *mesospb.TaskInfo) { x.Executor = anExecutor(t) }},
		story{"neither command nor executor", "exactly one", func(x *mesospb.TaskInfo) { x.Command = nil }},
		story{"a negative grace period", "grace_period is negative", func(x *mesospb.TaskInfo) { x.KillPolicy = &mesospb.KillPolicy{GracePeriod: longAgo()} }},
		story{"a negative time to complete", "max_completion_time is negative", func(x *mesospb.TaskInfo) { x.MaxCompletionTime = longAgo() }},
		story{"a bad environment", "set value", func(x *mesospb.TaskInfo) { x.Command = badCommand() }},
		story{"a bad check", "check", func(x *mesospb.TaskInfo) { x.Check = &mesospb.CheckInfo{} }},
		story{"a bad health check", "health check", func(x *mesospb.TaskInfo) { x.HealthCheck = &mesospb.HealthCheck{} }},
		story{"control groups of its own", "share_cgroups", func(x *mesospb.TaskInfo) { x.Container = sharing(false) }},
		story{"control groups shared in words", "", func(x *mesospb.TaskInfo) { x.Container = sharing(true) }},
	)
	runTasks(t, "an id that is taken", here(t, taken), story{"by an unreachable task", "unreachable", nil})
	docker := &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_DOCKER.Enum()}
	named := proto.CloneOf(docker)
	named.Docker = &mesospb.ContainerInfo_DockerInfo{Image: proto.String("i"), Parameters: []*mesospb.Parameter{{Key: proto.String("name"), Value: proto.String("x")}}}
	runTasks(t, "containers", here(t),
		story{"for Docker without saying what", "set docker", func(x *mesospb.TaskInfo) { x.Container = docker }},
		story{"for Docker with a name", `"name"`, func(x *mesospb.TaskInfo) { x.Container = named }},
	)
}

func TestTaskResources(t *testing.T) {
	runTasks(t, "of the task", here(t),
		story{"none", "no resources", func(x *mesospb.TaskInfo) { x.Resources = nil }},
		story{"more than is offered", "only", using(t, "cpus:5")},
		story{"ports that are not offered", "only", using(t, "ports:[79-80]")},
		story{"half a gpu", "whole", using(t, "gpus:0.5")},
		story{"a gpu", "", using(t, "gpus:1")},
		story{"negative", "negative", func(x *mesospb.TaskInfo) { x.Resources[0].Scalar.Value = proto.Float64(-1) }},
		story{"infinite", "too large", func(x *mesospb.TaskInfo) { x.Resources[0].Scalar.Value = proto.Float64(math.Inf(1)) }},
		story{"revocable and not of one name", "revocable", func(x *mesospb.TaskInfo) {
			x.Resources = append(x.Resources, revocable(amounts(t, "cpus:1").Proto())...)
		}},
		story{"revocable and not of two names", "only", func(x *mesospb.TaskInfo) {
			x.Resources = append(x.Resources, revocable(amounts(t, "net:1").Proto())...)
		}},
		story{"allocated to its role", "", func(x *mesospb.TaskInfo) { x.Resources = amounts(t, "cpus:1").Allocate("eng").Proto() }},
		story{"allocated to two roles", "roles", func(x *mesospb.TaskInfo) {
			x.Resources = append(amounts(t, "cpus:1").Allocate("eng").Proto(), amounts(t, "mem:1").Allocate("ops").Proto()...)
		}},
	)
	loose := here(t)
	loose.Role = ""
	runTasks(t, "where nobody is told", loose, story{"allocated to no role", "no role", nil})
	runTasks(t, "of task and executor", here(t),
		story{"that fit together", "", withExecutor(t)},
		story{"the same port twice", "overlap", func(x *mesospb.TaskInfo) {
			withExecutor(t, func(e *mesospb.ExecutorInfo) { e.Resources = amounts(t, "cpus:1;mem:32;ports:[80-80]").Proto() })(x)
		}},
		story{"more than is offered together", "only", func(x *mesospb.TaskInfo) {
			x.Resources = amounts(t, "cpus:4").Proto()
			withExecutor(t)(x)
		}},
		story{"revocable and not of one name", "revocable", func(x *mesospb.TaskInfo) {
			withExecutor(t, func(e *mesospb.ExecutorInfo) { e.Resources = revocable(amounts(t, "cpus:1").Proto()) })(x)
		}},
	)
	runTasks(t, "of an executor that runs already", here(t, running(anExecutor(t))),
		story{"are not counted again", "", func(x *mesospb.TaskInfo) {
			x.Resources = amounts(t, "cpus:4;mem:1024;disk:1024").Proto()
			withExecutor(t)(x)
		}},
	)
}

func running(e *mesospb.ExecutorInfo) func(*validation.Place) {
	return func(p *validation.Place) {
		p.Executor = func(id string) *mesospb.ExecutorInfo {
			if id != e.GetExecutorId().GetValue() {
				return nil
			}
			return e
		}
	}
}

func TestTaskLimits(t *testing.T) {
	runTasks(t, "where tasks can be limited", here(t),
		story{"to more than the request", "", limit("cpus", 2)},
		story{"to the request", "", limit("mem", 128)},
		story{"to infinity", "", limit("cpus", math.Inf(1))},
		story{"to less than the request", "less than the request", limit("cpus", 0.5)},
		story{"memory to less than the request", "less than the request", limit("mem", 127)},
		story{"something else", "only cpus and mem", limit("disk", 10)},
		story{"negative", "negative", limit("cpus", -1)},
		story{"not a number", "not a number", limit("cpus", math.NaN())},
		story{"without a request", "without a request", func(x *mesospb.TaskInfo) {
			x.Resources = amounts(t, "mem:128").Proto()
			limit("cpus", 2)(x)
		}},
	)
	old := here(t)
	old.CanLimit = false
	runTasks(t, "where they cannot", old, story{"at all", "cannot limit", limit("cpus", 2)})
}

func TestTaskExecutor(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		edit         func(*mesospb.ExecutorInfo)
	}{
		{"one that is fine", "", func(*mesospb.ExecutorInfo) {}},
		{"of another framework", "framework_id is", func(e *mesospb.ExecutorInfo) { e.FrameworkId.Value = proto.String("f2") }},
		{"of no framework", "framework_id is not set", func(e *mesospb.ExecutorInfo) { e.FrameworkId = nil }},
		{"without a command", "command", func(e *mesospb.ExecutorInfo) { e.Command = nil }},
		{"of the type for groups", "CUSTOM", func(e *mesospb.ExecutorInfo) { e.Type, e.Command = mesospb.ExecutorInfo_DEFAULT.Enum(), nil }},
		{"with a bad environment", "set value", func(e *mesospb.ExecutorInfo) { e.Command = badCommand() }},
		{"with a negative grace period", "shutdown_grace_period", func(e *mesospb.ExecutorInfo) { e.ShutdownGracePeriod = longAgo() }},
		{"that shares control groups", "share", func(e *mesospb.ExecutorInfo) { e.Container = sharing(true) }},
		{"with control groups of its own", "", func(e *mesospb.ExecutorInfo) { e.Container = sharing(false) }},
		{"that is small", "", func(e *mesospb.ExecutorInfo) { e.Resources = nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, validation.Task(aTask(t, withExecutor(t, c.edit)), here(t)), c.reason)
		})
	}
	t.Run("the same as the running one", func(t *testing.T) {
		at := here(t, running(anExecutor(t, func(e *mesospb.ExecutorInfo) {
			e.Resources = amounts(t, "mem:32;disk:1;cpus:0.1").Allocate("eng").Proto()
		})))
		mustPass(t, validation.Task(aTask(t, withExecutor(t)), at))
	})
	t.Run("another than the running one", func(t *testing.T) {
		at := here(t, running(anExecutor(t, func(e *mesospb.ExecutorInfo) { e.Command.Value = proto.String("other") })))
		mustRefuse(t, validation.Task(aTask(t, withExecutor(t)), at), "differs")
	})
	t.Run("another than the one on another agent", func(t *testing.T) {
		mustPass(t, validation.Task(aTask(t, withExecutor(t, func(e *mesospb.ExecutorInfo) { e.Command.Value = proto.String("other") })), here(t)))
	})
}

func TestExecutor(t *testing.T) {
	mesos := func() *mesospb.ContainerInfo { return &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum()} }
	pod := func(edits ...func(*mesospb.ExecutorInfo)) *mesospb.ExecutorInfo {
		e := anExecutor(t, func(e *mesospb.ExecutorInfo) {
			e.Type, e.Command, e.Container = mesospb.ExecutorInfo_DEFAULT.Enum(), nil, mesos()
		})
		for _, edit := range edits {
			edit(e)
		}
		return e
	}
	custom := func(e *mesospb.ExecutorInfo) { e.Type = mesospb.ExecutorInfo_CUSTOM.Enum() }
	t.Run("type", func(t *testing.T) {
		for _, c := range []struct {
			name, reason string
			e            *mesospb.ExecutorInfo
		}{
			{"custom", "", anExecutor(t, custom)},
			{"custom without a command", "set command", anExecutor(t, custom, func(e *mesospb.ExecutorInfo) { e.Command = nil })},
			{"default", "", pod()},
			{"default with a command", "leave command out", pod(func(e *mesospb.ExecutorInfo) { e.Command = &mesospb.CommandInfo{} })},
			{"default for Docker", "MESOS", pod(func(e *mesospb.ExecutorInfo) { e.Container.Type = mesospb.ContainerInfo_DOCKER.Enum() })},
			{"default with an image", "image", pod(func(e *mesospb.ExecutorInfo) {
				e.Container.Mesos = &mesospb.ContainerInfo_MesosInfo{Image: &mesospb.Image{Type: mesospb.Image_DOCKER.Enum()}}
			})},
			{"unknown", "", anExecutor(t, func(e *mesospb.ExecutorInfo) { e.Type, e.Command = mesospb.ExecutorInfo_UNKNOWN.Enum(), nil })},
		} {
			t.Run(c.name, func(t *testing.T) { check(t, validation.Executor(c.e), c.reason) })
		}
	})
	t.Run("id", func(t *testing.T) {
		for id, reason := range map[string]string{"this-is.valid_": "", "": "empty", "/": "slash", "a\nb": "control", "..": "directory"} {
			check(t, validation.Executor(anExecutor(t, func(e *mesospb.ExecutorInfo) { e.ExecutorId.Value = &id })), reason)
		}
	})
	t.Run("size", func(t *testing.T) {
		for text, reason := range map[string]string{"cpus:0.01;mem:32": "", "cpus:0.009;mem:32": "cpus", "cpus:0.01;mem:31": "memory", "": "cpus"} {
			check(t, validation.SmallExecutor(anExecutor(t, func(e *mesospb.ExecutorInfo) { e.Resources = amounts(t, text).Proto() })), reason)
		}
	})
}

// TestRevocableTasks goes through who uses what may be revoked.
func TestRevocableTasks(t *testing.T) {
	free := func(text string) []*mesospb.Resource { return amounts(t, text).Proto() }
	loose, err := validation.Resources(revocable(free("cpus:8")))
	if err != nil {
		t.Fatal(err)
	}
	at := here(t, func(p *validation.Place) { p.Offered = p.Offered.Add(loose.Allocate("eng")) })
	for _, c := range []struct {
		name, reason   string
		task, executor []*mesospb.Resource
	}{
		{"nobody", "", free("cpus:1"), nil},
		{"the task", "", revocable(free("cpus:1")), nil},
		{"the task, for one half", "revocable", append(free("cpus:1"), revocable(free("cpus:1"))...), nil},
		{"neither task nor executor", "", free("cpus:2"), free("cpus:2")},
		{"task and executor", "", revocable(free("cpus:2")), revocable(free("cpus:2"))},
		{"the task, not the executor", "revocable", revocable(free("cpus:2")), free("cpus:2")},
		{"the executor, not the task", "revocable", free("cpus:2"), revocable(free("cpus:2"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := aTask(t, func(x *mesospb.TaskInfo) { x.Resources = c.task })
			if c.executor != nil {
				withExecutor(t, func(e *mesospb.ExecutorInfo) { e.Resources = c.executor })(task)
			}
			check(t, validation.Task(task, at), c.reason)
		})
	}
}

// TestAllocation goes through whom the resources of tasks and executors say they are allocated to, where the offer's
// role is not filled in for them.
func TestAllocation(t *testing.T) {
	at := here(t, func(p *validation.Place) { p.Role = "" })
	split := append(amounts(t, "cpus:1").Allocate("role1").Proto(), amounts(t, "mem:1").Allocate("role2").Proto()...)
	one, nobody := amounts(t, "cpus:1;mem:1").Allocate("eng").Proto(), amounts(t, "cpus:1;mem:1").Proto()
	for _, c := range []struct {
		name, reason string
		rs           []*mesospb.Resource
	}{{"one role", "", one}, {"nobody", "allocated to no role", nobody}, {"two roles", "only one", split}} {
		t.Run("task to "+c.name, func(t *testing.T) {
			check(t, validation.Task(aTask(t, func(x *mesospb.TaskInfo) { x.Resources = c.rs }), at), c.reason)
		})
		t.Run("executor to "+c.name, func(t *testing.T) {
			task := aTask(t, func(x *mesospb.TaskInfo) { x.Resources = one }, withExecutor(t, func(e *mesospb.ExecutorInfo) { e.Resources = c.rs }))
			check(t, validation.Task(task, at), c.reason)
		})
	}
	t.Run("executor without resources", func(t *testing.T) {
		task := aTask(t, func(x *mesospb.TaskInfo) { x.Resources = one }, withExecutor(t, func(e *mesospb.ExecutorInfo) { e.Resources = nil }))
		mustPass(t, validation.Task(task, at))
	})
}

// TestDistinct goes through ports and zones that two parts of one launch want.
func TestDistinct(t *testing.T) {
	for _, c := range []struct{ name, reason, task, executor string }{
		{"neighbouring ports", "", "ports:[5555-5556]", "ports:[5557-5558]"},
		{"the same ports", "overlap", "ports:[5555-5556]", "ports:[5555-5556]"},
		{"some of the same ports", "overlap", "ports:[5555-5557]", "ports:[5556-5558]"},
		{"some of the same ports among others", "overlap", "cpus:0.1;mem:32;ports:[5555-5557]", "cpus:1;mem:2048;disk:4096;ports:[5556-5558]"},
		{"different zones", "", "zones:{a,b}", "zones:{c,d}"},
		{"the same zones", "overlap", "zones:{a,b}", "zones:{a,b}"},
		{"one common zone", "overlap", "zones:{a,b,c}", "zones:{c,d,e}"},
		{"the same scalars", "", "cpus:1", "cpus:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := here(t, func(p *validation.Place) {
				p.Offered = amounts(t, "cpus:8;mem:8192;disk:8192;ports:[5000-6000];zones:{a,b,c,d,e,f}").Allocate("eng")
			})
			task := aTask(t, using(t, c.task), withExecutor(t, func(e *mesospb.ExecutorInfo) { e.Resources = amounts(t, c.executor).Proto() }))
			check(t, validation.Task(task, at), c.reason)
		})
	}
	t.Run("three parts of which two agree", func(t *testing.T) {
		p := aPod(t)
		p.at.Offered = p.at.Offered.Add(amounts(t, "zones:{a,b,c,d,e,f,g,h}").Allocate("eng"))
		for i, zones := range []string{"zones:{a,b,c}", "zones:{d,e,f}", "zones:{g,h,a}"} {
			rs := amounts(t, zones+";cpus:0.1;mem:32;disk:1").Proto()
			switch i {
			case 0:
				p.one.Resources = rs
			case 1:
				p.two.Resources = rs
			default:
				p.executor.Resources = rs
			}
		}
		mustRefuse(t, p.validate(), "overlap")
	})
}
