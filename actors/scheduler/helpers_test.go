package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
)

// stage is a framework in front of a master that the test plays.
type stage struct {
	*testkit.World
	t      *testing.T
	master *testkit.Probe
	home   *testkit.Node // of the framework
	actor  process.Ref[*scheduler.Driver]
	f      *framework
}

// framework writes down what it is told, and does what the test says.
type framework struct {
	heard    []string
	offers   func(*scheduler.Driver, []*mesospb.Offer)
	update   func(*scheduler.Driver, *mesospb.TaskStatus)
	failed   func(*scheduler.Driver)
	gone     func(*scheduler.Driver) // Disconnected
	statuses []*mesospb.TaskStatus
	refusals []error
}

func (f *framework) note(format string, args ...any) {
	f.heard = append(f.heard, fmt.Sprintf(format, args...))
}

func (f *framework) Offers(d *scheduler.Driver, offers []*mesospb.Offer) {
	for _, o := range offers {
		f.note("offer %s", o.GetId().GetValue())
	}
	if f.offers != nil {
		f.offers(d, offers)
	}
}

func (f *framework) Update(d *scheduler.Driver, s *mesospb.TaskStatus) {
	f.note("%s %s", s.GetTaskId().GetValue(), s.GetState())
	f.statuses = append(f.statuses, s)
	if f.update != nil {
		f.update(d, s)
	}
}

func (f *framework) Subscribed(_ *scheduler.Driver, s scheduler.Subscription) {
	f.note("subscribed %s again=%v", s.FrameworkID.GetValue(), s.Again)
}

func (f *framework) Disconnected(d *scheduler.Driver) {
	f.note("disconnected")
	if f.gone != nil {
		f.gone(d)
	}
}

func (f *framework) Rescinded(_ *scheduler.Driver, o *mesospb.OfferID) {
	f.note("rescinded %s", o.GetValue())
}

func (f *framework) Message(_ *scheduler.Driver, a *mesospb.AgentID, e *mesospb.ExecutorID, data []byte) {
	f.note("message %s %s %s", a.GetValue(), e.GetValue(), data)
}

func (f *framework) AgentLost(_ *scheduler.Driver, a *mesospb.AgentID) {
	f.note("lost agent %s", a.GetValue())
}

func (f *framework) ExecutorLost(_ *scheduler.Driver, a *mesospb.AgentID, e *mesospb.ExecutorID, status int) {
	f.note("lost executor %s %s %d", a.GetValue(), e.GetValue(), status)
}

func (f *framework) Failed(d *scheduler.Driver, reason string) {
	f.note("failed %s", reason)
	if f.failed != nil {
		f.failed(d)
	}
}

func (f *framework) Refused(_ *scheduler.Driver, err error) {
	f.note("refused %v", err)
	f.refusals = append(f.refusals, err)
}

func (f *framework) OperationUpdated(_ *scheduler.Driver, s *mesospb.OperationStatus) {
	f.note("operation %s %s", s.GetOperationId().GetValue(), s.GetState())
}

// info describes the framework of most tests.
func info() *mesospb.FrameworkInfo {
	return &mesospb.FrameworkInfo{Name: proto.String("f"), User: proto.String("u")}
}

// newStage makes a framework that seeks the probe, which does not answer yet.
func newStage(t *testing.T, change ...func(*scheduler.Config)) *stage {
	w := testkit.NewWorld(t)
	s := &stage{World: w, t: t, home: w.Node("f"), f: &framework{}}
	s.master = w.Node("m").Probe("master")
	c := scheduler.Config{Framework: info(), Master: s.master.UPID()}
	for _, f := range change {
		f(&c)
	}
	var err error
	if s.actor, err = scheduler.Spawn(s.home.Runtime(), "f", s.f, c); err != nil {
		t.Fatal(err)
	}
	return s
}

// subscribed is newStage, and the master has answered.
func subscribed(t *testing.T, change ...func(*scheduler.Config)) *stage {
	s := newStage(t, change...)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.welcome()
	s.expect("subscribed F again=false")
	return s
}

// welcome answers a SUBSCRIBE.
func (s *stage) welcome() {
	s.say(&schedulerpb.Event{Type: schedulerpb.Event_SUBSCRIBED.Enum(), Subscribed: &schedulerpb.Event_Subscribed{
		FrameworkId: &mesospb.FrameworkID{Value: proto.String("F")}, HeartbeatIntervalSeconds: proto.Float64(15),
		MasterInfo: &mesospb.MasterInfo{Id: proto.String("M"), Ip: proto.Uint32(0), Port: proto.Uint32(5050)},
	}})
}

// say sends an event from the master, and lets it arrive.
func (s *stage) say(events ...*schedulerpb.Event) {
	for _, e := range events {
		s.master.Send(s.actor.UPID, e)
	}
	s.arrive()
}

// arrive lets a second pass, which is longer than any message is on its way.
func (s *stage) arrive() { s.Advance(time.Second) }

// do runs f on the framework's actor.
func (s *stage) do(f func(*scheduler.Driver)) {
	process.Dispatch(s.actor, f)
	s.arrive()
}

// expect checks what the framework has heard since the last time.
func (s *stage) expect(want ...string) {
	s.t.Helper()
	if fmt.Sprint(s.f.heard) != fmt.Sprint(want) {
		s.t.Fatalf("the framework heard %q, want %q", s.f.heard, want)
	}
	s.f.heard = nil
}

// ended checks that the framework's actor is gone.
func (s *stage) ended() {
	s.t.Helper()
	p := s.Node("undertaker").Probe("p")
	p.Link(s.actor.UPID)
	p.ExpectExit(s.actor.UPID)
}

// call fits calls of a type for which all conditions hold.
func call(kind schedulerpb.Call_Type, conditions ...func(*schedulerpb.Call) bool) testkit.Pattern {
	all := append([]func(*schedulerpb.Call) bool{func(c *schedulerpb.Call) bool { return c.GetType() == kind }}, conditions...)
	return testkit.Of(all...).Named(kind.String())
}

func running(task, uuid string) *schedulerpb.Event {
	return update(task, mesospb.TaskState_TASK_RUNNING, uuid, "A")
}

// update is an event; without an agent or a uuid if they are empty.
func update(task string, state mesospb.TaskState, uuid, agent string) *schedulerpb.Event {
	s := &mesospb.TaskStatus{TaskId: &mesospb.TaskID{Value: &task}, State: state.Enum()}
	if uuid != "" {
		s.Uuid = []byte(uuid)
	}
	if agent != "" {
		s.AgentId = &mesospb.AgentID{Value: &agent}
	}
	return &schedulerpb.Event{Type: schedulerpb.Event_UPDATE.Enum(), Update: &schedulerpb.Event_Update{Status: s}}
}

func offer(id, has string) *mesospb.Offer {
	r, err := resources.Parse(has)
	if err != nil {
		panic(err)
	}
	return &mesospb.Offer{
		Id: &mesospb.OfferID{Value: &id}, FrameworkId: &mesospb.FrameworkID{Value: proto.String("F")},
		AgentId: &mesospb.AgentID{Value: proto.String("A")}, Hostname: proto.String("a.example"),
		AllocationInfo: &mesospb.Resource_AllocationInfo{Role: proto.String("r")}, Resources: r.Allocate("r").Proto(),
	}
}

func offersEvent(offers ...*mesospb.Offer) *schedulerpb.Event {
	return &schedulerpb.Event{Type: schedulerpb.Event_OFFERS.Enum(), Offers: &schedulerpb.Event_Offers{Offers: offers}}
}

func small(t testing.TB) resources.Resources {
	r, err := resources.Parse("cpus:1;mem:32")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// post is a detector that says what the test appoints.
type post struct {
	leader *cluster.Leader
	wait   func(*cluster.Leader, error)
	asked  *cluster.Leader
}

func (p *post) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) func() {
	p.asked, p.wait = previous, done
	p.tell()
	return func() { p.wait = nil }
}

func (p *post) tell() {
	if p.wait != nil && !p.leader.Same(p.asked) {
		done := p.wait
		p.wait = nil
		done(p.leader, nil)
	}
}

// appoint makes a process the leader; nil for nobody.
func (p *post) appoint(who *testkit.Probe, epoch uint64) {
	p.leader = nil
	if who != nil {
		p.leader = &cluster.Leader{UPID: who.UPID().String(), Epoch: epoch}
	}
	p.tell()
}
