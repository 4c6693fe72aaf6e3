package cli

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
)

const inJSON = `{
	"name": "web",
	"task_id": {"value": "web.1"},
	"command": {"value": "serve", "environment": {"variables": [{"name": "PORT", "value": "010"}]}, "uris": [{"value": "http://x/y.tgz", "extract": false}]},
	"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}}, {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 2}]}}],
	"labels": {"labels": [{"key": "on", "value": "yes"}]},
	"kill_policy": {"grace_period": {"nanoseconds": 1000000000}}
}`

const inYAML = `
name: web
task_id: {value: web.1}
command:
  value: serve
  environment:
    variables:
    - {name: PORT, value: 010}
  uris:
  - value: http://x/y.tgz
    extract: false
resources:
- {name: cpus, type: SCALAR, scalar: {value: 0.5}}
- {name: ports, type: RANGES, ranges: {range: [{begin: 1, end: 2}]}}
labels: {labels: [{key: on, value: yes}]}
kill_policy: {grace_period: {nanoseconds: 1000000000}}
`

func TestATaskIsTheSameInJSONAndYAML(t *testing.T) {
	one, group, err := parseTasks([]byte(inJSON))
	if err != nil || group || len(one) != 1 {
		t.Fatal(one, group, err)
	}
	other, _, err := parseTasks([]byte(inYAML))
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(one[0], other[0]) {
		t.Errorf("%v\n%v", one[0], other[0])
	}
	if v := one[0].GetCommand().GetEnvironment().GetVariables()[0].GetValue(); v != "010" {
		t.Errorf("PORT is %s", v)
	}
}

func TestAGroupIsAListOfTasks(t *testing.T) {
	tasks, group, err := parseTasks([]byte("tasks:\n- {name: a, command: {value: x}}\n- {name: b, command: {value: y}}\n"))
	if err != nil || !group || len(tasks) != 2 || tasks[1].GetName() != "b" {
		t.Error(tasks, group, err)
	}
}

func TestWhatIsWrongInATaskFileIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		``:                             "a task expected",
		`[1]`:                          "a task expected",
		`{"tasks": []}`:                "one at least",
		`{"tasks": [1]}`:               "tasks[0]: an object expected",
		`{"tasks": [{}], "name": "x"}`: "name: a group has tasks only",
		`{"comand": {"value": "x"}}`:   "comand: no such field: did you mean command?",
		`{"command": {"vlaue": "x"}}`:  "command.vlaue: no such field: did you mean value?",
		`{"resources": [{"kind": 1}]}`: "resources[0].kind: no such field",
		`{"tasks": [{"name": "a", "commnd": {}}]}`: "tasks[0].commnd: no such field",
		`{"resources": [{"name": "cpus"}]}`:        "type",
		`{"name": "x"} {"name": "y"}`:              "behind the end",
		"name: [":                                  "neither JSON nor YAML",
		"a: &a [x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n": "unfolds to too much",
	} {
		if _, _, err := parseTasks([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A description comes from anywhere: whatever it is, it is read or refused.
func FuzzTaskFile(f *testing.F) {
	for _, seed := range []string{inJSON, inYAML, `{"tasks": [{"name": "a"}]}`, "a: &a [*a]", "<<: *x", "? [a]: b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tasks, _, err := parseTasks(text)
		if err == nil && len(tasks) == 0 {
			t.Error("neither a task nor an error")
		}
	})
}
