package master_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

func TestDesk(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.Roles = []string{"*", "eng"} })
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", func(i *mesospb.FrameworkInfo) { i.Role = proto.String("eng") })
	s.running(f, a, "t1")
	for _, c := range []struct {
		call  masterpb.Call_Type
		check func(t *testing.T, r *masterpb.Response)
	}{
		{masterpb.Call_GET_HEALTH, func(t *testing.T, r *masterpb.Response) {
			equal(t, "healthy", r.GetGetHealth().GetHealthy(), true)
		}},
		{masterpb.Call_GET_VERSION, func(t *testing.T, r *masterpb.Response) {
			equal(t, "the version", r.GetGetVersion().GetVersionInfo().GetVersion(), "1.12.0")
		}},
		{masterpb.Call_GET_FLAGS, func(t *testing.T, r *masterpb.Response) {
			flags := map[string]string{}
			for _, f := range r.GetGetFlags().GetFlags() {
				flags[f.GetName()] = f.GetValue()
			}
			equal(t, "--roles", flags["roles"], "*,eng")
			equal(t, "--allocation_interval", flags["allocation_interval"], "1s")
			equal(t, "--agent_ping_timeout", flags["agent_ping_timeout"], "15s")
		}},
		{masterpb.Call_GET_METRICS, func(t *testing.T, r *masterpb.Response) {
			if len(r.GetGetMetrics().GetMetrics()) < 50 {
				t.Errorf("only %d metrics", len(r.GetGetMetrics().GetMetrics()))
			}
		}},
		{masterpb.Call_GET_MASTER, func(t *testing.T, r *masterpb.Response) {
			m := r.GetGetMaster()
			equal(t, "the host", m.GetMasterInfo().GetHostname(), "10.0.0.1")
			equal(t, "the port", m.GetMasterInfo().GetPort(), 5050)
			equal(t, "the ip", m.GetMasterInfo().GetIp(), 10|1<<24)
			equal(t, "the pid", m.GetMasterInfo().GetPid(), "master@10.0.0.1:5050")
			if m.GetStartTime() <= 0 || m.GetElectedTime() < m.GetStartTime() {
				t.Errorf("started %v, elected %v", m.GetStartTime(), m.GetElectedTime())
			}
		}},
		{masterpb.Call_GET_AGENTS, func(t *testing.T, r *masterpb.Response) {
			equal(t, "agents", len(r.GetGetAgents().GetAgents()), 1)
		}},
		{masterpb.Call_GET_FRAMEWORKS, func(t *testing.T, r *masterpb.Response) {
			one := r.GetGetFrameworks().GetFrameworks()[0]
			equal(t, "allocated", amounts(t, one.GetAllocatedResources()), "cpus:1; mem:64")
			equal(t, "active", one.GetActive(), true)
		}},
		{masterpb.Call_GET_TASKS, func(t *testing.T, r *masterpb.Response) {
			one := r.GetGetTasks().GetTasks()[0]
			equal(t, "the state", one.GetState(), mesospb.TaskState_TASK_RUNNING)
			equal(t, "statuses", len(one.GetStatuses()), 1)
		}},
		{masterpb.Call_GET_EXECUTORS, func(t *testing.T, r *masterpb.Response) {
			equal(t, "executors", len(r.GetGetExecutors().GetExecutors()), 0)
		}},
		{masterpb.Call_GET_OPERATIONS, func(t *testing.T, r *masterpb.Response) {
			equal(t, "operations", len(r.GetGetOperations().GetOperations()), 0)
		}},
		{masterpb.Call_GET_ROLES, func(t *testing.T, r *masterpb.Response) {
			one := r.GetGetRoles().GetRoles()[0]
			equal(t, "the role", one.GetName(), "eng")
			equal(t, "its weight", one.GetWeight(), 1.0)
			equal(t, "its frameworks", len(one.GetFrameworks()), 1)
			equal(t, "its first resource", one.GetResources()[0].GetName(), "cpus")
		}},
		{masterpb.Call_GET_STATE, func(t *testing.T, r *masterpb.Response) {
			equal(t, "agents", len(r.GetGetState().GetGetAgents().GetAgents()), 1)
			equal(t, "tasks", len(r.GetGetState().GetGetTasks().GetTasks()), 1)
			equal(t, "frameworks", len(r.GetGetState().GetGetFrameworks().GetFrameworks()), 1)
		}},
	} {
		t.Run(c.call.String(), func(t *testing.T) {
			r := s.ask(c.call)
			equal(t, "the type", r.GetType().String(), c.call.String())
			c.check(t, r)
		})
	}
}

// Operations are shown from the moment they are ordered until they are acknowledged.
func TestDeskShowsOperations(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", inRole("web"))
	shown := func() []*mesospb.Operation {
		return s.ask(masterpb.Call_GET_OPERATIONS).GetGetOperations().GetOperations()
	}
	f.operate(f.offer(), withID("x", reserveOp(reserved("cpus:1", "web")...)))
	order := a.applied()
	all := shown()
	if len(all) != 1 {
		t.Fatalf("%d operations are shown", len(all))
	}
	equal(t, "its framework", all[0].GetFrameworkId().GetValue(), f.id)
	equal(t, "its agent", all[0].GetAgentId().GetValue(), a.id())
	equal(t, "its kind", all[0].GetInfo().GetType(), mesospb.Offer_Operation_RESERVE)
	equal(t, "its id", all[0].GetInfo().GetId().GetValue(), "x")
	equal(t, "its state", all[0].GetLatestStatus().GetState(), mesospb.OperationState_OPERATION_PENDING)
	a.finished(order, "u")
	done := f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED)
	equal(t, "its state", shown()[0].GetLatestStatus().GetState(), mesospb.OperationState_OPERATION_FINISHED)
	f.acknowledgeOperation(done)
	s.Settle()
	equal(t, "operations", len(shown()), 0)
}

// Whatever the desk cannot do it says so, with a reason.
func TestDeskRefuses(t *testing.T) {
	s := newStage(t, nil)
	for _, call := range []*masterpb.Call{
		{},
		{Type: masterpb.Call_UNKNOWN.Enum()},
		{Type: masterpb.Call_Type(99).Enum()},
		{Type: masterpb.Call_TEARDOWN.Enum()},
		{Type: masterpb.Call_LIST_FILES.Enum(), ListFiles: &masterpb.Call_ListFiles{Path: proto.String("/")}},
		{Type: masterpb.Call_SUBSCRIBE.Enum()},
		{Type: masterpb.Call_DRAIN_AGENT.Enum(), DrainAgent: &masterpb.Call_DrainAgent{AgentId: aid("x")}},
	} {
		refused := s.order(call)
		if refused == nil || refused.GetMessage() == "" {
			t.Errorf("%v was not refused", call)
		}
	}
}

// Nothing that anybody sends makes a master stumble.
func TestHostileInput(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.running(f, a, "t1")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	o := f.offer()
	nan := &mesospb.Resource{Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(math.NaN())}}
	long := strings.Repeat("x", 1<<16)
	launch := func(tasks ...*mesospb.TaskInfo) *schedulerpb.Call_Accept {
		return &schedulerpb.Call_Accept{OfferIds: []*mesospb.OfferID{o.Id}, Operations: []*mesospb.Offer_Operation{{Type: mesospb.Offer_Operation_LAUNCH.Enum(),
			Launch: &mesospb.Offer_Operation_Launch{TaskInfos: tasks}}}}
	}
	local := s.node.Probe("local")
	for _, c := range []*schedulerpb.Call{
		{}, {Type: schedulerpb.Call_UNKNOWN.Enum()}, {Type: schedulerpb.Call_Type(99).Enum()},
		{Type: schedulerpb.Call_SUBSCRIBE.Enum()}, {Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{}},
		{Type: schedulerpb.Call_ACCEPT.Enum()}, {Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{OfferIds: []*mesospb.OfferID{nil, {}}}},
		{Type: schedulerpb.Call_DECLINE.Enum()}, {Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(math.NaN())}}},
		{Type: schedulerpb.Call_KILL.Enum()}, {Type: schedulerpb.Call_KILL.Enum(), Kill: &schedulerpb.Call_Kill{}},
		{Type: schedulerpb.Call_KILL.Enum(), Kill: &schedulerpb.Call_Kill{TaskId: tid(long)}},
		{Type: schedulerpb.Call_SHUTDOWN.Enum()}, {Type: schedulerpb.Call_SHUTDOWN.Enum(), Shutdown: &schedulerpb.Call_Shutdown{AgentId: a.info.Id}},
		{Type: schedulerpb.Call_ACKNOWLEDGE.Enum()}, {Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{AgentId: a.info.Id, TaskId: tid("t1"), Uuid: []byte("short")}},
		{Type: schedulerpb.Call_RECONCILE.Enum()}, {Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: &schedulerpb.Call_Reconcile{Tasks: []*schedulerpb.Call_Reconcile_Task{{}, nil}}},
		{Type: schedulerpb.Call_MESSAGE.Enum()}, {Type: schedulerpb.Call_MESSAGE.Enum(), Message: &schedulerpb.Call_Message{}},
		{Type: schedulerpb.Call_REQUEST.Enum()}, {Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum()},
		{Type: schedulerpb.Call_ACCEPT_INVERSE_OFFERS.Enum()}, {Type: schedulerpb.Call_DECLINE_INVERSE_OFFERS.Enum(), DeclineInverseOffers: &schedulerpb.Call_DeclineInverseOffers{}},
		{Type: schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS.Enum()}, {Type: schedulerpb.Call_RECONCILE_OPERATIONS.Enum()},
		{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: launch(nil, &mesospb.TaskInfo{}, &mesospb.TaskInfo{TaskId: tid("x"), AgentId: a.info.Id, Resources: []*mesospb.Resource{nan, {}, nil}},
			&mesospb.TaskInfo{TaskId: tid("y"), AgentId: a.info.Id, Executor: &mesospb.ExecutorInfo{}})},
	} {
		// Two ways in: over the network, which refuses what cannot be marshalled, and from the same process.
		c.FrameworkId = fid(f.id)
		if proto.CheckInitialized(c) == nil {
			f.Send(s.master(), c)
		}
		local.Send(s.master(), c)
		s.Advance(100 * time.Millisecond)
	}
	for _, m := range []proto.Message{
		&controlpb.RegisterAgent{}, &controlpb.ReregisterAgent{}, &controlpb.UnregisterAgent{}, &controlpb.Pong{}, &controlpb.StatusUpdate{},
		&controlpb.ExitedExecutor{}, &controlpb.ExecutorMessage{}, &schedulerpb.Call{},
		&controlpb.StatusUpdate{FrameworkId: fid(f.id), AgentId: a.info.Id, Status: &mesospb.TaskStatus{TaskId: tid("t1")}},
		&controlpb.ReregisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Tasks: []*mesospb.Task{{TaskId: tid("z"), FrameworkId: fid("nobody"), AgentId: a.info.Id}}},
		&controlpb.ReregisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Executors: []*mesospb.ExecutorInfo{{}}},
		&controlpb.ReregisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Frameworks: []*mesospb.FrameworkInfo{{}, nil}},
	} {
		// Spoken by an agent that is registered, and past the network's own checks by one that is not.
		local.Send(s.master(), m)
		if proto.CheckInitialized(m) == nil {
			a.Send(s.master(), m)
		}
		s.Advance(100 * time.Millisecond)
	}
	equal(t, "deaths", len(s.deaths), 0)
	equal(t, "tasks", len(s.tasks().GetTasks()), 1)
	equal(t, "agents", len(s.agents().GetAgents()), 1)
}

// A history of statuses does not grow without end.
func TestStatusesAreBounded(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	s.running(f, a, "t1")
	for range 100 {
		a.update(f.id, "t1", mesospb.TaskState_TASK_STARTING, "u")
		a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "u")
	}
	s.Advance(100 * time.Millisecond)
	if n := len(s.tasks().GetTasks()[0].GetStatuses()); n > 64 {
		t.Errorf("%d statuses are kept", n)
	}
}

// A reader that is slow sees the newest state, not all of those in between.
func TestViewsDoNotPileUp(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	for range 200 {
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		f.accept(f.offers(1), 0)
	}
	s.running(f, a, "t1")
	equal(t, "tasks", len(s.tasks().GetTasks()), 1)
}

func TestConfig(t *testing.T) {
	c := master.Default()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.AgentReregisterTimeout = 5 * time.Minute
	c.AgentPingTimeout = time.Millisecond
	c.MaxAgentPingTimeouts = 0
	c.OfferTimeout = -1
	c.AgentRemovalRateLimit = "often"
	c.RecoveryAgentRemovalLimit = "half"
	c.Roles = []string{"a b"}
	c.MaxCompletedFrameworks = -1
	c.AuthenticateAgents, c.AuthenticateFrameworks, c.AuthenticationTimeout = true, true, 0
	err := c.Validate()
	for _, words := range []string{"--agent_reregister_timeout=5m0s: at least 10m", "--agent_ping_timeout", "--max_agent_ping_timeouts", "--offer_timeout",
		"--agent_removal_rate_limit=often", "--recovery_agent_removal_limit=half", "--roles", "--max_completed_frameworks",
		"--authenticate_agents=true: needs a file of --credentials", "--authenticate_frameworks", "--authentication_v0_timeout"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q is missing in %v", words, err)
		}
	}
	if all, ok := err.(interface{ Unwrap() []error }); !ok || slices.ContainsFunc(all.Unwrap(), func(e error) bool { return e == nil }) {
		t.Errorf("not a list of problems: %v", err)
	}
}

// Unknown calls are answered, and never with an ERROR, which would end the framework.
func TestUnknownCall(t *testing.T) {
	s := newStage(t, nil)
	f := s.framework("f1")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_UNKNOWN.Enum()})
	refused := f.Expect(testkit.Of[*controlpb.Refused]())[0].Msg.(*controlpb.Refused)
	equal(t, "the class", refused.GetClass(), controlpb.Refused_UNSUPPORTED)
	f.ExpectNone(time.Second, event(schedulerpb.Event_ERROR))
}
