package master_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/ratelimits"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
)

// stage is a world with one master and a store that outlives it. Agents and schedulers are probes: the test
// speaks for them word by word.
type stage struct {
	*testkit.World
	store  *memory.Cluster
	node   *testkit.Node
	config master.Config
	rules  authorization.Live
	files  map[string]string // what is in the files that config names
	deaths []any             // why the master ended
	lease  *bool             // of the next master's term, if the test decides how long it lasts
	client master.Client
	desk   *testkit.Probe
}

func newStage(t testkit.T, change func(*master.Config), options ...testkit.Option) *stage {
	s := &stage{World: testkit.NewWorld(t, options...), store: memory.New(), config: master.Default(), files: map[string]string{"known": knownHere}}
	if change != nil {
		change(&s.config)
	}
	s.start()
	return s
}

func (s *stage) start() {
	s.node = s.World.Node("m1", testkit.Address("10.0.0.1:5050"), testkit.Boot(s.boot),
		testkit.Mortal(func(_ *testkit.Node, _ process.UPID, why any) { s.deaths = append(s.deaths, why) }))
	s.desk = s.Probe("desk")
	s.Advance(time.Second) // the registry is read and written
}

func (s *stage) boot(n *testkit.Node) {
	// The process that held the term is gone, whatever ended it.
	s.store.Depose(errors.New("the process ended"))
	known, err := credentials.Parse([]byte(s.files[s.config.Credentials]))
	if err != nil {
		s.Fail("%v", err)
	}
	parts := master.Parts{Contender: s.store, Registry: s.store, Credentials: known, Authorizer: &s.rules}
	if s.lease != nil {
		parts.Contender, parts.Detector, parts.Registry = lessor{s.store, s.lease}, s.store, leased{s.store}
	}
	if s.config.ACLs != "" {
		s.permit(s.config.ACLs)
	}
	if s.config.RateLimits != "" {
		if parts.RateLimits, err = ratelimits.Parse([]byte(s.config.RateLimits)); err != nil {
			s.Fail("%v", err)
		}
	}
	if s.client, err = master.Spawn(n.Runtime(), s.config, parts); err != nil {
		s.Fail("%v", err)
	}
}

// permit replaces the access control lists, as at SIGHUP.
func (s *stage) permit(acls string) {
	l, err := authorization.Parse([]byte(acls))
	if err != nil {
		s.Fail("%v", err)
	}
	s.rules.Swap(l)
}

func (s *stage) master() process.UPID { return s.node.UPID("master") }

// failover ends the master and starts the next one.
func (s *stage) failover() {
	s.node.Crash()
	s.Settle()
	s.node.Restart()
	s.Advance(time.Second)
}

// ask puts a question to the operator desk.
func (s *stage) ask(call masterpb.Call_Type) *masterpb.Response {
	c := &masterpb.Call{Type: call.Enum()}
	if call == masterpb.Call_GET_METRICS {
		c.GetMetrics = &masterpb.Call_GetMetrics{}
	}
	s.desk.Send(s.node.UPID(master.OperatorID), c)
	return s.desk.Expect(testkit.Of[*masterpb.Response]())[0].Msg.(*masterpb.Response)
}

// order has the desk carry out a call and returns its refusal, or nil.
func (s *stage) order(call *masterpb.Call) *controlpb.Refused {
	s.desk.Send(s.node.UPID(master.OperatorID), call)
	m := s.desk.ExpectNext(testkit.Any()).Msg
	refused, _ := m.(*controlpb.Refused)
	return refused
}

// fakeAgent is an agent that a test speaks for.
type fakeAgent struct {
	*testkit.Probe
	stage *stage
	node  *testkit.Node
	info  *mesospb.AgentInfo
	deaf  bool // does not answer pings
	tasks []*mesospb.Task
	execs []*mesospb.ExecutorInfo
	fws   []*mesospb.FrameworkInfo
}

func (s *stage) agent(name, text string) *fakeAgent {
	a := s.stranger(name, text)
	a.register()
	return a
}

// stranger is an agent that has not registered.
func (s *stage) stranger(name, text string) *fakeAgent {
	rs, err := resources.Parse(text)
	if err != nil {
		s.Fail("%v", err)
	}
	a := &fakeAgent{stage: s, node: s.World.Node(name), info: &mesospb.AgentInfo{Hostname: proto.String(name), Resources: rs.Proto()}}
	a.Probe = a.node.Probe("slave(1)")
	a.Reply(testkit.Of[*controlpb.Ping](), func(testkit.Message) proto.Message {
		if a.deaf {
			return nil
		}
		return &controlpb.Pong{AgentId: a.info.Id}
	})
	return a
}

var agentCapabilities = func() (cs []*mesospb.AgentInfo_Capability) {
	for t := mesospb.AgentInfo_Capability_MULTI_ROLE; t <= mesospb.AgentInfo_Capability_TASK_RESOURCE_LIMITS; t++ {
		cs = append(cs, &mesospb.AgentInfo_Capability{Type: t.Enum()})
	}
	return cs
}()

func (a *fakeAgent) register() string {
	a.Send(a.stage.master(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Capabilities: agentCapabilities})
	m := a.Expect(testkit.Of[*controlpb.AgentRegistered]())[0].Msg.(*controlpb.AgentRegistered)
	a.info.Id = m.AgentId
	return a.id()
}

func (a *fakeAgent) id() string { return a.info.GetId().GetValue() }

func (a *fakeAgent) report() *controlpb.ReregisterAgent {
	return &controlpb.ReregisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Capabilities: agentCapabilities,
		Frameworks: a.fws, Tasks: a.tasks, Executors: a.execs}
}

func (a *fakeAgent) reregister() *controlpb.AgentReregistered {
	a.Send(a.stage.master(), a.report())
	return a.Expect(testkit.Of[*controlpb.AgentReregistered]())[0].Msg.(*controlpb.AgentReregistered)
}

// run expects an order to launch, and keeps the task as an agent would.
func (a *fakeAgent) run(id string) *controlpb.RunTask {
	run := a.Expect(testkit.Of(func(r *controlpb.RunTask) bool { return r.GetTask().GetTaskId().GetValue() == id }))[0].Msg.(*controlpb.RunTask)
	a.keep(run)
	return run
}

func (a *fakeAgent) keep(run *controlpb.RunTask) {
	t := run.GetTask()
	pb := &mesospb.Task{Name: t.Name, TaskId: t.TaskId, FrameworkId: run.GetFramework().GetId(), AgentId: t.AgentId,
		State: mesospb.TaskState_TASK_STAGING.Enum(), Resources: t.Resources}
	if t.Executor != nil {
		pb.ExecutorId = t.Executor.ExecutorId
		a.execs = append(a.execs, t.Executor)
	}
	a.tasks = append(a.tasks, pb)
	for _, f := range a.fws {
		if f.GetId().GetValue() == run.GetFramework().GetId().GetValue() {
			return
		}
	}
	a.fws = append(a.fws, run.GetFramework())
}

// update reports a state of a task, as the head of its stream.
func (a *fakeAgent) update(framework, id string, state mesospb.TaskState, uuid string) {
	a.later(framework, id, state, state, uuid)
}

// later reports a state of a task while the newest one is another.
func (a *fakeAgent) later(framework, id string, state, latest mesospb.TaskState, uuid string) {
	for _, t := range a.tasks {
		if t.GetTaskId().GetValue() == id {
			t.State, t.StatusUpdateState, t.StatusUpdateUuid = latest.Enum(), state.Enum(), sixteen(uuid)
		}
	}
	a.Send(a.stage.master(), &controlpb.StatusUpdate{FrameworkId: fid(framework), AgentId: a.info.Id,
		ExecutorId: &mesospb.ExecutorID{Value: proto.String(id)}, LatestState: latest.Enum(),
		Status: &mesospb.TaskStatus{TaskId: tid(id), State: state.Enum(), Uuid: sixteen(uuid),
			Source: mesospb.TaskStatus_SOURCE_EXECUTOR.Enum(), Timestamp: proto.Float64(1)}})
}

func sixteen(text string) []byte {
	return append(make([]byte, 0, 16), fmt.Sprintf("%-16s", text)[:16]...)
}

func fid(id string) *mesospb.FrameworkID { return &mesospb.FrameworkID{Value: proto.String(id)} }
func tid(id string) *mesospb.TaskID      { return &mesospb.TaskID{Value: proto.String(id)} }
func aid(id string) *mesospb.AgentID     { return &mesospb.AgentID{Value: proto.String(id)} }

// fakeScheduler is a framework's scheduler that a test speaks for.
type fakeScheduler struct {
	*testkit.Probe
	stage *stage
	node  *testkit.Node
	info  *mesospb.FrameworkInfo
	id    string
}

type shape func(*mesospb.FrameworkInfo)

func capable(types ...mesospb.FrameworkInfo_Capability_Type) shape {
	return func(info *mesospb.FrameworkInfo) {
		for _, t := range types {
			info.Capabilities = append(info.Capabilities, &mesospb.FrameworkInfo_Capability{Type: t.Enum()})
		}
	}
}

func aware(info *mesospb.FrameworkInfo) {
	capable(mesospb.FrameworkInfo_Capability_PARTITION_AWARE)(info)
}

func checkpointing(info *mesospb.FrameworkInfo) { info.Checkpoint = proto.Bool(true) }

func patient(d time.Duration) shape {
	return func(info *mesospb.FrameworkInfo) { info.FailoverTimeout = proto.Float64(d.Seconds()) }
}

// scheduler makes one that has not subscribed.
func (s *stage) scheduler(name string, shapes ...shape) *fakeScheduler {
	f := &fakeScheduler{stage: s, node: s.World.Node(name), info: &mesospb.FrameworkInfo{User: proto.String("nobody"), Name: proto.String(name)}}
	for _, change := range shapes {
		change(f.info)
	}
	f.Probe = f.node.Probe("scheduler(1)")
	return f
}

// framework makes a scheduler that is subscribed.
func (s *stage) framework(name string, shapes ...shape) *fakeScheduler {
	f := s.scheduler(name, shapes...)
	f.subscribe()
	return f
}

func (f *fakeScheduler) subscribeCall() *schedulerpb.Call {
	return &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), FrameworkId: f.info.Id,
		Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: f.info}}
}

func (f *fakeScheduler) subscribe() *schedulerpb.Event_Subscribed {
	f.Send(f.stage.master(), f.subscribeCall())
	e := f.Expect(event(schedulerpb.Event_SUBSCRIBED))[0].Msg.(*schedulerpb.Event).GetSubscribed()
	f.id, f.info.Id = e.GetFrameworkId().GetValue(), e.FrameworkId
	return e
}

func (f *fakeScheduler) call(c *schedulerpb.Call) {
	c.FrameworkId = fid(f.id)
	f.Send(f.stage.master(), c)
}

// event fits events of a type.
func event(t schedulerpb.Event_Type) testkit.Pattern {
	return testkit.Of(func(e *schedulerpb.Event) bool { return e.GetType() == t }).Named(t.String())
}

// offers waits for n offers, however they are bundled.
func (f *fakeScheduler) offers(n int) (offers []*mesospb.Offer) {
	for len(offers) < n {
		offers = append(offers, f.Expect(event(schedulerpb.Event_OFFERS))[0].Msg.(*schedulerpb.Event).GetOffers().GetOffers()...)
	}
	return offers
}

func (f *fakeScheduler) offer() *mesospb.Offer { return f.offers(1)[0] }

// updated expects an update of a task with a state and returns it.
func (f *fakeScheduler) updated(id string, state mesospb.TaskState) *mesospb.TaskStatus {
	return f.Expect(update(id, state))[0].Msg.(*schedulerpb.Event).GetUpdate().GetStatus()
}

func update(id string, state mesospb.TaskState) testkit.Pattern {
	return testkit.That(fmt.Sprintf("%s of %s", state, id), func(e *schedulerpb.Event) error {
		s := e.GetUpdate().GetStatus()
		if e.GetType() != schedulerpb.Event_UPDATE || s.GetTaskId().GetValue() != id {
			return errors.New("another event")
		}
		if s.GetState() != state {
			return fmt.Errorf("the state is %s (%s)", s.GetState(), s.GetMessage())
		}
		return nil
	})
}

func command(id string, o *mesospb.Offer, text string) *mesospb.TaskInfo {
	rs, err := resources.Parse(text)
	if err != nil {
		panic(err)
	}
	return &mesospb.TaskInfo{Name: proto.String(id), TaskId: tid(id), AgentId: o.AgentId, Resources: rs.Proto(),
		Command: &mesospb.CommandInfo{Value: proto.String("sleep 1000")}}
}

func (f *fakeScheduler) accept(offers []*mesospb.Offer, refuse float64, tasks ...*mesospb.TaskInfo) {
	c := &schedulerpb.Call_Accept{Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(refuse)}}
	for _, o := range offers {
		c.OfferIds = append(c.OfferIds, o.Id)
	}
	if len(tasks) > 0 {
		c.Operations = []*mesospb.Offer_Operation{{Type: mesospb.Offer_Operation_LAUNCH.Enum(),
			Launch: &mesospb.Offer_Operation_Launch{TaskInfos: tasks}}}
	}
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: c})
}

func (f *fakeScheduler) launch(o *mesospb.Offer, tasks ...*mesospb.TaskInfo) {
	f.accept([]*mesospb.Offer{o}, 1e6, tasks...)
}

func (f *fakeScheduler) acknowledge(a *fakeAgent, id, uuid string) {
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{
		AgentId: a.info.Id, TaskId: tid(id), Uuid: sixteen(uuid)}})
}

func (f *fakeScheduler) kill(id string, agent *mesospb.AgentID) {
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), Kill: &schedulerpb.Call_Kill{TaskId: tid(id), AgentId: agent}})
}

// reconcile asks for tasks as pairs of id and agent; an empty agent is none.
func (f *fakeScheduler) reconcile(pairs ...string) {
	r := &schedulerpb.Call_Reconcile{}
	for i := 0; i < len(pairs); i += 2 {
		q := &schedulerpb.Call_Reconcile_Task{TaskId: tid(pairs[i])}
		if pairs[i+1] != "" {
			q.AgentId = aid(pairs[i+1])
		}
		r.Tasks = append(r.Tasks, q)
	}
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: r})
}

// running launches a task on a fresh offer and reports it RUNNING, acknowledged.
func (s *stage) running(f *fakeScheduler, a *fakeAgent, id string) {
	f.launch(f.offer(), command(id, &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
	a.run(id)
	a.update(f.id, id, mesospb.TaskState_TASK_RUNNING, id)
	f.updated(id, mesospb.TaskState_TASK_RUNNING)
	f.acknowledge(a, id, id)
	a.Expect(testkit.Of[*controlpb.AcknowledgeStatus]())
}

func equal[V comparable](t *testing.T, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func amounts(t *testing.T, messages []*mesospb.Resource) string {
	t.Helper()
	rs, err := resources.FromProto(messages)
	if err != nil {
		t.Fatal(err)
	}
	return rs.Unallocate().String()
}

// fault is a write whose outcome nobody learns; each takes the registrar 100 ms.
type fault struct{}

// fail makes the next writes of the registry slow.
func (s *stage) fail(faults ...fault) {
	for range faults {
		s.store.FailApplies(memory.Fault{Err: cluster.ErrUnknownOutcome})
	}
}
