package master_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

func (s *stage) agents() *masterpb.Response_GetAgents {
	return s.ask(masterpb.Call_GET_AGENTS).GetGetAgents()
}

func TestRegister(t *testing.T) {
	s := newStage(t, nil)
	a := s.stranger("a1", "cpus:4;mem:4096")
	// The answer comes after the registry has the agent, and not before.
	s.fail(make([]fault, 10)...)
	a.Send(s.master(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Capabilities: agentCapabilities})
	a.Send(s.master(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Capabilities: agentCapabilities})
	a.ExpectNone(900*time.Millisecond, testkit.Any())
	m := a.Expect(testkit.Of[*controlpb.AgentRegistered]())[0].Msg.(*controlpb.AgentRegistered)
	a.info.Id = m.AgentId
	info := s.ask(masterpb.Call_GET_MASTER).GetGetMaster().GetMasterInfo()
	equal(t, "the id", a.id(), info.GetId()+"-S0")
	equal(t, "ping_timeout", m.GetPingTimeoutSeconds(), 75.0)
	equal(t, "the epoch", m.GetEpoch(), 1)
	a.ExpectNone(0, testkit.Of[*controlpb.AgentRegistered]())
	t.Run("asked again, the answer is the same", func(t *testing.T) {
		equal(t, "the id", a.register(), m.GetAgentId().GetValue())
		equal(t, "registrations", s.metric("master/slave_registrations"), 1)
	})
	t.Run("the view shows it", func(t *testing.T) {
		one := s.agents().GetAgents()[0]
		equal(t, "the total", amounts(t, one.GetTotalResources()), "cpus:4; mem:4096")
		equal(t, "active", one.GetActive(), true)
		equal(t, "the pid", one.GetPid(), "slave(1)@a1:5050")
		equal(t, "the version", one.GetVersion(), "0.1.0")
		equal(t, "capabilities", len(one.GetCapabilities()), len(agentCapabilities))
	})
}

func TestRegisterRefused(t *testing.T) {
	s := newStage(t, nil)
	a := s.stranger("a1", "cpus:4;mem:4096")
	for name, r := range map[string]*controlpb.RegisterAgent{
		"too old":                {Agent: a.info, Version: proto.String("0.0.9")},
		"of no version":          {Agent: a.info},
		"of a senseless one":     {Agent: a.info, Version: proto.String("new")},
		"of an id with a slash":  {Agent: &mesospb.AgentInfo{Hostname: proto.String("h"), Id: aid("a/b")}, Version: proto.String("0.1.0")},
		"without a host name":    {Agent: &mesospb.AgentInfo{Hostname: proto.String("")}, Version: proto.String("0.1.0")},
		"with senseless amounts": {Agent: &mesospb.AgentInfo{Hostname: proto.String("h"), Resources: []*mesospb.Resource{{Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(-1)}}}}, Version: proto.String("0.1.0")},
	} {
		t.Run(name, func(t *testing.T) {
			a.Send(s.master(), r)
			a.ExpectNone(time.Second, testkit.Any())
		})
	}
	t.Run("returning with what cannot be", func(t *testing.T) {
		b := s.agent("a3", "cpus:1;mem:64")
		b.Forget()
		described := []*mesospb.FrameworkInfo{{User: proto.String("u"), Name: proto.String("n"), Id: fid("f")}, {User: proto.String("u"), Name: proto.String("n"), Id: fid("g")}}
		executor := func(framework string) *mesospb.ExecutorInfo {
			return &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}, FrameworkId: fid(framework)}
		}
		task := func(framework, agent string) *mesospb.Task {
			return &mesospb.Task{Name: proto.String("t"), TaskId: tid("t"), FrameworkId: fid(framework), AgentId: aid(agent), State: mesospb.TaskState_TASK_RUNNING.Enum()}
		}
		for name, change := range map[string]func(*controlpb.ReregisterAgent){
			"a task of a framework that nobody describes": func(r *controlpb.ReregisterAgent) { r.Tasks = []*mesospb.Task{task("x", b.id())} },
			"a task of another agent":                     func(r *controlpb.ReregisterAgent) { r.Tasks = []*mesospb.Task{task("f", "x")} },
			"a task twice":                                func(r *controlpb.ReregisterAgent) { r.Tasks = []*mesospb.Task{task("f", b.id()), task("f", b.id())} },
			"an executor twice": func(r *controlpb.ReregisterAgent) {
				r.Executors = []*mesospb.ExecutorInfo{executor("f"), executor("f")}
			},
		} {
			t.Run(name, func(t *testing.T) {
				r := b.report()
				r.Frameworks = described
				change(r)
				b.Send(s.master(), r)
				b.ExpectNone(time.Second, testkit.Of[*controlpb.AgentReregistered]())
			})
		}
		t.Run("but one executor id in two frameworks is fine", func(t *testing.T) {
			b.fws, b.execs = described, []*mesospb.ExecutorInfo{executor("f"), executor("g")}
			b.reregister()
		})
	})
	t.Run("returning, too old", func(t *testing.T) {
		b := s.agent("a2", "cpus:1;mem:64")
		b.Forget()
		r := b.report()
		r.Version = proto.String("0.0.1")
		b.Send(s.master(), r)
		b.ExpectNone(time.Second, testkit.Of[*controlpb.AgentReregistered]())
	})
}

// A new agent at the address of one that is away takes its place.
func TestRegisterAtOldAddress(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", aware, checkpointing)
	s.running(f, a, "t1")
	old := a.id()
	a.node.Crash()
	s.Advance(5 * time.Second)
	a.node.Restart()
	b := &fakeAgent{Probe: a.node.Probe("slave(1)"), stage: s, node: a.node, info: proto.CloneOf(a.info)}
	b.info.Id = nil
	id := b.register()
	if id == old {
		t.Fatal("it got the old id")
	}
	equal(t, "the reason", f.updated("t1", mesospb.TaskState_TASK_LOST).GetReason(), mesospb.TaskStatus_REASON_AGENT_REMOVED)
	f.lost(a)
	equal(t, "agents", len(s.agents().GetAgents()), 1)
	equal(t, "removals", s.metric("master/slave_removals/reason_registered"), 1)
	equal(t, "the offer", amounts(t, f.offer().GetResources()), "cpus:4; mem:4096")
}

// An id belongs to a machine.
func TestReregisterFromElsewhere(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	b := s.stranger("a2", "cpus:4;mem:4096")
	b.info.Id = a.info.Id
	b.Send(s.master(), b.report())
	b.Expect(testkit.Of[*controlpb.ShutdownAgent]())
	equal(t, "agents", len(s.agents().GetAgents()), 1)
	equal(t, "the host", s.agents().GetAgents()[0].GetAgentInfo().GetHostname(), "a1")
}

// What both know is compared when an agent returns.
func TestReregisterCompares(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:8;mem:4096")
	f := s.framework("f1", checkpointing)
	o := f.offer()
	held := s.Drop(testkit.Of(func(r *controlpb.RunTask) bool { return r.GetTask().GetTaskId().GetValue() == "lost" }))
	withExecutor := command("e", o, "cpus:1;mem:64")
	withExecutor.Command = nil
	withExecutor.Executor = &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Command: &mesospb.CommandInfo{Value: proto.String("x")},
		Resources: command("", o, "cpus:1;mem:32").Resources}
	f.launch(o, command("known", o, "cpus:1;mem:64"), command("lost", o, "cpus:1;mem:64"), withExecutor)
	a.run("known")
	a.run("e")
	held.Stop()
	s.Cut(s.node, a.node)
	s.Advance(30 * time.Second)
	f.kill("known", nil)
	s.HealAll()
	s.Advance(time.Second)
	t.Run("a kill that was asked for meanwhile comes again, and the missing task is asked for", func(t *testing.T) {
		a.execs = nil // the executor ended meanwhile
		again := a.reregister()
		equal(t, "frameworks asked about", len(again.GetReconciliations()), 1)
		equal(t, "tasks asked about", len(again.GetReconciliations()[0].GetStatuses()), 1)
		equal(t, "the task", again.GetReconciliations()[0].GetStatuses()[0].GetTaskId().GetValue(), "lost")
		a.Expect(testkit.Of(func(k *controlpb.KillTask) bool { return k.GetTaskId().GetValue() == "known" }))
	})
	t.Run("its executor is not paid for any more", func(t *testing.T) {
		equal(t, "used", s.metric("master/cpus_used"), 3)
		equal(t, "executors", len(s.ask(masterpb.Call_GET_EXECUTORS).GetGetExecutors().GetExecutors()), 0)
	})
	t.Run("a task that the master has not is taken in", func(t *testing.T) {
		stray := proto.CloneOf(a.tasks[0])
		stray.TaskId, stray.State = tid("stray"), mesospb.TaskState_TASK_RUNNING.Enum()
		a.tasks = append(a.tasks, stray)
		a.reregister()
		equal(t, "the reason", f.updated("stray", mesospb.TaskState_TASK_RUNNING).GetReason(), mesospb.TaskStatus_REASON_AGENT_REREGISTERED)
		equal(t, "used", s.metric("master/cpus_used"), 4)
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		equal(t, "the offer", amounts(t, f.offer().GetResources()), "cpus:4; mem:3840")
	})
}

// A restarted agent may have more than before: the registry learns it first, then everybody.
func TestReregisterReconfigured(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	f.offer()
	a.info = proto.CloneOf(a.info)
	a.info.Attributes = []*mesospb.Attribute{{Name: proto.String("rack"), Type: mesospb.Value_TEXT.Enum(), Text: &mesospb.Value_Text{Value: proto.String("r1")}}}
	a.info.Resources[0].Scalar.Value = proto.Float64(6)
	a.reregister()
	f.Expect(event(schedulerpb.Event_RESCIND))
	o := f.offer()
	equal(t, "the offer", amounts(t, o.GetResources()), "cpus:6; mem:4096")
	equal(t, "the attribute", o.GetAttributes()[0].GetText().GetValue(), "r1")
	t.Run("and a failover does not forget it", func(t *testing.T) {
		s.failover()
		equal(t, "the attribute", s.agents().GetRecoveredAgents()[0].GetAttributes()[0].GetName(), "rack")
	})
}

// An agent that returns after a failover with something new is written anew.
func TestReconfiguredDuringFailover(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	s.failover()
	a.info = proto.CloneOf(a.info)
	a.info.Hostname = proto.String("renamed")
	a.reregister()
	s.failover()
	equal(t, "the host", s.agents().GetRecoveredAgents()[0].GetHostname(), "renamed")
}

func TestFailover(t *testing.T) {
	s := newStage(t, nil)
	a, b := s.agent("a1", "cpus:4;mem:4096"), s.agent("a2", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour))
	first := s.ask(masterpb.Call_GET_MASTER).GetGetMaster().GetMasterInfo().GetId()
	s.failover()
	t.Run("the next master is another, of a later epoch", func(t *testing.T) {
		if id := s.ask(masterpb.Call_GET_MASTER).GetGetMaster().GetMasterInfo().GetId(); id == first {
			t.Error("the id is the same")
		}
		equal(t, "recovered agents", len(s.agents().GetRecoveredAgents()), 2)
		equal(t, "the epoch", a.reregister().GetEpoch(), 2)
		equal(t, "recovered agents", len(s.agents().GetRecoveredAgents()), 1)
		equal(t, "agents", len(s.agents().GetAgents()), 1)
	})
	t.Run("a framework keeps its id", func(t *testing.T) {
		id := f.id
		e := f.subscribe()
		equal(t, "the id", f.id, id)
		equal(t, "the master that it is told of", e.GetMasterInfo().GetId(), s.ask(masterpb.Call_GET_MASTER).GetGetMaster().GetMasterInfo().GetId())
		f.offer()
	})
	t.Run("an agent that never returns is unreachable", func(t *testing.T) {
		s.Advance(10*time.Minute + time.Second)
		f.lost(b)
		equal(t, "recovery removals", s.metric("master/recovery_slave_removals"), 1)
		equal(t, "recovered agents", len(s.agents().GetRecoveredAgents()), 0)
		b.reregister()
		equal(t, "agents", len(s.agents().GetAgents()), 2)
	})
}

// The limit on removals holds after a failover, and an agent that returns while it waits its turn is kept.
func TestFailoverRateLimit(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.AgentRemovalRateLimit = "1/20mins" })
	a, b := s.agent("a1", "cpus:4;mem:4096"), s.agent("a2", "cpus:4;mem:4096")
	s.failover()
	f := s.framework("f1", aware)
	s.Advance(11 * time.Minute)
	f.lost(a)
	s.Advance(5 * time.Minute)
	b.reregister()
	s.Advance(30 * time.Minute)
	f.ExpectNone(0, event(schedulerpb.Event_FAILURE))
	equal(t, "agents", len(s.agents().GetAgents()), 1)
}

// When the whole cluster is missing it is rather the master that is lost.
func TestRecoveryRemovalLimit(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.RecoveryAgentRemovalLimit = "50%" })
	s.agent("a1", "cpus:4;mem:4096")
	s.agent("a2", "cpus:4;mem:4096")
	c := s.agent("a3", "cpus:4;mem:4096")
	s.failover()
	c.reregister()
	s.Advance(10*time.Minute + time.Second)
	died(t, s, "2 of 3 agents did not return")
}

func died(t *testing.T, s *stage, words string) {
	t.Helper()
	if len(s.deaths) != 1 || !strings.Contains(fmt.Sprint(s.deaths[0]), words) {
		t.Fatalf("the master ended of %v, want %q", s.deaths, words)
	}
}

// Without its registry or its term a master must not go on.
func TestMasterEnds(t *testing.T) {
	t.Run("when the registry cannot be written", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.stranger("a1", "cpus:1;mem:64")
		s.store.FailApplies(memory.Fault{Err: errors.New("the disk is full")})
		a.Send(s.master(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0")})
		a.ExpectNone(time.Second, testkit.Of[*controlpb.AgentRegistered]())
		died(t, s, "the disk is full")
	})
	t.Run("when the registry cannot be read", func(t *testing.T) {
		s := newStage(t, nil)
		s.node.Crash()
		s.store.FailLoads(memory.Fault{Err: errors.New("a bad sector")})
		s.node.Restart()
		s.Advance(time.Second)
		died(t, s, "a bad sector")
	})
	t.Run("when it is deposed", func(t *testing.T) {
		s := newStage(t, nil)
		s.store.Depose(errors.New("another leads"))
		s.Advance(100 * time.Millisecond)
		died(t, s, "another leads")
	})
}

// Before the recovery is done nobody is served, and nobody is refused either: they ask again.
func TestNotServedBeforeRecovery(t *testing.T) {
	s := newStage(t, nil)
	s.node.Crash()
	s.fail(make([]fault, 50)...)
	s.node.Restart()
	s.Advance(100 * time.Millisecond)
	a := s.stranger("a1", "cpus:1;mem:64")
	f := s.scheduler("f1")
	a.Send(s.master(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0")})
	f.Send(s.master(), f.subscribeCall())
	a.ExpectNone(time.Second, testkit.Any())
	f.ExpectNone(0, testkit.Any())
	refused := s.order(&masterpb.Call{Type: masterpb.Call_GET_STATE.Enum()})
	equal(t, "the class", refused.GetClass(), controlpb.Refused_UNAVAILABLE)
	equal(t, "healthy", s.ask(masterpb.Call_GET_HEALTH).GetGetHealth().GetHealthy(), true)
	s.Advance(10 * time.Second)
	a.register()
	f.subscribe()
}
