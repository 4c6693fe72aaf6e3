package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/cmd/meseta/internal/flags"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/roles"
)

// executeConfig is what mesos-execute can be told, as far as there is something behind it.
type executeConfig struct {
	reach
	Name         string        `flag:"name" help:"the name of the task, and its id"`
	Command      string        `flag:"command" help:"the command line"`
	Task         string        `flag:"task" help:"a TaskInfo in JSON, or the path of a file with it, in place of --name and --command"`
	Group        string        `flag:"task_group" help:"a TaskGroupInfo in JSON, or the path of a file with it"`
	Shell        bool          `flag:"shell" help:"whether a shell runs the command; else it is a program without arguments"`
	Env          string        `flag:"env" help:"variables as a JSON object"`
	Resources    string        `flag:"resources" help:"what the task needs"`
	Role         string        `flag:"role" help:"the role of the framework"`
	Principal    string        `flag:"principal" help:"who the framework authenticates as"`
	Secret       string        `flag:"secret" help:"the secret of the principal; file:///path keeps it out of the list of processes"`
	Capabilities []string      `flag:"framework_capabilities" help:"more capabilities of the framework, as in GPU_RESOURCES"`
	Checkpoint   bool          `flag:"checkpoint" help:"the task goes on while its agent restarts"`
	KillAfter    time.Duration `flag:"kill_after" help:"kill the task after so long"`
}

// What the other flags of mesos-execute would need.
const (
	needsTerminals = "terminals in containers, which this build does not have; leave the flag out"
	needsNetworks  = "container networks, by flags; describe them with --task"
	needsVolumes   = "volumes in containers, by flags; describe them with --task"
	needsTask      = "a container that is described by flags; describe it with --task"
	needsHadoop    = "a Hadoop client, which this build does not have; give the task URIs with http or https"
)

// takenByExecute are flags of mesos-execute that have nothing behind them.
var takenByExecute = []flags.Taken{
	{Name: "appc_image", Missing: needsImages},
	{Name: "docker_image", Missing: needsImages},
	{Name: "containerizer", Default: "mesos", Missing: needsImages},
	{Name: "content_type", Default: "protobuf", Same: "json"}, // the answers are the same
	{Name: "partition_aware", Default: "true", Same: "false"}, // a task out of reach is always told as such
	{Name: "networks", Missing: needsNetworks},
	{Name: "volumes", Missing: needsVolumes},
	{Name: "tty", Default: "false", Missing: needsTerminals},
	{Name: "effective_capabilities", Missing: needsTask},
	{Name: "bounding_capabilities", Missing: needsTask},
	{Name: "capabilities", Missing: needsTask},
	{Name: "rlimits", Missing: needsTask},
	{Name: "ipc_mode", Missing: needsTask},
	{Name: "shm_size", Missing: needsTask},
	{Name: "seccomp_profile", Missing: needsTask},
	{Name: "offer_constraints", Missing: "offer constraints, which this command does not have; leave the flag out"},
	{Name: "hdfs", Missing: needsHadoop},
	{Name: "hadoop", Default: "hadoop", Same: "*"}, // looked at only with --package
	{Name: "package", Missing: needsHadoop},
	{Name: "overwrite", Default: "false", Missing: needsHadoop},
}

// execute is mesos-execute.
func (a *app) execute() *cobra.Command {
	config := executeConfig{reach: reach{Master: defaultMaster}, Shell: true, Resources: "cpus:1;mem:128", Role: "*"}
	c := &cobra.Command{Use: "execute", Hidden: true, Args: noArguments, Short: "mesos-execute: run one command, told as Mesos' tool is told",
		Long: "Runs a command or a task and prints the states that it goes through, as Mesos' tool of that name does, with its\n" +
			"flags. Whatever needs a feature that is not there is refused. For people there is meseta run."}
	bind(c, &config, func([]string) error {
		s, err := config.spec()
		if err != nil {
			return usageError(err)
		}
		return a.runTask(s)
	})
	flags.Take(c.Flags(), takenByExecute)
	return c
}

func (c *executeConfig) spec() (*spec, error) {
	tasks, group, err := c.tasks()
	if err != nil {
		return nil, err
	}
	if c.Secret != "" && c.Principal == "" {
		return nil, errors.New("--secret: of whom? --principal is needed with it")
	}
	if err := roles.Validate(c.Role); err != nil {
		return nil, fmt.Errorf("--role=%s: %w", c.Role, err)
	}
	name := tasks[0].GetName()
	s := newSpec(c.reach, name, c.Role, "")
	s.timeout, s.quiet, s.states = c.KillAfter, true, true
	s.framework.Checkpoint = proto.Bool(c.Checkpoint)
	if err := c.capable(s.framework); err != nil {
		return nil, err
	}
	if c.Principal != "" {
		one := &mesospb.Credential{Principal: proto.String(c.Principal)}
		if c.Secret != "" {
			one.Secret = proto.String(c.Secret)
		}
		s.identify(one)
	}
	if group {
		s.group(tasks)
		s.executor.ExecutorId = &mesospb.ExecutorID{Value: proto.String("default-executor")}
		return s, nil
	}
	s.instances(tasks[0], 1, name)
	return s, nil
}

// tasks are what --task, --task_group, or --name and --command say.
func (c *executeConfig) tasks() (list []*mesospb.TaskInfo, group bool, err error) {
	given := 0
	for _, what := range []string{c.Name, c.Task, c.Group} {
		if what != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, false, errors.New("--name, --task and --task_group: one of them, as each says what to run")
	case c.Task != "":
		t := &mesospb.TaskInfo{}
		if err := decodeText(c.Task, t); err != nil {
			return nil, false, fmt.Errorf("--task: %w", err)
		}
		return []*mesospb.TaskInfo{t}, false, nil
	case c.Group != "":
		g := &mesospb.TaskGroupInfo{}
		if err := decodeText(c.Group, g); err != nil {
			return nil, false, fmt.Errorf("--task_group: %w", err)
		}
		if len(g.GetTasks()) == 0 {
			return nil, false, errors.New("--task_group: a group has one task at least")
		}
		return g.GetTasks(), true, nil
	case c.Name == "" || c.Command == "":
		return nil, false, errors.New("--name and --command are needed, or --task, or --task_group")
	}
	needs, err := resources.Parse(c.Resources)
	if err != nil {
		return nil, false, fmt.Errorf("--resources=%s: %w", c.Resources, err)
	}
	t := scheduler.Shell(c.Name, c.Command, needs)
	t.Command.Shell = proto.Bool(c.Shell)
	t.Command.Environment, err = c.environment()
	return []*mesospb.TaskInfo{t}, false, err
}

func (c *executeConfig) environment() (*mesospb.Environment, error) {
	if c.Env == "" {
		return nil, nil
	}
	variables := map[string]string{}
	if err := json.Unmarshal([]byte(c.Env), &variables); err != nil {
		return nil, fmt.Errorf("--env: a JSON object of strings expected: %w", err)
	}
	e := &mesospb.Environment{}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		e.Variables = append(e.Variables, &mesospb.Environment_Variable{Name: proto.String(name), Value: proto.String(variables[name])})
	}
	return e, nil
}

// capable adds the capabilities that are named to those that the tool always has.
func (c *executeConfig) capable(f *mesospb.FrameworkInfo) error {
	for _, name := range c.Capabilities {
		number, ok := mesospb.FrameworkInfo_Capability_Type_value[strings.TrimSpace(name)]
		if !ok || number == 0 {
			return fmt.Errorf("--framework_capabilities=%s: there is no such capability", name)
		}
		kind := mesospb.FrameworkInfo_Capability_Type(number)
		if !slices.ContainsFunc(f.GetCapabilities(), func(have *mesospb.FrameworkInfo_Capability) bool { return have.GetType() == kind }) {
			f.Capabilities = append(f.Capabilities, &mesospb.FrameworkInfo_Capability{Type: kind.Enum()})
		}
	}
	return nil
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
