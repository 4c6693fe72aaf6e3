package master_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	faults "github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/ratelimits"
)

func paced(file string) func(*master.Config) { return func(c *master.Config) { c.RateLimits = file } }

// heard is how much of a principal was received and processed.
func (s *stage) heard(principal string) (received, processed float64) {
	all := s.client.View().Metrics.Snapshot()
	return all["frameworks/"+principal+"/messages_received"], all["frameworks/"+principal+"/messages_processed"]
}

func (f *fakeScheduler) revive() {
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
}

func (s *stage) expectHeard(t *testing.T, principal string, received, processed float64) {
	t.Helper()
	if r, p := s.heard(principal); r != received || p != processed {
		t.Errorf("%s: %v received and %v processed, want %v and %v", principal, r, p, received, processed)
	}
}

func TestRateLimits(t *testing.T) {
	const slow = `{"limits": [{"principal": "slow", "qps": 1, "capacity": 2}, {"principal": "free"}]}`
	t.Run("without limits nothing waits", func(t *testing.T) {
		s := newStage(t, nil)
		f := s.framework("f", known("slow"))
		for range 20 {
			f.revive()
		}
		s.Advance(50 * time.Millisecond)
		s.expectHeard(t, "slow", 20, 20)
	})
	t.Run("one call in each interval", func(t *testing.T) {
		s := newStage(t, paced(slow))
		f := s.framework("f", known("slow"))
		f.revive()
		f.revive()
		f.revive()
		s.Advance(100 * time.Millisecond)
		s.expectHeard(t, "slow", 3, 1)
		s.Advance(time.Second)
		s.expectHeard(t, "slow", 3, 2)
		s.Advance(time.Second)
		s.expectHeard(t, "slow", 3, 3)
	})
	t.Run("one's limit is not another's", func(t *testing.T) {
		s := newStage(t, paced(`{"limits": [{"principal": "slow", "qps": 1}, {"principal": "fast", "qps": 1000}], "aggregate_default_qps": 1}`))
		for _, name := range []string{"slow", "fast", "other", "another"} {
			f := s.framework(name, known(name))
			for range 3 {
				f.revive()
			}
		}
		s.Advance(100 * time.Millisecond)
		s.expectHeard(t, "slow", 3, 1)
		s.expectHeard(t, "fast", 3, 3)
		s.expectHeard(t, "other", 3, 1)
		s.expectHeard(t, "another", 3, 0) // it shares the limit with the other
		s.Advance(2 * time.Second)
		s.expectHeard(t, "other", 3, 3)
		s.expectHeard(t, "another", 3, 0)
		s.Advance(3 * time.Second)
		s.expectHeard(t, "another", 3, 3)
	})
	t.Run("frameworks of one principal share its limit", func(t *testing.T) {
		s := newStage(t, paced(slow))
		f, g := s.framework("f", known("slow")), s.framework("g", known("slow"))
		f.revive()
		g.revive()
		s.Advance(100 * time.Millisecond)
		s.expectHeard(t, "slow", 2, 1)
		s.Advance(time.Second)
		s.expectHeard(t, "slow", 2, 2)
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		s.Advance(time.Second)
		s.expectHeard(t, "slow", 3, 3) // it is counted as long as one is left
		g.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		s.Advance(2 * time.Second)
		if _, there := s.client.View().Metrics.Snapshot()["frameworks/slow/messages_received"]; there {
			t.Error("a principal without frameworks is still counted")
		}
	})
	t.Run("a scheduler that takes over gets no second helping", func(t *testing.T) {
		s := newStage(t, paced(slow))
		f := s.framework("f", known("slow"), patient(time.Hour))
		f.revive()
		s.Advance(time.Millisecond) // what is still on its way when it is replaced is nobody's
		g := s.scheduler("g", known("slow"), patient(time.Hour))
		g.info.Id = f.info.Id
		g.subscribe()
		g.revive()
		s.Advance(100 * time.Millisecond)
		s.expectHeard(t, "slow", 2, 1)
		s.Advance(time.Second)
		s.expectHeard(t, "slow", 2, 2)
	})
	t.Run("what is too much ends a driver, and takes nothing from others", func(t *testing.T) {
		s := newStage(t, paced(slow))
		f, g := s.framework("f", known("slow")), s.framework("g", known("free"))
		for range 4 { // one is obeyed, two wait
			f.revive()
		}
		e := f.Expect(event(schedulerpb.Event_ERROR))[0].Msg.(*schedulerpb.Event)
		equal(t, "what it is told", e.GetError().GetMessage(), "Message REVIVE dropped: capacity(2) exceeded")
		for range 100 {
			g.revive()
		}
		s.Advance(100 * time.Millisecond)
		s.expectHeard(t, "free", 100, 100)
	})
	t.Run("over HTTP it is a call that failed", func(t *testing.T) {
		s := newStage(t, paced(slow))
		p := s.Probe("connection")
		who := authorization.Subject{Principal: "slow"}
		if _, err := settled(s, s.client.Say(p.UPID(), who, subscribe(""))); err != nil {
			t.Fatal(err)
		}
		c := &schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()}
		for _, f := range s.client.View().Frameworks.All() {
			c.FrameworkId = f.GetFrameworkInfo().GetId()
		}
		var said []process.Future[struct{}]
		for range 4 {
			said = append(said, s.client.Say(p.UPID(), who, c))
		}
		for i, one := range said {
			_, err := settled(s, one)
			if (i < 3) != (err == nil) || i == 3 && (web.Status(err) != 429 || !errors.Is(err, faults.ErrUnavailable)) {
				t.Errorf("call %d: %v", i, err)
			}
		}
		p.ExpectNone(5*time.Second, event(schedulerpb.Event_ERROR))
		s.expectHeard(t, "slow", 4, 3)
		if _, err := settled(s, s.client.Say(p.UPID(), who, c)); err != nil {
			t.Error(err) // it recovers
		}
	})
	t.Run("a call waits for its turn with a framework that is gone", func(t *testing.T) {
		s := newStage(t, paced(slow))
		f := s.framework("f", known("slow"), patient(time.Hour))
		f.revive()
		f.revive()
		s.Advance(100 * time.Millisecond)
		f.node.Crash()
		s.Advance(5 * time.Second)
		s.expectHeard(t, "slow", 2, 2)
	})
	t.Run("new limits hold at once", func(t *testing.T) {
		s := newStage(t, paced(slow))
		f := s.framework("f", known("slow"))
		for range 3 {
			f.revive()
		}
		s.Advance(100 * time.Millisecond)
		s.expectHeard(t, "slow", 3, 1)
		for i, file := range []string{`{}`, slow} {
			l, err := ratelimits.Parse([]byte(file))
			if err != nil {
				t.Fatal(err)
			}
			s.client.LimitRates(l)
			s.Advance(100 * time.Millisecond)
			if i == 0 {
				s.expectHeard(t, "slow", 3, 3)
				for range 5 {
					f.revive()
				}
				s.Advance(100 * time.Millisecond)
				s.expectHeard(t, "slow", 8, 8)
			}
		}
		f.revive()
		f.revive()
		s.Advance(100 * time.Millisecond)
		if _, processed := s.heard("slow"); processed > 9 {
			t.Errorf("%v processed", processed)
		}
		s.client.LimitRates(nil)
		s.Advance(100 * time.Millisecond)
		s.expectHeard(t, "slow", 10, 10)
	})
	t.Run("what strangers call themselves is counted nowhere", func(t *testing.T) {
		s := newStage(t, nil)
		for i := range 3 {
			f := s.framework(fmt.Sprint("f", i))
			f.revive()
		}
		s.Advance(time.Second)
		s.expectHeard(t, "", 0, 0)
	})
}
