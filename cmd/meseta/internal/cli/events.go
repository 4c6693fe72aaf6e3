package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// eventsConfig is what `meseta events` can be told.
type eventsConfig struct {
	asking
	Types []string `flag:"type" help:"only these, as in TASK_UPDATED,AGENT_REMOVED; a beginning such as TASK will do"`
}

func (a *app) events() *cobra.Command {
	config := eventsConfig{asking: asks()}
	c := &cobra.Command{Use: "events [flags]", Short: "watch what happens in the cluster", GroupID: "use", Args: noArguments,
		Long: "Prints what happens, as it happens, until Ctrl-C. A connection that breaks is made again, and nothing is missed\n" +
			"in between as long as the master remembers it.",
		Example: "  meseta events\n  meseta events --type=TASK_UPDATED -o json"}
	bind(c, &config, func([]string) error {
		asJSON, err := config.json()
		if err != nil {
			return err
		}
		wanted, err := eventTypes(config.Types)
		if err != nil {
			return usageError(err)
		}
		c, err := config.client()
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(a.ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		return a.watchEvents(ctx, c, config.Master, func(s *snapshot, e *masterpb.Event) error {
			switch {
			case !slices.Contains(wanted, e.GetType()):
				return nil
			case asJSON:
				return a.printJSON(e)
			}
			_, err := fmt.Fprintln(a.out, a.eventLine(s, e))
			return err
		})
	})
	completesFixed(c, "type", eventNames()...)
	return c
}

// eventTypes are the types that are asked for; all but heartbeats if none is.
func eventTypes(names []string) (types []masterpb.Event_Type, err error) {
	for _, number := range slices.Sorted(maps.Keys(masterpb.Event_Type_name)) {
		t := masterpb.Event_Type(number)
		if len(names) == 0 && t != masterpb.Event_HEARTBEAT && t != masterpb.Event_UNKNOWN {
			types = append(types, t)
		}
	}
	for _, name := range names {
		before := len(types)
		for number, known := range masterpb.Event_Type_name {
			if strings.HasPrefix(known, strings.ToUpper(strings.TrimSpace(name))) && name != "" {
				types = append(types, masterpb.Event_Type(number))
			}
		}
		if len(types) == before {
			return nil, fmt.Errorf("--type=%s: no event is called so; there are %s", name, strings.Join(eventNames(), ", "))
		}
	}
	return types, nil
}

func eventNames() (names []string) {
	for _, number := range slices.Sorted(maps.Keys(masterpb.Event_Type_name)) {
		if number != int32(masterpb.Event_UNKNOWN) {
			names = append(names, masterpb.Event_Type_name[number])
		}
	}
	return names
}

// watchEvents calls do for each event, with names as of the last snapshot.
func (a *app) watchEvents(ctx context.Context, c *api.Client, master string, do func(*snapshot, *masterpb.Event) error) error {
	stream := c.Events()
	defer stream.Close()
	stream.Lost = func(error) {
		fmt.Fprintln(a.err, a.err.Paint(screen.Yellow, "meseta: the connection to the master broke; making it anew"))
	}
	s := snapshotOf(&masterpb.Response_GetState{})
	for {
		e, err := stream.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // it was ended by whoever began it
		case err != nil:
			return masterError(master, err)
		}
		s.learn(e)
		if err := do(s, e); err != nil {
			return err
		}
	}
}

// learn keeps the names of what comes.
func (s *snapshot) learn(e *masterpb.Event) {
	switch e.GetType() {
	case masterpb.Event_SUBSCRIBED:
		*s = *snapshotOf(e.GetSubscribed().GetGetState())
	case masterpb.Event_AGENT_ADDED:
		agent := e.GetAgentAdded().GetAgent()
		s.agents[agent.GetAgentInfo().GetId().GetValue()] = agent
	case masterpb.Event_FRAMEWORK_ADDED:
		f := e.GetFrameworkAdded().GetFramework()
		s.frameworks[f.GetFrameworkInfo().GetId().GetValue()] = f
	case masterpb.Event_FRAMEWORK_UPDATED:
		f := e.GetFrameworkUpdated().GetFramework()
		s.frameworks[f.GetFrameworkInfo().GetId().GetValue()] = f
	}
}

// eventLine tells one event in one line.
func (a *app) eventLine(s *snapshot, e *masterpb.Event) string {
	text, style := "", screen.Plain
	switch e.GetType() {
	case masterpb.Event_SUBSCRIBED:
		text = plural(len(s.GetGetAgents().GetAgents()), "agent") + ", " + plural(len(s.GetGetFrameworks().GetFrameworks()), "framework") + ", " +
			plural(len(s.GetGetTasks().GetTasks()), "task")
	case masterpb.Event_TASK_ADDED:
		t := e.GetTaskAdded().GetTask()
		text = s.framework(t.GetFrameworkId()) + "/" + t.GetTaskId().GetValue() + " on " + s.host(t.GetAgentId()) + " (" +
			summary(quantities(t.GetResources())) + ")"
	case masterpb.Event_TASK_UPDATED:
		text, style = s.updateText(e.GetTaskUpdated()), stateStyle(e.GetTaskUpdated().GetState())
	case masterpb.Event_FRAMEWORK_ADDED:
		text = frameworkText(e.GetFrameworkAdded().GetFramework().GetFrameworkInfo())
	case masterpb.Event_FRAMEWORK_UPDATED:
		text = frameworkText(e.GetFrameworkUpdated().GetFramework().GetFrameworkInfo())
	case masterpb.Event_FRAMEWORK_REMOVED:
		text = frameworkText(e.GetFrameworkRemoved().GetFrameworkInfo())
	case masterpb.Event_AGENT_ADDED:
		agent := e.GetAgentAdded().GetAgent()
		text = agent.GetAgentInfo().GetHostname() + " at " + afterAt(agent.GetPid()) + " (" + summary(quantities(agent.GetTotalResources())) + ")"
	case masterpb.Event_AGENT_REMOVED:
		text = s.host(e.GetAgentRemoved().GetAgentId())
	}
	const widest = len("FRAMEWORK_UPDATED")
	line := a.out.Paint(screen.Faint, time.Now().Format("15:04:05.000")) + "  " + fmt.Sprintf("%-*s", widest, e.GetType()) + "  "
	return line + a.out.Paint(style, screen.Clean(text))
}

func (s *snapshot) updateText(u *masterpb.Event_TaskUpdated) string {
	st := u.GetStatus()
	text := s.framework(u.GetFrameworkId()) + "/" + st.GetTaskId().GetValue() + " is " + stateName(u.GetState()) + " on " + s.host(st.GetAgentId())
	if sentence, _ := headline(st); sentence != "" {
		text += ": " + sentence
	}
	return text
}

func frameworkText(f *mesospb.FrameworkInfo) string {
	return f.GetName() + " (" + f.GetId().GetValue() + ")"
}
