package master_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
)

// limitsOf keeps zeros, which quantities drop.
func limitsOf(text string) map[string]*mesospb.Value_Scalar {
	out := map[string]*mesospb.Value_Scalar{}
	for _, part := range strings.Split(text, ";") {
		if name, amount, ok := strings.Cut(part, ":"); ok {
			var v float64
			if _, err := fmt.Sscan(amount, &v); err != nil {
				panic(err)
			}
			out[name] = &mesospb.Value_Scalar{Value: proto.Float64(v)}
		}
	}
	return out
}

func quotaConfig(role, guarantees, limits string) *quotapb.QuotaConfig {
	return &quotapb.QuotaConfig{Role: proto.String(role), Guarantees: limitsOf(guarantees), Limits: limitsOf(limits)}
}

func quotaCall(configs ...*quotapb.QuotaConfig) *masterpb.Call {
	return &masterpb.Call{Type: masterpb.Call_UPDATE_QUOTA.Enum(), UpdateQuota: &masterpb.Call_UpdateQuota{QuotaConfigs: configs}}
}

func forced(c *masterpb.Call) *masterpb.Call {
	if u := c.GetUpdateQuota(); u != nil {
		u.Force = proto.Bool(true)
	}
	if r := c.GetSetQuota().GetQuotaRequest(); r != nil {
		r.Force = proto.Bool(true)
	}
	return c
}

func setQuotaCall(role, text string) *masterpb.Call {
	rs, err := resources.Parse(text)
	if err != nil {
		panic(err)
	}
	return &masterpb.Call{Type: masterpb.Call_SET_QUOTA.Enum(), SetQuota: &masterpb.Call_SetQuota{
		QuotaRequest: &quotapb.QuotaRequest{Role: proto.String(role), Guarantee: rs.Proto()}}}
}

func removeQuotaCall(role string) *masterpb.Call {
	return &masterpb.Call{Type: masterpb.Call_REMOVE_QUOTA.Enum(), RemoveQuota: &masterpb.Call_RemoveQuota{Role: proto.String(role)}}
}

// quotas are what GET_QUOTA says: guarantee/limit of each role, in one line.
func (s *stage) quotas() string {
	word := func(m map[string]*mesospb.Value_Scalar) string {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(m)) {
			parts = append(parts, fmt.Sprintf("%s:%g", name, m[name].GetValue()))
		}
		return strings.Join(parts, ";")
	}
	var list []string
	for _, q := range s.ask(masterpb.Call_GET_QUOTA).GetGetQuota().GetStatus().GetConfigs() {
		list = append(list, q.GetRole()+"="+word(q.GetGuarantees())+"/"+word(q.GetLimits()))
	}
	return strings.Join(list, " ")
}

func TestUpdateQuota(t *testing.T) {
	t.Run("set, raised, cleared, and there after a failover", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:8;mem:4096")
		equal(t, "quotas", s.quotas(), "")
		s.done(t, quotaCall(quotaConfig("dev", "cpus:1;mem:64", "cpus:2")))
		equal(t, "quotas", s.quotas(), "dev=cpus:1;mem:64/cpus:2")
		if roles := s.ask(masterpb.Call_GET_ROLES).GetGetRoles().GetRoles(); len(roles) != 1 || roles[0].GetName() != "dev" || roles[0].GetWeight() != 1 {
			t.Errorf("roles are %v", roles)
		}
		infos := s.ask(masterpb.Call_GET_QUOTA).GetGetQuota().GetStatus().GetInfos()
		if len(infos) != 1 || infos[0].GetRole() != "dev" || len(infos[0].GetGuarantee()) != 2 {
			t.Errorf("the old form is %v", infos)
		}
		s.done(t, quotaCall(quotaConfig("dev", "cpus:1.5", "cpus:1.5;mem:100"), quotaConfig("*", "", "cpus:0")))
		s.done(t, quotaCall())
		equal(t, "quotas", s.quotas(), "*=/cpus:0 dev=cpus:1.5/cpus:1.5;mem:100")
		s.failover()
		equal(t, "quotas", s.quotas(), "*=/cpus:0 dev=cpus:1.5/cpus:1.5;mem:100")
		s.done(t, quotaCall(quotaConfig("dev", "", "")))
		equal(t, "quotas", s.quotas(), "*=/cpus:0 dev=/")
	})
	for _, c := range []struct {
		name string
		call *masterpb.Call
		says string
	}{
		{"a nested role", quotaCall(quotaConfig("a", "", ""), quotaConfig("a/b", "", "")), "Updating quota on nested role 'a/b' is not supported yet"},
		{"a bad role", quotaCall(quotaConfig("a b", "cpus:1", "")), "Invalid QuotaConfig"},
		{"guarantees above limits", quotaCall(quotaConfig("x", "cpus:2", "cpus:1")), "Invalid QuotaConfig"},
		{"a negative amount", quotaCall(quotaConfig("x", "cpus:-1", "")), "Invalid QuotaConfig"},
		{"too much memory to count", quotaCall(quotaConfig("x", "mem:1e15", "")), ""},
		{"the second of two", quotaCall(quotaConfig("x", "cpus:1", ""), quotaConfig("y", "cpus:-1", "")), "Invalid QuotaConfig"},
		{"more than there is", quotaCall(quotaConfig("x", "cpus:9", "")), "total quota guarantees 'cpus:9' exceed cluster capacity 'cpus:8;mem:4096' (use 'force'"},
		{"more than there is of two roles", quotaCall(quotaConfig("x", "cpus:5", ""), quotaConfig("y", "cpus:4", "")), "'cpus:9'"},
	} {
		t.Run("refused: "+c.name, func(t *testing.T) {
			s := newStage(t, nil)
			s.agent("a1", "cpus:8;mem:4096")
			refusedWith(t, s.order(c.call), controlpb.Refused_INVALID, c.says)
			equal(t, "quotas", s.quotas(), "")
		})
	}
	t.Run("forced above what there is", func(t *testing.T) {
		s := newStage(t, nil)
		s.done(t, forced(quotaCall(quotaConfig("x", "cpus:9", ""))))
		equal(t, "quotas", s.quotas(), "x=cpus:9/")
	})
}

func TestQuotaBelowConsumption(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:8;mem:4096")
	f := s.framework("f1", multi("dev/web"))
	s.running(f, a, "t1") // cpus:1
	refusedWith(t, s.order(quotaCall(quotaConfig("dev", "", "cpus:0.5"))), controlpb.Refused_INVALID, "is already consuming 'cpus:1; mem:64'")
	equal(t, "quotas", s.quotas(), "")
	s.done(t, forced(quotaCall(quotaConfig("dev", "", "cpus:0.5"))))
	equal(t, "quotas", s.quotas(), "dev=/cpus:0.5")
	s.done(t, quotaCall(quotaConfig("dev", "", "cpus:1")))
}

func TestSetQuota(t *testing.T) {
	s := newStage(t, nil)
	s.agent("a1", "cpus:8;mem:4096")
	s.done(t, setQuotaCall("old", "cpus:1;mem:128"))
	equal(t, "quotas", s.quotas(), "old=cpus:1;mem:128/cpus:1;mem:128")
	refusedWith(t, s.order(setQuotaCall("old", "cpus:1")), controlpb.Refused_INVALID, "Cannot set quota for role 'old' which already has quota")
	s.done(t, removeQuotaCall("old"))
	equal(t, "quotas", s.quotas(), "")
	// The original ends here; the answer is that of the old door.
	refusedWith(t, s.order(removeQuotaCall("old")), controlpb.Refused_INVALID, "Role 'old' has no quota set")
	refusedWith(t, s.order(setQuotaCall("huge", "cpus:999")), controlpb.Refused_CONFLICT,
		"Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total quota guarantees 'cpus:999' exceed cluster capacity 'cpus:8;mem:4096'")
	s.done(t, forced(setQuotaCall("huge", "cpus:999")))
	s.done(t, removeQuotaCall("huge"))
	s.done(t, setQuotaCall("*", "cpus:1"))
	s.failover()
	equal(t, "quotas", s.quotas(), "*=cpus:1/cpus:1")
}

func TestSetQuotaRefused(t *testing.T) {
	change := func(role string, f func(*mesospb.Resource)) *masterpb.Call {
		c := setQuotaCall(role, "cpus:1")
		f(c.GetSetQuota().GetQuotaRequest().GetGuarantee()[0])
		return c
	}
	twice := setQuotaCall("x", "cpus:1")
	twice.SetQuota.QuotaRequest.Guarantee = append(twice.SetQuota.QuotaRequest.Guarantee, twice.SetQuota.QuotaRequest.Guarantee...)
	empty := setQuotaCall("x", "cpus:1")
	empty.SetQuota.QuotaRequest.Guarantee = nil
	for _, c := range []struct {
		name string
		call *masterpb.Call
		says string
	}{
		{"no role", setQuotaCall("", "cpus:1"), "QuotaInfo with invalid role"},
		{"a bad role", setQuotaCall("/x", "cpus:1"), "QuotaInfo with invalid role"},
		{"a nested role", setQuotaCall("a/b", "cpus:1"), "Parent role 'a' with guarantees ({})"},
		{"nothing", empty, "QuotaInfo with empty 'guarantee'"},
		{"a name twice", twice, "duplicate resource name 'cpus'"},
		{"ranges", setQuotaCall("x", "ports:[1-2]"), "non-scalar"},
		{"a role in the old form", change("x", func(r *mesospb.Resource) { r.Role = proto.String("x") }), "ReservationInfo"},
		{"a reservation", change("x", func(r *mesospb.Resource) { r.Reservations = []*mesospb.Resource_ReservationInfo{{}} }), "ReservationInfo"},
		{"a disk", change("x", func(r *mesospb.Resource) { r.Disk = &mesospb.Resource_DiskInfo{} }), "DiskInfo"},
		{"revocable", change("x", func(r *mesospb.Resource) { r.Revocable = &mesospb.Resource_RevocableInfo{} }), "RevocableInfo"},
		{"negative", change("x", func(r *mesospb.Resource) { r.Scalar.Value = proto.Float64(-1) }), "value <= 0"},
		{"no amount", change("x", func(r *mesospb.Resource) { r.Scalar = nil }), "Invalid scalar resource"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			s.agent("a1", "cpus:8;mem:4096")
			refusedWith(t, s.order(c.call), controlpb.Refused_INVALID, c.says)
			equal(t, "quotas", s.quotas(), "")
		})
	}
	t.Run("zero is nothing, and no mistake", func(t *testing.T) {
		s := newStage(t, nil)
		s.done(t, change("x", func(r *mesospb.Resource) { r.Scalar.Value = proto.Float64(0) }))
		equal(t, "quotas", s.quotas(), "x=cpus:0/cpus:0")
	})
}

// The capacity is that of all agents, whatever is offered of them, and of those that are away for a moment too.
func TestQuotaCapacity(t *testing.T) {
	s := newStage(t, nil)
	refusedWith(t, s.order(setQuotaCall("x", "cpus:1")), controlpb.Refused_CONFLICT, "exceed cluster capacity")
	s.agent("a1", "cpus:2;mem:1024")
	f := s.framework("f1")
	f.offer()
	s.done(t, setQuotaCall("x", "cpus:2"))
	s.done(t, removeQuotaCall("x"))
	refusedWith(t, s.order(setQuotaCall("x", "cpus:4")), controlpb.Refused_CONFLICT, "exceed cluster capacity")
	s.agent("a2", "cpus:2;mem:1024")
	refusedWith(t, s.order(setQuotaCall("x", "cpus:5")), controlpb.Refused_CONFLICT, "exceed cluster capacity")
	s.done(t, setQuotaCall("x", "cpus:4"))
}

// A limit takes back what is out beyond it, and nothing more goes out.
func TestLimitRescindsOffers(t *testing.T) {
	s := newStage(t, nil)
	for i := range 4 {
		s.agent(fmt.Sprintf("a%d", i), "cpus:2;mem:1024")
	}
	f := s.framework("f1", multi("dev"))
	f.offers(4)
	s.done(t, quotaCall(quotaConfig("dev", "", "cpus:4")))
	f.Expect(event(schedulerpb.Event_RESCIND))
	f.Expect(event(schedulerpb.Event_RESCIND))
	f.ExpectNone(time.Second, event(schedulerpb.Event_RESCIND))
	// Memory is not limited, so what is offered of the rest has no cpus.
	for _, o := range f.offers(2) {
		equal(t, "an offer", amounts(t, o.GetResources()), "mem:1024")
	}
}

// A guarantee takes back what others sit on.
func TestGuaranteeRescindsOffers(t *testing.T) {
	s := newStage(t, nil)
	for i := range 3 {
		s.agent(fmt.Sprintf("a%d", i), "cpus:2;mem:1024")
	}
	greedy := s.framework("f1", multi("ops"))
	greedy.offers(3)
	s.done(t, quotaCall(quotaConfig("dev", "cpus:3", "")))
	greedy.Expect(event(schedulerpb.Event_RESCIND))
	greedy.Expect(event(schedulerpb.Event_RESCIND))
	greedy.ExpectNone(time.Second, event(schedulerpb.Event_RESCIND))
	f := s.framework("f2", multi("dev"))
	f.offers(2)
}

// A limit holds across a failover: as long as agents are away, nobody knows what the role has on them.
func TestLimitHoldsAcrossFailover(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.AllocatorAgentRecoveryFactor = 0.5 })
	s.done(t, forced(quotaCall(quotaConfig("dev", "", "cpus:2"))))
	a, b := s.agent("a1", "cpus:2;mem:1024"), s.agent("a2", "cpus:2;mem:1024")
	f := s.framework("f1", multi("dev"), patient(time.Hour))
	for _, o := range f.offers(2) { // of which one has no cpus
		rs, err := resources.FromProto(o.GetResources())
		if err != nil {
			t.Fatal(err)
		}
		if rs.CPUs() == 0 {
			continue
		}
		on := a
		if o.GetAgentId().GetValue() == b.id() {
			on = b
		}
		task := command("t1", o, "cpus:2;mem:64")
		for _, r := range task.Resources {
			r.AllocationInfo = o.AllocationInfo
		}
		f.launch(o, task)
		on.run("t1")
		if on == b {
			a, b = b, a
		}
	}
	s.failover()
	f.subscribe()
	b.reregister()
	cpus := func(d time.Duration) (sum resources.Milli) {
		s.Advance(d)
		for _, m := range f.Messages() {
			e, _ := m.Msg.(*schedulerpb.Event)
			for _, o := range e.GetOffers().GetOffers() {
				rs, err := resources.FromProto(o.GetResources())
				if err != nil {
					t.Fatal(err)
				}
				sum += rs.CPUs()
			}
		}
		return sum
	}
	equal(t, "cpus on offer while the agent with the task is away", cpus(30*time.Second), 0)
	a.reregister()
	equal(t, "cpus on offer when it is back", cpus(30*time.Second), 0)
	f.kill("t1", nil)
	s.finish(f, a, "t1")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	if got := cpus(30 * time.Second); got != 2000 {
		t.Errorf("when the task is over %s cpus are on offer, want 2", got)
	}
}

// With quotas nothing is offered until most agents are back, or for long enough.
func TestQuotaHoldsOffersAfterFailover(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.AllocatorAgentRecoveryFactor = 1 })
	a, b := s.agent("a1", "cpus:2;mem:1024"), s.agent("a2", "cpus:2;mem:1024")
	s.done(t, quotaCall(quotaConfig("dev", "cpus:2", "")))
	f := s.framework("f1", multi("ops"), patient(time.Hour))
	s.failover()
	f.subscribe()
	a.reregister()
	f.Forget()
	f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
	b.reregister()
	f.offer()
}
