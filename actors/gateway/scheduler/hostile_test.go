package scheduler_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// neighbour is a framework that must not notice what another does.
type neighbour struct {
	*stream
	asked int
}

func (h *house) neighbour() *neighbour {
	h.t.Helper()
	return &neighbour{stream: h.subscribe(wire.JSON, framework(capable(aware)))}
}

// well asks for something and waits for the answer.
func (n *neighbour) well() {
	n.h.t.Helper()
	n.asked++
	id := fmt.Sprint("is-", n.asked)
	n.accepted(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: &schedulerpb.Call_Reconcile{
		Tasks: []*schedulerpb.Call_Reconcile_Task{{TaskId: &mesospb.TaskID{Value: &id}}}}})
	if got := n.wants(schedulerpb.Event_UPDATE).GetUpdate().GetStatus().GetTaskId().GetValue(); got != id {
		n.h.t.Errorf("the neighbour hears of %s, want %s", got, id)
	}
}

// much is a RECONCILE that is answered with n large events.
func much(n int) *schedulerpb.Call {
	r := &schedulerpb.Call_Reconcile{}
	name := string(bytes.Repeat([]byte("x"), 1<<16))
	for i := range n {
		r.Tasks = append(r.Tasks, &schedulerpb.Call_Reconcile_Task{TaskId: &mesospb.TaskID{Value: proto.String(fmt.Sprint(name, i))}})
	}
	return &schedulerpb.Call{Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: r}
}

// A scheduler that asks and never reads is cut off when its queue is full, long before anybody else notices; its
// framework is disconnected as by a broken connection, and may come back.
func TestASchedulerThatNeverReads(t *testing.T) {
	h := narrow(t, scheduler.Config{QueuedBytes: 1 << 20})
	n := h.neighbour()
	s := h.subscribe(wire.Protobuf, framework(patient))
	refused := false
	for range 200 { // some of it fits into the buffers of two kernels
		if got := s.call(much(64)); got.status != http.StatusAccepted {
			wants(t, got, http.StatusForbidden, "Framework is not subscribed")
			refused = true
			break
		}
	}
	if !refused {
		t.Fatal("the framework is never cut off")
	}
	if h.framework(s.framework).GetConnected() {
		t.Error("the framework is still connected")
	}
	n.well()
	back := h.subscribe(wire.Protobuf, framework(patient, known(s.framework)))
	back.accepted(teardown())
	// What it left unread ends with a cut, and not as if it were complete.
	for {
		if _, err := s.chunk(); err != nil {
			if errors.Is(err, errEnd) {
				t.Error("the stream that was cut looks complete")
			}
			break
		}
	}
}

// So does one whose events are many instead of large.
func TestASchedulerThatLeavesManyEventsUnread(t *testing.T) {
	h := narrow(t, scheduler.Config{QueuedEvents: 100})
	n := h.neighbour()
	s := h.subscribe(wire.JSON, framework(patient))
	s.accepted(much(256))
	h.until("the framework is disconnected", func() bool { return !h.framework(s.framework).GetConnected() })
	n.well()
}

func TestASchedulerThatVanishes(t *testing.T) {
	h := newHouse(t)
	h.agent("cpus:4;mem:1024")
	n := h.neighbour()
	offered := n.offer()
	n.accepted(&schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{
		OfferIds: []*mesospb.OfferID{offered.Id}, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(0)}}})
	t.Run("with an offer in its hands", func(t *testing.T) {
		n.accepted(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum()})
		s := h.subscribe(wire.JSON, framework())
		s.offer()
		s.leave()
		n.accepted(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		n.offer() // it is the neighbour's now
	})
	t.Run("before it is greeted", func(t *testing.T) {
		for range 20 {
			c := h.dial()
			c.send("POST", path, headers{"Content-Type", wire.MediaJSON}, []byte(hello))
			_ = c.conn.Close()
		}
	})
	t.Run("in the middle of a call", func(t *testing.T) {
		c := h.dial()
		_, err := c.conn.Write([]byte("POST " + path + " HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"))
		h.must(err)
		_ = c.conn.Close()
	})
	h.until("only the neighbour is left", func() bool { return h.master.View().Frameworks.Len() == 1 })
	h.until("and its actor alone", func() bool { return h.streams() == 1 })
	n.well()
}

// A scheduler that floods gets every answer in its turn, and takes nobody else's.
func TestASchedulerThatFloods(t *testing.T) {
	h := newHouse(t)
	n := h.neighbour()
	s := h.subscribe(wire.JSON, framework())
	revive := []byte(`{"type":"REVIVE","framework_id":{"value":"` + s.framework + `"}}`)
	var flood sync.WaitGroup
	for range 8 {
		c := h.dial()
		flood.Add(1)
		go func() {
			defer flood.Done()
			for range 200 {
				c.send("POST", path, headers{"Content-Type", wire.MediaJSON, "Mesos-Stream-Id", s.id}, revive)
			}
		}()
		flood.Add(1)
		go func() {
			defer flood.Done()
			for range 200 {
				if got := c.answered(); got.status != http.StatusAccepted {
					t.Errorf("answered %d %s", got.status, got.body)
				}
			}
		}()
	}
	for range 20 {
		n.well()
	}
	flood.Wait()
	n.well()
}

// Two subscriptions of one scheduler at the same time leave one of them, and no framework besides.
func TestASchedulerThatSubscribesTwice(t *testing.T) {
	h := newHouse(t)
	n := h.neighbour()
	first := h.subscribe(wire.JSON, framework(patient))
	var streams []*stream
	for range 10 {
		streams = append(streams, h.open(wire.JSON, subscription(framework(patient, known(first.framework)))))
	}
	first.errors("Framework failed over")
	last := 0
	for _, s := range streams {
		if s.wants(schedulerpb.Event_SUBSCRIBED).GetSubscribed().GetFrameworkId().GetValue() != first.framework {
			t.Error("it became another framework")
		}
	}
	h.until("one stream is left", func() bool { return h.streams() == 2 })
	for _, s := range streams {
		if got := h.say(s.id, &schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), FrameworkId: &mesospb.FrameworkID{Value: &first.framework}}); got.status == http.StatusAccepted {
			last++
		}
	}
	if last != 1 || h.master.View().Frameworks.Len() != 2 {
		t.Errorf("%d streams may speak for it; there are %d frameworks", last, h.master.View().Frameworks.Len())
	}
	n.well()
}

// Bodies that are malformed, cut short or built to hurt are refused one by one.
func TestHostileBodies(t *testing.T) {
	h := newHouse(t)
	n := h.neighbour()
	good, err := proto.Marshal(much(2))
	h.must(err)
	for name, c := range map[string]struct {
		kind, body string
	}{
		"cut short":                        {wire.MediaProtobuf, string(good[:len(good)-3])},
		"a length beyond the end":          {wire.MediaProtobuf, "\x0a\xff\xff\xff\xff\x0f"},
		"groups in groups":                 {wire.MediaProtobuf, string(bytes.Repeat([]byte{0x0b}, 1<<20))},
		"a million empty tasks":            {wire.MediaProtobuf, string(append([]byte{0x52, 0x80, 0x89, 0x7a}, bytes.Repeat([]byte{0x0a, 0x00}, 1_000_000)...))},
		"an array of arrays":               {wire.MediaJSON, string(bytes.Repeat([]byte("["), 1<<20))},
		"a number with a million digits":   {wire.MediaJSON, `{"type":` + string(bytes.Repeat([]byte("1"), 1<<20)) + `}`},
		"a string that never ends":         {wire.MediaJSON, `{"type":"` + string(bytes.Repeat([]byte("a"), 1<<20))},
		"not UTF-8":                        {wire.MediaJSON, "{\"type\":\"SUPPRESS\",\"framework_id\":{\"value\":\"\xff\xfe\"}}"},
		"a body with a NUL":                {wire.MediaJSON, hello + "\x00"},
		"gzip that is none":                {wire.MediaJSON, "\x1f\x8b\x08\x00garbage"},
		"the event of a server":            {wire.MediaJSON, `{"type":"OFFERS","offers":{"offers":[]}}`},
		"a framework id with line breaks":  {wire.MediaJSON, `{"type":"SUPPRESS","framework_id":{"value":"a\r\nX: y"}}`},
		"a stream id of another framework": {wire.MediaJSON, `{"type":"SUPPRESS","framework_id":{"value":"other"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := h.post(headers{"Content-Type", c.kind, "Mesos-Stream-Id", n.id}, c.body)
			if got.status < 400 || got.status >= 500 || len(got.body) > 64<<10 {
				t.Errorf("answered %d, %d bytes", got.status, len(got.body))
			}
			for k := range got.header {
				if k == "X" {
					t.Error("a header was smuggled in")
				}
			}
			n.well()
		})
	}
}

// A call of a scheduler that was replaced changes nothing, whatever it is.
func TestWordsOfAReplacedScheduler(t *testing.T) {
	h := newHouse(t)
	h.agent("cpus:4;mem:1024")
	one := h.subscribe(wire.JSON, framework(patient))
	two := h.subscribe(wire.JSON, framework(patient, known(one.framework)))
	for _, c := range []*schedulerpb.Call{teardown(), {Type: schedulerpb.Call_SUPPRESS.Enum()}, launch(two.offer(), "t1")} {
		if got := one.call(c); got.status != http.StatusBadRequest {
			t.Errorf("%s: answered %d %s", c.GetType(), got.status, got.body)
		}
	}
	if f := h.framework(one.framework); !f.GetConnected() || len(f.GetOffers()) != 1 || h.master.View().Tasks.Len() != 0 {
		t.Errorf("the framework is %v", f)
	}
}
