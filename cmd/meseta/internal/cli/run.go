package cli

import (
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/cmd/meseta/internal/job"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/roles"
)

// runConfig is what `meseta run` can be told.
type runConfig struct {
	reach
	IP        string        `flag:"ip" help:"the address of this machine that the cluster can reach; found out if not given"`
	Name      string        `flag:"name" help:"what people see; the command's own name if not given"`
	CPUs      float64       `flag:"cpus" help:"processors, also parts of one"`
	GPUs      float64       `flag:"gpus" help:"whole GPUs"`
	Mem       megabytes     `flag:"mem" help:"memory: megabytes, or a size such as 2GB"`
	Disk      megabytes     `flag:"disk" help:"disk: megabytes, or a size such as 2GB"`
	Resources string        `flag:"resources" help:"everything at once as in Mesos, 'cpus:1;mem:128;ports:[31000-31001]', in place of the above"`
	Role      string        `flag:"role" help:"the role whose share is used"`
	User      string        `flag:"user" help:"who the command runs as, where the agent may switch"`
	Timeout   time.Duration `flag:"timeout" help:"kill the command when it has not ended after so long, counted from now; 0: never"`
	Grace     time.Duration `flag:"kill_grace" help:"how long the command may take to end after it was asked to"`
	Quiet     bool          `flag:"quiet" short:"q" help:"only what the command prints"`
}

func (a *app) runCommand() *cobra.Command {
	config := runConfig{reach: reach{Master: defaultMaster}, CPUs: 1, Mem: 128, Role: "*", Grace: 3 * time.Second}
	var environment []string
	c := &cobra.Command{
		Use: "run [flags] -- COMMAND [ARGUMENT...]", GroupID: "use",
		Short: "run a command somewhere in the cluster, and see what it prints",
		Long: "Runs a command on an agent that has room for it, shows what it prints while it prints it, and exits with\n" +
			"its status. A single argument is a line for the shell; several are a program and its arguments.\n" +
			"Ctrl-C kills the command; a second Ctrl-C stops waiting for that.\n\n" + exitCodes,
		Example: "  meseta run -- echo hi\n  meseta run --cpus=0.5 --mem=1GB -- 'make test 2>&1 | tail'\n" +
			"  meseta run --master=10.0.0.1:5050 --env=MODE=fast --timeout=10mins -- ./job input.csv",
	}
	c.Flags().StringArrayVar(&environment, "env", nil, "a variable for the command, NAME=value; again for more")
	bind(c, &config, func(args []string) error {
		if len(args) == 0 {
			return usageError(fmt.Errorf("no command to run: meseta run -- COMMAND"))
		}
		spec, err := config.task(args, environment)
		if err != nil {
			return usageError(err)
		}
		return a.runTask(spec)
	})
	c.Flags().SetInterspersed(false)
	work := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error { return ownError(work(c, args)) }
	return c
}

// spec is one task to run and how to go about it.
type spec struct {
	master    string // host:port
	tls       node.TLS
	ip        string // of this machine, or "" to find out
	task      *mesospb.TaskInfo
	framework *mesospb.FrameworkInfo
	timeout   time.Duration
	grace     time.Duration
	quiet     bool
	// credential is what to authenticate with; nil: nothing.
	credential *mesospb.Credential
	states     bool // on stdout as mesos-execute prints them
}

// task checks what was asked for and makes it a task.
func (c *runConfig) task(args, environment []string) (*spec, error) {
	needs, err := c.needs()
	if err != nil {
		return nil, err
	}
	if err := roles.Validate(c.Role); err != nil {
		return nil, fmt.Errorf("--role=%s: %w", c.Role, err)
	}
	variables, err := variablesOf(environment)
	if err != nil {
		return nil, err
	}
	if c.Timeout < 0 || c.Grace < 0 {
		return nil, fmt.Errorf("--timeout and --kill_grace: cannot be negative: %w", fault.ErrInvalid)
	}
	credential, err := node.Credential(c.Credential, logTo(os.Stderr, slog.LevelWarn))
	if err != nil {
		return nil, err
	}
	name := c.Name
	if name == "" {
		name = nameOf(args)
	}
	task := scheduler.Command("", args, needs)
	if len(args) == 1 {
		task = scheduler.Shell("", args[0], needs)
	}
	task.Command.Environment = variables
	task.KillPolicy = &mesospb.KillPolicy{GracePeriod: &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(c.Grace))}}
	return newSpec(c.reach, name, c.Role, c.User, task, func(s *spec) {
		s.ip, s.timeout, s.grace, s.quiet = c.IP, c.Timeout, c.Grace, c.Quiet
		s.identify(credential)
	}), nil
}

func newSpec(r reach, name, role, as string, task *mesospb.TaskInfo, more func(*spec)) *spec {
	id := taskID(name)
	task.Name, task.TaskId = proto.String(name), &mesospb.TaskID{Value: proto.String(id)}
	if as == "" {
		as = userName()
	}
	s := &spec{master: r.Master, tls: r.TLS, task: task, framework: &mesospb.FrameworkInfo{
		Name: proto.String("meseta run " + name), User: proto.String(as),
		Roles:      []string{role},
		Checkpoint: proto.Bool(true), // the command goes on while its agent restarts
		Capabilities: []*mesospb.FrameworkInfo_Capability{
			{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()},
			{Type: mesospb.FrameworkInfo_Capability_PARTITION_AWARE.Enum()},
			{Type: mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT.Enum()},
			{Type: mesospb.FrameworkInfo_Capability_GPU_RESOURCES.Enum()},
		},
		// Long enough for a master to restart; a run that is gone itself leaves nothing behind for longer.
		FailoverTimeout: proto.Float64(60),
	}}
	more(s)
	return s
}

// identify makes the framework one of a principal. nil: of nobody.
func (s *spec) identify(c *mesospb.Credential) {
	s.credential = c
	if c != nil {
		s.framework.Principal = c.Principal
	}
}

// needs are the resources that the command asks for.
func (c *runConfig) needs() (resources.Resources, error) {
	if c.Resources != "" {
		r, err := resources.Parse(c.Resources)
		if err != nil {
			return r, fmt.Errorf("--resources=%s: %w", c.Resources, err)
		}
		return r, nil
	}
	text := fmt.Sprintf("cpus:%s;mem:%s", number(c.CPUs), number(float64(c.Mem)))
	if c.Disk > 0 {
		text += ";disk:" + number(float64(c.Disk))
	}
	if c.GPUs > 0 {
		text += ";gpus:" + number(c.GPUs)
	}
	r, err := resources.Parse(text)
	if err != nil {
		return r, fmt.Errorf("resources %s: %w", text, err)
	}
	return r, nil
}

func variablesOf(environment []string) (*mesospb.Environment, error) {
	if len(environment) == 0 {
		return nil, nil
	}
	e := &mesospb.Environment{}
	for _, pair := range environment {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--env=%s: NAME=value expected", pair)
		}
		e.Variables = append(e.Variables, &mesospb.Environment_Variable{Name: proto.String(name), Value: proto.String(value)})
	}
	return e, nil
}

// nameOf is the first word of a command, without its directory and what a task id may not have.
func nameOf(args []string) string {
	words := strings.Fields(args[0])
	if len(words) == 0 {
		return "task"
	}
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, path.Base(words[0]))
	if strings.Trim(name, ".") == "" {
		return "task"
	}
	return name[:min(len(name), 40)]
}

// taskID makes a name unique enough for a cluster's lists: people tell two runs of one command apart by it.
func taskID(name string) string {
	return fmt.Sprintf("%s.%s-%d", strings.ReplaceAll(name, "/", "_"), time.Now().Format("20060102-150405"), os.Getpid())
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// outcome is what the last status of a task means for whoever ran it.
func outcome(s *mesospb.TaskStatus) (code int, sentence string) {
	code = job.ExitCode(s)
	reason := s.GetMessage()
	if reason == "" {
		reason = strings.TrimPrefix(s.GetReason().String(), "REASON_")
	}
	switch state := s.GetState(); state {
	case mesospb.TaskState_TASK_FINISHED:
		return 0, ""
	case mesospb.TaskState_TASK_FAILED, mesospb.TaskState_TASK_KILLED:
		return code, reason
	case mesospb.TaskState_TASK_ERROR:
		return job.ExitOwn, "the cluster refuses the task: " + reason
	default:
		return job.ExitOwn, strings.ToLower(strings.TrimPrefix(state.String(), "TASK_")) + ": " + reason
	}
}
