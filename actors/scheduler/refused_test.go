package scheduler_test

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// refuse answers a call of the framework, and lets the answer arrive.
func (s *stage) refuse(class controlpb.Refused_Class, why string) {
	s.master.Send(s.actor.UPID, &controlpb.Refused{Class: class.Enum(), Message: &why})
	s.arrive()
}

// disown says that the framework is not subscribed.
func (s *stage) disown() {
	s.master.Send(s.actor.UPID, &controlpb.Refused{Class: controlpb.Refused_NOT_FOUND.Enum(),
		Message: proto.String("unknown"), Unsubscribed: proto.Bool(true)})
	s.arrive()
}

func TestARefusalIsToldInItsClass(t *testing.T) {
	s := subscribed(t)
	classes := map[controlpb.Refused_Class]error{
		controlpb.Refused_INVALID: fault.ErrInvalid, controlpb.Refused_DENIED: fault.ErrDenied,
		controlpb.Refused_NOT_FOUND: fault.ErrNotFound, controlpb.Refused_CONFLICT: fault.ErrConflict,
		controlpb.Refused_NOT_LEADER: fault.ErrNotLeader, controlpb.Refused_UNSUPPORTED: fault.ErrUnsupported,
		controlpb.Refused_UNAVAILABLE: fault.ErrUnavailable, controlpb.Refused_UNKNOWN: nil,
	}
	for class, want := range classes {
		s.refuse(class, "that cannot be")
		s.expect("refused that cannot be")
		err := s.f.refusals[len(s.f.refusals)-1]
		for _, known := range classes {
			if known != nil && errors.Is(err, known) != (known == want) {
				t.Errorf("%v is %v: %t", class, known, errors.Is(err, known))
			}
		}
	}
	s.master.ExpectNone(30*time.Second, call(schedulerpb.Call_SUBSCRIBE))
}

func TestWhoCannotHearARefusalGoesOn(t *testing.T) {
	s := subscribed(t)
	p := &plain{}
	actor, err := scheduler.Spawn(s.home.Runtime(), "plain", p, scheduler.Config{Framework: info(), Master: s.master.UPID()})
	if err != nil {
		t.Fatal(err)
	}
	s.actor = actor
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.welcome()
	s.refuse(controlpb.Refused_INVALID, "no")
	s.say(running("t", "u1"))
	if p.updates != 1 {
		t.Errorf("it heard of %d updates", p.updates)
	}
}

// A master that does not know the framework is joined again; what it says of earlier calls meanwhile is no news.
func TestADisownedFrameworkSubscribesAgain(t *testing.T) {
	s := subscribed(t)
	s.disown()
	s.expect("disconnected")
	got := s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))[0].Msg.(*schedulerpb.Call)
	if got.GetFrameworkId().GetValue() != "F" {
		t.Errorf("it returned as %v", got)
	}
	s.disown()
	s.expect()
	s.welcome()
	s.expect("subscribed F again=true")

	// Once: a master that greets and disowns in one breath is not asked in a circle, and somebody should know.
	s.master.Forget()
	s.disown()
	s.expect("refused unknown")
	s.master.ExpectNone(10*time.Second, call(schedulerpb.Call_SUBSCRIBE))
	s.Advance(10 * time.Second)
	s.disown()
	s.expect("disconnected")
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
}

func TestOnlyTheMasterCanRefuse(t *testing.T) {
	s := subscribed(t)
	stranger := s.Node("x").Probe("master")
	stranger.Send(s.actor.UPID, &controlpb.Refused{Class: controlpb.Refused_DENIED.Enum(), Message: proto.String("no"), Unsubscribed: proto.Bool(true)})
	s.arrive()
	s.expect()
}

func TestNothingIsToldAfterStop(t *testing.T) {
	s := subscribed(t)
	process.Dispatch(s.actor, (*scheduler.Driver).Stop)
	s.refuse(controlpb.Refused_INVALID, "no")
	s.expect()
	s.ended()
}

// The real master's refusals reach the author. An answer to an inverse offer that is over is none: it was only late.
func TestTheMasterRefuses(t *testing.T) {
	c := newTroupe(t)
	c.heard("subscribed")
	before := c.said(schedulerpb.Call_SUBSCRIBE)
	c.do(func(d *scheduler.Driver) { d.DeclineInverseOffers(nil, &mesospb.OfferID{Value: proto.String("i")}) })
	if c.said(schedulerpb.Call_DECLINE_INVERSE_OFFERS) != 1 || len(c.f.refusals) != 0 {
		t.Errorf("a late answer is refused: %v", c.f.refusals)
	}
	c.do(func(d *scheduler.Driver) { d.Revive("nobody's") })
	c.do(func(d *scheduler.Driver) { d.Suppress("nobody's") })
	if n := len(c.f.refusals); n != 2 {
		t.Fatalf("%d calls were refused: %v", n, c.f.refusals)
	}
	for i, err := range c.f.refusals {
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("call %d: %v, which is not %v", i, err, fault.ErrInvalid)
		}
	}
	if c.said(schedulerpb.Call_SUBSCRIBE) != before {
		t.Error("it subscribed again")
	}
}
