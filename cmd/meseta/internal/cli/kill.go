package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// killConfig is what `meseta kill` can be told.
type killConfig struct {
	reach
	Grace time.Duration `flag:"grace" help:"what the task may take to end, before it is ended; 0: what it was launched with"`
	Wait  bool          `flag:"wait" help:"wait until it has ended"`
}

func (a *app) kill() *cobra.Command {
	config := killConfig{reach: reach{Master: defaultMaster}, Wait: true}
	c := &cobra.Command{Use: "kill [flags] TASK...", Short: "kill tasks; their framework hears of it", GroupID: "use", Args: arguments(1, -1),
		Long: "Kills tasks. Their framework is told as of any end, and may launch them anew; to end everything of a framework\n" +
			"there is meseta teardown. Who may tear a framework down may kill its tasks.",
		Example: "  meseta kill web.1\n  meseta kill --grace=30secs web.1 web.2"}
	a.completes(c, liveTaskIDs)
	return bind(c, &config, func(args []string) error {
		c, err := config.client()
		if err != nil {
			return err
		}
		s, err := snap(a.ctx, c)
		if err != nil {
			return masterError(config.Master, err)
		}
		var tasks []*mesospb.Task
		for _, name := range args {
			t, err := s.task(name)
			if err != nil {
				return err
			}
			if over(t.GetState()) {
				fmt.Fprintf(a.err, "meseta: %s has ended before: it is %s\n", screen.Clean(t.GetTaskId().GetValue()), stateName(t.GetState()))
				continue
			}
			tasks = append(tasks, t)
		}
		return a.killTasks(c, config, tasks)
	})
}

func (a *app) killTasks(c *api.Client, config killConfig, tasks []*mesospb.Task) error {
	grace := ""
	if config.Grace > 0 {
		grace = durations.Text(config.Grace)
	}
	for _, t := range tasks {
		if err := c.Kill(a.ctx, t.GetFrameworkId().GetValue(), t.GetTaskId().GetValue(), grace); err != nil && !api.IsMissing(err) {
			return masterError(config.Master, err)
		}
	}
	if !config.Wait {
		return nil
	}
	for _, t := range tasks {
		l := &logReader{app: a, c: c, task: t}
		for wait := followMin; !l.ended() && a.ctx.Err() == nil; wait = min(2*wait, followMax) {
			pause(a.ctx, wait)
		}
		fmt.Fprintf(a.out, "%s is %s\n", screen.Clean(t.GetTaskId().GetValue()), stateName(l.task.GetState()))
	}
	return nil
}
