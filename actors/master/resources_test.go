package master_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	faults "github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

// change has "ops" change what an agent has.
func (s *stage) change(a *fakeAgent, op *mesospb.Offer_Operation) error {
	return s.changeAs("ops", a.info.Id, op)
}

func (s *stage) changeAs(principal string, id *mesospb.AgentID, op *mesospb.Offer_Operation) error {
	c := &masterpb.Call{}
	switch op.GetType() {
	case mesospb.Offer_Operation_RESERVE:
		c.Type, c.ReserveResources = masterpb.Call_RESERVE_RESOURCES.Enum(), &masterpb.Call_ReserveResources{AgentId: id,
			Source: op.GetReserve().GetSource(), Resources: op.GetReserve().GetResources()}
	case mesospb.Offer_Operation_UNRESERVE:
		c.Type, c.UnreserveResources = masterpb.Call_UNRESERVE_RESOURCES.Enum(), &masterpb.Call_UnreserveResources{AgentId: id, Resources: op.GetUnreserve().GetResources()}
	case mesospb.Offer_Operation_CREATE:
		c.Type, c.CreateVolumes = masterpb.Call_CREATE_VOLUMES.Enum(), &masterpb.Call_CreateVolumes{AgentId: id, Volumes: op.GetCreate().GetVolumes()}
	case mesospb.Offer_Operation_DESTROY:
		c.Type, c.DestroyVolumes = masterpb.Call_DESTROY_VOLUMES.Enum(), &masterpb.Call_DestroyVolumes{AgentId: id, Volumes: op.GetDestroy().GetVolumes()}
	case mesospb.Offer_Operation_GROW_VOLUME:
		c.Type, c.GrowVolume = masterpb.Call_GROW_VOLUME.Enum(), &masterpb.Call_GrowVolume{AgentId: id, Volume: op.GetGrowVolume().GetVolume(), Addition: op.GetGrowVolume().GetAddition()}
	case mesospb.Offer_Operation_SHRINK_VOLUME:
		c.Type, c.ShrinkVolume = masterpb.Call_SHRINK_VOLUME.Enum(), &masterpb.Call_ShrinkVolume{AgentId: id, Volume: op.GetShrinkVolume().GetVolume(), Subtract: op.GetShrinkVolume().GetSubtract()}
	}
	_, err := settled(s, s.client.Ask(authorization.Subject{Principal: principal}, c))
	return err
}

// must has "ops" change what an agent has, and the agent do it.
func (s *stage) must(t *testing.T, a *fakeAgent, op *mesospb.Offer_Operation) {
	t.Helper()
	if err := s.change(a, op); err != nil {
		t.Fatal(err)
	}
	a.finished(a.applied(), "")
	a.Expect(testkit.Of[*controlpb.AcknowledgeOperation]())
}

func reserveFrom(source, to []*mesospb.Resource) *mesospb.Offer_Operation {
	op := reserveOp(to...)
	op.Reserve.Source = source
	return op
}

func TestOperatorsChangeResources(t *testing.T) {
	t.Run("that are free", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
		s.must(t, a, reserveOp(reserved("cpus:2;disk:128", "web")...))
		s.must(t, a, createOp(volume("64", "web", "v")))
		s.must(t, a, growOp(volume("64", "web", "v"), reserved("disk:32", "web")[0]))
		s.must(t, a, shrinkOp(volume("96", "web", "v"), 16))
		got := s.total(t, a)
		for _, part := range []string{"[v:data]:80", "cpus(reservations: [(DYNAMIC,web,ops)]):2", "disk(reservations: [(DYNAMIC,web,ops)]):48"} {
			if !strings.Contains(got, part) {
				t.Errorf("the agent has %s, without %s", got, part)
			}
		}
		f := s.framework("f1", inRole("web"))
		if got := amounts(t, f.offer().GetResources()); !strings.Contains(got, "[v:data]:80") {
			t.Errorf("offered is %s", got)
		}
		s.must(t, a, destroyOp(volume("80", "web", "v")))
		f.Expect(event(schedulerpb.Event_RESCIND))
		s.must(t, a, unreserveOp(reserved("cpus:2;disk:128", "web")...))
		equal(t, "what the agent has", s.total(t, a), "cpus:4; mem:4096; disk:1024")
		equal(t, "operations", s.operations(), 0)
	})
	t.Run("that are offered, as far as is needed", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", inRole("web"))
		o := f.offer()
		f.launch(o, command("t1", o, "cpus:1;mem:64"))
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		f.offer()
		s.must(t, a, reserveOp(reserved("cpus:3", "db")...))
		f.Expect(event(schedulerpb.Event_RESCIND))
		for _, r := range f.offer().GetResources() {
			if len(r.GetReservations()) > 0 || r.GetName() == "cpus" {
				t.Errorf("offered is %v", r)
			}
		}
		if err := s.change(a, reserveOp(reserved("cpus:1", "db")...)); !errors.Is(err, faults.ErrConflict) {
			t.Errorf("what a task has is reserved: %v", err)
		}
	})
	t.Run("from one reservation to another", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
		s.must(t, a, reserveFrom(reserved("cpus:1"), reserved("cpus:1", "web")))
		s.must(t, a, reserveFrom(reserved("cpus:1", "web"), reserved("cpus:1", "db", "db/prod")))
		equal(t, "what the agent has", s.total(t, a), "cpus:3; mem:4096; disk:1024; cpus(reservations: [(DYNAMIC,db,ops),(DYNAMIC,db/prod,ops)]):1")
		s.must(t, a, reserveOp(reserved("disk:64", "web")...))
		s.must(t, a, createOp(volume("64", "web", "v")))
		moved := volume("64", "db", "v")
		s.must(t, a, reserveFrom([]*mesospb.Resource{volume("64", "web", "v")}, []*mesospb.Resource{moved}))
		if got := s.total(t, a); !strings.Contains(got, "disk(reservations: [(DYNAMIC,db,ops)])[v:data]:64") {
			t.Errorf("the agent has %s", got)
		}
	})
	t.Run("with labels that set them apart", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		labeled := func(key string) []*mesospb.Resource {
			rs := reserved("cpus:1", "web")
			rs[0].Reservations[0].Labels = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String(key)}}}
			return rs
		}
		s.must(t, a, reserveOp(labeled("a")...))
		s.must(t, a, reserveOp(labeled("b")...))
		if err := s.change(a, unreserveOp(reserved("cpus:2", "web")...)); !errors.Is(err, faults.ErrConflict) {
			t.Errorf("labels do not matter: %v", err)
		}
		s.must(t, a, unreserveOp(labeled("b")...))
		if got := s.total(t, a); !strings.Contains(got, "cpus:3") {
			t.Errorf("the agent has %s", got)
		}
	})
	t.Run("in the old form", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		old := reserved("cpus:1")
		old[0].Role, old[0].Reservation = proto.String("web"), &mesospb.Resource_ReservationInfo{Principal: proto.String("ops")}
		s.must(t, a, reserveOp(old...))
		s.must(t, a, unreserveOp(reserved("cpus:1", "web")...))
		equal(t, "what the agent has", s.total(t, a), "cpus:4; mem:4096")
	})
	t.Run("of whoever reserved them", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		s.must(t, a, reserveOp(reserved("cpus:1", "web")...))
		if err := s.changeAs("another", a.info.Id, unreserveOp(reserved("cpus:1", "web")...)); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		name  string
		op    *mesospb.Offer_Operation
		class error
		says  string
	}{
		{"refused: too much", reserveOp(reserved("cpus:100", "web")...), faults.ErrConflict, "does not contain cpus:100"},
		{"refused: nothing", reserveOp(), faults.ErrInvalid, ""},
		{"refused: an amount of nothing", reserveOp(reserved("cpus:0", "web")...), faults.ErrInvalid, ""},
		{"refused: what is not reserved", reserveOp(reserved("cpus:1")...), faults.ErrInvalid, "Invalid RESERVE operation on agent "},
		{"refused: for everybody", reserveOp(reserved("cpus:1", "*")...), faults.ErrInvalid, ""},
		{"refused: for a role that cannot be", reserveOp(reserved("cpus:1", "a b")...), faults.ErrInvalid, ""},
		{"refused: further for a role that is not below", reserveOp(reserved("cpus:1", "web", "other")...), faults.ErrInvalid, ""},
		{"refused: in another's name", reserveOp(func() []*mesospb.Resource {
			rs := reserved("cpus:1", "web")
			rs[0].Reservations[0].Principal = proto.String("another")
			return rs
		}()...), faults.ErrInvalid, "another"},
		{"refused: give back what is not reserved", unreserveOp(reserved("cpus:1", "web")...), faults.ErrConflict, "does not contain"},
		{"refused: give back nothing", unreserveOp(), faults.ErrInvalid, ""},
		{"refused: a volume on what is not reserved", createOp(volume("32", "web", "x")), faults.ErrConflict, "does not contain"},
		{"refused: a volume on what is no disk", createOp(reserved("cpus:1", "web")...), faults.ErrInvalid, "Invalid CREATE operation on agent "},
		{"refused: destroy what is not there", destroyOp(volume("32", "web", "none")), faults.ErrInvalid, ""},
		{"refused: grow what is not there", growOp(volume("32", "web", "none"), reserved("disk:1", "web")[0]), faults.ErrConflict, "does not contain"},
		{"refused: shrink what is not there", shrinkOp(volume("32", "web", "none"), 1), faults.ErrConflict, "does not contain"},
		{"refused: shrink by everything", shrinkOp(volume("32", "web", "v"), 99), faults.ErrInvalid, ""},
		{"refused: a source of another size", reserveFrom(reserved("cpus:2"), reserved("cpus:1", "web")), faults.ErrInvalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
			if err := s.change(a, c.op); !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the answer is %v, want %v", err, c.class)
			}
			equal(t, "what the agent has", s.total(t, a), "cpus:4; mem:4096; disk:1024")
			a.ExpectNone(time.Second, testkit.Of[*controlpb.ApplyOperation]())
		})
	}
	t.Run("refused: an agent that nobody knows", func(t *testing.T) {
		s := newStage(t, nil)
		if err := s.changeAs("ops", aid("nobody"), reserveOp(reserved("cpus:1", "web")...)); !errors.Is(err, faults.ErrInvalid) || err.Error() != "No agent found with specified ID" {
			t.Errorf("the answer is %v", err)
		}
	})
	t.Run("refused: giving back what a volume is on", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
		s.must(t, a, reserveOp(reserved("disk:64", "web")...))
		s.must(t, a, createOp(volume("64", "web", "v")))
		if err := s.change(a, unreserveOp(reserved("disk:64", "web")...)); !errors.Is(err, faults.ErrConflict) {
			t.Errorf("the answer is %v", err)
		}
		if err := s.change(a, createOp(volume("64", "web", "v"))); !errors.Is(err, faults.ErrInvalid) {
			t.Errorf("a second volume of the same name: %v", err)
		}
	})
	t.Run("of an agent that is lost in the middle", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		if err := s.change(a, reserveOp(reserved("cpus:1", "web")...)); err != nil {
			t.Fatal(err)
		}
		s.order(&masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: a.info.Id}})
		equal(t, "operations", s.operations(), 0)
	})
}

func TestWhoMayOperate(t *testing.T) {
	lists := func(t *testing.T, text string) *authorization.ACLs {
		t.Helper()
		l, err := authorization.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	const rules = `{"permissive":false,"register_agents":[{"principals":{"type":"ANY"},"agents":{"type":"ANY"}}],
		"register_frameworks":[{"principals":{"type":"ANY"},"roles":{"type":"ANY"}}],
		"run_tasks":[{"principals":{"type":"ANY"},"users":{"type":"ANY"}}],
		"reserve_resources":[{"principals":{"values":["ops"]},"roles":{"values":["web","db"]}}],
		"unreserve_resources":[{"principals":{"values":["ops"]},"reserver_principals":{"values":["ops"]}}],
		"create_volumes":[{"principals":{"values":["ops"]},"roles":{"values":["web"]}}],
		"destroy_volumes":[{"principals":{"values":["ops"]},"creator_principals":{"values":["ops"]}}],
		"resize_volumes":[{"principals":{"values":["ops"]},"roles":{"values":["web"]}}]}`
	chain := []*mesospb.Offer_Operation{reserveOp(reserved("disk:64", "web")...), createOp(volume("32", "web", "v")),
		growOp(volume("32", "web", "v"), reserved("disk:8", "web")[0]), shrinkOp(volume("40", "web", "v"), 8),
		destroyOp(volume("32", "web", "v")), unreserveOp(reserved("disk:64", "web")...)}
	t.Run("operators who are listed", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
		s.rules.Swap(lists(t, rules))
		for _, op := range chain {
			s.must(t, a, op)
		}
		s.must(t, a, reserveOp(append(reserved("cpus:1", "web"), reserved("cpus:1", "db")...)...))
		if err := s.change(a, reserveOp(append(reserved("cpus:1", "web"), reserved("cpus:1", "other")...)...)); !errors.Is(err, faults.ErrDenied) {
			t.Errorf("one of two roles is enough: %v", err)
		}
	})
	t.Run("not operators who are not", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
		for _, op := range chain {
			s.rules.Swap(lists(t, rules))
			// In nobody's name, so that nothing but the lists can refuse it.
			if err := s.changeAs("", a.info.Id, op); !errors.Is(err, faults.ErrDenied) {
				t.Errorf("%v: %v", op.GetType(), err)
			}
			s.rules.Swap(nil)
			s.must(t, a, op)
		}
	})
	t.Run("frameworks who are listed", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
		s.rules.Swap(lists(t, rules))
		f := s.framework("f1", inRole("web"))
		f.operate(f.offer(), withID("1", proto.CloneOf(chain[0])), withID("2", proto.CloneOf(chain[1])))
		for _, id := range []string{"1", "2"} {
			a.finished(a.applied(), id)
			f.operation(t, id, mesospb.OperationState_OPERATION_FINISHED)
		}
	})
	t.Run("not frameworks who are not", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:4;mem:4096;disk:1024")
		s.rules.Swap(lists(t, rules))
		f := s.framework("f1", inRole("web"), func(info *mesospb.FrameworkInfo) { info.Principal = nil })
		f.operate(f.offer(), withID("1", proto.CloneOf(chain[0])))
		f.operation(t, "1", mesospb.OperationState_OPERATION_ERROR)
	})
	t.Run("a reservation is changed step by step", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		s.must(t, a, reserveOp(reserved("cpus:1", "web")...))
		s.must(t, a, reserveOp(reserved("cpus:1", "web", "web/a")...))
		s.rules.Swap(lists(t, rules))
		if err := s.change(a, reserveFrom(reserved("cpus:1", "web", "web/a"), reserved("cpus:1", "web", "web/b"))); !errors.Is(err, faults.ErrDenied) {
			t.Errorf("the last step is not asked about: %v", err)
		}
		if err := s.changeAs("", a.info.Id, reserveFrom(reserved("cpus:1", "web", "web/a"), reserved("cpus:1", "web"))); !errors.Is(err, faults.ErrDenied) {
			t.Errorf("what is given back is not asked about: %v", err)
		}
		s.must(t, a, reserveFrom(reserved("cpus:1", "web", "web/a"), reserved("cpus:1", "web")))
	})
}

func TestSharedVolumes(t *testing.T) {
	begin := func(t *testing.T) (*stage, *fakeAgent, *mesospb.Resource) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
		s.must(t, a, reserveOp(reserved("disk:64", "web")...))
		v := shared(volume("64", "web", "v"))
		s.must(t, a, createOp(v))
		return s, a, v
	}
	user := func(id string, o *mesospb.Offer, v *mesospb.Resource) *mesospb.TaskInfo {
		t := command(id, o, "cpus:1")
		t.Resources = append(t.Resources, proto.CloneOf(v))
		return t
	}
	t.Run("by several tasks of one launch", func(t *testing.T) {
		s, a, v := begin(t)
		f := s.framework("f1", inRole("web"))
		o := f.offer()
		f.operate(o, launchOp(user("t1", o, v), user("t2", o, v)))
		a.run("t1")
		a.run("t2")
		if err := s.change(a, destroyOp(v)); !errors.Is(err, faults.ErrInvalid) {
			t.Errorf("the volume is destroyed under its users: %v", err)
		}
		// It is offered on while it is used.
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		next := f.offer()
		if got := amounts(t, next.GetResources()); !strings.Contains(got, "[v:data]") {
			t.Fatalf("offered is %s", got)
		}
		f.operate(next, launchOp(user("t3", next, v)))
		a.run("t3")
		for _, id := range []string{"t1", "t2", "t3"} {
			a.update(f.id, id, mesospb.TaskState_TASK_FINISHED, id)
			f.updated(id, mesospb.TaskState_TASK_FINISHED)
		}
		s.must(t, a, destroyOp(v))
	})
	t.Run("destroyed by one framework while another is offered it", func(t *testing.T) {
		s, a, v := begin(t)
		f := s.framework("f1", inRole("web"))
		o := f.offer()
		f.operate(o, launchOp(user("t1", o, v)))
		a.run("t1")
		g := s.framework("f2", inRole("web"))
		if got := amounts(t, g.offer().GetResources()); !strings.Contains(got, "[v:data]") {
			t.Fatalf("offered is %s", got)
		}
		a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u")
		f.updated("t1", mesospb.TaskState_TASK_FINISHED)
		s.must(t, a, destroyOp(v))
		g.Expect(event(schedulerpb.Event_RESCIND))
	})
}

// Each kind of operation in an ACCEPT is asked about; what may be done goes on behind what may not, and the offer is not lost.
func TestEachOperationOfAnOfferIsAuthorized(t *testing.T) {
	const deny = `"register_agents":[{"principals":{"type":"ANY"},"agents":{"type":"ANY"}}],"register_frameworks":[{"principals":{"type":"ANY"},"roles":{"type":"ANY"}}],
		"run_tasks":[{"principals":{"type":"ANY"},"users":{"type":"ANY"}}]`
	for _, c := range []struct {
		right, allow string
		before       []*mesospb.Offer_Operation
		op           *mesospb.Offer_Operation
	}{
		{"RESERVE_RESOURCES", `"reserve_resources":[{"principals":{"values":["ops"]},"roles":{"values":["web"]}}]`,
			nil, reserveOp(reserved("disk:64", "web")...)},
		{"UNRESERVE_RESOURCES", `"unreserve_resources":[{"principals":{"values":["ops"]},"reserver_principals":{"values":["ops"]}}]`,
			[]*mesospb.Offer_Operation{reserveOp(reserved("disk:64", "web")...)}, unreserveOp(reserved("disk:64", "web")...)},
		{"CREATE_VOLUME", `"create_volumes":[{"principals":{"values":["ops"]},"roles":{"values":["web"]}}]`,
			[]*mesospb.Offer_Operation{reserveOp(reserved("disk:64", "web")...)}, createOp(volume("32", "web", "v"))},
		{"RESIZE_VOLUME", `"resize_volumes":[{"principals":{"values":["ops"]},"roles":{"values":["web"]}}]`,
			[]*mesospb.Offer_Operation{reserveOp(reserved("disk:64", "web")...), createOp(volume("32", "web", "v"))},
			growOp(volume("32", "web", "v"), reserved("disk:8", "web")[0])},
		{"RESIZE_VOLUME", `"resize_volumes":[{"principals":{"values":["ops"]},"roles":{"values":["web"]}}]`,
			[]*mesospb.Offer_Operation{reserveOp(reserved("disk:64", "web")...), createOp(volume("32", "web", "v"))}, shrinkOp(volume("32", "web", "v"), 8)},
		{"DESTROY_VOLUME", `"destroy_volumes":[{"principals":{"values":["ops"]},"creator_principals":{"values":["ops"]}}]`,
			[]*mesospb.Offer_Operation{reserveOp(reserved("disk:64", "web")...), createOp(volume("32", "web", "v"))}, destroyOp(volume("32", "web", "v"))},
	} {
		t.Run(c.op.GetType().String(), func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
			for _, op := range c.before {
				s.must(t, a, op)
			}
			total := s.total(t, a)
			f := s.framework("f1", inRole("web"))
			s.permit(`{"permissive":false,` + deny + `}`)
			o := f.offer()
			f.operate(o, withID("no", proto.CloneOf(c.op)), launchOp(command("t1", o, "cpus:1")))
			if m := f.operation(t, "no", mesospb.OperationState_OPERATION_ERROR).GetMessage(); !strings.Contains(strings.ToUpper(strings.ReplaceAll(m, " ", "_")), c.right) {
				t.Errorf("it is told %q, without %s", m, c.right)
			}
			a.run("t1")
			a.ExpectNone(time.Second, testkit.Of[*controlpb.ApplyOperation]())
			equal(t, "what the agent has", s.total(t, a), total)
			s.permit(`{"permissive":false,` + deny + "," + c.allow + `}`)
			f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
			f.operate(f.offer(), withID("yes", proto.CloneOf(c.op)))
			a.finished(a.applied(), "u")
			f.operation(t, "yes", mesospb.OperationState_OPERATION_FINISHED)
		})
	}
}
