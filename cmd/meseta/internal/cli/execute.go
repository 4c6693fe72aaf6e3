package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// executeConfig is what mesos-execute can be told, as far as a command task can have it.
type executeConfig struct {
	reach
	Name      string        `flag:"name" help:"the name of the task"`
	Command   string        `flag:"command" help:"the command line"`
	Shell     bool          `flag:"shell" help:"whether a shell runs the command; else it is a program without arguments"`
	Env       string        `flag:"env" help:"variables as a JSON object"`
	Resources string        `flag:"resources" help:"what the task needs"`
	Role      string        `flag:"role" help:"the role of the framework"`
	Principal string        `flag:"principal" help:"who the framework authenticates as"`
	Secret    string        `flag:"secret" help:"the secret of the principal; file:///path keeps it out of the list of processes"`
	KillAfter time.Duration `flag:"kill_after" help:"kill the task after so long"`
}

// execute is mesos-execute.
func (a *app) execute() *cobra.Command {
	config := executeConfig{reach: reach{Master: defaultMaster}, Shell: true, Resources: "cpus:1;mem:128", Role: "*"}
	c := &cobra.Command{Use: "execute", Hidden: true, Args: noArguments, Short: "mesos-execute: run one command, told as Mesos' tool is told"}
	return bind(c, &config, func([]string) error {
		s, err := config.spec()
		if err != nil {
			return usageError(err)
		}
		return a.runTask(s)
	})
}

func (c *executeConfig) spec() (*spec, error) {
	if c.Name == "" || c.Command == "" {
		return nil, fmt.Errorf("--name and --command are needed")
	}
	if c.Secret != "" && c.Principal == "" {
		return nil, fmt.Errorf("--secret: of whom? --principal is needed with it")
	}
	needs, err := resources.Parse(c.Resources)
	if err != nil {
		return nil, fmt.Errorf("--resources=%s: %w", c.Resources, err)
	}
	task := scheduler.Shell("", c.Command, needs)
	task.Command.Shell = proto.Bool(c.Shell)
	if c.Env != "" {
		variables := map[string]string{}
		if err := json.Unmarshal([]byte(c.Env), &variables); err != nil {
			return nil, fmt.Errorf("--env: a JSON object of strings expected: %w", err)
		}
		task.Command.Environment = &mesospb.Environment{}
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			task.Command.Environment.Variables = append(task.Command.Environment.Variables,
				&mesospb.Environment_Variable{Name: proto.String(name), Value: proto.String(variables[name])})
		}
	}
	return newSpec(c.reach, c.Name, c.Role, "", task, func(s *spec) {
		s.timeout, s.quiet, s.states = c.KillAfter, true, true
		if c.Principal != "" {
			s.identify(&mesospb.Credential{Principal: proto.String(c.Principal), Secret: proto.String(c.Secret)})
		}
	}), nil
}

// printState writes a status as mesos-execute does, for the scripts that read it.
func printState(w io.Writer, s *mesospb.TaskStatus) {
	fmt.Fprintf(w, "Received status update %s for task '%s'\n", s.GetState(), s.GetTaskId().GetValue())
	if s.GetMessage() != "" {
		fmt.Fprintf(w, "  message: '%s'\n", s.GetMessage())
	}
	fmt.Fprintf(w, "  source: %s\n", s.GetSource())
	if s.Reason != nil {
		fmt.Fprintf(w, "  reason: %s\n", s.GetReason())
	}
}
