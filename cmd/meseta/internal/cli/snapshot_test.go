package cli

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func aTask(framework, id string, state mesospb.TaskState) *mesospb.Task {
	return &mesospb.Task{TaskId: &mesospb.TaskID{Value: proto.String(id)}, FrameworkId: &mesospb.FrameworkID{Value: proto.String(framework)},
		AgentId: &mesospb.AgentID{Value: proto.String("S0")}, State: state.Enum()}
}

func aFramework(id, name string) *masterpb.Response_GetFrameworks_Framework {
	return &masterpb.Response_GetFrameworks_Framework{FrameworkInfo: &mesospb.FrameworkInfo{Id: &mesospb.FrameworkID{Value: proto.String(id)}, Name: proto.String(name)}}
}

func aCluster() *snapshot {
	const running, finished = mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_FINISHED
	return snapshotOf(&masterpb.Response_GetState{
		GetFrameworks: &masterpb.Response_GetFrameworks{Frameworks: []*masterpb.Response_GetFrameworks_Framework{aFramework("F1", "web"), aFramework("F2", "batch")}},
		GetAgents: &masterpb.Response_GetAgents{Agents: []*masterpb.Response_GetAgents_Agent{{
			AgentInfo: &mesospb.AgentInfo{Id: &mesospb.AgentID{Value: proto.String("S0")}, Hostname: proto.String("node1")}, Pid: proto.String("slave(1)@10.0.0.1:5051")}}},
		GetTasks: &masterpb.Response_GetTasks{
			Tasks:          []*mesospb.Task{aTask("F1", "one", running), aTask("F1", "two.1", running), aTask("F1", "two.2", running), aTask("F2", "shared", running), aTask("F1", "shared", running)},
			CompletedTasks: []*mesospb.Task{aTask("F2", "one", finished), aTask("F2", "three.1", finished), aTask("F2", "three.2", finished)},
		},
	})
}

func TestTheTaskThatPeopleMean(t *testing.T) {
	s := aCluster()
	for name, want := range map[string]string{
		"one":        "F1/one", // the one that runs
		"F2/one":     "F2/one",
		"batch/one":  "F2/one",
		"two.1":      "F1/two.1",
		"on":         "F1/one",
		"web/shared": "F1/shared",
		"three.2":    "F2/three.2",
	} {
		got, err := s.task(name)
		if err != nil || got.GetFrameworkId().GetValue()+"/"+got.GetTaskId().GetValue() != want {
			t.Errorf("%s: %v, %v, want %s", name, got, err, want)
		}
	}
	for name, says := range map[string]string{"two": "which of these", "shared": "batch/shared (running on node1)", "three": "three.2", "four": "no task is called four", "": "no task"} {
		if got, err := s.task(name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v, want %q", name, got, err, says)
		}
	}
}

func TestOtherNames(t *testing.T) {
	s := aCluster()
	for _, name := range []string{"S0", "node1", "10.0.0.1:5051", "slave(1)@10.0.0.1:5051"} {
		if s.agentNamed(name) == nil {
			t.Errorf("agent %s is not found", name)
		}
	}
	for name, want := range map[string]string{"F2": "F2", "web": "F1", "F": "F1"} {
		if got := s.frameworkNamed(name).GetFrameworkInfo().GetId().GetValue(); got != want {
			t.Errorf("framework %s is %s, want %s", name, got, want)
		}
	}
	if s.frameworkNamed("") != nil || s.agentNamed("") != nil {
		t.Error("no name is somebody's")
	}
	if agent, path, err := s.sandbox(aTask("F1", "one", 0)); err != nil || agent != "slave(1)@10.0.0.1:5051" || path != "/frameworks/F1/executors/one/runs/latest" {
		t.Errorf("%s, %s, %v", agent, path, err)
	}
}

func TestTheLastLinesOfALog(t *testing.T) {
	for _, c := range []struct {
		text  string
		n     int
		want  string
		found bool
	}{
		{"a\nb\nc\n", 1, "c\n", true}, {"a\nb\nc", 1, "c", true}, {"a\nb\nc\n", 2, "b\nc\n", true},
		{"a\nb\n", 2, "a\nb\n", false}, {"a\nb\n", 9, "a\nb\n", false}, {"", 3, "", false}, {"x\n", 0, "", true}, {"\n\n\n", 1, "\n", true},
	} {
		at, found := lastLines([]byte(c.text), c.n)
		if c.text[at:] != c.want || found != c.found {
			t.Errorf("%q, last %d: %q, %v", c.text, c.n, c.text[at:], found)
		}
	}
}

func TestNoNameLeadsOutOfTheSandbox(t *testing.T) {
	f := folder{path: "/frameworks/F/executors/E/runs/latest"}
	for _, name := range []string{"..", "../..", "/etc/passwd", "a/../../b", "./x", ""} {
		if got := f.in(name).path; got != f.path && !strings.HasPrefix(got, f.path+"/") {
			t.Errorf("%q leads to %s", name, got)
		}
	}
}

func TestEventTypes(t *testing.T) {
	all, err := eventTypes(nil)
	if err != nil || len(all) != len(masterpb.Event_Type_name)-2 {
		t.Errorf("%v, %v", all, err)
	}
	tasks, err := eventTypes([]string{"task", "AGENT_ADDED"})
	if err != nil || len(tasks) != 3 {
		t.Errorf("%v, %v", tasks, err)
	}
	if _, err := eventTypes([]string{"offers"}); err == nil || !strings.Contains(err.Error(), "TASK_UPDATED") {
		t.Errorf("an unknown type: %v", err)
	}
}

func TestCounted(t *testing.T) {
	if got := counted(map[string]int{"finished": 2, "running": 1, "odd": 3, "away": 0}, "none"); got != "1 running, 2 finished, 3 odd" {
		t.Error(got)
	}
	if got := counted(nil, "none"); got != "none" {
		t.Error(got)
	}
}
