package scheduler_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

const (
	multiRole  = mesospb.FrameworkInfo_Capability_MULTI_ROLE
	refinement = mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT
	aware      = mesospb.FrameworkInfo_Capability_PARTITION_AWARE
)

// both runs a test in both formats.
func both(t *testing.T, f func(t *testing.T, format wire.Format)) {
	for _, format := range []wire.Format{wire.JSON, wire.Protobuf} {
		t.Run(format.String(), func(t *testing.T) { f(t, format) })
	}
}

func TestANewFrameworkIsGreeted(t *testing.T) {
	both(t, func(t *testing.T, format wire.Format) {
		h := newHouse(t)
		s := h.open(format, subscription(framework()))
		for name, want := range map[string]string{"Content-Type": format.MediaType(), "Transfer-Encoding": "chunked", "Content-Length": ""} {
			if got := s.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(s.id) {
			t.Errorf("the stream id is %q", s.id)
		}
		e := s.greeted()
		if e.GetHeartbeatIntervalSeconds() != 15 || e.GetMasterInfo().GetId() == "" || s.framework != e.GetMasterInfo().GetId()+"-0000" {
			t.Errorf("the greeting is %v", e)
		}
		if f := h.framework(s.framework); !f.GetConnected() || !f.GetActive() {
			t.Errorf("the master has %v", f)
		}
	})
}

func TestAHeartbeatComesEvery15Seconds(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.JSON, framework())
	for range 3 {
		h.clock.Advance(15 * time.Second)
		s.wantsNext(schedulerpb.Event_HEARTBEAT)
	}
	h.clock.Advance(14 * time.Second)
	s.accepted(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	if last := s.ends(); len(last) > 0 {
		t.Errorf("a second too early comes %v", last)
	}
}

// A client that says nothing of what it accepts gets JSON, whatever it speaks itself.
func TestWhatAStreamIsWrittenIn(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		name   string
		accept headers
		want   wire.Format
	}{
		{"no Accept", nil, wire.JSON},
		{"anything", headers{"Accept", "*/*"}, wire.JSON},
		{"any application", headers{"Accept", "application/*"}, wire.JSON},
		{"JSON or protobuf", headers{"Accept", "application/x-protobuf, application/json;q=0.1"}, wire.JSON},
		{"no JSON", headers{"Accept", "application/json;q=0, */*"}, wire.Protobuf},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &stream{client: h.dial(), format: c.want}
			body, err := proto.Marshal(subscription(framework()))
			h.must(err)
			s.send("POST", path, append(headers{"Content-Type", wire.MediaProtobuf}, c.accept...), body)
			s.opened()
			if got := s.header.Get("Content-Type"); got != c.want.MediaType() {
				t.Errorf("the stream is %s", got)
			}
			s.greeted()
			s.leave()
		})
	}
}

const hello = `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}`

// What is wrong with a request is found in Mesos' order, and told in its words where clients may look for them.
func TestRequestsThatAreNoCall(t *testing.T) {
	h := newHouse(t)
	json := headers{"Content-Type", wire.MediaJSON}
	for _, c := range []struct {
		name   string
		header headers
		body   string
		status int
		want   string
	}{
		{"no Content-Type", nil, hello, 400, `^Expecting 'Content-Type' to be present$`},
		{"another Content-Type", headers{"Content-Type", "text/plain"}, hello, 415, `^Expecting 'Content-Type' of application/json or application/x-protobuf$`},
		{"a charset", headers{"Content-Type", "application/json; charset=utf-8"}, hello, 415, `Content-Type`},
		{"not acceptable", append(headers{"Accept", "text/html"}, json...), hello, 406, `^Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'$`},
		{"RecordIO is no format", append(headers{"Accept", "application/recordio"}, json...), hello, 406, `Accept`},
		{"a stream id", append(headers{"Mesos-Stream-Id", "x"}, json...), hello, 400, `^Subscribe calls should not include the 'Mesos-Stream-Id' header$`},
		{"an empty stream id", append(headers{"mesos-stream-id", ""}, json...), hello, 400, `^Subscribe calls should not`},
		{"no body", json, "", 400, `^Failed to`},
		{"half a body", json, hello[:20], 400, `^Failed to`},
		{"not JSON", json, "hello", 400, `^Failed to`},
		{"JSON but no call", json, `{"string":"valid_json"}`, 400, `type`},
		{"a required field is missing", json, `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u"}}}`, 400, `subscribe.framework_info.name`},
		{"not protobuf", headers{"Content-Type", wire.MediaProtobuf}, "MALFORMED", 400, `^Failed to parse body into Call protobuf`},
		{"no message for the type", json, `{"type":"SUBSCRIBE"}`, 400, `^Failed to validate scheduler::Call: .*subscribe`},
		{"an unknown type", json, `{"type":"NO_SUCH","framework_id":{"value":"f"}}`, 400, `^Failed to validate scheduler::Call: .*type`},
		{"UNKNOWN of nobody", json, `{"type":"UNKNOWN"}`, 400, `framework_id`},
		{"ids that differ", json, `{"type":"SUBSCRIBE","framework_id":{"value":"a"},"subscribe":{"framework_info":{"user":"u","name":"n"}}}`, 400, `framework_id.*framework_info.id`},
		{"an id in one place", json, `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","id":{"value":"a"}}}}`, 400, `framework_info.id`},
		{"an object that nests a million deep", json, string(nested(1 << 20)), 400, `^Failed to`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := h.post(c.header, c.body)
			if got.status != c.status || !regexp.MustCompile(c.want).MatchString(got.body) {
				t.Errorf("answered %d %.200q, want %d %s", got.status, got.body, c.status, c.want)
			}
			if got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("the refusal is %s", got.header.Get("Content-Type"))
			}
		})
	}
	if n := h.master.View().Frameworks.Len(); n != 0 {
		t.Errorf("%d frameworks came of it", n)
	}
}

func nested(n int) []byte {
	b := make([]byte, 0, n*6)
	for range n {
		b = append(b, `{"a":`...)
	}
	return b
}

func TestOnlyPOSTIsAnswered(t *testing.T) {
	h := newHouse(t)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		c := h.dial()
		c.send(method, path, headers{"Accept", wire.MediaJSON}, nil)
		got := c.answered()
		wants(t, got, http.StatusMethodNotAllowed, "405 Method Not Allowed. Expecting one of { 'POST' }, but received '"+method+"'.")
		if got.header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow is %q", method, got.header.Get("Allow"))
		}
	}
}

// Whether a framework may subscribe is found after the stream was opened, so it is told there.
func TestSubscriptionsThatAreRefusedInTheStream(t *testing.T) {
	roles := func(rs ...string) func(*mesospb.FrameworkInfo) {
		return func(info *mesospb.FrameworkInfo) { info.Roles = rs }
	}
	many := capable(multiRole)
	for _, c := range []struct {
		name string
		call *schedulerpb.Call
		want string
	}{
		{"an invalid role", subscription(framework(many, roles("a b"))), `"a b"`},
		{"a role twice", subscription(framework(many, roles("a", "a"))), `"a"`},
		{"role and MULTI_ROLE", subscription(framework(many, func(i *mesospb.FrameworkInfo) { i.Role = proto.String("a") })), "role"},
		{"roles without MULTI_ROLE", subscription(framework(roles("a"))), "roles"},
		{"a failover timeout beyond all clocks", subscription(framework(func(i *mesospb.FrameworkInfo) { i.FailoverTimeout = proto.Float64(1e12) })), "failover_timeout"},
		{"an id that is no name", func() *schedulerpb.Call {
			c := subscription(framework(known("a/b")))
			return c
		}(), "a/b"},
		{"a suppressed role of somebody else", &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{
			FrameworkInfo: framework(many, roles("a")), SuppressedRoles: []string{"b"}}}, `"b"`},
		{"constraints of a role of somebody else", &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{
			FrameworkInfo: framework(many, roles("a")), OfferConstraints: &schedulerpb.OfferConstraints{
				RoleConstraints: map[string]*schedulerpb.OfferConstraints_RoleConstraints{"b": {Groups: []*schedulerpb.OfferConstraints_RoleConstraints_Group{{}}}}}}}, "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			both(t, func(t *testing.T, format wire.Format) {
				s := h.open(format, c.call)
				s.errors(c.want)
			})
			if n := h.master.View().Frameworks.Len(); n != 0 {
				t.Errorf("%d frameworks came of it", n)
			}
		})
	}
}

// A framework that subscribes with its id takes over: the old stream hears of it and ends, and its id is worth nothing
// any more.
func TestASecondSubscriptionTakesOver(t *testing.T) {
	both(t, func(t *testing.T, format wire.Format) {
		h := newHouse(t)
		h.agent("cpus:4;mem:1024")
		one := h.subscribe(format, framework(patient))
		offer := one.offer()
		two := h.subscribe(format, framework(patient, known(one.framework)))
		one.errors("Framework failed over")
		if two.framework != one.framework || two.id == one.id {
			t.Errorf("stream %s of %s after %s of %s", two.id, two.framework, one.id, one.framework)
		}
		revive := &schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()}
		wants(t, one.call(revive), http.StatusBadRequest, "The stream ID '"+one.id+"' included in this request didn't match the stream ID "+
			"currently associated with framework ID "+one.framework)
		two.accepted(revive)
		if again := two.offer(); again.GetId().GetValue() == offer.GetId().GetValue() {
			t.Error("an offer of the old stream is offered again")
		}
	})
}

// The answer to a SUBSCRIBE may be lost; who asks again gets it again.
func TestASubscriptionIsAnsweredAgain(t *testing.T) {
	both(t, func(t *testing.T, format wire.Format) {
		h := newHouse(t)
		one := h.subscribe(format, framework())
		two := h.subscribe(format, framework(known(one.framework)))
		if two.framework != one.framework {
			t.Errorf("the framework was %s and is %s", one.framework, two.framework)
		}
	})
}

// A broken connection is a disconnection: calls are refused until the framework is back, which it may be for as long as
// it asked for.
func TestABrokenStreamDisconnectsTheFramework(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.JSON, framework(patient))
	s.leave()
	h.until("the framework is disconnected", func() bool { return !h.framework(s.framework).GetConnected() })
	wants(t, s.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()}), http.StatusForbidden, "Framework is not subscribed")
	back := h.subscribe(wire.JSON, framework(patient, known(s.framework)))
	if back.framework != s.framework || !h.framework(s.framework).GetConnected() {
		t.Errorf("back as %s: %v", back.framework, h.framework(s.framework))
	}
	back.leave()
	h.until("the framework is disconnected", func() bool { return !h.framework(s.framework).GetConnected() })
	h.clock.Advance(time.Hour)
	h.until("the framework is removed", func() bool { return h.framework(s.framework) == nil })
	h.open(wire.JSON, subscription(framework(known(s.framework)))).errors("Framework has been removed")
	wants(t, s.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()}), http.StatusBadRequest, "Framework cannot be found")
}

// A framework that this master never heard of was one of a master before it.
func TestAnUnknownFrameworkIsTakenIn(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.Protobuf, framework(known("from-before")))
	if s.framework != "from-before" {
		t.Errorf("it became %s", s.framework)
	}
}

// A framework may go from actor to HTTP and back; whoever came last has it.
func TestAFrameworkChangesItsWay(t *testing.T) {
	both(t, func(t *testing.T, format wire.Format) {
		h := newHouse(t)
		n := h.native("scheduler(1)", framework(patient))
		id := n.id.GetValue()
		revive := &schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), FrameworkId: n.id}
		wants(t, h.say("", revive), http.StatusForbidden, "Framework is not connected via HTTP")

		s := h.subscribe(format, framework(patient, known(id)))
		if got := n.wants(schedulerpb.Event_ERROR).GetError().GetMessage(); got != "Framework failed over" || s.framework != id {
			t.Errorf("the actor hears %q; the stream is of %s", got, s.framework)
		}
		s.accepted(revive)

		back := h.native("scheduler(2)", framework(patient, known(id)))
		s.errors("Framework failed over")
		wants(t, h.say(s.id, revive), http.StatusForbidden, "Framework is not connected via HTTP")
		if back.id.GetValue() != id {
			t.Errorf("back as %s", back.id)
		}
	})
}
