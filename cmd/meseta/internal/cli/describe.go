package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
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

func (s *snapshot) taskFinding(t *mesospb.Task) *finding {
	return &finding{t, func(a *app, s *snapshot, now time.Time) error { return a.showTask(s, t, now) }}
}

func (a *app) showTask(s *snapshot, t *mesospb.Task, now time.Time) error {
	executor := t.GetExecutorId().GetValue()
	if executor == "" {
		executor = "the command executor"
	}
	where := ""
	if pid, at, err := s.sandbox(t); err == nil {
		where = at + " on " + afterAt(pid)
	}
	err := a.out.Fields([]screen.Field{
		{Name: "Task", Value: t.GetTaskId().GetValue(), Style: screen.Bold},
		{Name: "Name", Value: t.GetName()},
		{Name: "State", Value: stateName(t.GetState()), Style: stateStyle(t.GetState())},
		{Name: "Framework", Value: s.framework(t.GetFrameworkId()) + " (" + t.GetFrameworkId().GetValue() + ")"},
		{Name: "Agent", Value: s.host(t.GetAgentId()) + " (" + t.GetAgentId().GetValue() + ")"},
		{Name: "Executor", Value: executor},
		{Name: "User", Value: t.GetUser()},
		{Name: "Resources", Value: resourceLines(t.GetResources())},
		{Name: "Limits", Value: limitLines(t.GetLimits())},
		{Name: "Labels", Value: labelLines(t.GetLabels())},
		{Name: "Ports", Value: portLines(t.GetDiscovery().GetPorts().GetPorts())},
		{Name: "Container", Value: containerText(t)},
		{Name: "Sandbox", Value: where},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	return a.out.Table([]string{"WHEN", "STATE", "SOURCE", "REASON", "MESSAGE"}, historyRows(t, now))
}

// containerText is the container that a task's last status names, and the addresses that it has.
func containerText(t *mesospb.Task) string {
	for _, st := range slices.Backward(t.GetStatuses()) {
		container := st.GetContainerStatus()
		if container == nil {
			continue
		}
		text := container.GetContainerId().GetValue()
		for up := container.GetContainerId().GetParent(); up != nil; up = up.GetParent() {
			text = up.GetValue() + "." + text
		}
		var addresses []string
		for _, network := range container.GetNetworkInfos() {
			for _, ip := range network.GetIpAddresses() {
				addresses = append(addresses, ip.GetIpAddress())
			}
		}
		if len(addresses) > 0 {
			text += " at " + strings.Join(addresses, ", ")
		}
		return text
	}
	return ""
}

func portLines(ports []*mesospb.Port) string {
	var lines []string
	for _, p := range ports {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%d %s %s", p.GetNumber(), p.GetProtocol(), p.GetName())))
	}
	return strings.Join(lines, "\n")
}

// limitLines are amounts by name, one below the other.
func limitLines(limits map[string]*mesospb.Value_Scalar) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		lines = append(lines, name+":"+number(limits[name].GetValue()))
	}
	return strings.Join(lines, "\n")
}

// historyRows are the states that a task went through.
func historyRows(t *mesospb.Task, now time.Time) (rows [][]screen.Cell) {
	for _, st := range t.GetStatuses() {
		reason := ""
		if st.Reason != nil {
			reason = strings.ToLower(strings.TrimPrefix(st.GetReason().String(), "REASON_"))
		}
		health := ""
		if st.Healthy != nil {
			health = map[bool]string{true: " (healthy)", false: " (unhealthy)"}[st.GetHealthy()]
		}
		rows = append(rows, []screen.Cell{
			{Text: moment(unixTime(st.GetTimestamp()), now)},
			{Text: stateName(st.GetState()) + health, Style: stateStyle(st.GetState())},
			{Text: strings.ToLower(strings.TrimPrefix(st.GetSource().String(), "SOURCE_"))},
			{Text: reason}, {Text: st.GetMessage()},
		})
	}
	return rows
}

// moment writes a time: the hour for today, else the day too.
func moment(at, now time.Time) string {
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04:05.000")
	}
	return at.Format(time.DateTime)
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

func (a *app) showAgent(s *snapshot, agent *masterpb.Response_GetAgents_Agent, now time.Time) error {
	info := agent.GetAgentInfo()
	id := info.GetId().GetValue()
	state, style := agentState(agent)
	var attributes []string
	for _, at := range info.GetAttributes() {
		attributes = append(attributes, attributeText(at))
	}
	if err := a.out.Fields([]screen.Field{
		{Name: "Agent", Value: id, Style: screen.Bold},
		{Name: "Host", Value: info.GetHostname()},
		{Name: "Address", Value: afterAt(agent.GetPid())},
		{Name: "State", Value: state, Style: style},
		{Name: "Version", Value: agent.GetVersion()},
		{Name: "Registered", Value: since(agent.GetRegisteredTime(), now) + " ago"},
		{Name: "Draining", Value: drainText(agent, now), Style: screen.Yellow},
		{Name: "Unavailable", Value: s.unavailable(info.GetHostname(), afterAt(agent.GetPid()), now), Style: screen.Yellow},
		{Name: "Attributes", Value: strings.Join(attributes, "\n")},
		{Name: "Has", Value: resourceLines(agent.GetTotalResources())},
		{Name: "Used", Value: resourceLines(agent.GetAllocatedResources())},
		{Name: "Offered", Value: resourceLines(agent.GetOfferedResources())},
	}); err != nil {
		return err
	}
	return a.showTasks(s, now, func(t *mesospb.Task) bool { return t.GetAgentId().GetValue() == id })
}

// drainText says how an agent is drained.
func drainText(agent *masterpb.Response_GetAgents_Agent, now time.Time) string {
	drain := agent.GetDrainInfo()
	if drain == nil {
		return ""
	}
	text := strings.ToLower(drain.GetState().String())
	if at := agent.GetEstimatedDrainStartTime(); at != nil {
		text += ", began " + since(at, now) + " ago"
	}
	if grace := drain.GetConfig().GetMaxGracePeriod(); grace != nil {
		text += ", tasks may take " + took(time.Duration(grace.GetNanoseconds())) + " to end"
	}
	if drain.GetConfig().GetMarkGone() {
		text += ", gone for good afterwards"
	}
	return text
}

// unavailable is when the maintenance of an agent's machine begins, and how long it takes.
func (s *snapshot) unavailable(host, address string, now time.Time) string {
	ip, _, _ := net.SplitHostPort(address)
	var lines []string
	for _, w := range s.windows {
		if !slices.ContainsFunc(w.GetMachineIds(), func(m *mesospb.MachineID) bool {
			return (m.GetHostname() == "" || m.GetHostname() == host) && (m.GetIp() == "" || m.GetIp() == ip)
		}) {
			continue
		}
		text := "from " + moment(time.Unix(0, w.GetUnavailability().GetStart().GetNanoseconds()), now)
		if d := w.GetUnavailability().GetDuration(); d != nil {
			text += " for " + took(time.Duration(d.GetNanoseconds()))
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

func attributeText(at *mesospb.Attribute) string {
	switch at.GetType() {
	case mesospb.Value_SCALAR:
		return at.GetName() + ": " + number(at.GetScalar().GetValue())
	case mesospb.Value_RANGES:
		return at.GetName() + ": " + rangesText(at.GetRanges())
	case mesospb.Value_SET:
		return at.GetName() + ": {" + strings.Join(at.GetSet().GetItem(), ", ") + "}"
	}
	return at.GetName() + ": " + at.GetText().GetValue()
}

func rangesText(r *mesospb.Value_Ranges) string {
	var parts []string
	for _, one := range r.GetRange() {
		parts = append(parts, fmt.Sprintf("%d-%d", one.GetBegin(), one.GetEnd()))
	}
	return "[" + strings.Join(parts, ", ") + "]"
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
