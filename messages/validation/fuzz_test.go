package validation_test

import (
	"errors"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
	"google.golang.org/protobuf/proto"
)

func seed(f *testing.F, m proto.Message) {
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
}

func read[M proto.Message](data []byte, m M) (M, bool) {
	return m, proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(data, m) == nil
}

// calm holds errors to their class: whatever comes in, it is the sender's fault and nobody else's.
func calm(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%v is no fault.ErrInvalid", err)
	}
}

// FuzzSchedulerCall looks at whatever can be decoded, even with required fields missing: a process on the same
// machine can send that.
func FuzzSchedulerCall(f *testing.F) {
	task := &mesospb.TaskInfo{
		Name: proto.String("t"), TaskId: &mesospb.TaskID{Value: proto.String("t1")}, AgentId: &mesospb.AgentID{Value: proto.String("a1")},
		Executor: &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Container: sharing(false)},
		Limits:   map[string]*mesospb.Value_Scalar{"cpus": {Value: proto.Float64(1)}},
		Resources: []*mesospb.Resource{{
			Name: proto.String("disk"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(1)},
			Disk: &mesospb.Resource_DiskInfo{Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: proto.String("x")}},
		}},
	}
	reservation := &mesospb.Resource_ReservationInfo{Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String("r")}
	reserved := &mesospb.Resource{
		Name: proto.String("ports"), Type: mesospb.Value_RANGES.Enum(), Reservations: []*mesospb.Resource_ReservationInfo{reservation},
		Ranges: &mesospb.Value_Ranges{Range: []*mesospb.Value_Range{{Begin: proto.Uint64(1), End: proto.Uint64(2)}}},
	}
	seed(f, &schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), FrameworkId: &mesospb.FrameworkID{Value: proto.String("f1")}, Accept: &schedulerpb.Call_Accept{
		Operations: []*mesospb.Offer_Operation{
			{Type: mesospb.Offer_Operation_LAUNCH.Enum(), Launch: &mesospb.Offer_Operation_Launch{TaskInfos: []*mesospb.TaskInfo{task}}},
			{Type: mesospb.Offer_Operation_LAUNCH_GROUP.Enum(), LaunchGroup: &mesospb.Offer_Operation_LaunchGroup{Executor: task.Executor, TaskGroup: &mesospb.TaskGroupInfo{Tasks: []*mesospb.TaskInfo{task}}}},
			{Type: mesospb.Offer_Operation_RESERVE.Enum(), Reserve: &mesospb.Offer_Operation_Reserve{Resources: []*mesospb.Resource{reserved}}},
			{Type: mesospb.Offer_Operation_CREATE_DISK.Enum()},
		},
	}})
	seed(f, &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: aFramework(multiRole, inRoles("a", "b"))}})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, ok := read(data, &schedulerpb.Call{})
		if !ok {
			return
		}
		calm(t, validation.SchedulerCall(c, "p"))
		if info := c.GetSubscribe().GetFrameworkInfo(); info != nil {
			calm(t, validation.Framework(info))
			calm(t, validation.FrameworkUpdate(info, info))
		}
		for _, op := range c.GetAccept().GetOperations() {
			for _, task := range op.GetLaunch().GetTaskInfos() {
				calm(t, validation.Task(task, here(t)))
			}
			calm(t, validation.TaskGroup(op.GetLaunchGroup().GetTaskGroup(), op.GetLaunchGroup().GetExecutor(), here(t)))
			calm(t, validation.Operation(op, validation.Asker{Principal: "p", Capabilities: modern}))
			if conversions, err := resources.Conversions(op); err == nil && len(conversions) > 0 {
				all := conversions[0].Consumed
				if _, err := all.Apply(op); err != nil {
					return
				}
			}
		}
		if resources.Upgrade(c) == nil {
			if err := resources.Downgrade(c); err == nil && resources.Upgrade(c) != nil {
				t.Error("what was downgraded cannot be upgraded")
			}
		}
	})
}

func FuzzOtherCalls(f *testing.F) {
	seed(f, &agentpb.Call{Type: agentpb.Call_LAUNCH_CONTAINER.Enum(), LaunchContainer: &agentpb.Call_LaunchContainer{ContainerId: container("a", "b"), Command: badCommand(), Container: sharing(true)}})
	seed(f, &agentpb.Call{Type: agentpb.Call_ADD_RESOURCE_PROVIDER_CONFIG.Enum(), AddResourceProviderConfig: &agentpb.Call_AddResourceProviderConfig{}})
	seed(f, &executorpb.Call{Type: executorpb.Call_UPDATE.Enum(), Update: &executorpb.Call_Update{Status: &mesospb.TaskStatus{Uuid: uuid}}})
	seed(f, &masterpb.Call{Type: masterpb.Call_RESERVE_RESOURCES.Enum(), ReserveResources: &masterpb.Call_ReserveResources{}})
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, ok := read(data, &agentpb.Call{}); ok {
			calm(t, validation.AgentCall(c))
		}
		if c, ok := read(data, &executorpb.Call{}); ok {
			calm(t, validation.ExecutorCall(c))
		}
		if c, ok := read(data, &masterpb.Call{}); ok {
			calm(t, validation.MasterCall(c))
			for _, q := range c.GetUpdateQuota().GetQuotaConfigs() {
				calm(t, validation.Quota(q))
			}
		}
	})
}
