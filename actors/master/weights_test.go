package master_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

func weigh(pairs ...any) *masterpb.Call {
	u := &masterpb.Call_UpdateWeights{}
	for i := 0; i < len(pairs); i += 2 {
		u.WeightInfos = append(u.WeightInfos, &mesospb.WeightInfo{Role: proto.String(pairs[i].(string)), Weight: proto.Float64(pairs[i+1].(float64))})
	}
	return &masterpb.Call{Type: masterpb.Call_UPDATE_WEIGHTS.Enum(), UpdateWeights: u}
}

// weights are what GET_WEIGHTS says, in one line.
func (s *stage) weights() string {
	var list []string
	for _, w := range s.ask(masterpb.Call_GET_WEIGHTS).GetGetWeights().GetWeightInfos() {
		list = append(list, fmt.Sprintf("%s:%g", w.GetRole(), w.GetWeight()))
	}
	return strings.Join(list, " ")
}

// refusedWith fails the test unless a call was refused with a class and some words.
func refusedWith(t *testing.T, r *controlpb.Refused, class controlpb.Refused_Class, words string) {
	t.Helper()
	if r == nil || r.GetClass() != class || !strings.Contains(r.GetMessage(), words) {
		t.Errorf("the answer is %v, want %v with %q", r, class, words)
	}
}

func (s *stage) done(t *testing.T, call *masterpb.Call) {
	t.Helper()
	if r := s.order(call); r != nil {
		t.Errorf("%v was refused: %v", call, r)
	}
}

func multi(roles ...string) shape {
	return func(info *mesospb.FrameworkInfo) {
		info.Roles = roles
		capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(info)
	}
}

func TestWeights(t *testing.T) {
	t.Run("set, seen, and there after a failover", func(t *testing.T) {
		s := newStage(t, nil)
		if r := s.ask(masterpb.Call_GET_WEIGHTS); r.GetWeights != nil {
			t.Errorf("without weights there is %v", r)
		}
		s.done(t, weigh("dev", 2.5, "ops", 3.0, "*", 2.0))
		equal(t, "weights", s.weights(), "*:2 dev:2.5 ops:3")
		s.done(t, weigh("dev", 1.0))
		s.done(t, weigh())
		equal(t, "weights", s.weights(), "*:2 dev:1 ops:3")
		roles := s.ask(masterpb.Call_GET_ROLES).GetGetRoles().GetRoles()
		if len(roles) != 3 || roles[2].GetName() != "ops" || roles[2].GetWeight() != 3 {
			t.Errorf("roles are %v", roles)
		}
		s.failover()
		equal(t, "weights", s.weights(), "*:2 dev:1 ops:3")
	})
	for _, c := range []struct {
		name string
		call *masterpb.Call
		says string
	}{
		{"zero", weigh("dev", 0.0), "Invalid weight '0'"},
		{"negative", weigh("dev", -1.0), "Invalid weight '-1'"},
		{"no role", weigh("", 1.0), "Invalid role ''"},
		{"a bad role", weigh("/dev", 1.0), "Invalid role '/dev'"},
		{"one of two is bad", weigh("dev", 1.0, "a b", 1.0), "Invalid role 'a b'"},
	} {
		t.Run("refused: "+c.name, func(t *testing.T) {
			s := newStage(t, nil)
			refusedWith(t, s.order(c.call), controlpb.Refused_INVALID, c.says)
			equal(t, "weights", s.weights(), "")
		})
	}
	t.Run("offers of everybody are taken back, and made anew", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", multi("dev"))
		first := f.offer()
		s.done(t, weigh("dev", 2.0))
		f.Expect(event(schedulerpb.Event_RESCIND))
		if second := f.offer(); second.GetId().GetValue() == first.GetId().GetValue() {
			t.Error("it is the same offer")
		}
	})
	t.Run("a role that nobody has moves nothing", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", multi("dev"))
		f.offer()
		s.done(t, weigh("ops", 2.0))
		f.ExpectNone(5e9, event(schedulerpb.Event_RESCIND))
	})
}

// Shares follow weights that are set while the frameworks are there.
func TestWeightsRebalance(t *testing.T) {
	s := newStage(t, nil)
	for i := range 6 {
		s.agent(fmt.Sprintf("a%d", i), "cpus:2;mem:1024")
	}
	one, two := s.framework("f1", multi("role1")), s.framework("f2", multi("role2"))
	equal(t, "offers of the first", len(one.offers(6)), 6)
	s.done(t, weigh("role1", 1.0, "role2", 2.0))
	for range 6 {
		one.Expect(event(schedulerpb.Event_RESCIND))
	}
	a, b := one.offers(2), two.offers(4)
	equal(t, "offers of the first", len(a), 2)
	equal(t, "offers of the second", len(b), 4)
}
