package cli

import (
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path"
	"strconv"
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
	IP           string        `flag:"ip" help:"the address of this machine that the cluster can reach; found out if not given"`
	Name         string        `flag:"name" help:"what people see; the command's own name if not given"`
	File         string        `flag:"file" help:"a task as Mesos' TaskInfo, in JSON or YAML, or a group: an object with a list of tasks; other flags add what it leaves out"`
	CPUs         float64       `flag:"cpus" help:"processors, also parts of one"`
	GPUs         float64       `flag:"gpus" help:"whole GPUs"`
	Mem          megabytes     `flag:"mem" help:"memory: megabytes, or a size such as 2GB"`
	Disk         megabytes     `flag:"disk" help:"disk: megabytes, or a size such as 2GB"`
	Resources    string        `flag:"resources" help:"everything at once as in Mesos, 'cpus:1;mem:128;ports:[31000-31001]', in place of the above"`
	KeepArchives bool          `flag:"keep_archives" help:"what --uri fetches stays as it is, also an archive"`
	Cache        bool          `flag:"cache" help:"agents keep what is fetched for the next task that wants it"`
	Role         string        `flag:"role" help:"the role whose share is used"`
	User         string        `flag:"user" help:"who the command runs as, where the agent may switch"`
	Instances    int           `flag:"instances" help:"how many to run at once; each line of output begins with the name of its instance"`
	Retry        int           `flag:"retry" help:"how often a task that failed or was lost is launched anew, for each instance"`
	Detach       bool          `flag:"detach" short:"d" help:"print the id and return once the task runs"`
	Timeout      time.Duration `flag:"timeout" help:"kill the command when it has not ended after so long, counted from now; 0: never"`
	Grace        time.Duration `flag:"kill_grace" help:"how long the command may take to end after it was asked to"`
	Quiet        bool          `flag:"quiet" short:"q" help:"only what the command prints"`
	// Supervised is the id that whoever detached gave to this run.
	Supervised string `flag:"supervised"`

	environment, uris, executables []string
}

const maxInstances = 1000

func (a *app) runCommand() *cobra.Command {
	config := runConfig{reach: reach{Master: defaultMaster}, CPUs: 1, Mem: 128, Role: "*", Grace: 3 * time.Second, Instances: 1}
	c := &cobra.Command{
		Use: "run [flags] -- COMMAND [ARGUMENT...]", GroupID: "use",
		Short: "run a command somewhere in the cluster, and see what it prints",
		Long: "Runs a command on an agent that has room for it, shows what it prints while it prints it, and exits with\n" +
			"its status. A single argument is a line for the shell; several are a program and its arguments.\n" +
			"Ctrl-C kills the command; a second Ctrl-C stops waiting for that.\n\n" +
			"With --instances=N the ids end in .0 to .N-1, and the exit code is the first of theirs, in that order, that is\n" +
			"not 0. A task that is launched anew has an id that ends in .retry1, .retry2 and so on; one that was killed by\n" +
			"somebody is not.\n\n" +
			"With --detach the id is printed and the command left alone as soon as it runs. meseta logs, kill and describe\n" +
			"work with it as with any task. A process of its own on this machine goes on watching it, for --retry and\n" +
			"--timeout, and writes down what happens in ~/.meseta/runs/ID.log; when that process is killed, the cluster ends\n" +
			"the task a minute later.\n\n" + exitCodes,
		Example: "  meseta run -- echo hi\n  meseta run --cpus=0.5 --mem=1GB -- 'make test 2>&1 | tail'\n" +
			"  meseta run --master=10.0.0.1:5050 --env=MODE=fast --timeout=10mins -- ./job input.csv\n" +
			"  meseta run --executable=https://example.org/tool --uri=https://example.org/data.tar.gz -- ./tool data\n" +
			"  meseta run --instances=3 --retry=2 -- ./worker\n" +
			"  meseta run --detach --name=web -- ./serve\n" +
			"  meseta run --file=task.yaml",
	}
	c.Flags().StringArrayVar(&config.environment, "env", nil, "a variable for the command, `NAME=value`; again for more")
	c.Flags().StringArrayVar(&config.uris, "uri", nil, "a file to fetch into the sandbox first: a `URI` with http or https, or a path on the agent; an archive is unpacked; again for more")
	c.Flags().StringArrayVar(&config.executables, "executable", nil, "the same for a program: the `URI` of what is made executable; again for more")
	bind(c, &config, func(args []string) error {
		spec, err := config.spec(args)
		if err != nil {
			return usageError(err)
		}
		switch {
		case config.Supervised != "":
			return a.supervise(spec)
		case config.Detach:
			return a.detach(spec)
		}
		return a.runTask(spec)
	})
	hide(c.Flags(), "supervised")
	c.Flags().SetInterspersed(false)
	work := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error { return ownError(work(c, args)) }
	return c
}

// spec is what to run and how to go about it.
type spec struct {
	reach
	id        string                // the task's, or what the tasks' ids begin with
	ip        string                // of this machine, or "" to find out
	tasks     []*mesospb.TaskInfo   // each is an instance
	executor  *mesospb.ExecutorInfo // unless nil, the tasks are a group in it
	framework *mesospb.FrameworkInfo
	timeout   time.Duration
	retry     int
	quiet     bool
	// credential is what to authenticate with; nil: nothing.
	credential *mesospb.Credential
	states     bool    // on stdout as mesos-execute prints them
	parent     *parent // who detached; nil: nobody did
}

// spec checks what was asked for and makes it tasks.
func (c *runConfig) spec(args []string) (*spec, error) {
	if err := c.validate(args); err != nil {
		return nil, err
	}
	credential, err := node.Credential(c.Credential, logTo(os.Stderr, slog.LevelWarn))
	if err != nil {
		return nil, err
	}
	tasks, group, err := c.tasks(args)
	if err != nil {
		return nil, err
	}
	name := c.Name
	switch {
	case name != "":
	case c.File == "":
		name = nameOf(args)
	default:
		name = nameOf([]string{orElse(tasks[0].GetName(), "task")})
	}
	s := newSpec(c.reach, name, c.Role, c.User)
	s.id = orElse(c.Supervised, s.id)
	s.ip, s.timeout, s.retry, s.quiet = c.IP, c.Timeout, c.Retry, c.Quiet
	s.identify(credential)
	if group {
		s.group(tasks)
		return s, nil
	}
	s.instances(tasks[0], c.Instances, name)
	return s, nil
}

func (c *runConfig) validate(args []string) error {
	switch {
	case len(args) == 0 && c.File == "":
		return fmt.Errorf("no command to run: meseta run -- COMMAND")
	case len(args) > 0 && c.File != "":
		return fmt.Errorf("--file=%s says what to run; leave out %q, or the file", c.File, args[0])
	case c.Timeout < 0 || c.Grace < 0:
		return fmt.Errorf("--timeout and --kill_grace: cannot be negative: %w", fault.ErrInvalid)
	case c.Instances < 1 || c.Instances > maxInstances:
		return fmt.Errorf("--instances=%d: from 1 to %d", c.Instances, maxInstances)
	case c.Retry < 0:
		return fmt.Errorf("--retry=%d: at least 0", c.Retry)
	}
	if err := roles.Validate(c.Role); err != nil {
		return fmt.Errorf("--role=%s: %w", c.Role, err)
	}
	return nil
}

// tasks are those of the file, or the one of the command line.
func (c *runConfig) tasks(args []string) (list []*mesospb.TaskInfo, group bool, err error) {
	needs, err := c.needs()
	if err != nil {
		return nil, false, err
	}
	variables, err := variablesOf(c.environment)
	if err != nil {
		return nil, false, err
	}
	switch {
	case c.File != "":
		if list, group, err = readTasks(c.File); err != nil {
			return nil, false, fmt.Errorf("--file: %w", err)
		}
	case len(args) == 1:
		list = []*mesospb.TaskInfo{scheduler.Shell("", args[0], needs)}
	default:
		list = []*mesospb.TaskInfo{scheduler.Command("", args, needs)}
	}
	if group && (c.Instances > 1 || c.Retry > 0) {
		return nil, false, fmt.Errorf("--instances and --retry are for single tasks; %s has a group", c.File)
	}
	for _, t := range list {
		if err := c.complete(t, needs, variables); err != nil {
			return nil, false, err
		}
	}
	return list, group, nil
}

// complete adds to a task what the flags say and it does not.
func (c *runConfig) complete(t *mesospb.TaskInfo, needs resources.Resources, variables []*mesospb.Environment_Variable) error {
	if len(t.GetResources()) == 0 {
		t.Resources = needs.Proto()
	}
	if t.KillPolicy == nil {
		t.KillPolicy = &mesospb.KillPolicy{GracePeriod: &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(c.Grace))}}
	}
	command := t.GetCommand()
	if command == nil {
		command = t.GetExecutor().GetCommand()
	}
	if command == nil {
		return fmt.Errorf("--file=%s: task %q has neither a command nor an executor with one", c.File, t.GetName())
	}
	if len(variables) > 0 {
		if command.Environment == nil {
			command.Environment = &mesospb.Environment{}
		}
		command.Environment.Variables = append(command.Environment.Variables, variables...)
	}
	for _, uri := range c.uris {
		command.Uris = append(command.Uris, c.uri(uri, false))
	}
	for _, uri := range c.executables {
		command.Uris = append(command.Uris, c.uri(uri, true))
	}
	return nil
}

func (c *runConfig) uri(value string, executable bool) *mesospb.CommandInfo_URI {
	return &mesospb.CommandInfo_URI{Value: proto.String(value), Executable: proto.Bool(executable),
		Extract: proto.Bool(!executable && !c.KeepArchives), Cache: proto.Bool(c.Cache)}
}

// newSpec makes a framework for one name.
func newSpec(r reach, name, role, as string) *spec {
	if as == "" {
		as = userName()
	}
	return &spec{reach: r, id: taskID(name), framework: &mesospb.FrameworkInfo{
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
}

// instances makes a task as many as there are to be. The id that it came with stays.
func (s *spec) instances(task *mesospb.TaskInfo, n int, name string) {
	s.id = orElse(task.GetTaskId().GetValue(), s.id)
	for i := range n {
		t := proto.CloneOf(task)
		id := s.id
		if n > 1 {
			id += "." + strconv.Itoa(i)
		}
		t.TaskId = &mesospb.TaskID{Value: proto.String(id)}
		t.Name = proto.String(orElse(t.GetName(), name))
		s.tasks = append(s.tasks, t)
	}
}

// group makes tasks a group: they live and die together, in an executor of the agent's own.
func (s *spec) group(tasks []*mesospb.TaskInfo) {
	small, _ := resources.Parse("cpus:0.1;mem:32;disk:32") // what Mesos' own tool gives it
	s.executor = &mesospb.ExecutorInfo{Type: mesospb.ExecutorInfo_DEFAULT.Enum(),
		ExecutorId: &mesospb.ExecutorID{Value: proto.String(s.id)}, Resources: small.Proto()}
	for i, t := range tasks {
		id := orElse(t.GetTaskId().GetValue(), s.id+"."+strconv.Itoa(i))
		t.TaskId = &mesospb.TaskID{Value: proto.String(id)}
		t.Name = proto.String(orElse(t.GetName(), id))
	}
	s.tasks = tasks
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

func variablesOf(environment []string) (list []*mesospb.Environment_Variable, err error) {
	for _, pair := range environment {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--env=%s: NAME=value expected", pair)
		}
		list = append(list, &mesospb.Environment_Variable{Name: proto.String(name), Value: proto.String(value)})
	}
	return list, nil
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

// headline is the sentence in the message of a status, and the numbers that may follow for who looks closer.
func headline(s *mesospb.TaskStatus) (sentence, more string) {
	sentence, more, _ = strings.Cut(s.GetMessage(), "\n")
	return sentence, strings.TrimSpace(more)
}

// outcome is what the last status of a task means for whoever ran it.
func outcome(s *mesospb.TaskStatus) (code int, sentence string) {
	code = job.ExitCode(s)
	reason, _ := headline(s)
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
