package sweep

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Framework gets its jobs done, as a good framework does: each job is a task, launched again under a new id when
// it is lost, and asked about when there has been no news. It remembers its id and its jobs across crashes.
type Framework struct {
	*node
	run  *Run
	role string
	// failover is how long masters wait for its return.
	failover time.Duration
	id       *mesospb.FrameworkID
	jobs     []*job
	byTask   map[string]*job
	driver   *scheduler.Driver // of this life
}

type node = testkit.Node

// job is something to get done once.
type job struct {
	name     string
	script   string
	kill     bool // it runs for ever and is done when it is killed
	needs    resources.Resources
	attempts int
	task     string // of the present attempt; "" while it waits for an offer
	agent    *mesospb.AgentID
	state    mesospb.TaskState
	since    time.Time // of the state
	done     bool
}

const (
	reconcileEvery = 30 * time.Second
	// patience is how long a framework waits for a task behind a lost agent before it launches the job again.
	patience = 5 * time.Minute
	week     = 7 * 24 * time.Hour
)

func newFramework(r *Run, name string, jobs int, role string, failover time.Duration) *Framework {
	f := &Framework{run: r, role: role, failover: failover, byTask: map[string]*job{}}
	for i := range jobs {
		j := &job{name: fmt.Sprintf("%s-j%d", name, i), script: fmt.Sprintf("sleep %d", 1+r.Choose(60)), needs: mustParse("cpus:0.5;mem:128")}
		if i%5 == 4 {
			j.kill, j.script = true, "trap '' TERM; sleep 100000"
		}
		f.jobs = append(f.jobs, j)
	}
	f.node = r.Node(name, testkit.Boot(f.boot))
	return f
}

func mustParse(text string) resources.Resources {
	r, err := resources.Parse(text)
	if err != nil {
		panic(err)
	}
	return r
}

func (f *Framework) boot(n *testkit.Node) {
	d, err := scheduler.New(f, scheduler.Config{
		Detector: f.run.Detector(n),
		Framework: &mesospb.FrameworkInfo{
			Name: proto.String(n.Name()), Roles: []string{f.role}, Checkpoint: proto.Bool(true), Id: f.id,
			FailoverTimeout: proto.Float64(f.failover.Seconds()),
			Capabilities: []*mesospb.FrameworkInfo_Capability{
				{Type: mesospb.FrameworkInfo_Capability_PARTITION_AWARE.Enum()},
				{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()},
			},
		},
	})
	if err == nil {
		f.driver = d
		_, err = process.Spawn(n.Runtime(), "scheduler", d)
	}
	if err != nil {
		f.run.Fail("framework %s does not start: %v", n.Name(), err)
	}
}

// Done says whether all jobs are.
func (f *Framework) Done() bool {
	for _, j := range f.jobs {
		if !j.done {
			return false
		}
	}
	return true
}

// Started implements scheduler.Starter.
func (f *Framework) Started(d *scheduler.Driver) {
	d.Every(reconcileEvery, func() { f.reconcile(d) })
}

// Subscribed implements scheduler.Subscriber.
func (f *Framework) Subscribed(d *scheduler.Driver, s scheduler.Subscription) {
	f.id = s.FrameworkID
	f.reconcile(d)
}

// Disconnected implements scheduler.Subscriber.
func (f *Framework) Disconnected(*scheduler.Driver) {}

// Offers implements scheduler.Scheduler.
func (f *Framework) Offers(d *scheduler.Driver, offers []*mesospb.Offer) {
	for _, o := range offers {
		each(f.run.offered, f, o)
		plan := scheduler.NewPlan(o)
		for _, j := range f.jobs {
			if j.done || j.task != "" {
				continue
			}
			task := fmt.Sprintf("%s.%d", j.name, j.attempts+1)
			if !plan.Launch(scheduler.Shell(task, j.script, j.needs)) {
				break
			}
			j.attempts++
			j.task, j.agent, j.state = task, o.GetAgentId(), mesospb.TaskState_TASK_STAGING
			f.byTask[task] = j
		}
		if plan.IsEmpty() {
			d.Decline(scheduler.Refuse(5*time.Second), o)
			continue
		}
		d.Accept(plan.Refuse(time.Second))
	}
}

// Update implements scheduler.Scheduler.
func (f *Framework) Update(d *scheduler.Driver, s *mesospb.TaskStatus) {
	each(f.run.told, f, s)
	task := s.GetTaskId().GetValue()
	j := f.byTask[task]
	if j == nil || j.task != task || j.done {
		if j != nil && !scheduler.Terminal(s.GetState()) && j.task != task {
			d.Kill(s.GetTaskId(), s.GetAgentId(), nil) // it was given up, and is back
		}
		return
	}
	if j.state != s.GetState() {
		j.state, j.since = s.GetState(), d.Now()
	}
	switch {
	case j.state == mesospb.TaskState_TASK_RUNNING && j.kill:
		d.Kill(s.GetTaskId(), j.agent, nil)
	case j.state == mesospb.TaskState_TASK_FINISHED, j.state == mesospb.TaskState_TASK_KILLED && j.kill:
		j.done = true
	case scheduler.Terminal(j.state), j.state == mesospb.TaskState_TASK_UNKNOWN:
		j.task = "" // it needs another attempt
	}
}

// reconcile asks about every task that may still run.
func (f *Framework) reconcile(d *scheduler.Driver) {
	var ask []*schedulerpb.Call_Reconcile_Task
	for _, j := range f.jobs {
		if j.state == mesospb.TaskState_TASK_UNREACHABLE && d.Now().Sub(j.since) > patience {
			j.task = ""
		}
		if j.task != "" && !j.done {
			ask = append(ask, &schedulerpb.Call_Reconcile_Task{TaskId: &mesospb.TaskID{Value: proto.String(j.task)}, AgentId: j.agent})
		}
	}
	if len(ask) > 0 {
		d.Reconcile(ask...)
	}
}

// describe is the state of a framework for a failure.
func (f *Framework) describe() string {
	var open []string
	for _, j := range f.jobs {
		if !j.done {
			open = append(open, fmt.Sprintf("%s (task %q on %s, %s)", j.name, j.task, j.agent.GetValue(), j.state))
		}
	}
	return fmt.Sprintf("%s, connected %v: %s", f.Name(), f.driver.Connected(), strings.Join(open, ", "))
}

// expected says whether a command may be killed: its framework asked for it, or its machine or agent is lost.
func (r *Run) expected(a *cast.Agent, k taskKey) bool {
	if r.given[a] || r.hasLeft(k.framework) {
		return true
	}
	for _, f := range r.Frameworks {
		if j := f.byTask[k.task]; j != nil && f.id.GetValue() == k.framework {
			return j.kill || j.task != k.task
		}
	}
	return false
}
