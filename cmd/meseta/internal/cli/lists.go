package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/taskstate"
	"github.com/meseta-io/meseta/messages/validation"
	"github.com/meseta-io/meseta/messages/wire"
)

// listConfig is what the lists can be told.
type listConfig struct {
	asking
	All bool `flag:"all" short:"a" help:"also what is over"`
}

// list is a command that shows one thing of the cluster.
type list struct {
	use, short, empty string
	ask               masterpb.Call_Type
	also              masterpb.Call_Type                     // what people see beside it, if they may; or none
	part              func(*masterpb.Response) proto.Message // what json shows
	rows              func(r *masterpb.Response, all bool, now time.Time) (head []string, rows [][]screen.Cell)
	over              bool // whether there is more with --all
}

func (a *app) list(l list) *cobra.Command {
	config := listConfig{asking: asks()}
	c := &cobra.Command{Use: l.use, Short: l.short, GroupID: "use", Args: noArguments}
	bind(c, &config, func([]string) error { return a.show(l, config) })
	if !l.over {
		hide(c.Flags(), "all")
	}
	return c
}

func (a *app) show(l list, config listConfig) error {
	asJSON, err := config.json()
	if err != nil {
		return err
	}
	c, err := config.client()
	if err != nil {
		return err
	}
	r, err := c.Master(a.ctx, &masterpb.Call{Type: l.ask.Enum()})
	if err != nil {
		return masterError(config.Master, err)
	}
	if asJSON {
		return a.printJSON(l.part(r))
	}
	if l.also != masterpb.Call_UNKNOWN {
		more, err := c.Master(a.ctx, &masterpb.Call{Type: l.also.Enum()})
		if err != nil && !errors.Is(err, fault.ErrDenied) {
			return masterError(config.Master, err)
		}
		proto.Merge(r, more)
	}
	head, rows := l.rows(r, config.All, time.Now())
	if len(rows) == 0 {
		fmt.Fprintln(a.err, l.empty)
		return nil
	}
	return a.out.Table(head, rows)
}

// printJSON writes a message as the v1 API does.
func (a *app) printJSON(m proto.Message) error {
	_, err := fmt.Fprintf(a.out, "%s\n", wire.AppendJSON(nil, m))
	return err
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
		state, style := agentState(agent)
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

// agentState is a word for how an agent is.
func agentState(agent *masterpb.Response_GetAgents_Agent) (string, screen.Style) {
	switch {
	case agent.GetDrainInfo() != nil:
		return strings.ToLower(agent.GetDrainInfo().GetState().String()), screen.Yellow
	case agent.GetDeactivated():
		return "deactivated", screen.Yellow
	case !agent.GetActive():
		return "away", screen.Red
	}
	return "active", screen.Green
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
		rows = append(rows, []screen.Cell{
			{Text: info.GetId().GetValue()}, {Text: info.GetName()}, {Text: info.GetUser()}, {Text: strings.Join(validation.Roles(info), ",")},
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
		state, style := frameworkState(f)
		add(f, state, style)
	}
	return []string{"ID", "NAME", "USER", "ROLES", "STATE", "CPUS", "MEMORY", "UP"}, rows
}

// frameworkState is a word for how a framework is.
func frameworkState(f *masterpb.Response_GetFrameworks_Framework) (string, screen.Style) {
	switch {
	case f.GetRecovered():
		return "expected", screen.Yellow
	case !f.GetConnected():
		return "away", screen.Red
	case !f.GetActive():
		return "inactive", screen.Yellow
	}
	return "active", screen.Green
}

// over says whether a task has ended for good.
func over(s mesospb.TaskState) bool { return taskstate.Terminal(s) }

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
