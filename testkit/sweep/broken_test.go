package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
	"github.com/meseta-io/meseta/testkit/sweep"
)

// Each checker has to fail on something that is broken on purpose, or its silence would mean nothing.
var sabotages = map[string]struct {
	checker sweep.Checker
	broken  func(r *sweep.Run)
	says    string
}{
	"a shell that runs each command twice":         {sweep.Once, twiceShell, " before"},
	"an agent that repeats what was acknowledged":  {sweep.Updates, repeatingAgent, "again"},
	"an agent that speaks out of order":            {sweep.Updates, hastyAgent, "is told before update 0"},
	"a network that loses all of a task's updates": {sweep.Updates, losingNetwork, "updates were stored, 1 were told"},
	"a network that lets old news overtake new":    {sweep.EndsOnce, lateNews, "after it was TASK_FINISHED"},
	"an agent that has less than it says":          {sweep.Twice, boastingAgent, "a0 has cpus:2"},
	"an agent that cleans up when it starts":       {sweep.Survives, cleaningAgent, "is ended by signal 9"},
	"a command that is never reaped":               {sweep.Survives, daemon, "has 1 processes"},
	"a master that welcomes the gone":              {sweep.Forward, forgetfulMaster, "is welcomed again"},
	"a registry that forgets the gone":             {sweep.Forward, forgetfulRegistry, "is not listed any more"},
	"an agent that forgets what was reserved":      {sweep.Vaults, forgetfulAgent, "comes back: it has"},
	"a disk that loses volumes":                    {sweep.Vaults, leakingDisk, "is gone"},
	"a master that offers what is another's":       {sweep.Vaults, generousMaster, "is offered to a framework of another role"},
	"a master that offers more than the limit":     {sweep.Ration, lavishMaster, "its limit is cpus:1"},
	"a registry that forgets a quota":              {sweep.Ration, unlimited, "its limit is cpus:1"},
	"a master that speaks in another's epoch":      {sweep.Leaders, usurper, "which is that of m1"},
	"an agent that obeys whom it follows no more":  {sweep.Leaders, obedientAgent, "when the agent had followed"},
	"a registry that is set back":                  {sweep.Leaders, setBack, "the registry is back in epoch"},
	"a master that tells less than it shows":       {sweep.History, secretiveMaster, "and has told"},
	"a framework whose processes stay":             {sweep.Leavers, lingerer, "still runs"},
	"a master that keeps all of the past":          {sweep.Bounded, hoarder, "completed tasks of"},
	"a network that never heals for one agent":     {sweep.Calm, deadAgent, "a0 () was not offered as a whole"},
	"a network that loses a job's launches":        {sweep.Calm, deadJob, "f0-j0 (task"},
}

func TestEveryCheckerFailsOnWhatIsBroken(t *testing.T) {
	proven := map[string]bool{}
	for name, s := range sabotages {
		proven[s.checker.Promise] = true
		t.Run(name, func(t *testing.T) {
			mustFail(t, s.checker, 0, s.broken, s.says)
			mustHold(t, s.checker, 0, func(*sweep.Run) {})
		})
	}
	for _, c := range sweep.Checkers() {
		if !proven[c.Promise] {
			t.Errorf("nothing shows that this checker can fail: %s", c.Promise)
		}
	}
}

// mustFail has a checker fail on something, in a cluster over so many servers of Consul.
func mustFail(t *testing.T, c sweep.Checker, servers int, broken func(r *sweep.Run), says string) {
	t.Helper()
	if text := failureOf(t, c, servers, broken); !strings.Contains(text, says) {
		t.Errorf("%s\nsays: %.600s\nwant: %s", c.Promise, text, says)
	}
}

// mustHold has a checker find nothing.
func mustHold(t *testing.T, c sweep.Checker, servers int, sound func(r *sweep.Run)) {
	t.Helper()
	if text := failureOf(t, c, servers, sound); text != "" {
		t.Errorf("fails without the sabotage: %.600s", text)
	}
}

// recorder is a T that remembers how it failed.
type recorder struct {
	testing.TB
	text string
}

type stop struct{}

func (r *recorder) Fatalf(format string, args ...any) {
	r.text = fmt.Sprintf(format, args...)
	panic(stop{})
}

// failureOf runs a small cluster in fair weather with one checker and something broken.
func failureOf(t *testing.T, c sweep.Checker, servers int, sabotage func(r *sweep.Run)) (text string) {
	rec := &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != (stop{}) {
			panic(p)
		}
		text = rec.text
	}()
	r := sweep.New(testkit.NewWorld(rec), sweep.Config{Agents: 2, Frameworks: 1, Jobs: jobsOf(c), Masters: 2, Consul: servers, Leaver: c.Promise == sweep.Leavers.Promise, Bound: 15 * time.Minute})
	r.Check(c)
	sabotage(r)
	r.Advance(3 * time.Minute)
	r.Go()
	return ""
}

func twiceShell(r *sweep.Run) {
	for _, a := range r.Agents {
		a.Machine.Program("sh", func(p *cast.Process) {
			if p.Getenv("AGAIN") == "" {
				spec := p.Spec
				spec.Env = append(append([]string{}, spec.Env...), "AGAIN=1")
				if _, err := p.Launcher().Launch(context.Background(), spec); err != nil {
					r.Fail("%v", err)
				}
			}
			p.Exit(0)
		})
	}
}

// liar is an actor that says something in the name of its node.
type liar struct {
	to  process.UPID
	say proto.Message
}

func (l liar) Initialize(b *process.Base) { b.Send(l.to, l.say) }

func lie(r *sweep.Run, n testkit.Placed, to process.UPID, m proto.Message) {
	if _, err := process.Spawn(n.Node().Runtime(), fmt.Sprint("liar-", r.Steps(), "-", to.Addr), liar{to, proto.Clone(m)}); err != nil {
		r.Fail("%v", err)
	}
}

func repeatingAgent(r *sweep.Run) {
	var said *controlpb.StatusUpdate
	r.Observe(func(m testkit.Message) {
		if say, ok := m.Msg.(*controlpb.StatusUpdate); ok && said == nil {
			said = say
			r.At(20*time.Second, func() { lie(r, agentAt(r, m.From.Addr), r.Masters[0].UPID(), say) })
		}
	})
}

// hastyAgent tells RUNNING while STARTING is still underway.
func hastyAgent(r *sweep.Run) {
	r.Hold(testkit.Of(func(s *controlpb.StatusUpdate) bool {
		return s.GetStatus().GetState() == mesospb.TaskState_TASK_STARTING
	}))
	done := false
	r.Observe(func(m testkit.Message) {
		c, ok := m.Msg.(*executorpb.Call)
		if !ok || done || c.GetUpdate().GetStatus().GetState() != mesospb.TaskState_TASK_RUNNING {
			return
		}
		done = true
		a := agentAt(r, m.To.Addr)
		r.At(time.Second, func() {
			r.Masters[0].Runtime().Deliver(process.Envelope{From: a.UPID(), To: r.Masters[0].UPID(), Msg: &controlpb.StatusUpdate{FrameworkId: c.FrameworkId, ExecutorId: c.ExecutorId,
				AgentId: &mesospb.AgentID{Value: proto.String(a.ID())}, Status: withAgent(c.GetUpdate().GetStatus(), a.ID())}})
		})
	})
}

func withAgent(s *mesospb.TaskStatus, id string) *mesospb.TaskStatus {
	s = proto.CloneOf(s)
	s.AgentId = &mesospb.AgentID{Value: proto.String(id)}
	return s
}

func agentAt(r *sweep.Run, addr string) *cast.Agent {
	for _, a := range r.Agents {
		if a.String() == addr {
			return a
		}
	}
	return nil
}

func losingNetwork(r *sweep.Run) {
	r.Drop(testkit.Of(func(s *controlpb.StatusUpdate) bool {
		return s.GetStatus().GetState() == mesospb.TaskState_TASK_RUNNING
	}))
}

// lateNews holds an answer to a reconciliation until the task has ended.
func lateNews(r *sweep.Run) {
	held := r.Hold(testkit.Of(func(e *schedulerpb.Event) bool {
		s := e.GetUpdate().GetStatus()
		return s.GetReason() == mesospb.TaskStatus_REASON_RECONCILIATION && s.GetState() == mesospb.TaskState_TASK_RUNNING
	})).Times(1)
	r.At(2*time.Minute, held.Release)
}

func boastingAgent(r *sweep.Run) {
	r.Agents[0].Config.Resources = "cpus:16;mem:65536"
	r.Agents[0].Replace()
}

func cleaningAgent(r *sweep.Run) {
	for _, a := range r.Agents {
		a.Config.Recover = "cleanup"
		r.At(5*time.Second, a.Restart)
	}
}

func daemon(r *sweep.Run) {
	started := false
	for _, a := range r.Agents {
		a.Machine.Program("daemon", func(*cast.Process) {})
		a.Machine.OnEnd = func(p *cast.Process) {
			if started {
				return
			}
			started = true
			spec := p.Spec
			spec.Path = "daemon"
			r.At(30*time.Second, func() {
				if _, err := p.Launcher().Launch(context.Background(), spec); err != nil {
					r.Fail("%v", err)
				}
			})
		}
	}
}

func markGone(r *sweep.Run, then func(id string)) {
	r.At(3*time.Second, func() {
		id := r.Agents[0].ID()
		operator := r.Probe("marker")
		operator.Send(r.Masters[0].Operator(), &masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(),
			MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: &mesospb.AgentID{Value: proto.String(id)}}})
		r.At(3*time.Second, func() { then(id) })
	})
}

func forgetfulMaster(r *sweep.Run) {
	markGone(r, func(id string) {
		lie(r, r.Masters[0], r.Agents[0].UPID(), &controlpb.AgentReregistered{AgentId: &mesospb.AgentID{Value: proto.String(id)}})
	})
}

func forgetfulRegistry(r *sweep.Run) {
	markGone(r, func(id string) { r.Forget("gone/" + id) })
}

func deadAgent(r *sweep.Run) {
	r.Drop(testkit.Of[*controlpb.RegisterAgent]().From(r.Agents[0]))
}

func deadJob(r *sweep.Run) {
	r.Drop(testkit.Of(func(m *controlpb.RunTask) bool { return strings.HasPrefix(m.GetTask().GetName(), "f0-j0.") }))
}

// eachAgentAfter does something to the disks of all agents while they are down.
func eachAgentAfter(r *sweep.Run, after time.Duration, damage func(a *cast.Agent) error) {
	for _, a := range r.Agents {
		r.At(after, func() {
			a.Crash()
			if err := damage(a); err != nil {
				r.Fail("%v", err)
			}
			a.Restart()
		})
	}
}

func forgetfulAgent(r *sweep.Run) {
	eachAgentAfter(r, time.Minute, func(a *cast.Agent) error { return a.Disk().Remove("meta/resources") })
}

func leakingDisk(r *sweep.Run) {
	for _, a := range r.Agents {
		r.At(time.Minute, func() {
			if err := a.Disk().Remove("volumes"); err != nil {
				r.Fail("%v", err)
			}
			r.Reset(r.Masters[0], a)
		})
	}
}

func generousMaster(r *sweep.Run) {
	done := false
	r.Observe(func(m testkit.Message) {
		e, ok := m.Msg.(*schedulerpb.Event)
		if !ok || done || len(e.GetOffers().GetOffers()) == 0 {
			return
		}
		done = true
		e = proto.CloneOf(e)
		first := e.Offers.Offers[0].Resources[0] // this framework knows the old form only
		first.Role, first.Reservation = proto.String("vault"), &mesospb.Resource_ReservationInfo{}
		r.At(time.Second, func() { lie(r, r.Masters[0], m.To, e) })
	})
}

// lavishMaster repeats an offer to the limited role under another id.
func lavishMaster(r *sweep.Run) {
	done := false
	r.Observe(func(m testkit.Message) {
		e, ok := m.Msg.(*schedulerpb.Event)
		if !ok || done || len(e.GetOffers().GetOffers()) == 0 || r.Elapsed() < 30*time.Second || m.To.Addr != r.Frameworks[len(r.Frameworks)-1].String() {
			return
		}
		done = true
		e = proto.CloneOf(e)
		e.Offers.Offers[0].Id = &mesospb.OfferID{Value: proto.String("more")}
		for _, x := range e.Offers.Offers[0].Resources {
			if x.GetName() == "cpus" {
				x.Scalar = &mesospb.Value_Scalar{Value: proto.Float64(2)}
			}
		}
		r.At(0, func() { lie(r, r.Masters[0], m.To, e) })
	})
}

// unlimited makes the registry forget the quota while there is no master.
func unlimited(r *sweep.Run) {
	r.At(10*time.Second, func() {
		r.Masters[0].Crash()
		r.Forget("quota/ration")
		r.Masters[0].Restart()
	})
}

// usurper tells an agent something in the leader's epoch, from the other master.
func usurper(r *sweep.Run) {
	r.At(10*time.Second, func() {
		lie(r, r.Masters[1], r.Agents[0].UPID(), &controlpb.Ping{Connected: proto.Bool(true), Epoch: proto.Uint64(r.Lead().Epoch)})
	})
}

// obedientAgent starts a task that the first master ordered when the second one led.
func obedientAgent(r *sweep.Run) {
	var order *controlpb.RunTask
	r.Observe(func(m testkit.Message) {
		if say, ok := m.Msg.(*controlpb.RunTask); ok && order == nil {
			order = proto.CloneOf(say)
			order.Task.TaskId.Value = proto.String("late")
		}
	})
	var shell *cast.Process
	for _, a := range r.Agents {
		start := a.Machine.OnStart
		a.Machine.OnStart = func(p *cast.Process) {
			start(p)
			if p.Parent != 0 {
				shell = p
			}
		}
	}
	r.At(20*time.Second, func() { r.Depose(errors.New("broken on purpose")) })
	r.At(40*time.Second, func() {
		for _, a := range r.Agents {
			r.Probe("late-for-"+a.Name()).Send(a.UPID(), order)
		}
	})
	r.At(60*time.Second, func() {
		spec := shell.Spec
		spec.Env = append(append([]string{}, spec.Env...), "MESOS_EXECUTOR_ID=late")
		if _, err := shell.Launcher().Launch(context.Background(), spec); err != nil {
			r.Fail("%v", err)
		}
	})
}

// setBack has the registry forget its epoch, so that it seems to be in epoch 0.
func setBack(r *sweep.Run) {
	r.At(10*time.Second, func() { r.Forget("meta") })
}

// thief takes news of tasks away before others who watch hear of them.
type thief struct{}

func (thief) Published(_ *master.View, events []*master.Event) {
	for _, e := range events {
		if e.Message.GetType() == masterpb.Event_TASK_UPDATED {
			e.Message = &masterpb.Event{}
		}
	}
}

func secretiveMaster(r *sweep.Run) {
	for _, m := range r.Masters {
		boot := m.OnBoot
		m.OnBoot = func() {
			m.Client.Watch(thief{})
			boot()
		}
		m.Restart()
	}
}

// lingerer has processes that are there again when they were killed.
func lingerer(r *sweep.Run) {
	again := 0
	for _, a := range r.Agents {
		a.Machine.Program("lingerer", func(*cast.Process) {})
		end := a.Machine.OnEnd
		a.Machine.OnEnd = func(p *cast.Process) {
			end(p)
			spec := p.Spec
			spec.Path = "lingerer"
			if again++; again < 40 && p.Getenv("MESOS_EXECUTOR_ID")[0] == 'l' && p.Status().Signaled() {
				if _, err := p.Launcher().Launch(context.Background(), spec); err != nil {
					r.Fail("%v", err)
				}
			}
		}
	}
}

func hoarder(r *sweep.Run) {
	for _, m := range r.Masters {
		m.Config.MaxCompletedTasksPerFramework = 1000
		m.Restart()
	}
}

// jobsOf is how many jobs the framework has: two, but for the master that keeps all of the past there has to be more of it.
func jobsOf(c sweep.Checker) int {
	if c.Promise == sweep.Bounded.Promise {
		return 6
	}
	return 2
}
