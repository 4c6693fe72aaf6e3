package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
)

// snapshot is the cluster at a moment, with what belongs together found quickly.
type snapshot struct {
	*masterpb.Response_GetState
	agents     map[string]*masterpb.Response_GetAgents_Agent
	frameworks map[string]*masterpb.Response_GetFrameworks_Framework

	// Only descriptions ask for these.
	roles   []*mesospb.Role
	quotas  []*quotapb.QuotaConfig
	windows []*maintenancepb.Window
}

// snap asks for what commands look at. The tasks come first, so that the agents and frameworks that they name are there.
func snap(ctx context.Context, c *api.Client) (*snapshot, error) {
	tasks, err := c.Master(ctx, &masterpb.Call{Type: masterpb.Call_GET_TASKS.Enum()})
	if err != nil {
		return nil, err
	}
	var agents, frameworks *masterpb.Response
	err = c.Both(
		func() (err error) {
			agents, err = c.Master(ctx, &masterpb.Call{Type: masterpb.Call_GET_AGENTS.Enum()})
			return err
		},
		func() (err error) {
			frameworks, err = c.Master(ctx, &masterpb.Call{Type: masterpb.Call_GET_FRAMEWORKS.Enum()})
			return err
		})
	if err != nil {
		return nil, err
	}
	return snapshotOf(&masterpb.Response_GetState{GetTasks: tasks.GetGetTasks(), GetAgents: agents.GetGetAgents(), GetFrameworks: frameworks.GetGetFrameworks()}), nil
}

func snapshotOf(state *masterpb.Response_GetState) *snapshot {
	s := &snapshot{Response_GetState: state, agents: map[string]*masterpb.Response_GetAgents_Agent{}, frameworks: map[string]*masterpb.Response_GetFrameworks_Framework{}}
	for _, a := range state.GetGetAgents().GetAgents() {
		s.agents[a.GetAgentInfo().GetId().GetValue()] = a
	}
	for _, f := range s.allFrameworks() {
		s.frameworks[f.GetFrameworkInfo().GetId().GetValue()] = f
	}
	return s
}

// allFrameworks lists those that are there, and then those that are over.
func (s *snapshot) allFrameworks() []*masterpb.Response_GetFrameworks_Framework {
	return slices.Concat(s.GetGetFrameworks().GetFrameworks(), s.GetGetFrameworks().GetCompletedFrameworks())
}

// allTasks lists those that run, those out of reach, and then those that are over.
func (s *snapshot) allTasks() []*mesospb.Task {
	t := s.GetGetTasks()
	return slices.Concat(t.GetTasks(), t.GetUnreachableTasks(), t.GetCompletedTasks())
}

// host is what people call an agent.
func (s *snapshot) host(id *mesospb.AgentID) string {
	return orElse(s.agents[id.GetValue()].GetAgentInfo().GetHostname(), id.GetValue())
}

// framework is what people call a framework.
func (s *snapshot) framework(id *mesospb.FrameworkID) string {
	return orElse(s.frameworks[id.GetValue()].GetFrameworkInfo().GetName(), id.GetValue())
}

// task finds the task that people mean: by its id, by the framework's id or name and its id (web/task-1), or by how its
// id begins. One that runs is meant before one that is over.
func (s *snapshot) task(name string) (*mesospb.Task, error) {
	var exact, begun []*mesospb.Task
	for _, t := range s.allTasks() {
		id := t.GetTaskId().GetValue()
		switch {
		case id == name, t.GetFrameworkId().GetValue()+"/"+id == name, s.framework(t.GetFrameworkId())+"/"+id == name:
			exact = append(exact, t)
		case name != "" && strings.HasPrefix(id, name):
			begun = append(begun, t)
		}
	}
	for _, found := range [][]*mesospb.Task{exact, begun} {
		if t, err := only(found, name, s.describeTask); t != nil || err != nil {
			return t, err
		}
	}
	return nil, fmt.Errorf("no task is called %s: meseta tasks --all lists those that the master remembers", name)
}

// only picks the one that is meant. Of several, those that are first in the list and run are meant if there is one.
func only(found []*mesospb.Task, name string, describe func(*mesospb.Task) string) (*mesospb.Task, error) {
	if len(found) == 0 {
		return nil, nil
	}
	live := slices.DeleteFunc(slices.Clone(found), func(t *mesospb.Task) bool { return over(t.GetState()) })
	switch {
	case len(live) == 1:
		return live[0], nil
	case len(found) == 1:
		return found[0], nil
	}
	var lines []string
	for _, t := range found[:min(len(found), 8)] {
		lines = append(lines, "  "+describe(t))
	}
	if len(found) > len(lines) {
		lines = append(lines, fmt.Sprintf("  and %d more", len(found)-len(lines)))
	}
	return nil, fmt.Errorf("%s: which of these?\n%s", name, strings.Join(lines, "\n"))
}

func (s *snapshot) describeTask(t *mesospb.Task) string {
	return s.framework(t.GetFrameworkId()) + "/" + t.GetTaskId().GetValue() + " (" + stateName(t.GetState()) + " on " + s.host(t.GetAgentId()) + ")"
}

// frameworkNamed finds a framework by id, by name, or by how its id begins; one that is there is meant before one that
// is over.
func (s *snapshot) frameworkNamed(name string) *masterpb.Response_GetFrameworks_Framework {
	for _, fits := range []func(*mesospb.FrameworkInfo) bool{
		func(f *mesospb.FrameworkInfo) bool { return f.GetId().GetValue() == name },
		func(f *mesospb.FrameworkInfo) bool { return f.GetName() == name },
		func(f *mesospb.FrameworkInfo) bool {
			return name != "" && strings.HasPrefix(f.GetId().GetValue(), name)
		},
	} {
		for _, f := range s.allFrameworks() {
			if fits(f.GetFrameworkInfo()) {
				return f
			}
		}
	}
	return nil
}

// agentNamed finds an agent by id, host or address.
func (s *snapshot) agentNamed(name string) *masterpb.Response_GetAgents_Agent {
	for _, a := range s.GetGetAgents().GetAgents() {
		info := a.GetAgentInfo()
		if info.GetId().GetValue() == name || info.GetHostname() == name || a.GetPid() == name || afterAt(a.GetPid()) == name {
			return a
		}
	}
	return nil
}

// sandbox is where a task's agent shows its files, and the agent's pid. A command task's executor has the task's id.
func (s *snapshot) sandbox(t *mesospb.Task) (pid, path string, err error) {
	a := s.agents[t.GetAgentId().GetValue()]
	if a == nil {
		return "", "", fmt.Errorf("task %s ran on agent %s, which is not there now; its files are still on that machine",
			t.GetTaskId().GetValue(), t.GetAgentId().GetValue())
	}
	executor := orElse(t.GetExecutorId().GetValue(), t.GetTaskId().GetValue())
	return a.GetPid(), "/frameworks/" + t.GetFrameworkId().GetValue() + "/executors/" + executor + "/runs/latest", nil
}
