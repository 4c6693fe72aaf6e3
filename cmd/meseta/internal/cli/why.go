package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/actors/gateway/beyond"
	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// whyConfig is what `meseta why` can be told.
type whyConfig struct {
	asking
	Resources string `flag:"resources" help:"what is to be placed, 'cpus:1;mem:128'; for a task: what it asked for"`
	Role      string `flag:"role" help:"only this role of the framework"`
}

func (a *app) why() *cobra.Command {
	config := whyConfig{asking: asks()}
	c := &cobra.Command{Use: "why [flags] TASK|FRAMEWORK|ROLE", Short: "why something has no place: all agents by the first reason against them", GroupID: "use",
		Args: arguments(1, 1),
		Long: "Asks the allocator where a task, or whatever a framework or the frameworks of a role could use, would find a place\n" +
			"right now: every agent is counted under the first reason for which it does not serve; then come the nearest misses\n" +
			"and what would change it.",
		Example: "  meseta why web.1\n  meseta why marathon --resources='cpus:4;mem:16384'\n  meseta why ads"}
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
		if err != nil {
			return masterError(config.Master, err)
		}
		questions, err := s.questions(args[0], config)
		if err != nil {
			return err
		}
		for _, q := range questions {
			if q.answers, err = c.Why(a.ctx, q.framework, q.role, q.demand); err != nil {
				return masterError(config.Master, err)
			}
			if asJSON {
				err = a.printValue(map[string]any{"framework_id": q.framework, "resources": q.demand, "explanations": q.answers})
			} else {
				err = a.explain(s, q)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// question is one framework to ask about.
type question struct {
	framework, role, demand string
	placed                  string // where the task is that was asked about
	answers                 []beyond.Explanation
}

// questions are what a name asks: a task its framework and what it asked for, a role all frameworks that have it.
func (s *snapshot) questions(name string, config whyConfig) (list []*question, err error) {
	if f := s.frameworkNamed(name); f != nil && f.GetUnregisteredTime() == nil {
		return []*question{{framework: f.GetFrameworkInfo().GetId().GetValue(), role: config.Role, demand: config.Resources}}, nil
	}
	for _, f := range s.GetGetFrameworks().GetFrameworks() {
		if slices.Contains(validation.Roles(f.GetFrameworkInfo()), name) {
			list = append(list, &question{framework: f.GetFrameworkInfo().GetId().GetValue(), role: name, demand: config.Resources})
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	t, err := s.task(name)
	if err != nil {
		if s.frameworkNamed(name) != nil {
			return nil, fmt.Errorf("framework %s is over, and is offered nothing", name)
		}
		return nil, fmt.Errorf("%w; nor is a framework or a role called so", err)
	}
	if f := s.frameworks[t.GetFrameworkId().GetValue()]; f.GetUnregisteredTime() != nil || f == nil {
		return nil, fmt.Errorf("the framework of task %s is over, and is offered nothing", name)
	}
	demand := config.Resources
	if demand == "" {
		demand = demandOf(t)
	}
	role := config.Role
	for of := range quantities(t.GetResources()).Allocations() {
		role = orElse(role, of)
	}
	q := &question{framework: t.GetFrameworkId().GetValue(), role: role, demand: demand}
	if !over(t.GetState()) {
		q.placed = s.host(t.GetAgentId())
	}
	return []*question{q}, nil
}

// demandOf are the scalars that a task asked for.
func demandOf(t *mesospb.Task) string {
	return strings.ReplaceAll(summary(quantities(t.GetResources())), " ", ";")
}

func (a *app) explain(s *snapshot, q *question) error {
	name := s.framework(&mesospb.FrameworkID{Value: &q.framework})
	demand := orElse(strings.ReplaceAll(q.demand, ";", " "), "the least that is offered")
	if q.placed != "" {
		fmt.Fprintf(a.out, "The task has its place, on %s. Another like it:\n", screen.Clean(q.placed))
	}
	for _, e := range q.answers {
		fmt.Fprintf(a.out, "%s, role %s: %s\n", a.out.Paint(screen.Bold, screen.Clean(name)), screen.Clean(e.Role), screen.Clean(demand))
		all := 0
		for _, c := range e.Agents {
			all += c.Agents
		}
		if e.Inactive {
			fmt.Fprintln(a.out, a.out.Paint(screen.Yellow, "  Nothing is offered: the framework is disconnected, or has suppressed the role."))
		}
		var rows [][]screen.Cell
		for _, c := range e.Agents {
			style := screen.Plain
			if c.Reason == "fits" {
				style = screen.Green
			}
			rows = append(rows, []screen.Cell{{Text: fmt.Sprint(c.Agents), Right: true}, {Text: screen.Bar(float64(c.Agents)/float64(max(all, 1)), barWidth/2)},
				{Text: meaning(c.Reason), Style: style}})
		}
		if all == 0 {
			fmt.Fprintln(a.out, "  The cluster has no agent.")
			continue
		}
		if err := a.out.Table([]string{"AGENTS", "", "REASON"}, rows); err != nil {
			return err
		}
		a.explainChanges(s, e)
	}
	return nil
}

func (a *app) explainChanges(s *snapshot, e beyond.Explanation) {
	for _, c := range e.Changes {
		if c.AtMost == 0 {
			continue // who asks for it wants some
		}
		fmt.Fprintf(a.out, "  fits if %s ≤ %s (%s)\n", c.Resource, amountOf(c.Resource, c.AtMost), plural(c.Agents, "agent"))
	}
	for _, n := range e.Nearest {
		var short []string
		for _, name := range sortedNames(n.Short) {
			short = append(short, amountOf(name, n.Short[name])+" "+name)
		}
		miss := n.Reason
		if len(short) > 0 {
			miss += ", short of " + strings.Join(short, " and ")
		}
		fmt.Fprintf(a.out, "  near: %s: %s\n", screen.Clean(s.host(&mesospb.AgentID{Value: &n.AgentID})), miss)
	}
}

func sortedNames(by map[string]float64) (names []string) {
	for name := range by {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// whyNoPlace is a sentence for `run`, whose task waits: the reason that most agents share, and what would help. Empty if
// the master does not say.
func whyNoPlace(ctx context.Context, c *api.Client, framework, role string, needs resources.Resources) string {
	answers, err := c.Why(ctx, framework, role, strings.ReplaceAll(summary(needs), " ", ";"))
	if err != nil || len(answers) == 0 {
		return ""
	}
	return waitingSentence(answers[0])
}

func waitingSentence(e beyond.Explanation) string {
	most, all := beyond.Count{}, 0
	for _, count := range e.Agents {
		if all += count.Agents; count.Agents > most.Agents {
			most = count
		}
	}
	if most.Agents == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %s: %s", most.Agents, plural(all, "agent"), most.Reason)
	for _, change := range e.Changes {
		if change.AtMost > 0 {
			text += fmt.Sprintf("; fits if %s ≤ %s (%s)", change.Resource, amountOf(change.Resource, change.AtMost), plural(change.Agents, "agent"))
		}
	}
	return text
}
