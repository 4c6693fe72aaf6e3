package master_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
)

func machine(host, ip string) *mesospb.MachineID {
	return &mesospb.MachineID{Hostname: proto.String(host), Ip: proto.String(ip)}
}

// window is one with a start in nanoseconds.
func window(start int64, ids ...*mesospb.MachineID) *maintenancepb.Window {
	return &maintenancepb.Window{MachineIds: ids, Unavailability: &mesospb.Unavailability{Start: &mesospb.TimeInfo{Nanoseconds: proto.Int64(start)}}}
}

func scheduleCall(windows ...*maintenancepb.Window) *masterpb.Call {
	return &masterpb.Call{Type: masterpb.Call_UPDATE_MAINTENANCE_SCHEDULE.Enum(), UpdateMaintenanceSchedule: &masterpb.Call_UpdateMaintenanceSchedule{
		Schedule: &maintenancepb.Schedule{Windows: windows}}}
}

func downCall(ids ...*mesospb.MachineID) *masterpb.Call {
	return &masterpb.Call{Type: masterpb.Call_START_MAINTENANCE.Enum(), StartMaintenance: &masterpb.Call_StartMaintenance{Machines: ids}}
}

func upCall(ids ...*mesospb.MachineID) *masterpb.Call {
	return &masterpb.Call{Type: masterpb.Call_STOP_MAINTENANCE.Enum(), StopMaintenance: &masterpb.Call_StopMaintenance{Machines: ids}}
}

// maintained is what GET_MAINTENANCE_STATUS says in one line: machines that drain with the answers, and those down.
func (s *stage) maintained() string {
	var list []string
	status := s.ask(masterpb.Call_GET_MAINTENANCE_STATUS).GetGetMaintenanceStatus().GetStatus()
	for _, m := range status.GetDrainingMachines() {
		line := m.GetId().GetHostname()
		for _, a := range m.GetStatuses() {
			line += "," + a.GetStatus().String()
		}
		list = append(list, line)
	}
	for _, id := range status.GetDownMachines() {
		list = append(list, id.GetHostname()+" down")
	}
	return strings.Join(list, " ")
}

func (s *stage) windows() int {
	return len(s.ask(masterpb.Call_GET_MAINTENANCE_SCHEDULE).GetGetMaintenanceSchedule().GetSchedule().GetWindows())
}

// placed is an agent with an address as machines have one.
func (s *stage) placed(name, ip, text string) *fakeAgent {
	rs, err := resources.Parse(text)
	if err != nil {
		s.Fail("%v", err)
	}
	a := &fakeAgent{stage: s, node: s.World.Node(name, testkit.Address(ip+":5051")), info: &mesospb.AgentInfo{Hostname: proto.String(name), Resources: rs.Proto()}}
	a.Probe = a.node.Probe("slave(1)")
	a.Reply(testkit.Of[*controlpb.Ping](), func(testkit.Message) proto.Message { return &controlpb.Pong{AgentId: a.info.Id} })
	a.register()
	return a
}

const start = 4102444800000000000

func TestMaintenanceSchedule(t *testing.T) {
	s := newStage(t, nil)
	one, two := machine("one", "10.1.0.1"), machine("two", "10.1.0.2")
	equal(t, "windows", s.windows(), 0)
	s.done(t, scheduleCall(window(start, one), window(start+1, two)))
	equal(t, "windows", s.windows(), 2)
	equal(t, "status", s.maintained(), "one two")
	s.done(t, downCall(one))
	equal(t, "status", s.maintained(), "two one down")
	s.failover()
	equal(t, "windows", s.windows(), 2)
	equal(t, "status", s.maintained(), "two one down")
	refusedWith(t, s.order(scheduleCall(window(start, two))), controlpb.Refused_INVALID, "is deactivated and cannot be removed from the schedule")
	refusedWith(t, s.order(downCall(one)), controlpb.Refused_INVALID, "is not in DRAINING mode and cannot be brought down")
	refusedWith(t, s.order(upCall(two)), controlpb.Refused_INVALID, "is not in DOWN mode and cannot be brought up")
	s.done(t, scheduleCall(window(start+5, machine("ONE", "10.1.0.1")))) // names of hosts are the same in capitals
	equal(t, "status", s.maintained(), "ONE down")
	s.done(t, upCall(one))
	equal(t, "status", s.maintained(), "")
	equal(t, "windows", s.windows(), 0)
	s.done(t, scheduleCall(window(start, one)))
	s.done(t, scheduleCall())
	equal(t, "windows", s.windows(), 0)
	equal(t, "status", s.maintained(), "")
}

func TestMaintenanceRefused(t *testing.T) {
	one := machine("idle.example", "10.9.8.7")
	word := `Machine '{"hostname":"idle.example","ip":"10.9.8.7"}' `
	negative := window(start, one)
	negative.Unavailability.Duration = &mesospb.DurationInfo{Nanoseconds: proto.Int64(-1)}
	for _, c := range []struct {
		name string
		call *masterpb.Call
		says string
	}{
		{"a machine in two windows", scheduleCall(window(start, one), window(start, one)), word + "appears more than once in the schedule"},
		{"a machine twice in a window", scheduleCall(window(start, one, one)), word + "appears more than once in the schedule"},
		{"an empty window", scheduleCall(window(start)), "is empty"},
		{"a negative duration", scheduleCall(negative), "'duration' is negative"},
		{"a machine without a name", scheduleCall(window(start, &mesospb.MachineID{})), "Both 'hostname' and 'ip' for a machine are empty"},
		{"an empty name", scheduleCall(window(start, &mesospb.MachineID{Hostname: proto.String("")})), "Both 'hostname' and 'ip' for a machine are empty"},
		{"an address that is none", scheduleCall(window(start, machine("h", "x"))), "'ip'"},
		{"down: not scheduled", downCall(one), word + "is not part of a maintenance schedule"},
		{"up: not scheduled", upCall(one), word + "is not part of a maintenance schedule"},
		{"down: nobody", downCall(), "List of machines is empty"},
		{"down: twice", downCall(one, one), "appears more than once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			refusedWith(t, s.order(c.call), controlpb.Refused_INVALID, c.says)
			equal(t, "windows", s.windows(), 0)
		})
	}
}

// Offers of a machine that will go say when, and those that are out are taken back and made anew.
func TestUnavailability(t *testing.T) {
	s := newStage(t, nil)
	s.placed("a1", "10.1.0.1", "cpus:2;mem:1024")
	f := s.framework("f1")
	if o := f.offer(); o.GetUnavailability() != nil {
		t.Errorf("the offer is %v", o)
	}
	s.done(t, scheduleCall(window(start, machine("a1", "10.1.0.1"))))
	f.Expect(event(schedulerpb.Event_RESCIND))
	equal(t, "the start", f.offer().GetUnavailability().GetStart().GetNanoseconds(), int64(start))
	s.done(t, scheduleCall())
	f.Expect(event(schedulerpb.Event_RESCIND))
	if o := f.offer(); o.GetUnavailability() != nil {
		t.Errorf("the offer is %v", o)
	}
}

func TestInverseOffers(t *testing.T) {
	s := newStage(t, nil)
	a := s.placed("a1", "10.1.0.1", "cpus:2;mem:1024")
	f := s.framework("f1", aware)
	s.running(f, a, "t1")
	s.done(t, scheduleCall(window(start, machine("a1", "10.1.0.1"))))
	asked := func(f *fakeScheduler) *mesospb.InverseOffer {
		return f.Expect(event(schedulerpb.Event_INVERSE_OFFERS))[0].Msg.(*schedulerpb.Event).GetInverseOffers().GetInverseOffers()[0]
	}
	o := asked(f)
	if o.GetAgentId().GetValue() != a.id() || o.GetUnavailability().GetStart().GetNanoseconds() != start || o.GetUrl().GetAddress().GetPort() != 5051 ||
		o.GetFrameworkId().GetValue() != f.id || len(o.GetResources()) != 0 {
		t.Errorf("the inverse offer is %v", o)
	}
	f.ExpectNone(time.Minute, event(schedulerpb.Event_INVERSE_OFFERS))
	answer := func(c *schedulerpb.Call) { f.call(c); s.Advance(100 * time.Millisecond) }
	accept := &schedulerpb.Call{Type: schedulerpb.Call_ACCEPT_INVERSE_OFFERS.Enum(), AcceptInverseOffers: &schedulerpb.Call_AcceptInverseOffers{
		InverseOfferIds: []*mesospb.OfferID{o.Id, {Value: proto.String("nosuch")}}}}
	answer(accept)
	equal(t, "status", s.maintained(), "a1,ACCEPT")
	// Five seconds pass before it is asked again, unless it asks for more.
	f.ExpectNone(4*time.Second, event(schedulerpb.Event_INVERSE_OFFERS))
	o = asked(f)
	answer(&schedulerpb.Call{Type: schedulerpb.Call_DECLINE_INVERSE_OFFERS.Enum(), DeclineInverseOffers: &schedulerpb.Call_DeclineInverseOffers{
		InverseOfferIds: []*mesospb.OfferID{o.Id}, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(600)}}})
	equal(t, "status", s.maintained(), "a1,DECLINE")
	f.ExpectNone(9*time.Minute, event(schedulerpb.Event_INVERSE_OFFERS))
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	asked(f)
	f.accept([]*mesospb.Offer{f.offer()}, 1e6) // nothing: others may have it
	// Somebody who comes later is asked too, and a new schedule asks everybody anew.
	g := s.framework("f2")
	asked(g)
	s.done(t, scheduleCall(window(start+1, machine("a1", "10.1.0.1"))))
	equal(t, "status", s.maintained(), "a1")
	f.Expect(event(schedulerpb.Event_RESCIND_INVERSE_OFFER))
	g.Expect(event(schedulerpb.Event_RESCIND_INVERSE_OFFER))
	asked(f)
	s.done(t, scheduleCall())
	f.Expect(event(schedulerpb.Event_RESCIND_INVERSE_OFFER))
	f.ExpectNone(time.Minute, event(schedulerpb.Event_INVERSE_OFFERS))
}

// An inverse offer belongs to whom it was made.
func TestInverseOfferOfAnother(t *testing.T) {
	s := newStage(t, nil)
	a := s.placed("a1", "10.1.0.1", "cpus:2;mem:1024")
	f, g := s.framework("f1", aware), s.scheduler("f2")
	s.running(f, a, "t1")
	s.done(t, scheduleCall(window(start, machine("a1", "10.1.0.1"))))
	o := f.Expect(event(schedulerpb.Event_INVERSE_OFFERS))[0].Msg.(*schedulerpb.Event).GetInverseOffers().GetInverseOffers()[0]
	g.subscribe()
	g.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT_INVERSE_OFFERS.Enum(), AcceptInverseOffers: &schedulerpb.Call_AcceptInverseOffers{
		InverseOfferIds: []*mesospb.OfferID{o.Id}}})
	s.Advance(time.Second)
	equal(t, "status", s.maintained(), "a1")
}

func TestMachineDown(t *testing.T) {
	s := newStage(t, nil)
	a, other := s.placed("a1", "10.1.0.1", "cpus:2;mem:1024"), s.placed("a2", "10.1.0.2", "cpus:1;mem:512")
	f := s.framework("f1", aware, patient(time.Hour))
	for _, o := range f.offers(2) {
		on := map[string]*fakeAgent{a.id(): a, other.id(): other}[o.GetAgentId().GetValue()]
		id := "t-" + on.info.GetHostname()
		f.launch(o, command(id, o, "cpus:1;mem:64"))
		on.run(id)
	}
	one := machine("a1", "10.1.0.1")
	s.done(t, scheduleCall(window(start, one)))
	refusedWith(t, s.order(drainCall(a.id(), false)), controlpb.Refused_INVALID,
		fmt.Sprintf("Agent %s is part of a maintenance schedule under Machine a1 (10.1.0.1)", a.id()))
	s.done(t, downCall(one))
	a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
	equal(t, "the reason", f.updated("t-a1", mesospb.TaskState_TASK_LOST).GetReason(), mesospb.TaskStatus_REASON_AGENT_REMOVED)
	f.ExpectNone(time.Second, event(schedulerpb.Event_UPDATE))
	equal(t, "agents", len(s.ask(masterpb.Call_GET_AGENTS).GetGetAgents().GetAgents()), 1)
	// While the machine is down nobody comes in from there, by its old name or a new one; not after a failover either.
	for range 2 {
		a.Send(s.master(), a.report())
		a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
		a.Send(s.master(), &controlpb.RegisterAgent{Agent: &mesospb.AgentInfo{Hostname: proto.String("a1")}, Version: proto.String("0.1.0")})
		a.Expect(testkit.Of[*controlpb.ShutdownAgent]())
		s.failover()
	}
	s.done(t, upCall(one))
	a.info.Id = nil
	a.register()
}
