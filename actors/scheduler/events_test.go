package scheduler_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

func TestEventsReachTheirMethods(t *testing.T) {
	agent, executor := &mesospb.AgentID{Value: proto.String("A")}, &mesospb.ExecutorID{Value: proto.String("E")}
	for _, c := range []struct {
		name  string
		event *schedulerpb.Event
		want  string
	}{
		{"offers", offersEvent(offer("o1", "cpus:1")), "offer o1"},
		{"rescind", &schedulerpb.Event{Type: schedulerpb.Event_RESCIND.Enum(), Rescind: &schedulerpb.Event_Rescind{OfferId: &mesospb.OfferID{Value: proto.String("o1")}}}, "rescinded o1"},
		{"update", update("t", mesospb.TaskState_TASK_RUNNING, "", ""), "t TASK_RUNNING"},
		{"message", &schedulerpb.Event{Type: schedulerpb.Event_MESSAGE.Enum(), Message: &schedulerpb.Event_Message{AgentId: agent, ExecutorId: executor, Data: []byte("hi")}}, "message A E hi"},
		{"a lost executor", &schedulerpb.Event{Type: schedulerpb.Event_FAILURE.Enum(), Failure: &schedulerpb.Event_Failure{AgentId: agent, ExecutorId: executor, Status: proto.Int32(255)}}, "lost executor A E 255"},
		{"a lost executor of which nobody knows how", &schedulerpb.Event{Type: schedulerpb.Event_FAILURE.Enum(), Failure: &schedulerpb.Event_Failure{AgentId: agent, ExecutorId: executor}}, "lost executor A E -1"},
		{"a lost agent", &schedulerpb.Event{Type: schedulerpb.Event_FAILURE.Enum(), Failure: &schedulerpb.Event_Failure{AgentId: agent}}, "lost agent A"},
		{"an operation", &schedulerpb.Event{Type: schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum(), UpdateOperationStatus: &schedulerpb.Event_UpdateOperationStatus{Status: &mesospb.OperationStatus{OperationId: &mesospb.OperationID{Value: proto.String("op")}, State: mesospb.OperationState_OPERATION_FINISHED.Enum()}}}, "operation op OPERATION_FINISHED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := subscribed(t)
			s.say(c.event)
			s.expect(c.want)
		})
	}
}

func TestEventsOfTheFutureAreIgnored(t *testing.T) {
	s := subscribed(t)
	s.say(&schedulerpb.Event{}, &schedulerpb.Event{Type: schedulerpb.Event_UNKNOWN.Enum()})
	s.expect()
}

func acknowledged(uuid string) func(*schedulerpb.Call) bool {
	return func(c *schedulerpb.Call) bool {
		a := c.GetAcknowledge()
		return string(a.GetUuid()) == uuid && a.GetAgentId().GetValue() == "A" && a.GetTaskId().GetValue() == "t" && c.GetFrameworkId().GetValue() == "F"
	}
}

func TestUpdatesAreAcknowledgedIffTheyCarryAnID(t *testing.T) {
	s := subscribed(t)
	s.say(update("t", mesospb.TaskState_TASK_RUNNING, "", "A"))
	s.expect("t TASK_RUNNING")
	s.master.ExpectNone(time.Second, call(schedulerpb.Call_ACKNOWLEDGE))
	s.say(running("t", "u1"))
	s.expect("t TASK_RUNNING")
	s.master.Expect(call(schedulerpb.Call_ACKNOWLEDGE, acknowledged("u1")))
}

// The acknowledgement was lost, so the agent sends the update again: the framework does not hear it twice, the agent
// hears the acknowledgement twice.
func TestARepeatedUpdateIsToldOnce(t *testing.T) {
	s := subscribed(t)
	for range 3 {
		s.say(running("t", "u1"))
		s.master.Expect(call(schedulerpb.Call_ACKNOWLEDGE, acknowledged("u1")))
	}
	s.expect("t TASK_RUNNING")
	s.say(running("t", "u2"))
	s.expect("t TASK_RUNNING")
}

func TestExplicitAcknowledgement(t *testing.T) {
	s := subscribed(t, explicit)
	s.say(running("t", "u1"))
	s.expect("t TASK_RUNNING")
	s.master.ExpectNone(time.Minute, call(schedulerpb.Call_ACKNOWLEDGE))
	// Not done with it, so it is told again when it comes again.
	s.say(running("t", "u1"))
	s.expect("t TASK_RUNNING")
	s.do(func(d *scheduler.Driver) { d.Acknowledge(s.f.statuses[0]) })
	s.master.Expect(call(schedulerpb.Call_ACKNOWLEDGE, acknowledged("u1")))
	s.say(running("t", "u1"))
	s.expect()
	s.master.Expect(call(schedulerpb.Call_ACKNOWLEDGE, acknowledged("u1")))
}

func explicit(c *scheduler.Config) { c.ExplicitAcknowledgements = true }

// The master's own updates have no uuid, and answers to reconciliation may have no agent: nobody waits for an
// acknowledgement of them.
func TestWhatNobodyWaitsForIsNotAcknowledged(t *testing.T) {
	for name, e := range map[string]*schedulerpb.Event{
		"the master's own":    update("t", mesospb.TaskState_TASK_ERROR, "", "A"),
		"without an agent":    update("t", mesospb.TaskState_TASK_LOST, "u1", ""),
		"without either":      update("t", mesospb.TaskState_TASK_LOST, "", ""),
		"with an empty agent": {Type: schedulerpb.Event_UPDATE.Enum(), Update: &schedulerpb.Event_Update{Status: &mesospb.TaskStatus{TaskId: &mesospb.TaskID{Value: proto.String("t")}, State: mesospb.TaskState_TASK_LOST.Enum(), Uuid: []byte("u"), AgentId: &mesospb.AgentID{Value: proto.String("")}}}},
	} {
		for _, mode := range []func(*scheduler.Config){func(*scheduler.Config) {}, explicit} {
			s := subscribed(t, mode)
			s.say(e)
			s.do(func(d *scheduler.Driver) { d.Acknowledge(s.f.statuses[0]) })
			if len(s.f.statuses) != 1 {
				t.Errorf("%s: the framework heard %q", name, s.f.heard)
			}
			s.master.ExpectNone(time.Minute, call(schedulerpb.Call_ACKNOWLEDGE))
		}
	}
}

func TestNothingIsAcknowledgedAfterStop(t *testing.T) {
	for name, stop := range map[string]func(*scheduler.Driver){"stop": (*scheduler.Driver).Stop, "teardown": (*scheduler.Driver).Teardown} {
		t.Run(name, func(t *testing.T) {
			s := subscribed(t)
			s.f.update = func(d *scheduler.Driver, _ *mesospb.TaskStatus) { stop(d) }
			s.say(running("t", "u1"), running("t2", "u2"))
			s.expect("t TASK_RUNNING")
			s.master.ExpectNone(time.Minute, call(schedulerpb.Call_ACKNOWLEDGE))
			s.ended()
		})
	}
}

func TestOperationsAreAcknowledgedOnce(t *testing.T) {
	s := subscribed(t)
	e := &schedulerpb.Event{Type: schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum(), UpdateOperationStatus: &schedulerpb.Event_UpdateOperationStatus{Status: &mesospb.OperationStatus{
		OperationId: &mesospb.OperationID{Value: proto.String("op")}, State: mesospb.OperationState_OPERATION_FINISHED.Enum(),
		Uuid: &mesospb.UUID{Value: []byte("u")}, AgentId: &mesospb.AgentID{Value: proto.String("A")}}}}
	s.say(e, e)
	s.expect("operation op OPERATION_FINISHED")
	for range 2 {
		s.master.Expect(call(schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS, func(c *schedulerpb.Call) bool {
			a := c.GetAcknowledgeOperationStatus()
			return string(a.GetUuid()) == "u" && a.GetOperationId().GetValue() == "op" && a.GetAgentId().GetValue() == "A"
		}))
	}
}

type plain struct{ updates int }

func (*plain) Offers(*scheduler.Driver, []*mesospb.Offer)      {}
func (p *plain) Update(*scheduler.Driver, *mesospb.TaskStatus) { p.updates++ }

// A framework with the two required methods alone: inverse offers are declined and operations acknowledged for it.
func TestTheLibraryAnswersForThoseWhoDoNotCare(t *testing.T) {
	s := subscribed(t)
	p := &plain{}
	actor, err := scheduler.Spawn(s.home.Runtime(), "plain", p, scheduler.Config{Framework: info(), Master: s.master.UPID()})
	if err != nil {
		t.Fatal(err)
	}
	s.actor = actor
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.welcome()
	s.say(
		&schedulerpb.Event{Type: schedulerpb.Event_INVERSE_OFFERS.Enum(), InverseOffers: &schedulerpb.Event_InverseOffers{InverseOffers: []*mesospb.InverseOffer{{
			Id: &mesospb.OfferID{Value: proto.String("i")}, FrameworkId: &mesospb.FrameworkID{Value: proto.String("F")}, Unavailability: &mesospb.Unavailability{Start: &mesospb.TimeInfo{Nanoseconds: proto.Int64(1)}}}}}},
		&schedulerpb.Event{Type: schedulerpb.Event_UPDATE_OPERATION_STATUS.Enum(), UpdateOperationStatus: &schedulerpb.Event_UpdateOperationStatus{Status: &mesospb.OperationStatus{
			OperationId: &mesospb.OperationID{Value: proto.String("op")}, State: mesospb.OperationState_OPERATION_FINISHED.Enum(), Uuid: &mesospb.UUID{Value: []byte("u")}}}},
		&schedulerpb.Event{Type: schedulerpb.Event_FAILURE.Enum(), Failure: &schedulerpb.Event_Failure{AgentId: &mesospb.AgentID{Value: proto.String("A")}}},
		&schedulerpb.Event{Type: schedulerpb.Event_RESCIND.Enum(), Rescind: &schedulerpb.Event_Rescind{OfferId: &mesospb.OfferID{Value: proto.String("o")}}},
		running("t", "u1"),
	)
	s.master.Expect(call(schedulerpb.Call_DECLINE_INVERSE_OFFERS), call(schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS), call(schedulerpb.Call_ACKNOWLEDGE))
	if p.updates != 1 {
		t.Errorf("it heard of %d updates", p.updates)
	}
}
