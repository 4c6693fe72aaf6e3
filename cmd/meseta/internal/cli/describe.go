package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/validation"
)

func (a *app) describe() *cobra.Command {
	config := asks()
	c := &cobra.Command{Use: "describe [flags] ID", Short: "everything about a task, framework, agent, executor, offer or role", GroupID: "use", Args: arguments(1, 1),
		Long:    "Shows everything about whatever has the id, or the name: a task with its history, a framework, an agent, an executor,\nan offer or a role.",
		Example: "  meseta describe web.1\n  meseta describe marathon\n  meseta describe 10.0.0.7"}
	a.completes(c, anyIDs)
	return bind(c, &config, func(args []string) error {
		asJSON, err := config.json()
		if err != nil {
			return err
		}
		c, err := config.client()
		if err != nil {
			return err
		}
		s, err := snap(a.ctx, c)
		if err == nil {
			err = s.learnAll(a.ctx, c)
		}
		if err != nil {
			return masterError(config.Master, err)
		}
		found, err := s.find(args[0], s.roles)
		if err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(found.message)
		}
		return found.show(a, s, time.Now())
	})
}

// learnAll asks for what only descriptions show. What the caller may not see is left out.
func (s *snapshot) learnAll(ctx context.Context, c *api.Client) error {
	for call, keep := range map[masterpb.Call_Type]func(*masterpb.Response){
		masterpb.Call_GET_EXECUTORS:            func(r *masterpb.Response) { s.GetExecutors = r.GetGetExecutors() },
		masterpb.Call_GET_ROLES:                func(r *masterpb.Response) { s.roles = r.GetGetRoles().GetRoles() },
		masterpb.Call_GET_QUOTA:                func(r *masterpb.Response) { s.quotas = r.GetGetQuota().GetStatus().GetConfigs() },
		masterpb.Call_GET_MAINTENANCE_SCHEDULE: func(r *masterpb.Response) { s.windows = r.GetGetMaintenanceSchedule().GetSchedule().GetWindows() },
	} {
		r, err := c.Master(ctx, &masterpb.Call{Type: call.Enum()})
		if err != nil && !errors.Is(err, fault.ErrDenied) {
			return err
		}
		keep(r)
	}
	return nil
}

// finding is what an id turned out to be.
type finding struct {
	message proto.Message
	show    func(a *app, s *snapshot, now time.Time) error
}

// find looks for what has an id or name. What is named exactly is meant before what only begins like it.
func (s *snapshot) find(name string, roles []*mesospb.Role) (*finding, error) {
	if agent := s.agentNamed(name); agent != nil {
		return &finding{agent, func(a *app, s *snapshot, now time.Time) error { return a.showAgent(s, agent, now) }}, nil
	}
	for _, f := range s.GetGetFrameworks().GetFrameworks() {
		for _, o := range f.GetOffers() {
			if o.GetId().GetValue() == name {
				return &finding{o, func(a *app, s *snapshot, _ time.Time) error { return a.showOffer(s, o) }}, nil
			}
		}
	}
	t, err := s.task(name)
	if t != nil && t.GetTaskId().GetValue() == name || err != nil && t == nil && strings.Contains(err.Error(), "which of these") {
		return s.taskFinding(t), err
	}
	if f := s.frameworkNamed(name); f != nil {
		return &finding{f, func(a *app, s *snapshot, now time.Time) error { return a.showFramework(s, f, now) }}, nil
	}
	for _, e := range s.GetGetExecutors().GetExecutors() {
		if e.GetExecutorInfo().GetExecutorId().GetValue() == name {
			return &finding{e, func(a *app, s *snapshot, _ time.Time) error { return a.showExecutor(s, e) }}, nil
		}
	}
	for _, r := range roles {
		if r.GetName() == name {
			return &finding{r, func(a *app, s *snapshot, _ time.Time) error { return a.showRole(s, r) }}, nil
		}
	}
	if t != nil {
		return s.taskFinding(t), nil
	}
	return nil, fmt.Errorf("nothing is called %s: no task, framework, agent, executor, offer or role", name)
}

func (a *app) showFramework(s *snapshot, f *masterpb.Response_GetFrameworks_Framework, now time.Time) error {
	info := f.GetFrameworkInfo()
	id := info.GetId().GetValue()
	state, style := frameworkState(f)
	if f.GetUnregisteredTime() != nil {
		state, style = "over since "+moment(time.Unix(0, f.GetUnregisteredTime().GetNanoseconds()), now), screen.Faint
	}
	var abilities []string
	for _, c := range info.GetCapabilities() {
		abilities = append(abilities, c.GetType().String())
	}
	failover := took(time.Duration(info.GetFailoverTimeout() * float64(time.Second)))
	if err := a.out.Fields([]screen.Field{
		{Name: "Framework", Value: id, Style: screen.Bold},
		{Name: "Name", Value: info.GetName()},
		{Name: "State", Value: state, Style: style},
		{Name: "Roles", Value: strings.Join(validation.Roles(info), ", ")},
		{Name: "User", Value: info.GetUser()},
		{Name: "Principal", Value: info.GetPrincipal()},
		{Name: "Host", Value: info.GetHostname()},
		{Name: "Web page", Value: info.GetWebuiUrl()},
		{Name: "Capabilities", Value: strings.Join(abilities, ", ")},
		{Name: "Failover timeout", Value: failover},
		{Name: "Registered", Value: since(f.GetRegisteredTime(), now) + " ago"},
		{Name: "Uses", Value: resourceLines(f.GetAllocatedResources())},
		{Name: "Is offered", Value: resourceLines(f.GetOfferedResources())},
		{Name: "Labels", Value: labelLines(info.GetLabels())},
	}); err != nil {
		return err
	}
	return a.showTasks(s, now, func(t *mesospb.Task) bool { return t.GetFrameworkId().GetValue() == id })
}

// showTasks lists the tasks that belong to something, those that run first.
func (a *app) showTasks(s *snapshot, now time.Time, belongs func(*mesospb.Task) bool) error {
	const most = 20
	var rows [][]screen.Cell
	tasks := slices.DeleteFunc(s.allTasks(), func(t *mesospb.Task) bool { return !belongs(t) })
	for _, t := range tasks[:min(most, len(tasks))] {
		last := ""
		if n := len(t.GetStatuses()); n > 0 {
			last = moment(unixTime(lastAt(t)), now)
		}
		rows = append(rows, []screen.Cell{{Text: t.GetTaskId().GetValue()}, {Text: stateName(t.GetState()), Style: stateStyle(t.GetState())},
			{Text: s.host(t.GetAgentId())}, {Text: last}})
	}
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	err := a.out.Table([]string{"TASK", "STATE", "AGENT", "SINCE"}, rows)
	if len(tasks) > most {
		fmt.Fprintf(a.out, "and %d more\n", len(tasks)-most)
	}
	return err
}

func (a *app) showExecutor(s *snapshot, e *masterpb.Response_GetExecutors_Executor) error {
	info := e.GetExecutorInfo()
	return a.out.Fields([]screen.Field{
		{Name: "Executor", Value: info.GetExecutorId().GetValue(), Style: screen.Bold},
		{Name: "Name", Value: info.GetName()},
		{Name: "Type", Value: strings.ToLower(info.GetType().String())},
		{Name: "Framework", Value: s.framework(info.GetFrameworkId())},
		{Name: "Agent", Value: s.host(e.GetAgentId())},
		{Name: "Command", Value: info.GetCommand().GetValue()},
		{Name: "Resources", Value: resourceLines(info.GetResources())},
		{Name: "Labels", Value: labelLines(info.GetLabels())},
	})
}

func (a *app) showOffer(s *snapshot, o *mesospb.Offer) error {
	return a.out.Fields([]screen.Field{
		{Name: "Offer", Value: o.GetId().GetValue(), Style: screen.Bold},
		{Name: "Framework", Value: s.framework(o.GetFrameworkId())},
		{Name: "Role", Value: o.GetAllocationInfo().GetRole()},
		{Name: "Agent", Value: s.host(o.GetAgentId())},
		{Name: "Resources", Value: resourceLines(o.GetResources())},
	})
}

func (a *app) showRole(s *snapshot, r *mesospb.Role) error {
	var names []string
	for _, id := range r.GetFrameworks() {
		names = append(names, s.framework(id)+" ("+id.GetValue()+")")
	}
	return a.out.Fields([]screen.Field{
		{Name: "Role", Value: r.GetName(), Style: screen.Bold},
		{Name: "Weight", Value: number(r.GetWeight())},
		{Name: "Guaranteed", Value: limitLines(s.quota(r.GetName()).GetGuarantees())},
		{Name: "At most", Value: limitLines(s.quota(r.GetName()).GetLimits())},
		{Name: "Frameworks", Value: strings.Join(names, "\n")},
		{Name: "Holds", Value: resourceLines(r.GetResources())},
	})
}

// quota is that of a role, or nil.
func (s *snapshot) quota(role string) *quotapb.QuotaConfig {
	for _, q := range s.quotas {
		if q.GetRole() == role {
			return q
		}
	}
	return nil
}

// resourceLines writes resources as Mesos does, one below the other.
func resourceLines(list []*mesospb.Resource) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.ReplaceAll(quantities(list).String(), "; ", "\n")
}

func labelLines(l *mesospb.Labels) string {
	var lines []string
	for _, one := range l.GetLabels() {
		lines = append(lines, one.GetKey()+"="+one.GetValue())
	}
	return strings.Join(lines, "\n")
}
