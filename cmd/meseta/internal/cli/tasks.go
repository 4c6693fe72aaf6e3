package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// tasksConfig is what `meseta tasks` can be told.
type tasksConfig struct {
	listConfig
	Framework string   `flag:"framework" help:"only those of this framework, by id or name"`
	Agent     string   `flag:"agent" help:"only those on this agent, by id, host or address"`
	States    []string `flag:"state" help:"only those in these states, as in running,failed"`
}

func (a *app) tasks() *cobra.Command {
	config := tasksConfig{listConfig: listConfig{asking: asks()}}
	c := &cobra.Command{Use: "tasks [flags]", Short: "list the tasks and where they run", GroupID: "use", Args: noArguments,
		Long:    "Lists the tasks that run or are out of reach; with --all, or with --state for a state that is an end, also those that\nare over and that the master remembers.",
		Example: "  meseta tasks\n  meseta tasks --framework=marathon --agent=10.0.0.7\n  meseta tasks --state=failed,lost"}
	bind(c, &config, func([]string) error { return a.showTasksOf(config) })
	a.completesFlag(c, "framework", frameworkIDs)
	a.completesFlag(c, "agent", agentIDs)
	completesFixed(c, "state", stateNames()...)
	return c
}

func stateNames() (names []string) {
	for _, number := range slices.Sorted(maps.Keys(mesospb.TaskState_name)) {
		names = append(names, stateName(mesospb.TaskState(number)))
	}
	return names
}

func (a *app) showTasksOf(config tasksConfig) error {
	asJSON, err := config.json()
	if err != nil {
		return err
	}
	states, err := taskStates(config.States)
	if err != nil {
		return usageError(err)
	}
	c, err := config.client()
	if err != nil {
		return err
	}
	s, err := snap(a.ctx, c)
	if err != nil {
		return masterError(config.Master, err)
	}
	if err := s.filter(config, states); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(s.GetGetTasks())
	}
	tasks := slices.Concat(s.GetGetTasks().GetTasks(), s.GetGetTasks().GetUnreachableTasks())
	if config.All || slices.ContainsFunc(states, over) {
		tasks = slices.Concat(s.GetGetTasks().GetCompletedTasks(), tasks)
	}
	if len(tasks) == 0 {
		empty := "No task runs. To see those that are over: meseta tasks --all"
		if config.Framework+config.Agent != "" || len(states) > 0 || config.All {
			empty = "There is no such task."
		}
		fmt.Fprintln(a.err, empty)
		return nil
	}
	return a.out.Table([]string{"ID", "STATE", "AGENT", "FRAMEWORK", "CPUS", "MEMORY", "BEGAN", "LASTED"}, s.taskRows(tasks, time.Now()))
}

// taskStates are the states that are asked for.
func taskStates(names []string) (states []mesospb.TaskState, err error) {
	for _, name := range names {
		number, ok := mesospb.TaskState_value["TASK_"+strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(name)), "TASK_")]
		if !ok {
			return nil, fmt.Errorf("--state=%s: there is no such state; there are %s", name, strings.Join(stateNames(), ", "))
		}
		states = append(states, mesospb.TaskState(number))
	}
	return states, nil
}

// filter leaves the tasks that are asked for.
func (s *snapshot) filter(config tasksConfig, states []mesospb.TaskState) error {
	framework, agent := "", ""
	if config.Framework != "" {
		f := s.frameworkNamed(config.Framework)
		if f == nil {
			return fmt.Errorf("no framework is called %s: meseta frameworks --all lists them", config.Framework)
		}
		framework = f.GetFrameworkInfo().GetId().GetValue()
		if f.GetFrameworkInfo().GetName() == config.Framework {
			framework = "" // a name may be that of several
		}
	}
	if config.Agent != "" {
		one := s.agentNamed(config.Agent)
		if one == nil {
			return fmt.Errorf("no agent is called %s: meseta agents lists them", config.Agent)
		}
		agent = one.GetAgentInfo().GetId().GetValue()
	}
	unwanted := func(t *mesospb.Task) bool {
		switch {
		case agent != "" && t.GetAgentId().GetValue() != agent, len(states) > 0 && !slices.Contains(states, t.GetState()):
			return true
		case framework != "":
			return t.GetFrameworkId().GetValue() != framework
		}
		return config.Framework != "" && s.framework(t.GetFrameworkId()) != config.Framework
	}
	list := s.GetGetTasks()
	list.Tasks = slices.DeleteFunc(list.Tasks, unwanted)
	list.PendingTasks = slices.DeleteFunc(list.PendingTasks, unwanted)
	list.UnreachableTasks = slices.DeleteFunc(list.UnreachableTasks, unwanted)
	list.CompletedTasks = slices.DeleteFunc(list.CompletedTasks, unwanted)
	list.OrphanTasks = slices.DeleteFunc(list.OrphanTasks, unwanted)
	return nil
}

func (s *snapshot) taskRows(tasks []*mesospb.Task, now time.Time) (rows [][]screen.Cell) {
	slices.SortStableFunc(tasks, func(a, b *mesospb.Task) int { return cmp.Compare(beganAt(a), beganAt(b)) })
	for _, task := range tasks {
		used := quantities(task.GetResources())
		began, lasted := "-", "-"
		if at := beganAt(task); at > 0 {
			start, end := unixTime(at), now
			began = start.Format("15:04:05")
			if over(task.GetState()) {
				end = unixTime(lastAt(task))
			}
			lasted = took(end.Sub(start))
		}
		rows = append(rows, []screen.Cell{
			{Text: task.GetTaskId().GetValue()}, {Text: stateName(task.GetState()), Style: stateStyle(task.GetState())},
			{Text: s.host(task.GetAgentId())}, {Text: s.framework(task.GetFrameworkId())},
			{Text: used.CPUs().String(), Right: true}, {Text: sizeOf(float64(used.Mem()) / 1000), Right: true},
			{Text: began, Right: true}, {Text: lasted, Right: true},
		})
	}
	return rows
}
