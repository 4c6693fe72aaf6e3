// Package cli is meseta's command line: what can be typed, and what is answered. Each command is a file; they
// share the error sentence and the exit codes that are written down in help().
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meseta-io/meseta/cmd/meseta/internal/flags"
	"github.com/meseta-io/meseta/cmd/meseta/internal/job"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/fault"
)

const exitCodes = `Exit codes:
  0          done
  1          it failed
  2          the command line is wrong
  3          a master lost its leadership: start it again, and it stands by
For run they are the command's own, and:
  124        --timeout was over
  125        meseta or the cluster failed: a wrong command line, no master, too large for every agent, lost, refused
  126, 127   the command cannot be run, is not found
  128+n      signal n ended the command (130: Ctrl-C)
For doctor, as for monitoring plugins: 0 all is well, 1 warnings, 2 something fails, 3 the command line is wrong.`

// programs are Mesos' programs by the name of the link that meseta is called through.
var programs = map[string]string{
	"mesos-master":  "master",
	"mesos-agent":   "agent",
	"mesos-slave":   "agent",
	"mesos-local":   "local",
	"mesos-execute": "execute",
}

// Arguments are what to do: those of the command line, after the name of the program that is asked for.
func Arguments(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	if program, ok := programs[filepath.Base(argv[0])]; ok {
		return append([]string{program}, argv[1:]...)
	}
	return argv[1:]
}

// app is one run of the program.
type app struct {
	out, err  *screen.Screen
	ctx       context.Context
	arguments []string // as after the name of the program
}

// exit is an error that knows its code. Without a text, everything has been said.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap gives the reason.
func (e *exit) Unwrap() error { return e.err }

// usageError is a command line that is wrong.
func usageError(err error) error { return &exit{exitUsage, err} }

const (
	exitUsage   = 2
	exitDeposed = 3
)

// ownError keeps the codes of `run` apart from those of the command that it runs: whatever is wrong with the command
// line is a failure of meseta's own.
func ownError(err error) error {
	if e, ok := errors.AsType[*exit](err); ok && e.code == exitUsage {
		return &exit{job.ExitOwn, e.err}
	}
	return err
}

// Main does what the arguments say and returns the exit code.
func Main(argv []string) int {
	return run(context.Background(), argv, screen.New(os.Stdout), screen.New(os.Stderr))
}

func run(ctx context.Context, argv []string, out, err *screen.Screen) int {
	a := &app{out: out, err: err, ctx: ctx, arguments: Arguments(argv)}
	root := a.root()
	root.SetArgs(a.arguments)
	return a.report(root.ExecuteContext(ctx))
}

// report says what went wrong, in one sentence for each thing that did, and returns the code.
func (a *app) report(err error) int {
	if err == nil {
		return 0
	}
	code := 1
	if errors.Is(err, fault.ErrNotLeader) {
		code = exitDeposed
	}
	if e, ok := errors.AsType[*exit](err); ok {
		code, err = e.code, e.err
	}
	if err != nil {
		for _, line := range strings.Split(plain(err.Error()), "\n") {
			fmt.Fprintf(a.err, "%s %s\n", a.err.Paint(screen.Red, "meseta:"), line)
		}
	}
	return code
}

// plain leaves the classes of errors out: they are for programs, and the sentence before them says it better.
func plain(text string) string {
	for _, class := range []error{fault.ErrInvalid, fault.ErrDenied, fault.ErrNotFound, fault.ErrConflict, fault.ErrNotLeader,
		fault.ErrUnsupported, fault.ErrUnavailable} {
		text = strings.ReplaceAll(text, ": "+class.Error(), "")
	}
	return text
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "meseta",
		Short: "a cluster kernel: many machines, one pool of resources",
		Long: "meseta pools the CPU, memory, disk and ports of many machines and runs your work on them.\n" +
			"It is Apache Mesos done again: frameworks, tools and habits of Mesos keep working.\n\n" +
			"To see it at work:      meseta demo\n" +
			"To try things yourself: meseta dev          (then, elsewhere: meseta run -- echo hi)\n\n" + exitCodes,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			var names []string
			for _, sub := range c.Commands() {
				names = append(names, sub.Name())
			}
			near := flags.Nearest(args[0], names)
			if near != "" {
				near = ": did you mean " + near + "?"
			} else {
				near = ": meseta --help lists those that there are"
			}
			return usageError(fmt.Errorf("unknown command %s%s", args[0], near))
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		err = usageError(flags.Explain(err, c.Flags()))
		switch c.Name() {
		case "run":
			err = ownError(err)
		case "doctor":
			err = unknown(err)
		}
		return err
	})
	root.AddGroup(&cobra.Group{ID: "try", Title: "Try it:"}, &cobra.Group{ID: "use", Title: "Use a cluster:"},
		&cobra.Group{ID: "serve", Title: "Be the cluster:"})
	programs := []*cobra.Command{a.master(), a.agent(), a.local(), a.execute()}
	versioned(append(programs, root)...)
	root.AddCommand(programs...)
	root.AddCommand(a.backup(), a.doctor(), a.demo(), a.dev(), a.runCommand(), a.status(), a.agents(), a.frameworks(), a.tasks(), a.roles(), a.offers(),
		a.describe(), a.why(), a.stats(), a.top(), a.logs(), a.ls(), a.cat(), a.get(), a.kill(), a.teardown(), a.events(), a.version())
	// Some flags take several lines to explain; they stand below each other instead of running over the edge.
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages |", "FlagUsagesWrapped 110 |"))
	return root
}

// bind gives a command the flags of a config, a --config file, and the environment. The command's own work begins
// after all of them are read.
func bind(c *cobra.Command, config any, work func(args []string) error) *cobra.Command {
	flags.Bind(c.Flags(), config)
	c.Flags().String("config", "", "a `file` with settings named as the flags: YAML, TOML or JSON; the command line and the environment win")
	if c.GroupID == "use" {
		hide(c.Flags(), "tls_require_client_cert", "tls_support_downgrade") // for those who serve
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.DefValue == "0ns" {
				f.DefValue = "0" // which the help text leaves out
			}
		})
	}
	if c.Flags().Lookup("output") != nil {
		completesFixed(c, "output", "table", "json")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := fill(c); err != nil {
			return usageError(err)
		}
		return work(args)
	}
	return c
}

// fill sets the flags that the command line left alone: from the environment, from the file that --config or its variable
// names, and for commands that ask a cluster from what the user always wants.
func fill(c *cobra.Command) error {
	file := c.Flags().Lookup("config").Value.String()
	for _, variable := range []string{"MESETA_CONFIG", "MESOS_CONFIG"} {
		if file == "" {
			file = os.Getenv(variable)
		}
	}
	if err := flags.Fill(c.Flags(), file); err != nil || c.GroupID != "use" {
		return err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil // nobody's own wishes
	}
	return flags.Prefer(c.Flags(), filepath.Join(home, ".meseta", "config"), preferences)
}

// preferences are what ~/.meseta/config may say; commands take what they have a flag for.
var preferences = []string{"master", "credential", "output", "ip"}

// noArguments refuses what stands behind the flags of a command that takes nothing there.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(fmt.Errorf("%s takes no arguments, but got %q", c.CommandPath(), args[0]))
	}
	return nil
}

// arguments refuses fewer than least and more than most; -1: there is no most.
func arguments(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		usage := c.Parent().CommandPath() + " " + c.Use
		switch {
		case len(args) < least:
			return usageError(fmt.Errorf("too little is said: %s", usage))
		case most >= 0 && len(args) > most:
			return usageError(fmt.Errorf("too much is said, from %q on: %s", args[most], usage))
		}
		return nil
	}
}

// logTo makes the log of a command: for people, on stderr.
func logTo(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// hide takes flags out of the help text that most people never need; they work all the same.
func hide(set *pflag.FlagSet, names ...string) {
	for _, name := range names {
		if f := set.Lookup(name); f != nil {
			f.Hidden = true
		}
	}
}
