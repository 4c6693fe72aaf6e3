package scheduler_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

func parse(t *testing.T, text string) resources.Resources {
	t.Helper()
	r, err := resources.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAPlanKeepsCount(t *testing.T) {
	plan := scheduler.NewPlan(offer("o", "cpus:2.5;mem:96;ports:[31000-31010]"))
	task := scheduler.Shell("t", "true", parse(t, "cpus:1;mem:32;ports:[31001-31002]"))
	if !plan.Launch(task) {
		t.Fatal("the first task does not fit")
	}
	if plan.Launch(task) {
		t.Error("the same ports were given twice")
	}
	if !plan.Launch(scheduler.Command("t2", []string{"echo", "hi"}, parse(t, "cpus:1.5;mem:64"))) {
		t.Error("the second task does not fit")
	}
	if plan.Fits(parse(t, "cpus:0.001")) || !plan.Fits(parse(t, "ports:[31003-31010]")) {
		t.Errorf("left is %v", plan.Left())
	}
	if task.GetAgentId().GetValue() != "" || len(task.GetResources()[0].GetReservations()) != 0 {
		t.Error("the author's task was changed")
	}
	operations := plan.Operations()
	if len(operations) != 1 || len(operations[0].GetLaunch().GetTaskInfos()) != 2 {
		t.Fatalf("operations are %v", operations)
	}
	got := operations[0].GetLaunch().GetTaskInfos()[0]
	if got.GetAgentId().GetValue() != "A" || got.GetResources()[0].GetAllocationInfo().GetRole() != "r" {
		t.Errorf("the task is %v", got)
	}
	if second := operations[0].GetLaunch().GetTaskInfos()[1].GetCommand(); second.GetShell() || second.GetValue() != "echo" || len(second.GetArguments()) != 2 {
		t.Errorf("the command is %v", second)
	}
}

func TestAPlanUsesSeveralOffersAndReservations(t *testing.T) {
	reserved := offer("o2", "mem:32")
	r, err := resources.FromProto([]*mesospb.Resource{{
		Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(2)},
		Reservations: []*mesospb.Resource_ReservationInfo{{Type: mesospb.Resource_ReservationInfo_STATIC.Enum(), Role: proto.String("r")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	reserved.Resources = append(reserved.Resources, r.Allocate("r").Proto()...)
	plan := scheduler.NewPlan(offer("o1", "cpus:1;mem:32"), reserved)
	if !plan.Launch(scheduler.Shell("t", "true", parse(t, "cpus:3;mem:64"))) {
		t.Fatalf("it does not fit into %v", plan.Left())
	}
	used := resources.FromValid(plan.Operations()[0].GetLaunch().GetTaskInfos()[0].GetResources())
	if got := used.Unallocate().ReservedTo("r").CPUs(); got != 2000 {
		t.Errorf("%v reserved cpus are used, in %v", got, used)
	}
}

func TestAnExecutorTakesRoomToo(t *testing.T) {
	task := scheduler.Shell("t", "true", parse(t, "cpus:1"))
	task.Executor = &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}, Resources: parse(t, "cpus:0.5").Proto()}
	plan := scheduler.NewPlan(offer("o", "cpus:1.4"))
	if plan.Launch(task) || !plan.IsEmpty() || plan.Left().CPUs() != 1400 {
		t.Errorf("it was taken, %v is left", plan.Left())
	}
	if plan = scheduler.NewPlan(offer("o", "cpus:1.5")); !plan.Launch(task) || !plan.Left().IsEmpty() {
		t.Errorf("it was not taken, %v is left", plan.Left())
	}
}

func TestAGroupFitsAsAWhole(t *testing.T) {
	executor := &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}, Resources: parse(t, "cpus:0.1;mem:32").Proto()}
	one := scheduler.Shell("t", "true", parse(t, "cpus:1"))
	plan := scheduler.NewPlan(offer("o", "cpus:2;mem:64"))
	if plan.LaunchGroup(executor, one, one) || plan.Left().CPUs() != 2000 {
		t.Errorf("a part of it was taken, %v is left", plan.Left())
	}
	if !plan.LaunchGroup(executor, one) || plan.Left().CPUs() != 900 || plan.Operations()[0].GetLaunchGroup() == nil {
		t.Errorf("it was not taken, %v is left", plan.Left())
	}
}

func TestOperationsKeepTheirOrder(t *testing.T) {
	plan := scheduler.NewPlan(offer("o", "cpus:3;mem:64"))
	want, err := parse(t, "cpus:1").PushReservation(&mesospb.Resource_ReservationInfo{
		Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String("r"), Principal: proto.String("p")})
	if err != nil {
		t.Fatal(err)
	}
	reserve := &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_RESERVE.Enum(), Reserve: &mesospb.Offer_Operation_Reserve{Resources: want.Allocate("r").Proto()}}
	one := parse(t, "cpus:1")
	plan.Launch(scheduler.Shell("t1", "true", one))
	if err := plan.Add(reserve); err != nil {
		t.Fatal(err)
	}
	plan.Launch(scheduler.Shell("t2", "true", one))
	var kinds []mesospb.Offer_Operation_Type
	for _, o := range plan.Operations() {
		kinds = append(kinds, o.GetType())
	}
	if len(kinds) != 3 || kinds[0] != mesospb.Offer_Operation_LAUNCH || kinds[1] != mesospb.Offer_Operation_RESERVE || kinds[2] != mesospb.Offer_Operation_LAUNCH {
		t.Errorf("the order is %v", kinds)
	}
	if len(plan.Operations()) != 3 {
		t.Error("looking at the operations changed them")
	}
	if err := plan.Add(reserve); err == nil {
		t.Errorf("more was reserved than there is; %v is left", plan.Left())
	}
}

func TestAnEmptyPlanDeclines(t *testing.T) {
	plan := scheduler.NewPlan(offer("o", "cpus:1")).Refuse(time.Minute)
	if !plan.IsEmpty() || plan.Launch(scheduler.Shell("t", "true", parse(t, "cpus:2"))) || !plan.IsEmpty() {
		t.Error("a plan without room is not empty")
	}
	bad := scheduler.Shell("t", "true", resources.Resources{})
	bad.Resources = []*mesospb.Resource{{Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(-1)}}}
	if plan.Launch(bad) {
		t.Error("negative resources were found")
	}
}

func TestTerminal(t *testing.T) {
	open := map[mesospb.TaskState]bool{
		mesospb.TaskState_TASK_STAGING: true, mesospb.TaskState_TASK_STARTING: true, mesospb.TaskState_TASK_RUNNING: true,
		mesospb.TaskState_TASK_KILLING: true, mesospb.TaskState_TASK_UNREACHABLE: true, mesospb.TaskState_TASK_UNKNOWN: true,
	}
	for number := range mesospb.TaskState_name {
		if s := mesospb.TaskState(number); scheduler.Terminal(s) == open[s] {
			t.Errorf("%v: terminal is %v", s, !open[s])
		}
	}
}
