package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/cmd/meseta/internal/client"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/wire"
)

// listConfig is what the lists can be told.
type listConfig struct {
	reach
	Output string `flag:"output" short:"o" help:"table for people, json for programs (as Mesos' v1 API has it)"`
	All    bool   `flag:"all" short:"a" help:"also what is over"`
}

// list is a command that shows one thing of the cluster.
type list struct {
	use, short, empty string
	ask               masterpb.Call_Type
	part              func(*masterpb.Response) proto.Message // what json shows
	rows              func(r *masterpb.Response, all bool, now time.Time) (head []string, rows [][]screen.Cell)
	over              bool // whether there is more with --all
}

func (a *app) list(l list) *cobra.Command {
	config := listConfig{reach: reach{Master: defaultMaster}, Output: "table"}
	c := &cobra.Command{Use: l.use, Short: l.short, GroupID: "use", Args: noArguments}
	bind(c, &config, func([]string) error {
		if config.Output != "table" && config.Output != "json" {
			return usageError(fmt.Errorf("--output=%s: table or json expected", config.Output))
		}
		return a.show(l, config)
	})
	if !l.over {
		hide(c.Flags(), "all")
	}
	return c
}

func (a *app) show(l list, config listConfig) error {
	return a.ask(config.reach, func(ctx context.Context, desk *client.Conversation) error {
		r, err := desk.AskMaster(ctx, &masterpb.Call{Type: l.ask.Enum()})
		if err != nil {
			return masterError(config.Master, err)
		}
		if config.Output == "json" {
			_, err := fmt.Fprintf(a.out, "%s\n", wire.AppendJSON(nil, l.part(r)))
			return err
		}
		head, rows := l.rows(r, config.All, time.Now())
		if len(rows) == 0 {
			fmt.Fprintln(a.err, l.empty)
			return nil
		}
		return a.out.Table(head, rows)
	})
}

// ask has a conversation with the master and ends it.
func (a *app) ask(r reach, talk func(context.Context, *client.Conversation) error) error {
	if err := r.find(); err != nil {
		return usageError(err)
	}
	rt, err := r.connect(a)
	if err != nil {
		return err
	}
	defer rt.Shutdown(a.ctx)
	return talk(a.ctx, client.Master(rt, r.Master))
}

func (a *app) agents() *cobra.Command {
	return a.list(list{
		use: "agents", short: "list the agents and what they have",
		empty: "The cluster has no agent. Start one with: meseta agent --master=HOST:PORT",
		ask:   masterpb.Call_GET_AGENTS,
		part:  func(r *masterpb.Response) proto.Message { return r.GetGetAgents() },
		rows:  agentRows,
	})
}

func agentRows(r *masterpb.Response, _ bool, now time.Time) ([]string, [][]screen.Cell) {
	agents := r.GetGetAgents().GetAgents()
	slices.SortFunc(agents, func(a, b *masterpb.Response_GetAgents_Agent) int {
		return cmp.Or(cmp.Compare(a.GetAgentInfo().GetHostname(), b.GetAgentInfo().GetHostname()),
			cmp.Compare(a.GetAgentInfo().GetId().GetValue(), b.GetAgentInfo().GetId().GetValue()))
	})
	var rows [][]screen.Cell
	for _, agent := range agents {
		state, style := "active", screen.Green
		switch {
		case agent.GetDrainInfo() != nil:
			state, style = strings.ToLower(agent.GetDrainInfo().GetState().String()), screen.Yellow
		case agent.GetDeactivated():
			state, style = "deactivated", screen.Yellow
		case !agent.GetActive():
			state, style = "away", screen.Red
		}
		used, total := quantities(agent.GetAllocatedResources()), quantities(agent.GetTotalResources())
		rows = append(rows, []screen.Cell{
			{Text: agent.GetAgentInfo().GetId().GetValue()}, {Text: agent.GetAgentInfo().GetHostname()},
			{Text: afterAt(agent.GetPid())}, {Text: state, Style: style},
			{Text: used.CPUs().String() + "/" + total.CPUs().String(), Right: true},
			{Text: usedOf(used.Mem(), total.Mem()), Right: true},
			{Text: usedOf(used.Disk(), total.Disk()), Right: true},
			{Text: since(agent.GetRegisteredTime(), now), Right: true},
		})
	}
	for _, agent := range r.GetGetAgents().GetRecoveredAgents() {
		rows = append(rows, []screen.Cell{
			{Text: agent.GetId().GetValue()}, {Text: agent.GetHostname()}, {Text: "-"}, {Text: "expected", Style: screen.Yellow},
			{Text: "-", Right: true}, {Text: "-", Right: true}, {Text: "-", Right: true}, {Text: "-", Right: true},
		})
	}
	return []string{"ID", "HOST", "ADDRESS", "STATE", "CPUS", "MEMORY", "DISK", "UP"}, rows
}

func (a *app) tasks() *cobra.Command {
	return a.list(list{
		use: "tasks", short: "list the tasks and where they run", over: true,
		empty: "No task runs. To see those that are over: meseta tasks --all",
		ask:   masterpb.Call_GET_STATE,
		part:  func(r *masterpb.Response) proto.Message { return r.GetGetState().GetGetTasks() },
		rows:  taskRows,
	})
}

func taskRows(r *masterpb.Response, all bool, now time.Time) ([]string, [][]screen.Cell) {
	tasks := slices.Concat(r.GetGetState().GetGetTasks().GetTasks(), r.GetGetState().GetGetTasks().GetUnreachableTasks())
	if all {
		tasks = slices.Concat(r.GetGetState().GetGetTasks().GetCompletedTasks(), tasks)
	}
	hosts, names := map[string]string{}, map[string]string{}
	for _, agent := range r.GetGetState().GetGetAgents().GetAgents() {
		hosts[agent.GetAgentInfo().GetId().GetValue()] = agent.GetAgentInfo().GetHostname()
	}
	for _, f := range slices.Concat(r.GetGetState().GetGetFrameworks().GetFrameworks(), r.GetGetState().GetGetFrameworks().GetCompletedFrameworks()) {
		names[f.GetFrameworkInfo().GetId().GetValue()] = f.GetFrameworkInfo().GetName()
	}
	slices.SortStableFunc(tasks, func(a, b *mesospb.Task) int { return cmp.Compare(beganAt(a), beganAt(b)) })
	var rows [][]screen.Cell
	for _, task := range tasks {
		used := quantities(task.GetResources())
		began, lasted := "-", "-"
		if at := beganAt(task); at > 0 {
			start, end := unixTime(at), now
			began = start.Format("15:04:05")
			if scheduler.Terminal(task.GetState()) {
				end = unixTime(lastAt(task))
			}
			lasted = took(end.Sub(start))
		}
		rows = append(rows, []screen.Cell{
			{Text: task.GetTaskId().GetValue()}, {Text: stateName(task.GetState()), Style: stateStyle(task.GetState())},
			{Text: orElse(hosts[task.GetAgentId().GetValue()], task.GetAgentId().GetValue())},
			{Text: orElse(names[task.GetFrameworkId().GetValue()], task.GetFrameworkId().GetValue())},
			{Text: used.CPUs().String(), Right: true}, {Text: sizeOf(float64(used.Mem()) / 1000), Right: true},
			{Text: began, Right: true}, {Text: lasted, Right: true},
		})
	}
	return []string{"ID", "STATE", "AGENT", "FRAMEWORK", "CPUS", "MEMORY", "BEGAN", "LASTED"}, rows
}

func (a *app) frameworks() *cobra.Command {
	return a.list(list{
		use: "frameworks", short: "list the frameworks and what they use", over: true,
		empty: "No framework is there. To see those that are over: meseta frameworks --all",
		ask:   masterpb.Call_GET_FRAMEWORKS,
		part:  func(r *masterpb.Response) proto.Message { return r.GetGetFrameworks() },
		rows:  frameworkRows,
	})
}

func frameworkRows(r *masterpb.Response, all bool, now time.Time) ([]string, [][]screen.Cell) {
	var rows [][]screen.Cell
	add := func(f *masterpb.Response_GetFrameworks_Framework, state string, style screen.Style) {
		info, used := f.GetFrameworkInfo(), quantities(f.GetAllocatedResources())
		of := info.GetRoles()
		if len(of) == 0 {
			//lint:ignore SA1019 it is deprecated in favour of roles, but frameworks without MULTI_ROLE have nothing else
			of = []string{info.GetRole()}
		}
		rows = append(rows, []screen.Cell{
			{Text: info.GetId().GetValue()}, {Text: info.GetName()}, {Text: info.GetUser()}, {Text: strings.Join(of, ",")},
			{Text: state, Style: style}, {Text: used.CPUs().String(), Right: true},
			{Text: sizeOf(float64(used.Mem()) / 1000), Right: true}, {Text: since(f.GetRegisteredTime(), now), Right: true},
		})
	}
	if all {
		for _, f := range r.GetGetFrameworks().GetCompletedFrameworks() {
			add(f, "over", screen.Faint)
		}
	}
	for _, f := range r.GetGetFrameworks().GetFrameworks() {
		switch {
		case f.GetRecovered():
			add(f, "expected", screen.Yellow)
		case !f.GetConnected():
			add(f, "away", screen.Red)
		case !f.GetActive():
			add(f, "inactive", screen.Yellow)
		default:
			add(f, "active", screen.Green)
		}
	}
	return []string{"ID", "NAME", "USER", "ROLES", "STATE", "CPUS", "MEMORY", "UP"}, rows
}

func beganAt(t *mesospb.Task) float64 {
	if len(t.GetStatuses()) == 0 {
		return 0
	}
	return t.GetStatuses()[0].GetTimestamp()
}

func lastAt(t *mesospb.Task) float64 { return t.GetStatuses()[len(t.GetStatuses())-1].GetTimestamp() }

func unixTime(seconds float64) time.Time { return time.Unix(0, int64(seconds*1e9)) }

func since(t *mesospb.TimeInfo, now time.Time) string {
	if t == nil {
		return "-"
	}
	return took(now.Sub(time.Unix(0, t.GetNanoseconds())))
}

// usedOf is "1.5/4.0 GB" of two amounts of megabytes.
func usedOf(used, total resources.Milli) string {
	u, t := float64(used)/1000, float64(total)/1000
	if t >= 10*1024 {
		return fmt.Sprintf("%.1f/%.1f GB", u/1024, t/1024)
	}
	return fmt.Sprintf("%.0f/%.0f MB", u, t)
}

func afterAt(upid string) string {
	u, err := process.ParseUPID(upid)
	if err != nil {
		return upid
	}
	return u.Addr
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func stateStyle(s mesospb.TaskState) screen.Style {
	switch s {
	case mesospb.TaskState_TASK_FINISHED:
		return screen.Green
	case mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_STAGING, mesospb.TaskState_TASK_STARTING:
		return screen.Blue
	case mesospb.TaskState_TASK_KILLED, mesospb.TaskState_TASK_KILLING, mesospb.TaskState_TASK_UNREACHABLE, mesospb.TaskState_TASK_UNKNOWN:
		return screen.Yellow
	}
	return screen.Red
}
