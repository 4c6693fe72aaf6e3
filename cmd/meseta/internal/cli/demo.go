package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/job"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// The demo's commands: whatever a POSIX system can do. One fails on purpose, one never ends and is killed, one
// prints a lot, one needs memory, one needs a processor.
var demoCommands = []struct {
	name, line string
	ends       mesospb.TaskState
}{
	{"hello", `echo "hello from process $$"`, mesospb.TaskState_TASK_FINISHED},
	{"sandbox", `pwd | sed 's|.*/||' > where && cat where`, mesospb.TaskState_TASK_FINISHED},
	{"forever", `echo "I never end"; sleep 1000`, mesospb.TaskState_TASK_KILLED},
	{"counter", `for i in 1 2 3 4 5; do echo $i; sleep 0.2; done`, mesospb.TaskState_TASK_FINISHED},
	{"failure", `echo "this fails on purpose" >&2; exit 3`, mesospb.TaskState_TASK_FAILED},
	{"chatter", `i=0; while [ $i -lt 40000 ]; do echo "line $i of many"; i=$((i+1)); done`, mesospb.TaskState_TASK_FINISHED},
	{"busy", `i=0; while [ $i -lt 700000 ]; do i=$((i+1)); done; echo $i`, mesospb.TaskState_TASK_FINISHED},
	{"hungry", `head -c 48000000 /dev/zero | tr '\0' x | tail -n 1 | wc -c`, mesospb.TaskState_TASK_FINISHED},
	{"greeting", `echo "$GREETING, $(id -un)"`, mesospb.TaskState_TASK_FINISHED},
	{"children", `(sleep 0.3; echo one) & (sleep 0.3; echo two) & wait; echo both`, mesospb.TaskState_TASK_FINISHED},
	{"sorter", `i=0; while [ $i -lt 20000 ]; do echo $(((i * 7919) % 20011)); i=$((i+1)); done | sort -n | tail -n 1`, mesospb.TaskState_TASK_FINISHED},
	{"napper", `sleep 1; echo rested`, mesospb.TaskState_TASK_FINISHED},
}

const (
	demoAgents = 2
	// A demo that is not done by then has failed, whatever it is waiting for.
	demoPatience = time.Minute
	// The task that never ends is left alone for so long.
	demoMercy = 800 * time.Millisecond
)

func (a *app) demo() *cobra.Command {
	return &cobra.Command{
		Use: "demo", GroupID: "try", Args: noArguments,
		Short: "see it at work: a cluster of real processes runs a dozen commands and is gone again",
		Long: "Starts a master and two agents as processes of their own in a temporary folder, runs a dozen commands on them,\n" +
			"shows what happens as it happens, and takes everything away again. It takes a few seconds and needs no root.",
		RunE: func(*cobra.Command, []string) error { return a.runDemo() },
	}
}

// demo is one run of it.
type demo struct {
	*app
	dir      string
	children []*node.Child // the master, then the agents
	api      *api.Client
	rt       *process.Runtime
	driver   process.Ref[*scheduler.Driver]
	job      *job.Job
	events   *job.Events
	began    time.Time
	tasks    map[string]*demoTask
}

type demoTask struct {
	place        job.Place
	began, ended time.Time
	last         *mesospb.TaskStatus
	printed      uint64
}

func (a *app) runDemo() (err error) {
	d := &demo{app: a, began: time.Now(), events: job.NewEvents(), tasks: map[string]*demoTask{}}
	if d.dir, err = os.MkdirTemp("", "meseta-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	fmt.Fprintf(a.out, "A cluster in %s:\n", d.dir)
	if err := d.startCluster(); err != nil {
		return err
	}
	if err := d.startJob(); err != nil {
		return err
	}
	if err := d.watch(); err != nil {
		return err
	}
	return d.conclude()
}

func (d *demo) startCluster() error {
	master, err := node.Start("master", "--ip=127.0.0.1", "--port=0", "--work_dir="+filepath.Join(d.dir, "master"))
	if err != nil {
		return err
	}
	d.children = append(d.children, master)
	d.note("the master listens on %s", master.Addr)
	for i := range demoAgents {
		name := "agent" + strconv.Itoa(i+1)
		agent, err := node.Start("agent", "--master="+master.Addr, "--ip=127.0.0.1", "--port=0", "--hostname="+name,
			"--work_dir="+filepath.Join(d.dir, name), "--registration_backoff_factor=10ms", "--recovery_timeout="+orphanage.String(),
			"--resources=cpus:2;mem:1024;disk:1024;ports:[]")
		if err != nil {
			return err
		}
		d.children = append(d.children, agent)
		d.note("%s listens on %s", name, agent.Addr)
	}
	return nil
}

func (d *demo) startJob() (err error) {
	d.api = api.New([]string{d.master()}, nil, nil)
	if d.rt, err = node.Client(d.master(), "127.0.0.1", node.TLS{}, logTo(d.err, quietLevel)); err != nil {
		return err
	}
	needs, err := resources.Parse("cpus:0.25;mem:64")
	if err != nil {
		return err
	}
	d.job = &job.Job{Tell: d.events.Tell, PerOffer: (len(demoCommands) + demoAgents - 1) / demoAgents}
	for _, c := range demoCommands {
		task := scheduler.Shell(c.name, c.line, needs)
		task.Command.Environment = &mesospb.Environment{Variables: []*mesospb.Environment_Variable{
			{Name: proto.String("GREETING"), Value: proto.String("good day")}}}
		task.KillPolicy = &mesospb.KillPolicy{GracePeriod: &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(time.Second))}}
		d.job.Tasks = append(d.job.Tasks, task)
		d.tasks[c.name] = &demoTask{}
	}
	d.driver, err = scheduler.Spawn(d.rt, "demo", d.job, scheduler.Config{
		Master: process.UPID{ID: "master", Addr: d.master()},
		Framework: &mesospb.FrameworkInfo{
			Name: proto.String("meseta demo"), User: proto.String(userName()), Checkpoint: proto.Bool(true),
			Capabilities: []*mesospb.FrameworkInfo_Capability{{Type: mesospb.FrameworkInfo_Capability_PARTITION_AWARE.Enum()}},
		},
	})
	return err
}

func (d *demo) master() string { return d.children[0].Addr }

// note says what happened, and when.
func (d *demo) note(format string, args ...any) {
	at := fmt.Sprintf("%6.2fs", time.Since(d.began).Seconds())
	fmt.Fprintf(d.out, "%s  %s\n", d.out.Paint(screen.Faint, at), fmt.Sprintf(format, args...))
}

// watch follows the tasks until all have ended.
func (d *demo) watch() error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endings()...)
	defer signal.Stop(signals)
	late := time.NewTimer(demoPatience)
	defer late.Stop()
	mercy := time.NewTimer(time.Hour)
	defer mercy.Stop()
	for left := len(demoCommands); left > 0; {
		select {
		case <-d.events.Ready():
			for _, e := range d.events.Fetch() {
				if e.Failed != "" {
					return errors.New(e.Failed)
				}
				if e.Status.GetState() == mesospb.TaskState_TASK_RUNNING && e.Task.GetName() == "forever" {
					mercy.Reset(demoMercy)
				}
				if d.happened(e) {
					left--
				}
			}
		case <-mercy.C:
			d.note("%-9s never ends, so it is killed", "forever")
			process.Dispatch(d.driver, func(driver *scheduler.Driver) { d.job.Kill(driver, "forever", nil) })
		case <-signals:
			return &exit{130, errors.New("interrupted")}
		case <-late.C:
			return fmt.Errorf("not done within %v; %s still open", demoPatience, count(left, "task"))
		}
	}
	return nil
}

// happened shows an event, and says whether a task has ended with it.
func (d *demo) happened(e job.Event) (ended bool) {
	name := e.Task.GetName()
	t := d.tasks[name]
	switch {
	case e.Placed:
		t.place = e.Place
		d.note("%-9s goes to %s", name, e.Place.Host)
	case e.Status == nil:
	case scheduler.Terminal(e.Status.GetState()):
		t.ended, t.last = unixTime(e.Status.GetTimestamp()), e.Status
		d.note("%-9s %s%s", name, d.out.Paint(stateStyle(e.Status.GetState()), stateName(e.Status.GetState())), d.output(t, e))
		return true
	case e.Status.GetState() == mesospb.TaskState_TASK_RUNNING:
		t.began = unixTime(e.Status.GetTimestamp())
		d.note("%-9s runs", name)
	}
	return false
}

// output is what a task printed, or the beginning of it.
func (d *demo) output(t *demoTask, e job.Event) string {
	if t.place.UPID.IsZero() {
		return ""
	}
	text := ""
	for _, name := range []string{"stdout", "stderr"} {
		r, err := d.api.Agent(d.ctx, t.place.UPID.String(), &agentpb.Call{
			Type: agentpb.Call_READ_FILE.Enum(),
			ReadFile: &agentpb.Call_ReadFile{
				Path:   proto.String(filepath.Join(sandboxOf(t.place, e.Task), name)),
				Offset: proto.Uint64(0), Length: proto.Uint64(200),
			},
		})
		if err != nil {
			continue
		}
		t.printed += r.GetReadFile().GetSize()
		if text == "" {
			text = firstLine(string(r.GetReadFile().GetData()), r.GetReadFile().GetSize())
		}
	}
	if text == "" {
		return ""
	}
	return d.out.Paint(screen.Faint, "  "+text)
}

// close takes the cluster away: the framework and its processes first, then the nodes, then the folder.
func (d *demo) close() error {
	if d.rt != nil {
		process.Dispatch(d.driver, (*scheduler.Driver).Teardown)
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		_ = process.Wait(ctx, d.driver)
		d.awaitNoContainers(ctx)
		_ = d.rt.Shutdown(ctx)
	}
	var errs []error
	for i := len(d.children) - 1; i >= 0; i-- {
		errs = append(errs, d.children[i].Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}

// awaitNoContainers waits until the agents have ended what they ran.
func (d *demo) awaitNoContainers(ctx context.Context) {
	for _, child := range d.children[min(1, len(d.children)):] {
		pid := "slave(1)@" + child.Addr
		for {
			r, err := d.api.Agent(ctx, pid, &agentpb.Call{Type: agentpb.Call_GET_CONTAINERS.Enum()})
			if err != nil || len(r.GetGetContainers().GetContainers()) == 0 {
				break
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(followMin):
			}
		}
	}
}

// conclude shows the table, and fails if anything went otherwise than planned.
func (d *demo) conclude() error {
	fmt.Fprintln(d.out)
	var rows [][]screen.Cell
	var odd []error
	finished := 0
	for _, c := range demoCommands {
		t := d.tasks[c.name]
		state := t.last.GetState()
		lasted := "-"
		if !t.began.IsZero() {
			lasted = took(t.ended.Sub(t.began))
		}
		rows = append(rows, []screen.Cell{
			{Text: c.name}, {Text: t.place.Host}, {Text: stateName(state), Style: stateStyle(state)}, {Text: lasted, Right: true},
			{Text: used(t.last, executor.CPULabel, cpuTime), Right: true},
			{Text: used(t.last, executor.MemoryLabel, byteSize), Right: true},
			{Text: byteSize(float64(t.printed)), Right: true},
		})
		if state != c.ends {
			odd = append(odd, fmt.Errorf("%s ended as %s, but should have as %s: %s", c.name, stateName(state), stateName(c.ends), t.last.GetMessage()))
		}
		if state == mesospb.TaskState_TASK_FINISHED {
			finished++
		}
	}
	if err := d.out.Table([]string{"TASK", "AGENT", "STATE", "LASTED", "CPU", "MEMORY", "PRINTED"}, rows); err != nil {
		return err
	}
	if len(odd) > 0 {
		return errors.Join(odd...)
	}
	fmt.Fprintf(d.out, "\n%d of %d finished, one failed on purpose, one was killed, in %s. Now try it yourself: %s\n", finished,
		len(demoCommands), took(time.Since(d.began)), d.out.Paint(screen.Bold, "meseta dev"))
	return nil
}
