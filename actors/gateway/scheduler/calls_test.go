package scheduler_test

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/wire"
)

func teardown() *schedulerpb.Call { return &schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()} }

// The checks of a call, each with what it answers, in their order.
func TestWhoMayCall(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.JSON, framework())
	other := h.subscribe(wire.JSON, framework())
	mismatch := func(id string) string {
		return "The stream ID '" + id + "' included in this request didn't match the stream ID currently associated with framework ID " + s.framework
	}
	for _, c := range []struct {
		name   string
		stream headers
		id     string
		status int
		want   string
	}{
		{"an unknown framework", headers{"Mesos-Stream-Id", s.id}, "nosuch", http.StatusBadRequest, "Framework cannot be found"},
		{"no stream id", nil, s.framework, http.StatusBadRequest, "All non-subscribe calls should include the 'Mesos-Stream-Id' header"},
		{"an empty stream id", headers{"Mesos-Stream-Id", ""}, s.framework, http.StatusBadRequest, mismatch("")},
		{"a wrong stream id", headers{"Mesos-Stream-Id", s.id + "x"}, s.framework, http.StatusBadRequest, mismatch(s.id + "x")},
		{"the stream id of another", headers{"Mesos-Stream-Id", other.id}, s.framework, http.StatusBadRequest, mismatch(other.id)},
		{"the header in any case", headers{"mesos-stream-id", s.id}, s.framework, http.StatusAccepted, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := h.post(append(headers{"Content-Type", wire.MediaJSON}, c.stream...), `{"type":"SUPPRESS","framework_id":{"value":"`+c.id+`"}}`)
			wants(t, got, c.status, c.want)
		})
	}
	if !h.framework(s.framework).GetActive() {
		t.Error("the framework suffered from it")
	}
}

func TestTeardown(t *testing.T) {
	both(t, func(t *testing.T, format wire.Format) {
		h := newHouse(t)
		s := h.subscribe(format, framework())
		wants(t, h.say("", &schedulerpb.Call{Type: teardown().Type, FrameworkId: &mesospb.FrameworkID{Value: &s.framework}}), http.StatusBadRequest,
			"All non-subscribe calls should include the 'Mesos-Stream-Id' header")
		if got := h.say("11111111-2222-3333-4444-555555555555", &schedulerpb.Call{Type: teardown().Type, FrameworkId: &mesospb.FrameworkID{Value: &s.framework}}); got.status != http.StatusBadRequest {
			t.Errorf("with a wrong stream id: %d %s", got.status, got.body)
		}
		if h.framework(s.framework) == nil {
			t.Fatal("the framework is gone")
		}
		s.accepted(teardown())
		if last := s.ends(); len(last) > 0 {
			t.Errorf("before the end comes %v", last)
		}
		if h.framework(s.framework) != nil {
			t.Error("the framework is still there")
		}
		wants(t, s.call(teardown()), http.StatusBadRequest, "Framework cannot be found")
	})
}

// An answer without a body has a length of zero and no type: some clients look at both.
func TestWhatAcceptedLooksLike(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.JSON, framework())
	got := s.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	wants(t, got, http.StatusAccepted, "")
	if _, typed := got.header["Content-Type"]; typed || got.header.Get("Content-Length") != "0" || got.header.Get("Date") == "" {
		t.Errorf("the answer has %v", got.header)
	}
}

// Each call is accepted with what it needs, and refused without its message.
func TestEveryCallIsAccepted(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.JSON, framework(capable(aware)))
	id := `"value":"x"`
	for _, c := range []struct {
		kind   string
		body   string // "": none is needed
		status int
	}{
		{"ACCEPT", `{"offer_ids":[{` + id + `}]}`, 202},
		{"DECLINE", `{}`, 202},
		{"ACCEPT_INVERSE_OFFERS", `{"inverse_offer_ids":[{` + id + `}]}`, 202},
		{"DECLINE_INVERSE_OFFERS", `{"inverse_offer_ids":[{` + id + `}]}`, 202},
		{"REVIVE", "", 202},
		{"SUPPRESS", "", 202},
		{"KILL", `{"task_id":{` + id + `}}`, 202},
		{"SHUTDOWN", `{"executor_id":{` + id + `},"agent_id":{` + id + `}}`, 202},
		{"ACKNOWLEDGE", `{"agent_id":{` + id + `},"task_id":{` + id + `},"uuid":"AAAAAAAAAAAAAAAAAAAAAQ=="}`, 202},
		{"ACKNOWLEDGE_OPERATION_STATUS", `{"agent_id":{` + id + `},"operation_id":{` + id + `},"uuid":"AAAAAAAAAAAAAAAAAAAAAQ=="}`, 202},
		{"RECONCILE", `{}`, 202},
		{"RECONCILE_OPERATIONS", `{}`, 202},
		{"MESSAGE", `{"executor_id":{` + id + `},"agent_id":{` + id + `},"data":"AA=="}`, 202},
		{"REQUEST", `{}`, 202},
		{"UPDATE_FRAMEWORK", `{"framework_info":{"user":"nobody","name":"g","capabilities":{"type":"PARTITION_AWARE"},"id":{"value":"` + s.framework + `"}}}`, 200},
	} {
		t.Run(c.kind, func(t *testing.T) {
			head := headers{"Content-Type", wire.MediaJSON, "Mesos-Stream-Id", s.id}
			open := `{"type":"` + c.kind + `","framework_id":{"value":"` + s.framework + `"}`
			name := strings.ToLower(c.kind)
			if c.body == "" {
				wants(t, h.post(head, open+`}`), c.status, "")
				return
			}
			wants(t, h.post(head, open+`,"`+name+`":`+c.body+`}`), c.status, "")
			if got := h.post(head, open+`}`); got.status != 400 || !strings.Contains(got.body, name) {
				t.Errorf("without its message: %d %s", got.status, got.body)
			}
		})
	}
	if got := h.framework(s.framework).GetFrameworkInfo().GetName(); got != "g" {
		t.Errorf("after UPDATE_FRAMEWORK the name is %s", got)
	}
	// The answers to KILL of an unknown task is what reconciliation says.
	if e := s.wants(schedulerpb.Event_UPDATE).GetUpdate().GetStatus(); e.GetState() != mesospb.TaskState_TASK_UNKNOWN || e.Uuid != nil {
		t.Errorf("the unknown task is %v", e)
	}
}

// A call of type UNKNOWN ends a real master.
func TestTheCallUNKNOWNIsRefused(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.JSON, framework())
	if got := s.call(&schedulerpb.Call{Type: schedulerpb.Call_UNKNOWN.Enum()}); got.status != http.StatusNotImplemented {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	s.accepted(teardown())
}

func TestAMalformedUUID(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.JSON, framework())
	for _, uuid := range []string{"", "bogus", strings.Repeat("u", 17), strings.Repeat("\x00", 16)} {
		for _, c := range []*schedulerpb.Call{
			{Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{AgentId: &mesospb.AgentID{Value: proto.String("a")},
				TaskId: &mesospb.TaskID{Value: proto.String("t")}, Uuid: []byte(uuid)}},
			{Type: schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS.Enum(), AcknowledgeOperationStatus: &schedulerpb.Call_AcknowledgeOperationStatus{
				AgentId: &mesospb.AgentID{Value: proto.String("a")}, OperationId: &mesospb.OperationID{Value: proto.String("o")}, Uuid: []byte(uuid)}},
		} {
			if got := s.call(c); got.status != http.StatusBadRequest || !strings.Contains(got.body, "uuid") {
				t.Errorf("%s with %q: %d %s", c.GetType(), uuid, got.status, got.body)
			}
		}
	}
}

// Roles that a framework does not have are ignored with the whole call, as in Mesos.
func TestRolesOfOthersAreNotSuppressed(t *testing.T) {
	h := newHouse(t)
	h.agent("cpus:4;mem:1024")
	s := h.subscribe(wire.JSON, framework(capable(multiRole), func(i *mesospb.FrameworkInfo) { i.Roles = []string{"a"} }))
	decline := &schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{
		OfferIds: []*mesospb.OfferID{s.offer().Id}, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(0)}}}
	for _, roles := range [][]string{{"b"}, {"a", "b"}, {"a b"}} {
		s.accepted(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum(), Suppress: &schedulerpb.Call_Suppress{Roles: roles}})
		s.accepted(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), Revive: &schedulerpb.Call_Revive{Roles: roles}})
	}
	s.accepted(decline)
	s.offer()
}

// What a call accepts matters only where there was once an answer with a body.
func TestWhichCallsLookAtAccept(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.JSON, framework())
	head := headers{"Content-Type", wire.MediaJSON, "Accept", "text/html", "Mesos-Stream-Id", s.id}
	who := `"framework_id":{"value":"` + s.framework + `"}}`
	wants(t, h.post(head, `{"type":"SUPPRESS",`+who), http.StatusAccepted, "")
	wants(t, h.post(head, `{"type":"RECONCILE_OPERATIONS","reconcile_operations":{},`+who), http.StatusNotAcceptable,
		"Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")
}

func TestUpdateFramework(t *testing.T) {
	h := newHouse(t)
	h.agent("cpus:4;mem:1024")
	roles := func(rs ...string) func(*mesospb.FrameworkInfo) {
		return func(info *mesospb.FrameworkInfo) { info.Roles = rs }
	}
	s := h.subscribe(wire.JSON, framework(capable(multiRole), roles("a")))
	update := func(info *mesospb.FrameworkInfo, suppressed ...string) answer {
		return s.call(&schedulerpb.Call{Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum(), UpdateFramework: &schedulerpb.Call_UpdateFramework{
			FrameworkInfo: info, SuppressedRoles: suppressed}})
	}
	is := known(s.framework)
	s.offer()
	t.Run("a role goes and its offers with it", func(t *testing.T) {
		wants(t, update(framework(capable(multiRole), roles("b"), is)), http.StatusOK, "")
		s.wants(schedulerpb.Event_RESCIND)
		if got := s.offer().GetAllocationInfo().GetRole(); got != "b" {
			t.Errorf("the next offer is for %q", got)
		}
	})
	for _, c := range []struct {
		name       string
		info       *mesospb.FrameworkInfo
		suppressed []string
	}{
		{"the user", framework(capable(multiRole), roles("b"), is, func(i *mesospb.FrameworkInfo) { i.User = proto.String("other") }), nil},
		{"checkpoint", framework(capable(multiRole), roles("b"), is, func(i *mesospb.FrameworkInfo) { i.Checkpoint = proto.Bool(true) }), nil},
		{"the principal", framework(capable(multiRole), roles("b"), is, func(i *mesospb.FrameworkInfo) { i.Principal = proto.String("p") }), nil},
		{"a role that cannot be", framework(capable(multiRole), roles("b c"), is), nil},
		{"a suppressed role that it does not have", framework(capable(multiRole), roles("b"), is), []string{"c"}},
		{"another id", framework(capable(multiRole), roles("b"), known("other")), nil},
		{"no id", framework(capable(multiRole), roles("b")), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := update(c.info, c.suppressed...); got.status != http.StatusBadRequest || got.body == "" {
				t.Errorf("answered %d %q", got.status, got.body)
			}
		})
	}
	if got := h.framework(s.framework).GetFrameworkInfo(); !proto.Equal(got, framework(capable(multiRole), roles("b"), is)) {
		t.Errorf("the framework is %v", got)
	}
}

// dialects are the ways in which frameworks of different ages speak of resources.
func TestAFrameworkIsSpokenToInItsDialect(t *testing.T) {
	role := func(info *mesospb.FrameworkInfo) { info.Role = proto.String("eng") }
	roles := func(info *mesospb.FrameworkInfo) { info.Roles = []string{"eng"} }
	for _, c := range []struct {
		name  string
		info  *mesospb.FrameworkInfo
		multi bool
		old   bool
	}{
		{"one role, from before refinement", framework(role), false, true},
		{"one role", framework(role, capable(refinement)), false, false},
		{"several roles, from before refinement", framework(roles, capable(multiRole)), true, true},
		{"several roles", framework(roles, capable(multiRole, refinement)), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(t *testing.T, format wire.Format) {
				h := newHouse(t)
				a := h.agent("cpus(eng):2;mem:1024")
				s := h.subscribe(format, c.info)
				offer := s.offer()
				if (offer.AllocationInfo != nil) != c.multi {
					t.Errorf("the offer is allocated to %v", offer.AllocationInfo)
				}
				for _, r := range offer.GetResources() {
					want := map[string]string{"cpus": "eng", "mem": "*"}[r.GetName()]
					switch {
					case (r.AllocationInfo != nil) != c.multi:
						t.Errorf("%s is allocated to %v", r.GetName(), r.AllocationInfo)
					case c.old && (r.GetRole() != want || len(r.Reservations) > 0):
						t.Errorf("%s is of role %q with %v", r.GetName(), r.GetRole(), r.Reservations)
					case !c.old && (r.Role != nil || len(r.Reservations) != map[string]int{"eng": 1}[want]):
						t.Errorf("%s is of role %v with %v", r.GetName(), r.Role, r.Reservations)
					}
				}
				// What it sends back is brought into the one form that agents know.
				s.accepted(launch(offer, "t1"))
				task := expect[*controlpb.RunTask](a).GetTask()
				for _, r := range append(task.GetResources(), task.GetExecutor().GetResources()...) {
					if r.GetAllocationInfo().GetRole() != "eng" || r.Role != nil || r.Reservation != nil {
						t.Errorf("the agent gets %v", r)
					}
				}
				if got := text(t, task.GetResources()); got != "mem:1024; cpus(reservations: [(STATIC,eng)]):2" {
					t.Errorf("the task has %s", got)
				}
			})
		})
	}
}

func text(t *testing.T, messages []*mesospb.Resource) string {
	t.Helper()
	rs, err := resources.FromProto(messages)
	if err != nil {
		t.Fatal(err)
	}
	return rs.Unallocate().String()
}

// launch accepts an offer whole with one task.
func launch(o *mesospb.Offer, id string) *schedulerpb.Call {
	return &schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{OfferIds: []*mesospb.OfferID{o.Id},
		Operations: []*mesospb.Offer_Operation{{Type: mesospb.Offer_Operation_LAUNCH.Enum(), Launch: &mesospb.Offer_Operation_Launch{
			TaskInfos: []*mesospb.TaskInfo{{Name: proto.String(id), TaskId: &mesospb.TaskID{Value: proto.String(id)}, AgentId: o.AgentId,
				Resources: o.Resources, Command: &mesospb.CommandInfo{Value: proto.String("true")}}}}}}}}
}

// A task goes through all of its life over HTTP, and its updates are acknowledged to the agent.
func TestATaskRunsAndIsKilled(t *testing.T) {
	both(t, func(t *testing.T, format wire.Format) {
		h := newHouse(t)
		a := h.agent("cpus:2;mem:1024")
		s := h.subscribe(format, framework())
		s.accepted(launch(s.offer(), "t1"))
		for _, state := range []mesospb.TaskState{mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_KILLED} {
			status := s.wants(schedulerpb.Event_UPDATE).GetUpdate().GetStatus()
			if status.GetState() != state || len(status.GetUuid()) != 16 || status.GetAgentId().GetValue() != a.info.GetId().GetValue() {
				t.Fatalf("the update is %v, want %s", status, state)
			}
			s.accepted(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{
				AgentId: status.AgentId, TaskId: status.TaskId, Uuid: status.Uuid}})
			if ack := expect[*controlpb.AcknowledgeStatus](a); string(ack.GetUuid()) != string(status.GetUuid()) {
				t.Errorf("the agent hears of %x", ack.GetUuid())
			}
			if state == mesospb.TaskState_TASK_RUNNING {
				s.accepted(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: &schedulerpb.Call_Reconcile{}})
				if known := s.wants(schedulerpb.Event_UPDATE).GetUpdate().GetStatus(); known.GetReason() != mesospb.TaskStatus_REASON_RECONCILIATION || known.Uuid != nil {
					t.Errorf("reconciled: %v", known)
				}
				s.accepted(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), Kill: &schedulerpb.Call_Kill{TaskId: status.TaskId}})
			}
		}
	})
}

// A connection serves one call after the other, also when they are sent before the answers came, until one asks to close
// it.
func TestCallsOnOneConnection(t *testing.T) {
	h := newHouse(t)
	s := h.subscribe(wire.JSON, framework())
	c := h.dial()
	body := []byte(`{"type":"REVIVE","framework_id":{"value":"` + s.framework + `"}}`)
	head := headers{"Content-Type", wire.MediaJSON, "Mesos-Stream-Id", s.id}
	for range 5 {
		c.send("POST", path, head, body)
	}
	c.send("POST", "/master"+path, append(headers{"Connection", "close"}, head...), body)
	for range 6 {
		wants(t, c.answered(), http.StatusAccepted, "")
	}
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("the connection goes on after Connection: close")
	}
}

// Some clients ask for a stream with Connection: close, and expect it to stay open.
func TestAStreamStaysOpenInSpiteOfConnectionClose(t *testing.T) {
	h := newHouse(t)
	s := h.open(wire.JSON, subscription(framework()), "Connection", "close")
	s.greeted()
	s.accepted(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: &schedulerpb.Call_Reconcile{Tasks: []*schedulerpb.Call_Reconcile_Task{
		{TaskId: &mesospb.TaskID{Value: proto.String("t")}}}}})
	s.wantsNext(schedulerpb.Event_UPDATE)
}
