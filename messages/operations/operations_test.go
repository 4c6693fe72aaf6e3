package operations_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/operations"
)

// resource is one cpu, allocated to role unless that is empty.
func resource(role string) *mesospb.Resource {
	r := &mesospb.Resource{
		Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(1)},
	}
	if role != "" {
		r.AllocationInfo = &mesospb.Resource_AllocationInfo{Role: proto.String(role)}
	}
	return r
}

// every is an operation of each type, with all resources that it can hold allocated to role.
func every(role string) map[string]*mesospb.Offer_Operation {
	r := resource(role)
	list := []*mesospb.Resource{r}
	executor := &mesospb.ExecutorInfo{Resources: list}
	task := &mesospb.TaskInfo{Resources: list, Executor: executor}
	ops := map[string]*mesospb.Offer_Operation{
		"launch": {Launch: &mesospb.Offer_Operation_Launch{TaskInfos: []*mesospb.TaskInfo{task, {Resources: list}}}},
		"launch_group": {LaunchGroup: &mesospb.Offer_Operation_LaunchGroup{
			Executor: executor, TaskGroup: &mesospb.TaskGroupInfo{Tasks: []*mesospb.TaskInfo{task}}}},
		"reserve":       {Reserve: &mesospb.Offer_Operation_Reserve{Source: list, Resources: list}},
		"unreserve":     {Unreserve: &mesospb.Offer_Operation_Unreserve{Resources: list}},
		"create":        {Create: &mesospb.Offer_Operation_Create{Volumes: list}},
		"destroy":       {Destroy: &mesospb.Offer_Operation_Destroy{Volumes: list}},
		"grow_volume":   {GrowVolume: &mesospb.Offer_Operation_GrowVolume{Volume: r, Addition: r}},
		"shrink_volume": {ShrinkVolume: &mesospb.Offer_Operation_ShrinkVolume{Volume: r}},
		"create_disk":   {CreateDisk: &mesospb.Offer_Operation_CreateDisk{Source: r}},
		"destroy_disk":  {DestroyDisk: &mesospb.Offer_Operation_DestroyDisk{Source: r}},
	}
	for name, op := range ops {
		ops[name] = proto.CloneOf(op) // or the operations would share their resources
	}
	return ops
}

func TestAllocateAndUnallocate(t *testing.T) {
	bare, allocated := every(""), every("role")
	for name, op := range every("") {
		operations.Allocate(op, "role")
		if !proto.Equal(op, allocated[name]) {
			t.Errorf("%s allocated: %v", name, op)
		}
		operations.Allocate(op, "other")
		if !proto.Equal(op, allocated[name]) {
			t.Errorf("%s allocated again: %v", name, op)
		}
		operations.Unallocate(op)
		if !proto.Equal(op, bare[name]) {
			t.Errorf("%s cut back: %v", name, op)
		}
	}
}

// A new type of operation must not be forgotten here.
func TestEveryTypeIsCovered(t *testing.T) {
	known := every("")
	fields := (&mesospb.Offer_Operation{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Kind() == protoreflect.MessageKind && f.Name() != "id" && known[string(f.Name())] == nil {
			t.Errorf("%s is not covered", f.Name())
		}
	}
}

func TestEmptyOperations(t *testing.T) {
	for _, op := range []*mesospb.Offer_Operation{nil, {}, {Launch: &mesospb.Offer_Operation_Launch{}}, {GrowVolume: &mesospb.Offer_Operation_GrowVolume{}}} {
		want := proto.CloneOf(op)
		operations.Allocate(op, "role")
		operations.Unallocate(op)
		if !proto.Equal(op, want) {
			t.Errorf("%v became %v", want, op)
		}
	}
}
