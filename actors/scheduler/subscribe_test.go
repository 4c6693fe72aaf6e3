package scheduler_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

func TestASubscriptionGivesTheFrameworkItsID(t *testing.T) {
	s := newStage(t)
	got := s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))[0].Msg.(*schedulerpb.Call)
	if got.GetFrameworkId() != nil || got.GetSubscribe().GetFrameworkInfo().GetName() != "f" {
		t.Errorf("a new framework says %v", got)
	}
	s.welcome()
	s.expect("subscribed F again=false")
	s.do(func(d *scheduler.Driver) {
		if d.ID().GetValue() != "F" || d.Framework().GetId().GetValue() != "F" || !d.Connected() || d.Master() != s.master.UPID() {
			t.Errorf("id %v, connected %v", d.ID(), d.Connected())
		}
	})
	// A second answer, to a question that was repeated meanwhile, changes nothing.
	s.welcome()
	s.expect()
	s.master.ExpectNone(30*time.Second, call(schedulerpb.Call_SUBSCRIBE))
}

// An unanswered question is asked again, after a time that grows and is never zero, however short the failover
// timeout is.
func TestSubscribeIsRetriedWithBackoff(t *testing.T) {
	s := newStage(t, func(c *scheduler.Config) { c.Framework.FailoverTimeout = proto.Float64(0) })
	var at []time.Duration
	for range 9 {
		at = append(at, s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))[0].At)
	}
	for i, most := 1, 500*time.Millisecond; i < len(at); i, most = i+1, min(2*most, 15*time.Second) {
		// Up to 50 ms are the network's.
		if gap := at[i] - at[i-1]; gap < most/2-50*time.Millisecond || gap > most+50*time.Millisecond {
			t.Errorf("attempt %d came %v after the one before, want %v to %v", i, gap, most/2, most)
		}
	}
}

func TestNoSecondSubscribeBeforeTimePasses(t *testing.T) {
	s := newStage(t, func(c *scheduler.Config) { c.Framework.FailoverTimeout = proto.Float64(0) })
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.master.ExpectNone(100*time.Millisecond, call(schedulerpb.Call_SUBSCRIBE))
}

func TestABrokenLinkIsMendedWithTheSameID(t *testing.T) {
	s := subscribed(t)
	s.Cut(s.master, s.home)
	s.Until("the framework notices", time.Minute, func() bool { return slices.Contains(s.f.heard, "disconnected") })
	s.f.heard = nil
	s.HealAll()
	again := s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))[0].Msg.(*schedulerpb.Call)
	if again.GetFrameworkId().GetValue() != "F" || again.GetSubscribe().GetFrameworkInfo().GetId().GetValue() != "F" {
		t.Errorf("it returned as %v", again)
	}
	s.welcome()
	s.expect("subscribed F again=true")
}

func TestARestartedMasterIsFoundAgain(t *testing.T) {
	s := subscribed(t)
	s.master.Node().Crash()
	s.Advance(20 * time.Second)
	s.expect("disconnected")
	s.master.Node().Restart()
	s.master = s.master.Node().Probe("master")
	s.master.ExpectWithin(20*time.Second, call(schedulerpb.Call_SUBSCRIBE))
	s.welcome()
	s.expect("subscribed F again=true")
}

func TestAMasterWithoutHeartbeatsIsLeft(t *testing.T) {
	s := subscribed(t)
	beat := &schedulerpb.Event{Type: schedulerpb.Event_HEARTBEAT.Enum()}
	for range 10 {
		s.Advance(60 * time.Second)
		s.say(beat)
	}
	s.expect()
	s.master.ExpectNone(70*time.Second, call(schedulerpb.Call_SUBSCRIBE))
	s.expect()
	s.master.ExpectWithin(10*time.Second, call(schedulerpb.Call_SUBSCRIBE))
	s.expect("disconnected")
}

func TestReconnectSubscribesAgain(t *testing.T) {
	s := subscribed(t)
	s.do((*scheduler.Driver).Reconnect)
	s.expect("disconnected")
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.welcome()
	s.expect("subscribed F again=true")
}

func TestAFrameworkWithAnIDReturnsAsItself(t *testing.T) {
	s := newStage(t, func(c *scheduler.Config) { c.Framework.Id = &mesospb.FrameworkID{Value: proto.String("F")} })
	got := s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))[0].Msg.(*schedulerpb.Call)
	if got.GetFrameworkId().GetValue() != "F" {
		t.Errorf("it subscribes as %v", got.GetFrameworkId())
	}
	s.welcome()
	s.expect("subscribed F again=false")
}

// followed is a framework that follows a detector, and two masters.
func followed(t *testing.T) (*stage, *post, *testkit.Probe) {
	detector := &post{}
	s := newStage(t, func(c *scheduler.Config) { c.Master, c.Detector = process.UPID{}, detector })
	other := s.Node("m2").Probe("master")
	s.master.ExpectNone(time.Minute)
	detector.appoint(s.master, 1)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.welcome()
	s.expect("subscribed F again=false")
	return s, detector, other
}

func TestTheLeaderIsFollowed(t *testing.T) {
	s, detector, other := followed(t)
	detector.appoint(other, 2)
	s.arrive()
	s.expect("disconnected")
	first := s.master
	s.master = other
	if got := other.Expect(call(schedulerpb.Call_SUBSCRIBE))[0].Msg.(*schedulerpb.Call); got.GetFrameworkId().GetValue() != "F" {
		t.Errorf("it comes to the second master as %v", got.GetFrameworkId())
	}
	s.welcome()
	s.expect("subscribed F again=true")

	// The old master does not know yet that it is deposed.
	first.Send(s.actor.UPID, offersEvent(offer("late", "cpus:1")))
	first.Send(s.actor.UPID, &schedulerpb.Event{Type: schedulerpb.Event_ERROR.Enum(), Error: &schedulerpb.Event_Error{Message: proto.String("old")}})
	s.arrive()
	s.expect()
}

func TestALeaderOfAnOlderEpochIsNotFollowed(t *testing.T) {
	s, detector, other := followed(t)
	detector.appoint(other, 2)
	other.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.master.Forget()
	detector.appoint(s.master, 1)
	s.master.ExpectNone(time.Minute, call(schedulerpb.Call_SUBSCRIBE))
	detector.appoint(s.master, 3)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
}

// The same master may lead again; it has forgotten who was subscribed.
func TestNobodyLeadsForAWhile(t *testing.T) {
	s, detector, _ := followed(t)
	detector.appoint(nil, 0)
	s.arrive()
	s.expect("disconnected")
	s.say(offersEvent(offer("o", "cpus:1")))
	s.expect()
	detector.appoint(s.master, 1)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.welcome()
	s.expect("subscribed F again=true")
}

func TestAFailingDetectorIsAskedAgain(t *testing.T) {
	detector := &post{}
	s := newStage(t, func(c *scheduler.Config) { c.Master, c.Detector = process.UPID{}, detector })
	s.arrive()
	ask := detector.wait
	detector.wait = nil
	ask(nil, errors.New("no answer"))
	s.arrive()
	detector.appoint(s.master, 1)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
}

// Events that came from before a disconnection, or before the answer, say how things were for another subscription.
func TestEventsOutsideOfASubscriptionAreDropped(t *testing.T) {
	s := newStage(t)
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.say(offersEvent(offer("o", "cpus:1")), running("t", "u1"))
	s.expect()
}

func TestAnErrorEndsTheFramework(t *testing.T) {
	s := subscribed(t)
	s.say(&schedulerpb.Event{Type: schedulerpb.Event_ERROR.Enum(), Error: &schedulerpb.Event_Error{Message: proto.String("Framework failed over")}},
		offersEvent(offer("o", "cpus:1")))
	s.expect("failed Framework failed over")
	s.ended()
}

func TestAnErrorIsTheAnswerToASubscription(t *testing.T) {
	var reason error
	s := newStage(t)
	s.f.failed = func(d *scheduler.Driver) { reason = d.Err() }
	s.master.Expect(call(schedulerpb.Call_SUBSCRIBE))
	s.say(&schedulerpb.Event{Type: schedulerpb.Event_ERROR.Enum(), Error: &schedulerpb.Event_Error{Message: proto.String("no such role")}})
	s.expect("failed no such role")
	if reason == nil || reason.Error() != "no such role" {
		t.Errorf("Err is %v", reason)
	}
	s.master.ExpectNone(time.Minute, call(schedulerpb.Call_SUBSCRIBE))
}

func TestBadConfigsAreRefusedWithEveryReason(t *testing.T) {
	master := process.UPID{ID: "master", Addr: "h:1"}
	for _, c := range []struct {
		name string
		c    scheduler.Config
		want []string
	}{
		{"nothing given", scheduler.Config{}, []string{"framework: missing", "master: one of Master, Masters and Detector"}},
		{"no name", scheduler.Config{Framework: &mesospb.FrameworkInfo{}, Master: master}, []string{"framework name"}},
		{"a negative timeout", scheduler.Config{Framework: &mesospb.FrameworkInfo{Name: proto.String("x"), FailoverTimeout: proto.Float64(-1)}, Master: master}, []string{"failover_timeout -1"}},
		{"two masters", scheduler.Config{Framework: info(), Master: master, Detector: &post{}}, []string{"and only one"}},
		{"masters twice", scheduler.Config{Framework: info(), Master: master, Masters: []string{"h1:5050"}}, []string{"and only one"}},
		{"a master without a port", scheduler.Config{Framework: info(), Masters: []string{"h1:5050", "h2"}}, []string{`"h2": HOST:PORT expected`}},
		{"a negative retry", scheduler.Config{Framework: info(), Master: master, Retry: -1}, []string{"cannot be negative"}},
	} {
		_, err := scheduler.New(&framework{}, c.c)
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: got %v", c.name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", c.name, err, want)
			}
		}
	}
}
