package master_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
)

// inRole is a framework that reserves for a role, in the name of "ops".
func inRole(role string) shape {
	return func(info *mesospb.FrameworkInfo) {
		info.Roles, info.Principal = []string{role}, proto.String("ops")
		capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE, mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT,
			mesospb.FrameworkInfo_Capability_PARTITION_AWARE, mesospb.FrameworkInfo_Capability_SHARED_RESOURCES)(info)
	}
}

// reserved are resources that "ops" has reserved for a role and all roles above it that are named.
func reserved(text string, roles ...string) []*mesospb.Resource {
	all, err := resources.Messages(text, "*")
	if err != nil {
		panic(err)
	}
	for _, r := range all {
		for _, role := range roles {
			r.Reservations = append(r.Reservations, &mesospb.Resource_ReservationInfo{Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(),
				Role: proto.String(role), Principal: proto.String("ops")})
		}
	}
	return all
}

// volume is a persistent volume of "ops" on disk that is reserved for a role.
func volume(size, role, id string) *mesospb.Resource {
	r := reserved("disk:"+size, role)[0]
	r.Disk = &mesospb.Resource_DiskInfo{
		Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: proto.String(id), Principal: proto.String("ops")},
		Volume:      &mesospb.Volume{ContainerPath: proto.String("data"), Mode: mesospb.Volume_RW.Enum()},
	}
	return r
}

func shared(r *mesospb.Resource) *mesospb.Resource {
	r.Shared = &mesospb.Resource_SharedInfo{}
	return r
}

func withID(id string, op *mesospb.Offer_Operation) *mesospb.Offer_Operation {
	op.Id = &mesospb.OperationID{Value: proto.String(id)}
	return op
}

func reserveOp(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_RESERVE.Enum(), Reserve: &mesospb.Offer_Operation_Reserve{Resources: rs}}
}

func unreserveOp(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_UNRESERVE.Enum(), Unreserve: &mesospb.Offer_Operation_Unreserve{Resources: rs}}
}

func createOp(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_CREATE.Enum(), Create: &mesospb.Offer_Operation_Create{Volumes: rs}}
}

func destroyOp(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_DESTROY.Enum(), Destroy: &mesospb.Offer_Operation_Destroy{Volumes: rs}}
}

func growOp(v *mesospb.Resource, by *mesospb.Resource) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_GROW_VOLUME.Enum(), GrowVolume: &mesospb.Offer_Operation_GrowVolume{Volume: v, Addition: by}}
}

func shrinkOp(v *mesospb.Resource, by float64) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_SHRINK_VOLUME.Enum(),
		ShrinkVolume: &mesospb.Offer_Operation_ShrinkVolume{Volume: v, Subtract: &mesospb.Value_Scalar{Value: &by}}}
}

func launchOp(tasks ...*mesospb.TaskInfo) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_LAUNCH.Enum(), Launch: &mesospb.Offer_Operation_Launch{TaskInfos: tasks}}
}

// operate accepts an offer with operations, and refuses what is left for a long time.
func (f *fakeScheduler) operate(o *mesospb.Offer, ops ...*mesospb.Offer_Operation) {
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{OfferIds: []*mesospb.OfferID{o.Id},
		Operations: ops, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(1e6)}}})
}

// operation expects what became of an operation.
func (f *fakeScheduler) operation(t *testing.T, id string, state mesospb.OperationState) *mesospb.OperationStatus {
	t.Helper()
	s := f.Expect(event(schedulerpb.Event_UPDATE_OPERATION_STATUS))[0].Msg.(*schedulerpb.Event).GetUpdateOperationStatus().GetStatus()
	if s.GetOperationId().GetValue() != id || s.GetState() != state {
		t.Fatalf("operation %q is %v (%s), want %q %v", s.GetOperationId().GetValue(), s.GetState(), s.GetMessage(), id, state)
	}
	return s
}

func (f *fakeScheduler) acknowledgeOperation(s *mesospb.OperationStatus) {
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS.Enum(), AcknowledgeOperationStatus: &schedulerpb.Call_AcknowledgeOperationStatus{
		AgentId: s.AgentId, Uuid: s.GetUuid().GetValue(), OperationId: s.OperationId}})
}

func (f *fakeScheduler) reconcileOperation(id string, agent *mesospb.AgentID) {
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE_OPERATIONS.Enum(), ReconcileOperations: &schedulerpb.Call_ReconcileOperations{
		Operations: []*schedulerpb.Call_ReconcileOperations_Operation{{OperationId: &mesospb.OperationID{Value: proto.String(id)}, AgentId: agent}}}})
}

// applied expects an order to carry out an operation.
func (a *fakeAgent) applied() *controlpb.ApplyOperation {
	return a.Expect(testkit.Of[*controlpb.ApplyOperation]())[0].Msg.(*controlpb.ApplyOperation)
}

// operationStatus says what became of an operation.
func (a *fakeAgent) operationStatus(o *controlpb.ApplyOperation, state mesospb.OperationState, uuid string) *controlpb.UpdateOperationStatus {
	u := &controlpb.UpdateOperationStatus{AgentId: a.info.Id, FrameworkId: o.FrameworkId, OperationUuid: o.Uuid,
		Status: &mesospb.OperationStatus{OperationId: o.GetOperation().Id, State: state.Enum(), AgentId: a.info.Id}}
	if uuid != "" {
		u.Status.Uuid = &mesospb.UUID{Value: sixteen(uuid)}
	}
	return u
}

// finished tells that an operation was carried out.
func (a *fakeAgent) finished(o *controlpb.ApplyOperation, uuid string) {
	a.Send(a.stage.master(), a.operationStatus(o, mesospb.OperationState_OPERATION_FINISHED, uuid))
}

// total is what the view says that an agent has.
func (s *stage) total(t *testing.T, a *fakeAgent) string {
	t.Helper()
	s.Settle()
	for _, shown := range s.client.View().Agents.All() {
		if shown.GetAgentInfo().GetId().GetValue() == a.id() {
			return amounts(t, shown.GetTotalResources())
		}
	}
	return ""
}

func (s *stage) operations() int {
	s.Settle()
	return s.client.View().Operations.Len()
}

func TestOperations(t *testing.T) {
	t.Run("work on what those before them made", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
		f := s.framework("f1", inRole("web"))
		o := f.offer()
		task := command("t1", o, "cpus:1")
		task.Resources = append(reserved("cpus:1", "web"), volume("64", "web", "v"))
		f.operate(o, reserveOp(reserved("cpus:2;disk:128", "web")...), createOp(volume("64", "web", "v")), launchOp(task))
		equal(t, "the first", a.applied().GetOperation().GetType(), mesospb.Offer_Operation_RESERVE)
		equal(t, "the second", a.applied().GetOperation().GetType(), mesospb.Offer_Operation_CREATE)
		a.run("t1")
		total := s.total(t, a)
		for _, part := range []string{"cpus:2", "cpus(reservations: [(DYNAMIC,web,ops)]):2", "disk(reservations: [(DYNAMIC,web,ops)])[v:data]:64"} {
			if !strings.Contains(total, part) {
				t.Errorf("the agent has %s, without %s", total, part)
			}
		}
		// What the operations made is offered again at once, whatever is refused.
		if got := amounts(t, f.offer().GetResources()); !strings.Contains(got, "cpus(reservations: [(DYNAMIC,web,ops)]):1") || strings.Contains(got, "[v:data]") {
			t.Errorf("offered is %s", got)
		}
	})
	t.Run("one that fails leaves everything to the next", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", inRole("web"))
		f.operate(f.offer(), withID("much", reserveOp(reserved("cpus:5", "web")...)), withID("fits", reserveOp(reserved("cpus:4", "web")...)))
		if m := f.operation(t, "much", mesospb.OperationState_OPERATION_ERROR).GetMessage(); !strings.Contains(m, "does not contain cpus") {
			t.Errorf("the reason is %q", m)
		}
		f.ExpectNone(time.Millisecond, event(schedulerpb.Event_UPDATE_OPERATION_STATUS))
		a.finished(a.applied(), "u")
		f.operation(t, "fits", mesospb.OperationState_OPERATION_FINISHED)
	})
	t.Run("without an id is refused in silence", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", inRole("web"))
		f.operate(f.offer(), reserveOp(reserved("cpus:5", "web")...))
		f.Expect(testkit.Of(func(r *controlpb.Refused) bool { return r.GetClass() == controlpb.Refused_CONFLICT }))
		a.ExpectNone(time.Second, testkit.Of[*controlpb.ApplyOperation]())
		equal(t, "operations", s.operations(), 0)
	})
	t.Run("on offers that are gone", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", inRole("web"))
		o := f.offer()
		f.operate(o)
		f.operate(o, withID("gone", reserveOp(reserved("cpus:1", "web")...)))
		f.operation(t, "gone", mesospb.OperationState_OPERATION_ERROR)
	})
	t.Run("a resized volume comes with the next offer", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
		f := s.framework("f1", inRole("web"))
		o := f.offer()
		grown := command("t1", o, "cpus:1")
		grown.Resources = append(grown.Resources, volume("96", "web", "v"))
		f.operate(o, reserveOp(reserved("disk:128", "web")...), createOp(volume("64", "web", "v")),
			growOp(volume("64", "web", "v"), reserved("disk:32", "web")[0]), launchOp(grown))
		equal(t, "the reason", f.updated("t1", mesospb.TaskState_TASK_ERROR).GetReason(), mesospb.TaskStatus_REASON_TASK_INVALID)
		if got := s.total(t, a); !strings.Contains(got, "[v:data]:96") {
			t.Errorf("the agent has %s", got)
		}
		next := f.offer()
		if got := amounts(t, next.GetResources()); !strings.Contains(got, "[v:data]:96") {
			t.Fatalf("offered is %s", got)
		}
		f.operate(next, shrinkOp(volume("96", "web", "v"), 16))
		if got := amounts(t, f.offer().GetResources()); !strings.Contains(got, "[v:data]:80") || !strings.Contains(got, "disk(reservations: [(DYNAMIC,web,ops)]):48") {
			t.Errorf("offered is %s", got)
		}
	})
	for name, op := range map[string]*mesospb.Offer_Operation{
		"refused: one for a role that it was not offered to":   reserveOp(reserved("cpus:1", "db")...),
		"refused: one of what is not reserved at all":          reserveOp(reserved("cpus:1")...),
		"refused: one of nothing":                              reserveOp(),
		"refused: one of an amount of nothing":                 reserveOp(reserved("cpus:0", "web")...),
		"refused: one from a source":                           {Type: mesospb.Offer_Operation_RESERVE.Enum(), Reserve: &mesospb.Offer_Operation_Reserve{Source: reserved("cpus:1"), Resources: reserved("cpus:1", "web")}},
		"refused: one that gives back what it does not have":   unreserveOp(reserved("cpus:1", "web")...),
		"refused: one that makes a volume on what is free":     createOp(volume("1", "web", "v")),
		"refused: one that makes a volume larger than what is": createOp(volume("2048", "web", "v")),
		"refused: one that makes a volume on nothing":          createOp(),
		"refused: one that destroys a volume that is not":      destroyOp(volume("1", "web", "v")),
		"refused: one that grows a volume that is not":         growOp(volume("1", "web", "v"), reserved("disk:1", "web")[0]),
		"refused: one that shrinks a volume that is not":       shrinkOp(volume("2", "web", "v"), 1),
		"refused: one that shrinks by what is not a number":    shrinkOp(volume("2", "web", "v"), 0),
		"refused: one of a kind that nobody knows":             {},
		"refused: one of a kind without contents":              {Type: mesospb.Offer_Operation_GROW_VOLUME.Enum()},
		"refused: one that needs a provider":                   {Type: mesospb.Offer_Operation_CREATE_DISK.Enum(), CreateDisk: &mesospb.Offer_Operation_CreateDisk{Source: reserved("disk:1")[0], TargetType: mesospb.Resource_DiskInfo_Source_MOUNT.Enum()}},
		"refused: one that needs a provider to destroy a disk": {Type: mesospb.Offer_Operation_DESTROY_DISK.Enum(), DestroyDisk: &mesospb.Offer_Operation_DestroyDisk{Source: reserved("disk:1")[0]}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
			f := s.framework("f1", inRole("web"))
			f.operate(f.offer(), withID("x", proto.CloneOf(op)))
			if f.operation(t, "x", mesospb.OperationState_OPERATION_ERROR).GetMessage() == "" {
				t.Error("no reason is given")
			}
			a.ExpectNone(time.Second, testkit.Of[*controlpb.ApplyOperation]())
			equal(t, "what the agent has", s.total(t, a), "cpus:4; mem:4096; disk:1024")
			equal(t, "operations", s.operations(), 0)
		})
	}
	t.Run("refused: an id that is in use", func(t *testing.T) {
		s := newStage(t, nil)
		s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", inRole("web"))
		f.operate(f.offer(), withID("x", reserveOp(reserved("cpus:1", "web")...)), withID("x", reserveOp(reserved("cpus:1", "web")...)))
		f.operation(t, "x", mesospb.OperationState_OPERATION_ERROR)
		equal(t, "operations", s.operations(), 1)
	})
	t.Run("refused: feedback from an agent that gives none", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.stranger("a1", "cpus:4;mem:4096")
		a.Send(s.master(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Capabilities: agentCapabilities[:3]})
		a.Expect(testkit.Of[*controlpb.AgentRegistered]())
		f := s.framework("f1", inRole("web"))
		f.operate(f.offer(), withID("x", reserveOp(reserved("cpus:1", "web")...)))
		f.operation(t, "x", mesospb.OperationState_OPERATION_ERROR)
	})
}

func TestOperationFeedback(t *testing.T) {
	begin := func(t *testing.T) (*stage, *fakeAgent, *fakeScheduler, *controlpb.ApplyOperation) {
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		f := s.framework("f1", inRole("web"), patient(time.Hour))
		f.operate(f.offer(), withID("x", reserveOp(reserved("cpus:1", "web")...)))
		return s, a, f, a.applied()
	}
	t.Run("until it is acknowledged", func(t *testing.T) {
		s, a, f, op := begin(t)
		a.finished(op, "u")
		a.finished(op, "u")
		f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED)
		status := f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED)
		equal(t, "its agent", status.GetAgentId().GetValue(), a.id())
		a.ExpectNone(time.Second, testkit.Of[*controlpb.AcknowledgeOperation]())
		wrong := proto.CloneOf(status)
		wrong.Uuid.Value = sixteen("wrong")
		f.acknowledgeOperation(wrong)
		a.ExpectNone(time.Second, testkit.Of[*controlpb.AcknowledgeOperation]())
		equal(t, "operations", s.operations(), 1)
		f.acknowledgeOperation(status)
		a.Expect(testkit.Of[*controlpb.AcknowledgeOperation]())
		equal(t, "operations", s.operations(), 0)
		// The acknowledgement was lost: the agent says it again, and the framework does not hear it.
		a.finished(op, "u")
		a.Expect(testkit.Of[*controlpb.AcknowledgeOperation]())
		f.ExpectNone(time.Second, event(schedulerpb.Event_UPDATE_OPERATION_STATUS))
	})
	t.Run("is reconciled", func(t *testing.T) {
		s, a, f, op := begin(t)
		f.reconcileOperation("x", nil)
		f.operation(t, "x", mesospb.OperationState_OPERATION_PENDING)
		a.finished(op, "u")
		f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED)
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE_OPERATIONS.Enum(), ReconcileOperations: &schedulerpb.Call_ReconcileOperations{}})
		if f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED).Uuid != nil {
			t.Error("an answer wants to be acknowledged")
		}
		f.reconcileOperation("y", nil)
		f.operation(t, "y", mesospb.OperationState_OPERATION_UNKNOWN)
		f.reconcileOperation("y", a.info.Id)
		f.operation(t, "y", mesospb.OperationState_OPERATION_UNKNOWN)
		f.reconcileOperation("y", aid("nobody"))
		f.operation(t, "y", mesospb.OperationState_OPERATION_UNKNOWN)
		_ = s
	})
	t.Run("of one that an agent never got", func(t *testing.T) {
		s, a, f, op := begin(t)
		_ = op
		again := a.reregister()
		equal(t, "questions", len(again.GetOperations()), 1)
		u := a.operationStatus(op, mesospb.OperationState_OPERATION_DROPPED, "")
		u.FrameworkId, u.Status.OperationId, u.Checkpointed = nil, nil, &controlpb.CheckpointedResources{}
		a.Send(s.master(), u)
		f.operation(t, "x", mesospb.OperationState_OPERATION_DROPPED)
		equal(t, "operations", s.operations(), 0)
		equal(t, "what the agent has", s.total(t, a), "cpus:4; mem:4096")
	})
	t.Run("of one that an agent got and did not tell", func(t *testing.T) {
		s, a, f, op := begin(t)
		r := a.report()
		r.CheckpointedResources = reserved("cpus:1", "web")
		r.Operations = []*mesospb.Operation{{FrameworkId: op.FrameworkId, AgentId: a.info.Id, Info: op.Operation, Uuid: &mesospb.UUID{Value: op.Uuid},
			LatestStatus: a.operationStatus(op, mesospb.OperationState_OPERATION_FINISHED, "u").Status}}
		a.Send(s.master(), r)
		again := a.Expect(testkit.Of[*controlpb.AgentReregistered]())[0].Msg.(*controlpb.AgentReregistered)
		equal(t, "questions", len(again.GetOperations()), 0)
		equal(t, "what the agent has", s.total(t, a), "cpus:3; mem:4096; cpus(reservations: [(DYNAMIC,web,ops)]):1")
		a.finished(op, "u")
		f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED)
	})
	t.Run("of one that no master but the last knew", func(t *testing.T) {
		s, a, f, op := begin(t)
		r := a.report()
		r.CheckpointedResources = reserved("cpus:1", "web")
		r.Operations = []*mesospb.Operation{{FrameworkId: op.FrameworkId, AgentId: a.info.Id, Info: op.Operation, Uuid: &mesospb.UUID{Value: op.Uuid},
			LatestStatus: a.operationStatus(op, mesospb.OperationState_OPERATION_FINISHED, "u").Status}}
		s.failover()
		f.reconcileAfterFailover(t, a)
		a.Send(s.master(), r)
		a.Expect(testkit.Of[*controlpb.AgentReregistered]())
		equal(t, "what the agent has", s.total(t, a), "cpus:3; mem:4096; cpus(reservations: [(DYNAMIC,web,ops)]):1")
		a.finished(op, "u")
		f.acknowledgeOperation(f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED))
		a.Expect(testkit.Of[*controlpb.AcknowledgeOperation]())
	})
	t.Run("of an operation whose framework is over", func(t *testing.T) {
		s, a, f, op := begin(t)
		a.finished(op, "u")
		f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED)
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		a.Expect(testkit.Of[*controlpb.AcknowledgeOperation]())
		equal(t, "operations", s.operations(), 0)
		if got := s.total(t, a); !strings.Contains(got, "web") {
			t.Errorf("the agent has %s: the reservation is gone with the framework", got)
		}
	})
	t.Run("of an operation that ends after its framework", func(t *testing.T) {
		s, a, f, op := begin(t)
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		a.ExpectNone(time.Second, testkit.Of[*controlpb.AcknowledgeOperation]())
		a.finished(op, "u")
		a.Expect(testkit.Of[*controlpb.AcknowledgeOperation]())
		equal(t, "operations", s.operations(), 0)
	})
	t.Run("of an operation whose framework never returns", func(t *testing.T) {
		s, a, f, op := begin(t)
		r := a.report()
		r.Operations = []*mesospb.Operation{{FrameworkId: fid("nobody"), AgentId: a.info.Id, Info: op.Operation, Uuid: &mesospb.UUID{Value: op.Uuid},
			LatestStatus: a.operationStatus(op, mesospb.OperationState_OPERATION_FINISHED, "u").Status}}
		f.node.Crash()
		s.failover()
		a.Send(s.master(), r)
		a.Expect(testkit.Of[*controlpb.AgentReregistered]())
		a.finished(op, "u")
		a.ExpectNone(9*time.Minute, testkit.Of[*controlpb.AcknowledgeOperation]())
		s.Advance(2 * time.Minute)
		a.finished(op, "u")
		a.Expect(testkit.Of[*controlpb.AcknowledgeOperation]())
		equal(t, "operations", s.operations(), 0)
	})
	t.Run("when its agent is unreachable, and when it returns", func(t *testing.T) {
		s, a, f, op := begin(t)
		a.deaf = true
		s.Advance(2 * time.Minute)
		f.operation(t, "x", mesospb.OperationState_OPERATION_UNREACHABLE)
		equal(t, "operations", s.operations(), 0)
		f.reconcileOperation("x", a.info.Id)
		f.operation(t, "x", mesospb.OperationState_OPERATION_UNREACHABLE)
		a.deaf = false
		r := a.report()
		r.CheckpointedResources = reserved("cpus:1", "web")
		r.Operations = []*mesospb.Operation{{FrameworkId: op.FrameworkId, AgentId: a.info.Id, Info: op.Operation, Uuid: &mesospb.UUID{Value: op.Uuid},
			LatestStatus: a.operationStatus(op, mesospb.OperationState_OPERATION_FINISHED, "u").Status}}
		a.Send(s.master(), r)
		a.Expect(testkit.Of[*controlpb.AgentReregistered]())
		a.finished(op, "u")
		f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED)
		if got := s.total(t, a); !strings.Contains(got, "web") {
			t.Errorf("the agent has %s", got)
		}
	})
	t.Run("when its agent is gone", func(t *testing.T) {
		s, a, f, _ := begin(t)
		s.order(&masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: a.info.Id}})
		f.operation(t, "x", mesospb.OperationState_OPERATION_GONE_BY_OPERATOR)
		f.reconcileOperation("x", a.info.Id)
		f.operation(t, "x", mesospb.OperationState_OPERATION_GONE_BY_OPERATOR)
	})
	t.Run("is counted", func(t *testing.T) {
		s, a, f, op := begin(t)
		s.Settle()
		gauge := func(name string, want float64) {
			t.Helper()
			for _, m := range s.ask(masterpb.Call_GET_METRICS).GetGetMetrics().GetMetrics() {
				if m.GetName() == "master/"+name {
					equal(t, name, m.GetValue(), want)
					return
				}
			}
			t.Errorf("there is no metric %s", name)
		}
		gauge("operations/reserve/pending", 1)
		a.finished(op, "u")
		f.acknowledgeOperation(f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED))
		s.Settle()
		gauge("operations/total", 0)
		gauge("operations/reserve/pending", 0)
		gauge("messages_operation_status_update", 1)
		gauge("valid_operation_status_update_acknowledgements", 1)
	})
}

// reconcileAfterFailover subscribes with the next master, and asks for an operation while its agent is awaited.
func (f *fakeScheduler) reconcileAfterFailover(t *testing.T, a *fakeAgent) {
	t.Helper()
	f.subscribe()
	f.reconcileOperation("x", a.info.Id)
	f.operation(t, "x", mesospb.OperationState_OPERATION_RECOVERING)
}
