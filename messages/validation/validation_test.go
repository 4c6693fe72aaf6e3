package validation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
	"google.golang.org/protobuf/proto"
)

// mustPass and mustRefuse hold an error to the promises of the package: its class, and that it says the reason.
func mustPass(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("refused: %v", err)
	}
}

func mustRefuse(t *testing.T, err error, reason string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("passed; want a refusal with %q", reason)
	case !errors.Is(err, fault.ErrInvalid):
		t.Errorf("%v is not a fault.ErrInvalid", err)
	case !strings.Contains(err.Error(), reason):
		t.Errorf("refused with %q, which does not say %q", err, reason)
	}
}

func check(t *testing.T, err error, reason string) {
	t.Helper()
	if reason == "" {
		mustPass(t, err)
		return
	}
	mustRefuse(t, err, reason)
}

func amounts(t *testing.T, text string) resources.Resources {
	t.Helper()
	r, err := resources.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestID(t *testing.T) {
	for _, c := range []struct{ name, id, reason string }{
		{"a plain one", "task-1.a_b", ""},
		{"dots inside", "a..b", ""},
		{"the longest", strings.Repeat("x", 255), ""},
		{"unicode", "tâche", ""},
		{"empty", "", "empty"},
		{"too long", strings.Repeat("x", 256), "at most 255"},
		{"a dot", ".", "directory"},
		{"two dots", "..", "directory"},
		{"a slash", "a/b", "slash"},
		{"a backslash", `a\b`, "slash"},
		{"a newline", "a\nb", "control"},
		{"a null byte", "a\x00b", "control"},
		{"a delete", "a\x7fb", "control"},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, validation.ID(c.id), c.reason) })
	}
}

// aTask is a valid task, and here the place where it fits; edit breaks something.
func aTask(t *testing.T, edit func(*mesospb.TaskInfo)) *mesospb.TaskInfo {
	task := &mesospb.TaskInfo{
		Name:      proto.String("t"),
		TaskId:    &mesospb.TaskID{Value: proto.String("t1")},
		AgentId:   &mesospb.AgentID{Value: proto.String("a1")},
		Resources: amounts(t, "cpus:1;mem:128;ports:[80-80]").Proto(),
		Command:   &mesospb.CommandInfo{Value: proto.String("true")},
	}
	if edit != nil {
		edit(task)
	}
	return task
}

func here(t *testing.T) validation.Place {
	return validation.Place{
		FrameworkID: "f1", AgentID: "a1", Role: "eng", CanLimit: true,
		Offered: amounts(t, "cpus:4;mem:1024;disk:1024;ports:[80-90]").Allocate("eng"),
	}
}

func anExecutor(t *testing.T) *mesospb.ExecutorInfo {
	return &mesospb.ExecutorInfo{
		ExecutorId:  &mesospb.ExecutorID{Value: proto.String("e1")},
		FrameworkId: &mesospb.FrameworkID{Value: proto.String("f1")},
		Command:     &mesospb.CommandInfo{Value: proto.String("exec")},
		Resources:   amounts(t, "cpus:0.1;mem:32;disk:1").Proto(),
	}
}

func TestTask(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		edit         func(*mesospb.TaskInfo)
	}{
		{"one that fits", "", nil},
		{"with an executor", "", func(x *mesospb.TaskInfo) { x.Command, x.Executor = nil, anExecutor(t) }},
		{"neither command nor executor", "exactly one", func(x *mesospb.TaskInfo) { x.Command = nil }},
		{"another agent", "offer is from", func(x *mesospb.TaskInfo) { x.AgentId.Value = proto.String("a2") }},
		{"a bad id", "slash", func(x *mesospb.TaskInfo) { x.TaskId.Value = proto.String("a/b") }},
		{"more than is offered", "only", func(x *mesospb.TaskInfo) { x.Resources = amounts(t, "cpus:5").Proto() }},
		{"half a gpu", "whole", func(x *mesospb.TaskInfo) { x.Resources = amounts(t, "gpus:0.5").Proto() }},
		{"a negative resource", "negative", func(x *mesospb.TaskInfo) { x.Resources[0].Scalar.Value = proto.Float64(-1) }},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, validation.Task(aTask(t, c.edit), here(t)), c.reason) })
	}
}
