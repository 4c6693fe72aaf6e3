package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
)

// teardownConfig is what `meseta teardown` can be told.
type teardownConfig struct {
	reach
	Yes bool `flag:"yes" short:"y" help:"do not ask"`
}

func (a *app) teardown() *cobra.Command {
	config := teardownConfig{reach: reach{Master: defaultMaster}}
	c := &cobra.Command{Use: "teardown [flags] FRAMEWORK", Short: "end a framework and all of its tasks, for good", GroupID: "use", Args: arguments(1, 1),
		Long:    "Ends a framework: its tasks and executors are killed, and its id cannot subscribe again. Its scheduler is told.",
		Example: "  meseta teardown marathon"}
	a.completes(c, frameworkIDs)
	return bind(c, &config, func(args []string) error {
		c, err := config.client()
		if err != nil {
			return err
		}
		s, err := snap(a.ctx, c)
		if err != nil {
			return masterError(config.Master, err)
		}
		f := s.frameworkNamed(args[0])
		if f == nil {
			return fmt.Errorf("no framework is called %s: meseta frameworks lists them", args[0])
		}
		if f.GetUnregisteredTime() != nil {
			return fmt.Errorf("framework %s is over already", args[0])
		}
		id, tasks := f.GetFrameworkInfo().GetId(), 0
		for _, t := range s.GetGetTasks().GetTasks() {
			if t.GetFrameworkId().GetValue() == id.GetValue() {
				tasks++
			}
		}
		if !config.Yes {
			question := fmt.Sprintf("End framework %s (%s) and its %s?", f.GetFrameworkInfo().GetName(), id.GetValue(), plural(tasks, "task"))
			if err := a.confirm(question); err != nil {
				return err
			}
		}
		if _, err := c.Master(a.ctx, &masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: id}}); err != nil {
			return masterError(config.Master, err)
		}
		fmt.Fprintf(a.out, "framework %s is torn down\n", screen.Clean(id.GetValue()))
		return nil
	})
}

// confirm asks a person. A program has to say --yes.
func (a *app) confirm(question string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return usageError(errors.New("nobody is there to be asked: say --yes if this is meant"))
	}
	fmt.Fprintf(a.err, "%s [y/N] ", screen.Clean(question))
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || !strings.EqualFold(strings.TrimSpace(answer), "y") && !strings.EqualFold(strings.TrimSpace(answer), "yes") {
		return errors.New("left as it is")
	}
	return nil
}
