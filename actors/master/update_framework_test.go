package master_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

// became asks for an UPDATE_FRAMEWORK.
func (f *fakeScheduler) became(suppressed []string, constraints *schedulerpb.OfferConstraints, edits ...func(*mesospb.FrameworkInfo)) {
	info := proto.CloneOf(f.info)
	for _, edit := range edits {
		edit(info)
	}
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum(), UpdateFramework: &schedulerpb.Call_UpdateFramework{
		FrameworkInfo: info, SuppressedRoles: suppressed, OfferConstraints: constraints}})
}

func inRoles(roles ...string) func(*mesospb.FrameworkInfo) {
	return func(i *mesospb.FrameworkInfo) { i.Roles = roles }
}

// Some fields stay as they were at the first subscription.
func TestUpdateFrameworkRefused(t *testing.T) {
	for name, edit := range map[string]func(*mesospb.FrameworkInfo){
		"the user":      func(i *mesospb.FrameworkInfo) { i.User = proto.String("root") },
		"the principal": func(i *mesospb.FrameworkInfo) { i.Principal = proto.String("eve") },
		"checkpointing": func(i *mesospb.FrameworkInfo) { i.Checkpoint = proto.Bool(!i.GetCheckpoint()) },
		"the id":        func(i *mesospb.FrameworkInfo) { i.Id = fid("another") },
		"a role that nobody can have": func(i *mesospb.FrameworkInfo) {
			i.Roles = []string{"a b"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", multi("eng"), func(i *mesospb.FrameworkInfo) { i.Principal = proto.String("ops") })
			s.running(f, a, "t1")
			f.became(nil, nil, edit, func(i *mesospb.FrameworkInfo) { i.Name = proto.String("renamed") })
			f.Expect(testkit.Of(func(r *controlpb.Refused) bool { return r.GetClass() == controlpb.Refused_INVALID }))
			now := s.frameworks().GetFrameworks()[0].GetFrameworkInfo()
			equal(t, "the name", now.GetName(), "f1")
			equal(t, "everything else, too", proto.Equal(now, f.info), true)
			a.ExpectNone(time.Second, testkit.Of[*controlpb.UpdateFramework]())
		})
	}
}

// What may change changes everywhere: here, and on the agents that work for the framework; and only if anything changes.
func TestUpdateFrameworkChanges(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", multi("eng"))
	s.running(f, a, "t1")
	f.became(nil, nil, func(i *mesospb.FrameworkInfo) {
		i.Name, i.Hostname, i.WebuiUrl, i.FailoverTimeout = proto.String("n"), proto.String("h"), proto.String("http://w"), proto.Float64(77)
		i.Labels = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("k")}}}
		i.Capabilities = append(i.Capabilities, &mesospb.FrameworkInfo_Capability{Type: mesospb.FrameworkInfo_Capability_PARTITION_AWARE.Enum()})
	})
	told := a.Expect(testkit.Of[*controlpb.UpdateFramework]())[0].Msg.(*controlpb.UpdateFramework).GetFramework()
	now := s.frameworks().GetFrameworks()[0].GetFrameworkInfo()
	equal(t, "the agent knows the same", proto.Equal(told, now), true)
	equal(t, "the name", now.GetName()+" "+now.GetHostname()+" "+now.GetWebuiUrl()+" "+now.GetLabels().GetLabels()[0].GetKey(), "n h http://w k")
	equal(t, "the timeout", now.GetFailoverTimeout(), 77)
	outOfReach(s, a)
	f.updated("t1", mesospb.TaskState_TASK_UNREACHABLE) // it has become partition aware
	a.deaf = false
	a.reregister()
	f.info = now
	f.became(nil, nil)
	a.ExpectNone(time.Second, testkit.Of[*controlpb.UpdateFramework]())
}

// Roles come and go, are suppressed and wake up.
func TestUpdateFrameworkRoles(t *testing.T) {
	begin := func(t *testing.T) (*stage, *fakeScheduler) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", multi("eng"))
		return s, f
	}
	role := func(o *mesospb.Offer) string { return o.GetAllocationInfo().GetRole() }
	t.Run("one more is offered to", func(t *testing.T) {
		_, f := begin(t)
		f.accept([]*mesospb.Offer{f.offer()}, 1e6) // refused for the first role
		f.became(nil, nil, inRoles("eng", "ops"))
		equal(t, "offered for", role(f.offer()), "ops")
	})
	t.Run("one less loses its offers", func(t *testing.T) {
		_, f := begin(t)
		o := f.offer()
		f.became(nil, nil, inRoles("ops"))
		equal(t, "rescinded", f.Expect(event(schedulerpb.Event_RESCIND))[0].Msg.(*schedulerpb.Event).GetRescind().GetOfferId().GetValue(), o.GetId().GetValue())
		equal(t, "offered for", role(f.offer()), "ops")
	})
	t.Run("one more that is suppressed is not offered to", func(t *testing.T) {
		_, f := begin(t)
		f.accept([]*mesospb.Offer{f.offer()}, 1e6)
		f.became([]string{"ops"}, nil, inRoles("eng", "ops"))
		f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
	})
	t.Run("suppressed, it keeps its offers and gets no more", func(t *testing.T) {
		_, f := begin(t)
		o := f.offer()
		f.became([]string{"eng"}, nil)
		f.ExpectNone(time.Second, event(schedulerpb.Event_RESCIND))
		f.accept([]*mesospb.Offer{o}, 0)
		f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
	})
	t.Run("awake, it is offered to in spite of filters", func(t *testing.T) {
		_, f := begin(t)
		f.accept([]*mesospb.Offer{f.offer()}, 1e6)
		f.became([]string{"eng"}, nil)
		f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
		f.became(nil, nil)
		equal(t, "offered for", role(f.offer()), "eng")
	})
	t.Run("one is left while another wakes up", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:4;mem:4096")
		f := s.scheduler("f1", multi("eng", "ops"))
		call := f.subscribeCall()
		call.Subscribe.SuppressedRoles = []string{"eng", "ops"}
		f.Send(s.master(), call)
		f.info.Id = f.Expect(event(schedulerpb.Event_SUBSCRIBED))[0].Msg.(*schedulerpb.Event).GetSubscribed().FrameworkId
		f.id = f.info.GetId().GetValue()
		f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
		f.became(nil, nil, inRoles("ops"))
		equal(t, "offered for", role(f.offer()), "ops")
		f.became([]string{"eng"}, nil, inRoles("ops")) // it is no role of the framework any more
		f.Expect(testkit.Of(func(r *controlpb.Refused) bool { return r.GetClass() == controlpb.Refused_INVALID }))
	})
}

// Constraints are replaced as a whole, and name roles of the framework only.
func TestUpdateFrameworkConstraints(t *testing.T) {
	s := newStage(t, nil)
	a := s.stranger("a1", "cpus:4;mem:4096")
	a.info.Attributes = []*mesospb.Attribute{{Name: proto.String("rack"), Type: mesospb.Value_TEXT.Enum(), Text: &mesospb.Value_Text{Value: proto.String("r1")}}}
	a.register()
	f := s.framework("f1", multi("eng"))
	on := func(role, rack string) *schedulerpb.OfferConstraints {
		is := &schedulerpb.AttributeConstraint{
			Selector: &schedulerpb.AttributeConstraint_Selector{Selector: &schedulerpb.AttributeConstraint_Selector_AttributeName{AttributeName: "rack"}},
			Predicate: &schedulerpb.AttributeConstraint_Predicate{Predicate: &schedulerpb.AttributeConstraint_Predicate_TextEquals_{
				TextEquals: &schedulerpb.AttributeConstraint_Predicate_TextEquals{Value: proto.String(rack)}}}}
		return &schedulerpb.OfferConstraints{RoleConstraints: map[string]*schedulerpb.OfferConstraints_RoleConstraints{
			role: {Groups: []*schedulerpb.OfferConstraints_RoleConstraints_Group{{AttributeConstraints: []*schedulerpb.AttributeConstraint{is}}}}}}
	}
	o := f.offer()
	f.became(nil, on("ops", "r1"))
	f.Expect(testkit.Of(func(r *controlpb.Refused) bool { return r.GetClass() == controlpb.Refused_INVALID }))
	f.became(nil, on("eng", "r2"))
	f.accept([]*mesospb.Offer{o}, 0)
	f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
	f.became(nil, on("eng", "r1"))
	f.offer()
}
