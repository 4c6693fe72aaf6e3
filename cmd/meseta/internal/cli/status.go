package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// status is `meseta status`: the cluster on one screen.
func (a *app) status() *cobra.Command {
	config := asks()
	c := &cobra.Command{
		Use: "status", Short: "the cluster on one screen: leader, agents, resources, frameworks, tasks", GroupID: "use", Args: noArguments,
		Example: "  meseta status\n  watch meseta status --master=10.0.0.1:5050",
	}
	return bind(c, &config, func([]string) error {
		asJSON, err := config.json()
		if err != nil {
			return err
		}
		c, err := config.client()
		if err != nil {
			return err
		}
		o, err := a.overview(c)
		if err != nil {
			return masterError(config.Master, err)
		}
		if asJSON {
			return a.printValue(o)
		}
		return a.printOverview(o)
	})
}

// overview is what `meseta status` shows.
type overview struct {
	Cluster    string           `json:"cluster,omitempty"`
	Leader     string           `json:"leader"`
	Hostname   string           `json:"hostname"`
	Version    string           `json:"version"`
	Elected    time.Time        `json:"elected"`
	Election   string           `json:"election,omitempty"` // what is wrong with it
	Agents     map[string]int   `json:"agents"`
	Frameworks map[string]int   `json:"frameworks"`
	Tasks      map[string]int   `json:"tasks"`
	Resources  []resourceAmount `json:"resources"`
}

// resourceAmount is one scalar resource of the whole cluster.
type resourceAmount struct {
	Name    string  `json:"name"`
	Total   float64 `json:"total"`
	Used    float64 `json:"used"`
	Offered float64 `json:"offered"`
}

// overview asks for everything but the tasks themselves: a large cluster has many, and only their number is shown.
func (a *app) overview(c *api.Client) (*overview, error) {
	answers := map[masterpb.Call_Type]*masterpb.Response{}
	for _, call := range []masterpb.Call_Type{masterpb.Call_GET_MASTER, masterpb.Call_GET_AGENTS, masterpb.Call_GET_FRAMEWORKS, masterpb.Call_GET_METRICS} {
		ask := &masterpb.Call{Type: call.Enum()}
		if call == masterpb.Call_GET_METRICS {
			ask.GetMetrics = &masterpb.Call_GetMetrics{}
		}
		r, err := c.Master(a.ctx, ask)
		if err != nil {
			return nil, err
		}
		answers[call] = r
	}
	m := answers[masterpb.Call_GET_MASTER].GetGetMaster()
	s := snapshotOf(&masterpb.Response_GetState{GetAgents: answers[masterpb.Call_GET_AGENTS].GetGetAgents(), GetFrameworks: answers[masterpb.Call_GET_FRAMEWORKS].GetGetFrameworks()})
	info := m.GetMasterInfo()
	o := &overview{
		Leader: afterAt(info.GetPid()), Hostname: info.GetHostname(), Version: info.GetVersion(), Elected: unixTime(m.GetElectedTime()),
		Cluster: a.clusterName(c),
		Agents:  map[string]int{}, Frameworks: map[string]int{}, Tasks: map[string]int{},
	}
	o.countAgents(s.GetGetAgents())
	for _, f := range s.GetGetFrameworks().GetFrameworks() {
		state, _ := frameworkState(f)
		o.Frameworks[state]++
	}
	o.readMetrics(answers[masterpb.Call_GET_METRICS].GetGetMetrics().GetMetrics())
	return o, nil
}

// clusterName is the master's --cluster; empty for those who may not see its flags.
func (a *app) clusterName(c *api.Client) string {
	flags, err := c.Master(a.ctx, &masterpb.Call{Type: masterpb.Call_GET_FLAGS.Enum()})
	if err != nil {
		return ""
	}
	for _, f := range flags.GetGetFlags().GetFlags() {
		if f.GetName() == "cluster" {
			return f.GetValue()
		}
	}
	return ""
}

// countAgents counts agents by state, and adds up what they have.
func (o *overview) countAgents(all *masterpb.Response_GetAgents) {
	var total, used, offered resources.Resources
	for _, agent := range all.GetAgents() {
		state, _ := agentState(agent)
		o.Agents[state]++
		total = total.Add(quantities(agent.GetTotalResources()))
		used = used.Add(quantities(agent.GetAllocatedResources()))
		offered = offered.Add(quantities(agent.GetOfferedResources()))
	}
	if n := len(all.GetRecoveredAgents()); n > 0 {
		o.Agents["expected"] = n
	}
	for name, amount := range total.ScalarQuantities().All() {
		u, _ := used.Scalar(name)
		f, _ := offered.Scalar(name)
		o.Resources = append(o.Resources, resourceAmount{name, amount.Float64(), u.Float64(), f.Float64()})
	}
	slices.SortStableFunc(o.Resources, func(x, y resourceAmount) int { return cmp.Compare(place(x.Name), place(y.Name)) })
}

// place is where a resource stands in a table: the well-known ones come first.
func place(name string) int {
	order := []string{"cpus", "gpus", "mem", "disk"}
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

// readMetrics takes the numbers of tasks, and how well the master reaches the election's store.
func (o *overview) readMetrics(all []*mesospb.Metric) {
	var reach cluster.Reach
	for _, metric := range all {
		switch metric.GetName() {
		case "master/election_silence_secs":
			reach.Silence = time.Duration(metric.GetValue() * float64(time.Second))
		case "master/election_lease_secs":
			reach.Lease = time.Duration(metric.GetValue() * float64(time.Second))
		}
		name, ok := strings.CutPrefix(metric.GetName(), "master/tasks_")
		if _, state := mesospb.TaskState_value["TASK_"+strings.ToUpper(name)]; ok && state && metric.GetValue() > 0 {
			o.Tasks[name] = int(metric.GetValue())
		}
	}
	o.Election = reach.String()
}

// barWidth is how many cells wide bars are.
const barWidth = 30

func (a *app) printOverview(o *overview) error {
	fields := []screen.Field{
		{Name: "Cluster", Value: o.Cluster, Style: screen.Bold},
		{Name: "Leader", Value: fmt.Sprintf("%s, speaks Mesos %s, leads for %s", o.Leader, o.Version, took(time.Since(o.Elected))), Style: screen.Bold},
		{Name: "Election", Value: o.Election, Style: screen.Red},
		{Name: "Agents", Value: counted(o.Agents, "none; start one with: meseta agent --master="+o.Leader)},
	}
	for _, r := range o.Resources {
		share := 0.0
		if r.Total > 0 {
			share = r.Used / r.Total
		}
		style := screen.Green
		switch {
		case share > 0.9:
			style = screen.Red
		case share > 0.7:
			style = screen.Yellow
		}
		text := fmt.Sprintf("%s %3.0f %%  %s of %s", screen.Bar(share, barWidth), 100*share, amountOf(r.Name, r.Used), amountOf(r.Name, r.Total))
		if r.Offered > 0 {
			text += ", " + amountOf(r.Name, r.Offered) + " offered"
		}
		fields = append(fields, screen.Field{Name: "  " + r.Name, Value: text, Style: style})
	}
	fields = append(fields,
		screen.Field{Name: "Frameworks", Value: counted(o.Frameworks, "none")},
		screen.Field{Name: "Tasks", Value: counted(o.Tasks, "none; run one with: meseta run --master="+o.Leader+" -- echo hi")})
	return a.out.Fields(fields)
}

// amountOf writes an amount of a resource for people.
func amountOf(name string, amount float64) string {
	if name == "mem" || name == "disk" {
		return sizeOf(amount)
	}
	return number(amount)
}

// liveFirst is the order in which states are told.
var liveFirst = func() (names []string) {
	names = []string{"active", "inactive", "away", "expected", "draining", "drained", "deactivated"}
	for _, s := range []mesospb.TaskState{mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_STARTING, mesospb.TaskState_TASK_STAGING,
		mesospb.TaskState_TASK_KILLING, mesospb.TaskState_TASK_UNREACHABLE, mesospb.TaskState_TASK_FINISHED, mesospb.TaskState_TASK_KILLED,
		mesospb.TaskState_TASK_FAILED} {
		names = append(names, stateName(s))
	}
	return names
}()

// counted is "3 active, 1 away".
func counted(counts map[string]int, none string) string {
	var parts []string
	names := slices.Clone(liveFirst)
	for name := range counts {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names[len(liveFirst):])
	for _, name := range names {
		if n := counts[name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
		}
	}
	if len(parts) == 0 {
		return none
	}
	return strings.Join(parts, ", ")
}
