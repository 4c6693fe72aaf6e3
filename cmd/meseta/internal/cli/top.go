package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/meseta-io/meseta/actors/gateway/beyond"
	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/live"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
)

// topConfig is what `meseta top` can be told.
type topConfig struct {
	asking
	Agent    string        `flag:"agent" help:"only this agent, by id, host or address"`
	Sort     string        `flag:"sort" help:"the column to begin with: task, agent, cpu, wait, memory, read, written, received or sent"`
	Interval time.Duration `flag:"interval" help:"how often to look"`
}

// sortings are the columns by the names of --sort.
var sortings = []string{"task", "agent", "cpu", "wait", "memory", "read", "written", "received", "sent"}

func (a *app) top() *cobra.Command {
	config := topConfig{asking: asks(), Sort: "cpu", Interval: 2 * time.Second}
	c := &cobra.Command{Use: "top [flags]", Short: "watch what containers use", GroupID: "use", Args: noArguments,
		Long: "Shows all containers of the cluster with what they use of processors, memory, disks and network, and looks again every few\n" +
			"seconds. WAIT is how many processors they waited for. Arrow keys choose the column to sort by, r turns the order around, the\n" +
			"letters t a c w m i o x s go to a column at once, p holds everything still, q ends it. Where nobody is looking, as in a\n" +
			"pipe, it prints one table.",
		Example: "  meseta top\n  meseta top --agent=10.0.0.7 --sort=memory\n  meseta top -o json"}
	bind(c, &config, func([]string) error {
		by := slices.Index(sortings, config.Sort)
		if by < 0 {
			return usageError(fmt.Errorf("--sort=%s: there is no such column; there are %s", config.Sort, strings.Join(sortings, ", ")))
		}
		if config.Interval < 500*time.Millisecond {
			return usageError(fmt.Errorf("--interval=%v: at least 500 ms, which is how often an agent measures", config.Interval))
		}
		asJSON, err := config.json()
		if err != nil {
			return err
		}
		c, err := config.client()
		if err != nil {
			return err
		}
		t := &topper{app: a, c: c, config: config, table: live.New()}
		t.table.By = live.Column(by)
		switch {
		case asJSON:
			return t.reports()
		case !a.out.Terminal() || !term.IsTerminal(int(os.Stdin.Fd())):
			return t.once()
		}
		return t.watch()
	})
	a.completesFlag(c, "agent", agentIDs)
	completesFixed(c, "sort", sortings...)
	return c
}

// topper is a `meseta top` under way.
type topper struct {
	*app
	c      *api.Client
	config topConfig
	table  *live.Table
}

// answer is what one agent said.
type answer struct {
	agent  string
	report *beyond.UsageReport
	err    error
}

// ask asks all agents at once, or as many as are polite.
func (t *topper) ask(ctx context.Context, history bool) ([]answer, error) {
	r, err := t.c.Master(ctx, &masterpb.Call{Type: masterpb.Call_GET_AGENTS.Enum()})
	if err != nil {
		return nil, masterError(t.config.Master, err)
	}
	agents := slices.DeleteFunc(r.GetGetAgents().GetAgents(), func(a *masterpb.Response_GetAgents_Agent) bool { return !a.GetActive() })
	if t.config.Agent != "" {
		one := snapshotOf(&masterpb.Response_GetState{GetAgents: r.GetGetAgents()}).agentNamed(t.config.Agent)
		if one == nil {
			return nil, fmt.Errorf("no agent is called %s: meseta agents lists them", t.config.Agent)
		}
		agents = []*masterpb.Response_GetAgents_Agent{one}
	}
	all := make([]answer, len(agents))
	var asked sync.WaitGroup
	turns := make(chan struct{}, 32)
	for i, agent := range agents {
		asked.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			all[i].agent = agent.GetAgentInfo().GetHostname()
			all[i].report, all[i].err = t.c.Usage(ctx, agent.GetPid(), "", history)
		})
	}
	asked.Wait()
	return all, nil
}

// take puts answers into the table.
func (t *topper) take(all []answer) {
	t.table.Begin()
	t.table.Trouble = nil
	for _, one := range all {
		if one.err != nil {
			t.table.Missing(one.agent)
			if len(t.table.Trouble) < 3 {
				t.table.Trouble = append(t.table.Trouble, "agent "+one.agent+": "+plain(one.err.Error()))
			}
			continue
		}
		t.table.Take(one.agent, one.report)
	}
	t.table.End()
}

func (t *topper) reports() error {
	all, err := t.ask(t.ctx, true)
	if err != nil {
		return err
	}
	reports := []*beyond.UsageReport{}
	for _, one := range all {
		if one.err != nil {
			return fmt.Errorf("agent %s: %w", one.agent, one.err)
		}
		reports = append(reports, one.report)
	}
	return t.printValue(map[string]any{"agents": reports})
}

// once looks twice, because only that shows what goes on, and prints a table.
func (t *topper) once() error {
	for n := range 2 {
		if n > 0 {
			select {
			case <-time.After(t.config.Interval):
			case <-t.ctx.Done():
				return t.ctx.Err()
			}
		}
		all, err := t.ask(t.ctx, n == 0)
		if err != nil {
			return err
		}
		t.take(all)
	}
	const width = 160
	lines := t.table.Lines(width, 1<<20, t.out)
	for _, line := range lines[:2+len(t.table.Rows())] {
		if _, err := fmt.Fprintln(t.out, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	for _, trouble := range t.table.Trouble {
		fmt.Fprintln(t.err, trouble)
	}
	return nil
}

// The alternate screen of a terminal, without a cursor; and back.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// watch has the terminal to itself until it is told that it is enough.
func (t *topper) watch() (err error) {
	first, err := t.ask(t.ctx, true) // what is wrong with the cluster is said before the screen is taken
	if err != nil {
		return err
	}
	keyboard := int(os.Stdin.Fd())
	before, err := term.MakeRaw(keyboard)
	if err != nil {
		return fmt.Errorf("the keyboard: %w", err)
	}
	defer func() { _ = term.Restore(keyboard, before) }()
	fmt.Fprint(t.out, enterScreen)
	defer fmt.Fprint(t.out, leaveScreen)

	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	keys, resized, ended := make(chan []byte), make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	signal.Notify(ended, endings()...)
	defer signal.Stop(resized)
	defer signal.Stop(ended)
	go readKeys(ctx, keys)
	answers := t.asking(ctx)

	t.take(first)
	for {
		width, height, err := term.GetSize(keyboard)
		if err != nil {
			width, height = 80, 24
		}
		if err := t.draw(width, height); err != nil {
			return err
		}
		select {
		case typed, open := <-keys:
			if !open || t.table.Keys(typed, t.table.Page(height)) {
				return nil
			}
		case one := <-answers:
			if t.table.Paused {
				continue
			}
			if one.err != nil {
				t.table.Trouble = []string{plain(one.err.Error())}
				continue
			}
			t.take(one.all)
		case <-resized:
		case <-ended:
			return nil
		}
	}
}

type round struct {
	all []answer
	err error
}

// asking asks again and again.
func (t *topper) asking(ctx context.Context) <-chan round {
	answers := make(chan round)
	go func() {
		for {
			select {
			case <-time.After(t.config.Interval):
			case <-ctx.Done():
				return
			}
			all, err := t.ask(ctx, false)
			select {
			case answers <- round{all, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return answers
}

// readKeys ends with the keyboard. It may go on waiting for a last key when nobody listens any more; the program ends then.
func readKeys(ctx context.Context, keys chan<- []byte) {
	defer close(keys)
	for {
		buffer := make([]byte, 64)
		n, err := os.Stdin.Read(buffer)
		if n > 0 {
			select {
			case keys <- buffer[:n]:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// draw writes over what is there, line by line, so that nothing flickers.
func (t *topper) draw(width, height int) error {
	var out strings.Builder
	out.WriteString("\x1b[H")
	for i, line := range t.table.Lines(width, height, t.out) {
		if i > 0 {
			out.WriteString("\r\n")
		}
		out.WriteString(line + "\x1b[K")
	}
	out.WriteString("\x1b[J")
	_, err := fmt.Fprint(t.out, out.String())
	return err
}
