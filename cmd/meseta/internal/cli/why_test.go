package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/gateway/beyond"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// explained is what `why` says of an answer, about a cluster with one agent.
func explained(t *testing.T, e beyond.Explanation) string {
	t.Helper()
	id, host := "S1", "a.example"
	var out bytes.Buffer
	a := &app{out: screen.Text(&out)}
	s := &snapshot{agents: map[string]*masterpb.Response_GetAgents_Agent{id: {AgentInfo: &mesospb.AgentInfo{Id: &mesospb.AgentID{Value: &id}, Hostname: &host}}}}
	if err := a.explain(s, &question{framework: "F1", demand: "cpus:2;mem:128", answers: []beyond.Explanation{e}}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Every reason that the allocator has is told with a sentence of its own, and its nearest misses with what they are short of.
func TestEveryReasonIsExplained(t *testing.T) {
	told := map[string]allocator.Reason{}
	for _, r := range allocator.Reasons {
		t.Run(r.String(), func(t *testing.T) {
			text := reasons[r.String()]
			if text == "" {
				t.Fatal("it has no sentence")
			}
			if other, twice := told[text]; twice {
				t.Errorf("its sentence is that of %q", other)
			}
			told[text] = r
			e := beyond.Explanation{Role: "web", Agents: []beyond.Count{{Reason: r.String(), Agents: 3}}}
			if r != allocator.Fits {
				e.Nearest = []beyond.Miss{{AgentID: "S1", Reason: r.String(), Short: map[string]float64{"mem": 64, "cpus": 0.5}}, {AgentID: "S2", Reason: r.String()}}
			}
			out := explained(t, e)
			want := []string{"role web: cpus:2 mem:128\n", fmt.Sprintf("%s: %s\n", r, text), "     3  "}
			if r != allocator.Fits {
				want = append(want, fmt.Sprintf("  near: a.example: %s, short of 0.5 cpus and 64 MB mem\n", r), fmt.Sprintf("  near: S2: %s\n", r))
			}
			for _, w := range want {
				if !strings.Contains(out, w) {
					t.Errorf("%q is missing in\n%s", w, out)
				}
			}
		})
	}
	if len(reasons) != len(allocator.Reasons) {
		t.Errorf("%d sentences for %d reasons", len(reasons), len(allocator.Reasons))
	}
}

// What is over is not asked about, and of what has its place that is said first.
func TestWhatWhyAsks(t *testing.T) {
	ids := []string{"F1", "F2", "t1", "S1"}
	framework := func(id, name string, over bool) *masterpb.Response_GetFrameworks_Framework {
		f := &masterpb.Response_GetFrameworks_Framework{FrameworkInfo: &mesospb.FrameworkInfo{Id: &mesospb.FrameworkID{Value: &id}, Name: &name}}
		if over {
			f.UnregisteredTime = &mesospb.TimeInfo{}
		}
		return f
	}
	here, past := framework(ids[0], "here", false), framework(ids[1], "past", true)
	s := &snapshot{frameworks: map[string]*masterpb.Response_GetFrameworks_Framework{ids[0]: here, ids[1]: past}, Response_GetState: &masterpb.Response_GetState{
		GetFrameworks: &masterpb.Response_GetFrameworks{Frameworks: []*masterpb.Response_GetFrameworks_Framework{here}, CompletedFrameworks: []*masterpb.Response_GetFrameworks_Framework{past}},
		GetTasks: &masterpb.Response_GetTasks{Tasks: []*mesospb.Task{{Name: &ids[2], TaskId: &mesospb.TaskID{Value: &ids[2]}, FrameworkId: &mesospb.FrameworkID{Value: &ids[0]},
			AgentId: &mesospb.AgentID{Value: &ids[3]}, State: mesospb.TaskState_TASK_RUNNING.Enum()}}}}}
	if q, err := s.questions("here", whyConfig{}); err != nil || len(q) != 1 || q[0].framework != "F1" || q[0].placed != "" {
		t.Errorf("of a framework: %v, %v", q, err)
	}
	if q, err := s.questions("t1", whyConfig{}); err != nil || len(q) != 1 || q[0].placed != "S1" {
		t.Errorf("of a task that runs: %v, %v", q, err)
	}
	for name, want := range map[string]string{"past": "framework past is over, and is offered nothing", "none": "no task is called none: meseta tasks --all lists those that the master remembers; nor is a framework or a role called so"} {
		if _, err := s.questions(name, whyConfig{}); err == nil || err.Error() != want {
			t.Errorf("of %s: %v, want %q", name, err, want)
		}
	}
}

// What is not a reason of one agent is said, too, and nothing is proposed that nobody could want.
func TestWhatElseIsExplained(t *testing.T) {
	busy := []beyond.Count{{Reason: "busy", Agents: 1}}
	for name, c := range map[string]struct {
		e    beyond.Explanation
		want string
		not  string
	}{
		"no agents":                 {beyond.Explanation{}, "The cluster has no agent.", "AGENTS"},
		"an inactive framework":     {beyond.Explanation{Inactive: true, Agents: busy}, "Nothing is offered: the framework is disconnected, or has suppressed the role.", "fits if"},
		"a smaller demand":          {beyond.Explanation{Agents: busy, Changes: []beyond.Change{{Resource: "cpus", AtMost: 1.5, Agents: 2}}}, "fits if cpus ≤ 1.5 (2 agents)", ""},
		"a demand of nothing":       {beyond.Explanation{Agents: busy, Changes: []beyond.Change{{Resource: "cpus", AtMost: 0, Agents: 2}}}, "busy", "fits if"},
		"a reason of newer masters": {beyond.Explanation{Agents: []beyond.Count{{Reason: "on fire", Agents: 1}}}, "  on fire\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if out := explained(t, c.e); !strings.Contains(out, c.want) || c.not != "" && strings.Contains(out, c.not) {
				t.Errorf("it says, with %q and without %q:\n%s", c.want, c.not, out)
			}
		})
	}
}
