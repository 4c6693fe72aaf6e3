package scheduler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// troupe is a framework in a whole cluster.
type troupe struct {
	*cast.World
	t      *testing.T
	master *cast.Master
	home   *testkit.Node
	f      *framework
	actor  process.Ref[*scheduler.Driver]
	calls  *testkit.Filter // everything that the framework says
}

func newTroupe(t *testing.T, change ...func(*scheduler.Config)) *troupe {
	c := &troupe{World: cast.New(t), t: t, f: &framework{}}
	c.master = c.Master("m")
	c.home = c.Node("f")
	c.calls = c.Watch(testkit.Of[*schedulerpb.Call]().To(c.master))
	c.f.offers = func(d *scheduler.Driver, offers []*mesospb.Offer) {
		d.Decline(scheduler.Refuse(24*time.Hour), offers...)
	}
	c.actor = c.spawn("f", c.f, change...)
	return c
}

// spawn starts a framework at the troupe's master.
func (c *troupe) spawn(id string, f *framework, change ...func(*scheduler.Config)) process.Ref[*scheduler.Driver] {
	c.t.Helper()
	config := scheduler.Config{Framework: info(), Master: c.master.UPID()}
	for _, f := range change {
		f(&config)
	}
	ref, err := scheduler.Spawn(c.home.Runtime(), id, f, config)
	if err != nil {
		c.t.Fatal(err)
	}
	return ref
}

// do runs f on the framework's actor, and lets what follows from it happen.
func (c *troupe) do(f func(*scheduler.Driver)) {
	process.Dispatch(c.actor, f)
	c.Advance(3 * time.Second)
}

// heard waits until the framework has heard something that begins so.
func (c *troupe) heard(want string) {
	c.t.Helper()
	c.Until("the framework hears "+want, time.Minute, func() bool {
		return slices.ContainsFunc(c.f.heard, func(h string) bool { return strings.HasPrefix(h, want) })
	})
}

// said counts the framework's calls of a type.
func (c *troupe) said(kind schedulerpb.Call_Type) (n int) {
	for _, m := range c.calls.Messages() {
		if m.Msg.(*schedulerpb.Call).GetType() == kind {
			n++
		}
	}
	return n
}

// offered counts the offers that the framework has heard of.
func (c *troupe) offered() (n int) {
	for _, h := range c.f.heard {
		if strings.HasPrefix(h, "offer ") {
			n++
		}
	}
	return n
}

// launching makes the framework put tasks into its first offer; what is left is refused for long.
func (c *troupe) launching(tasks ...*mesospb.TaskInfo) {
	c.f.offers = func(d *scheduler.Driver, offers []*mesospb.Offer) {
		for _, o := range offers {
			plan := scheduler.NewPlan(o).Refuse(24 * time.Hour)
			for len(tasks) > 0 && plan.Launch(tasks[0]) {
				tasks = tasks[1:]
			}
			d.Accept(plan)
		}
	}
}

// roles makes a framework of several roles.
func roles(of ...string) func(*scheduler.Config) {
	return func(c *scheduler.Config) {
		c.Framework.Roles = of
		c.Framework.Capabilities = append(c.Framework.Capabilities, capability(mesospb.FrameworkInfo_Capability_MULTI_ROLE))
	}
}

func capability(kind mesospb.FrameworkInfo_Capability_Type) *mesospb.FrameworkInfo_Capability {
	return &mesospb.FrameworkInfo_Capability{Type: kind.Enum()}
}

func suppressing(of ...string) func(*scheduler.Config) {
	return func(c *scheduler.Config) { c.SuppressedRoles = of }
}

func failover(seconds float64) func(*scheduler.Config) {
	return func(c *scheduler.Config) { c.Framework.FailoverTimeout = &seconds }
}

func TestATaskRunsFromOfferToEnd(t *testing.T) {
	c := newTroupe(t)
	c.launching(scheduler.Shell("t", "sleep 2; exit 0", small(t)))
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_FINISHED")
	want := []string{"subscribed", "offer", "t TASK_STARTING", "t TASK_RUNNING", "t TASK_FINISHED"}
	if !slices.EqualFunc(c.f.heard, want, strings.HasPrefix) {
		t.Errorf("the framework heard %q", c.f.heard)
	}
	if got := c.said(schedulerpb.Call_ACKNOWLEDGE); got != 3 {
		t.Errorf("%d updates were acknowledged", got)
	}
}

func TestATaskIsKilled(t *testing.T) {
	c := newTroupe(t)
	c.launching(scheduler.Shell("t", "sleep 1000", small(t)))
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_RUNNING")
	c.do(func(d *scheduler.Driver) { d.Kill(&mesospb.TaskID{Value: proto.String("t")}, nil, nil) })
	c.heard("t TASK_KILLED")
}

func TestTheStateOfATaskIsReconciled(t *testing.T) {
	c := newTroupe(t)
	c.launching(scheduler.Shell("t", "sleep 1000", small(t)))
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_RUNNING")
	for name, ask := range map[string]func(*scheduler.Driver){
		"explicitly": func(d *scheduler.Driver) {
			d.Reconcile(&schedulerpb.Call_Reconcile_Task{TaskId: &mesospb.TaskID{Value: proto.String("t")}})
		},
		"implicitly": func(d *scheduler.Driver) { d.Reconcile() },
	} {
		c.f.heard = nil
		before := c.said(schedulerpb.Call_ACKNOWLEDGE)
		c.do(ask)
		last := c.f.statuses[len(c.f.statuses)-1]
		if len(c.f.heard) != 1 || last.GetState() != mesospb.TaskState_TASK_RUNNING || last.GetReason() != mesospb.TaskStatus_REASON_RECONCILIATION || last.GetUuid() != nil {
			t.Errorf("asked %s it heard %q, %v", name, c.f.heard, last)
		}
		if c.said(schedulerpb.Call_ACKNOWLEDGE) != before {
			t.Errorf("asked %s it acknowledged what the master made up", name)
		}
	}
}

func TestAnInvalidTaskIsRefusedAndNotAcknowledged(t *testing.T) {
	c := newTroupe(t, explicit)
	c.f.offers = func(d *scheduler.Driver, offers []*mesospb.Offer) {
		task := scheduler.Shell("t", "true", small(t))
		task.Resources, task.AgentId = nil, offers[0].GetAgentId()
		d.AcceptOffers(scheduler.Refuse(24*time.Hour), []*mesospb.OfferID{offers[0].GetId()}, &mesospb.Offer_Operation{
			Type: mesospb.Offer_Operation_LAUNCH.Enum(), Launch: &mesospb.Offer_Operation_Launch{TaskInfos: []*mesospb.TaskInfo{task}}})
	}
	c.f.update = func(d *scheduler.Driver, s *mesospb.TaskStatus) { d.Acknowledge(s) }
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_ERROR")
	if s := c.f.statuses[0]; s.GetSource() != mesospb.TaskStatus_SOURCE_MASTER || s.GetReason() != mesospb.TaskStatus_REASON_TASK_INVALID {
		t.Errorf("got %v", s)
	}
	if c.Advance(time.Minute); c.said(schedulerpb.Call_ACKNOWLEDGE) != 0 {
		t.Error("it was acknowledged")
	}
}

func TestAnUnknownTaskIsLostWithoutAnAgent(t *testing.T) {
	c := newTroupe(t, explicit)
	c.f.update = func(d *scheduler.Driver, s *mesospb.TaskStatus) { d.Acknowledge(s) }
	c.heard("subscribed")
	c.do(func(d *scheduler.Driver) {
		d.Reconcile(&schedulerpb.Call_Reconcile_Task{TaskId: &mesospb.TaskID{Value: proto.String("foo")}})
	})
	c.heard("foo TASK_LOST")
	if s := c.f.statuses[0]; s.GetSource() != mesospb.TaskStatus_SOURCE_MASTER || s.GetReason() != mesospb.TaskStatus_REASON_RECONCILIATION || s.GetAgentId() != nil {
		t.Errorf("got %v", s)
	}
	if c.said(schedulerpb.Call_ACKNOWLEDGE) != 0 {
		t.Error("it was acknowledged")
	}
}

// The acknowledgement that the framework sends by itself lets the next update through.
func TestUpdatesWaitForExplicitAcknowledgement(t *testing.T) {
	c := newTroupe(t, explicit)
	c.launching(scheduler.Shell("t", "sleep 1", small(t)))
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_STARTING")
	if c.Advance(5 * time.Second); slices.Contains(c.f.heard, "t TASK_RUNNING") || c.said(schedulerpb.Call_ACKNOWLEDGE) != 0 {
		t.Errorf("the framework heard %q and acknowledged", c.f.heard)
	}
	c.do(func(d *scheduler.Driver) { d.Acknowledge(c.f.statuses[0]) })
	c.heard("t TASK_RUNNING")
}

func TestADeclinedOfferComesAgainWhenItsFilterIsOver(t *testing.T) {
	c := newTroupe(t)
	c.f.offers = func(d *scheduler.Driver, offers []*mesospb.Offer) {
		d.Decline(scheduler.Refuse(100*time.Second), offers...)
	}
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("offer")
	if c.Advance(95 * time.Second); c.offered() != 1 {
		t.Errorf("%d offers came before the filter was over", c.offered())
	}
	if c.Advance(10 * time.Second); c.offered() != 2 {
		t.Errorf("%d offers came in all", c.offered())
	}
}

func TestReviveLiftsFilters(t *testing.T) {
	c := newTroupe(t)
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("offer")
	if c.Advance(time.Hour); c.offered() != 1 {
		t.Errorf("%d offers came in spite of the filter", c.offered())
	}
	c.do(func(d *scheduler.Driver) { d.Revive() })
	if c.offered() != 2 {
		t.Errorf("%d offers came in all", c.offered())
	}
}

func TestSuppressStopsOffersUntilRevive(t *testing.T) {
	c := newTroupe(t)
	c.heard("subscribed")
	c.do(func(d *scheduler.Driver) { d.Suppress() })
	c.Agent("a", "cpus:2;mem:1024")
	if c.Advance(time.Minute); c.offered() != 0 {
		t.Errorf("%d offers came", c.offered())
	}
	c.do(func(d *scheduler.Driver) { d.Revive() })
	if c.offered() != 1 {
		t.Errorf("%d offers came after all", c.offered())
	}
}

func TestAFrameworkMaySubscribeWithARoleSuppressed(t *testing.T) {
	c := newTroupe(t, roles("role1", "role2"), suppressing("role2"))
	got := c.rolesOffered()
	c.Agent("a", "cpus:2;mem:1024")
	if c.Advance(time.Minute); !slices.Equal(*got, []string{"role1"}) {
		t.Errorf("offers came for %v", *got)
	}
}

func TestAFrameworkWithAllRolesSuppressedGetsNoOffers(t *testing.T) {
	c := newTroupe(t, roles("role1", "role2"), suppressing("role1", "role2"))
	c.Agent("a", "cpus:2;mem:1024")
	if c.Advance(time.Minute); c.offered() != 0 {
		t.Errorf("%d offers came", c.offered())
	}
	c.do(func(d *scheduler.Driver) { d.Revive() })
	if c.offered() == 0 {
		t.Error("no offer came after reviving")
	}
}

// rolesOffered collects for whom offers come; they are declined for long.
func (c *troupe) rolesOffered() *[]string {
	var got []string
	c.f.offers = func(d *scheduler.Driver, offers []*mesospb.Offer) {
		for _, o := range offers {
			got = append(got, o.GetAllocationInfo().GetRole())
		}
		d.Decline(scheduler.Refuse(24*time.Hour), offers...)
	}
	return &got
}

func TestOneRoleIsSuppressed(t *testing.T) {
	c := newTroupe(t, roles("role1", "role2"))
	got := c.rolesOffered()
	c.heard("subscribed")
	c.do(func(d *scheduler.Driver) { d.Suppress("role1") })
	c.Agent("a", "cpus:2;mem:1024")
	if c.Advance(time.Minute); !slices.Equal(*got, []string{"role2"}) {
		t.Errorf("offers came for %v", *got)
	}
}

func TestOneRoleIsRevived(t *testing.T) {
	c := newTroupe(t, roles("role1", "role2"))
	got := c.rolesOffered()
	c.Agent("a", "cpus:2;mem:1024")
	c.Advance(time.Minute)
	if slices.Sort(*got); !slices.Equal(*got, []string{"role1", "role2"}) {
		t.Fatalf("offers came for %v", *got)
	}
	*got = nil
	// Reviving lifts both the filter and the suppression.
	c.do(func(d *scheduler.Driver) { d.UpdateFramework(d.Framework(), []string{"role2"}, nil) })
	c.do(func(d *scheduler.Driver) { d.Revive("role2") })
	if c.Advance(time.Minute); !slices.Equal(*got, []string{"role2"}) {
		t.Errorf("offers came for %v", *got)
	}
}

func TestSuppressionSurvivesAReconnection(t *testing.T) {
	c := newTroupe(t, failover(100))
	c.heard("subscribed")
	c.do(func(d *scheduler.Driver) { d.Suppress() })
	c.Agent("a", "cpus:2;mem:1024")
	c.do((*scheduler.Driver).Reconnect)
	c.heard("subscribed")
	if c.Advance(time.Minute); c.offered() != 0 {
		t.Errorf("%d offers came", c.offered())
	}
	if got := c.f.heard[len(c.f.heard)-1]; !strings.HasSuffix(got, "again=true") {
		t.Errorf("it heard %q", c.f.heard)
	}
}

func TestASecondInstanceTakesOver(t *testing.T) {
	c := newTroupe(t, failover(100))
	c.launching(scheduler.Shell("t", "sleep 20", small(t)))
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_RUNNING")
	var id *mesospb.FrameworkID
	c.do(func(d *scheduler.Driver) { id = d.ID() })
	second := &framework{}
	c.spawn("f2", second, failover(100), func(config *scheduler.Config) { config.Framework.Id = id })
	c.heard("failed Framework failed over")
	c.Advance(time.Second)
	if len(second.heard) == 0 || second.heard[0] != fmt.Sprintf("subscribed %s again=false", id.GetValue()) {
		t.Errorf("the second instance heard %q", second.heard)
	}
	if c.Advance(time.Minute); !slices.Contains(second.heard, "t TASK_FINISHED") {
		t.Errorf("the second instance heard %q", second.heard)
	}
}

func TestTasksGoOnWhileTheFrameworkIsAway(t *testing.T) {
	c := newTroupe(t, failover(1000))
	c.launching(scheduler.Shell("t", "sleep 60", small(t)))
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_RUNNING")
	var id *mesospb.FrameworkID
	c.do(func(d *scheduler.Driver) { id = d.ID(); d.Stop() })
	c.Advance(2 * time.Minute)
	second := &framework{}
	c.spawn("f2", second, failover(1000), func(config *scheduler.Config) { config.Framework.Id = id })
	if c.Advance(15 * time.Minute); !slices.Contains(second.heard, "t TASK_FINISHED") {
		t.Errorf("the second instance heard %q", second.heard)
	}
}

func TestAMasterThatFailsOverIsJoinedAgain(t *testing.T) {
	c := newTroupe(t, failover(1000))
	c.launching(scheduler.Shell("t", "sleep 60", small(t)))
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_RUNNING")
	c.master.Crash()
	c.heard("disconnected")
	c.master.Restart()
	c.Until("it is back", time.Minute, func() bool { return strings.HasSuffix(c.f.heard[len(c.f.heard)-1], "again=true") })
	c.heard("t TASK_FINISHED")
	for _, state := range []string{"t TASK_STARTING", "t TASK_RUNNING", "t TASK_FINISHED"} {
		if n := len(slices.DeleteFunc(slices.Clone(c.f.heard), func(h string) bool { return h != state })); n != 1 {
			t.Errorf("%s was heard %d times", state, n)
		}
	}
}

func TestTeardownEndsTheTasks(t *testing.T) {
	c := newTroupe(t, failover(1000))
	c.launching(scheduler.Shell("t", "sleep 1000", small(t)))
	a := c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_RUNNING")
	c.do((*scheduler.Driver).Teardown)
	c.Until("nothing runs any more", time.Minute, func() bool { return len(a.Machine.Running()) == 0 })
	// Whoever was torn down is not taken back.
	var id *mesospb.FrameworkID
	for _, m := range c.calls.Messages() {
		id = m.Msg.(*schedulerpb.Call).GetFrameworkId()
	}
	second := &framework{}
	c.spawn("f2", second, func(config *scheduler.Config) { config.Framework.Id = id })
	if c.Advance(time.Minute); len(second.heard) != 1 || !strings.HasPrefix(second.heard[0], "failed") {
		t.Errorf("the second instance heard %q", second.heard)
	}
}

func TestARequestIsTakenAndIgnored(t *testing.T) {
	c := newTroupe(t)
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("offer")
	c.do(func(d *scheduler.Driver) { d.Request(&mesospb.Request{Resources: small(t).Proto()}) })
	if c.Advance(time.Minute); !slices.EqualFunc(c.f.heard, []string{"subscribed", "offer"}, strings.HasPrefix) {
		t.Errorf("it heard %q", c.f.heard)
	}
}

// echo is an executor that runs nothing: it says that tasks run, and sends messages back.
type echo struct{}

func (echo) Launch(d *executor.Driver, t *mesospb.TaskInfo) {
	d.Update(executor.Status(t.TaskId, mesospb.TaskState_TASK_RUNNING))
}
func (echo) Kill(*executor.Driver, *mesospb.TaskID, *mesospb.KillPolicy) {}
func (echo) Message(d *executor.Driver, data []byte)                     { d.Message(append([]byte("re: "), data...)) }

// echoing is a troupe with a task that runs in an echo.
func echoing(t *testing.T) *troupe {
	c := newTroupe(t)
	task := scheduler.Shell("t", "", small(t))
	task.Command = nil
	task.Executor = &mesospb.ExecutorInfo{
		ExecutorId: &mesospb.ExecutorID{Value: proto.String("E")}, Name: proto.String("echo"), Type: mesospb.ExecutorInfo_CUSTOM.Enum(),
		Command: &mesospb.CommandInfo{Shell: proto.Bool(false), Value: proto.String("echo-executor"), Arguments: []string{"echo-executor"}},
	}
	c.launching(task)
	a := c.Agent("a", "cpus:2;mem:1024")
	a.Machine.Program("echo-executor", cast.Executor(func(*cast.Process) executor.Executor { return echo{} }))
	c.heard("t TASK_RUNNING")
	return c
}

func TestMessagesGoToExecutorsAndBack(t *testing.T) {
	c := echoing(t)
	agent := c.f.statuses[0].GetAgentId()
	c.do(func(d *scheduler.Driver) {
		d.SendMessage(agent, &mesospb.ExecutorID{Value: proto.String("E")}, []byte("hi"))
	})
	c.heard("message " + agent.GetValue() + " E re: hi")
}

func TestAnExecutorIsShutDown(t *testing.T) {
	c := echoing(t)
	agent := c.f.statuses[0].GetAgentId()
	c.do(func(d *scheduler.Driver) { d.ShutdownExecutor(agent, &mesospb.ExecutorID{Value: proto.String("E")}) })
	c.heard("lost executor " + agent.GetValue() + " E")
	c.heard("t TASK_FAILED")
}

func TestALostAgentIsTold(t *testing.T) {
	c := newTroupe(t)
	c.launching(scheduler.Shell("t", "sleep 1000", small(t)))
	a := c.Agent("a", "cpus:2;mem:1024")
	c.heard("t TASK_RUNNING")
	c.Cut(c.master, a)
	c.heardWithin("lost agent", 3*time.Minute)
	c.heardWithin("t TASK_LOST", time.Second)
}

func (c *troupe) heardWithin(want string, within time.Duration) {
	c.t.Helper()
	c.Until("the framework hears "+want, within, func() bool {
		return slices.ContainsFunc(c.f.heard, func(h string) bool { return strings.HasPrefix(h, want) })
	})
}

// What waits for a framework and what it has handled is counted, for whoever watches the program.
func TestTheFrameworksMailIsCounted(t *testing.T) {
	c := newTroupe(t)
	c.Agent("a", "cpus:2;mem:1024")
	c.heard("offer")
	for _, p := range c.home.Runtime().Processes() {
		if p.UPID == c.actor.UPID && p.Handled >= 2 && p.Queued == 0 {
			return
		}
	}
	t.Errorf("the processes are %+v", c.home.Runtime().Processes())
}

// Launches have no feedback but their tasks' updates, so an id of theirs is a mistake.
func TestALaunchWithAnOperationIDIsRefused(t *testing.T) {
	c := newTroupe(t)
	c.f.offers = func(d *scheduler.Driver, offers []*mesospb.Offer) {
		single := scheduler.NewPlan(offers[0])
		single.Launch(scheduler.Shell("t1", "sleep 1000", small(t)))
		launch := single.Operations()[0]
		launch.Id = &mesospb.OperationID{Value: proto.String("launch")}
		grouped := scheduler.NewPlan(offers[0])
		grouped.LaunchGroup(&mesospb.ExecutorInfo{
			ExecutorId: &mesospb.ExecutorID{Value: proto.String("E")}, Type: mesospb.ExecutorInfo_DEFAULT.Enum(), FrameworkId: d.ID(), Resources: small(t).Proto(),
		}, scheduler.Shell("t2", "sleep 1000", small(t)))
		group := grouped.Operations()[0]
		group.Id = &mesospb.OperationID{Value: proto.String("group")}
		d.AcceptOffers(scheduler.Refuse(24*time.Hour), []*mesospb.OfferID{offers[0].GetId()}, launch, group)
	}
	c.Agent("a", "cpus:4;mem:1024")
	c.heard("t1 TASK_ERROR")
	c.heard("t2 TASK_ERROR")
}

// An agent without operation feedback cannot tell how an operation went, so one that wants to know is refused.
func TestFeedbackThatAnAgentCannotGiveIsRefused(t *testing.T) {
	c := newTroupe(t, roles("r"), func(c *scheduler.Config) {
		c.Framework.Principal = proto.String("p")
		c.Framework.Capabilities = append(c.Framework.Capabilities, capability(mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT))
	})
	c.f.offers = func(d *scheduler.Driver, offers []*mesospb.Offer) {
		want, err := parse(t, "cpus:0.1").PushReservation(&mesospb.Resource_ReservationInfo{
			Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String("r"), Principal: proto.String("p")})
		if err != nil {
			t.Error(err)
		}
		d.AcceptOffers(scheduler.Refuse(24*time.Hour), []*mesospb.OfferID{offers[0].GetId()}, &mesospb.Offer_Operation{
			Id: &mesospb.OperationID{Value: proto.String("reserve")}, Type: mesospb.Offer_Operation_RESERVE.Enum(),
			Reserve: &mesospb.Offer_Operation_Reserve{Resources: want.Allocate("r").Proto()},
		})
	}
	c.Agent("a", "cpus:4;mem:1024")
	c.heard("operation reserve OPERATION_ERROR")
}
