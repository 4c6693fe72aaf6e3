package scheduler_test

import (
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// must is what a step of a plan made.
func must(made resources.Resources, err error) func(testing.TB) resources.Resources {
	return func(t testing.TB) resources.Resources {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

var data = scheduler.Volume{ID: "v", Path: "data", Principal: "p"}

// Each operation answers with what the next one needs, and the offer adds up at every step.
func TestAPlanReservesAndMakesVolumes(t *testing.T) {
	plan := scheduler.NewPlan(offer("o", "cpus:2;disk:100"))
	reserved := must(plan.Reserve("op1", parse(t, "cpus:1;disk:60"), "p"))(t)
	disk := reserved.Filter(func(x resources.Resource) bool { return x.Name() == "disk" })
	volume := must(plan.Create("op2", disk, data))(t)
	if got := plan.Left().PersistentVolumes(); !got.Contains(volume) || got.Len() != 1 {
		t.Errorf("the plan's volumes are %v", got)
	}
	if !plan.Launch(scheduler.Shell("t", "true", parse(t, "cpus:1").Add(volume))) {
		t.Fatalf("a task with the volume does not fit into %v", plan.Left())
	}
	var ids, principals []string
	for _, o := range plan.Operations() {
		ids = append(ids, o.GetType().String()+" "+o.GetId().GetValue())
		for _, r := range slices.Concat(o.GetReserve().GetResources(), o.GetCreate().GetVolumes()) {
			stack := r.GetReservations()
			principals = append(principals, stack[0].GetRole()+" "+stack[0].GetPrincipal()+" "+r.GetDisk().GetPersistence().GetPrincipal())
		}
	}
	if want := []string{"RESERVE op1", "CREATE op2", "LAUNCH "}; !slices.Equal(ids, want) {
		t.Errorf("the operations are %q", ids)
	}
	if want := []string{"r p ", "r p ", "r p p"}; !slices.Equal(principals, want) {
		t.Errorf("reserved by %q", principals)
	}
	task := resources.FromValid(plan.Operations()[2].GetLaunch().GetTaskInfos()[0].GetResources()).Unallocate()
	if !task.Contains(volume) {
		t.Errorf("the task has %v", task)
	}
}

func TestAPlanResizesDestroysAndUnreserves(t *testing.T) {
	plan := scheduler.NewPlan(offer("o", "disk:100"))
	disk := must(plan.Reserve("", parse(t, "disk:60"), ""))(t)
	more := must(plan.Reserve("", parse(t, "disk:40"), ""))(t)
	volume := must(plan.Create("", disk, scheduler.Volume{ID: "v", Path: "data"}))(t)
	grown := must(plan.Grow("g", volume, more))(t)
	if got := plan.Left(); !got.Contains(grown) || got.Len() != 1 || got.Disk() != 100_000 {
		t.Errorf("after growing there is %v", got)
	}
	shrunk := must(plan.Shrink("s", grown, 75))(t)
	if got := plan.Left(); !got.Contains(shrunk) || got.Len() != 2 {
		t.Errorf("after shrinking there is %v", got)
	}
	freed := must(plan.Destroy("d", shrunk))(t)
	unreserved := must(plan.Unreserve("u", freed))(t)
	if got := plan.Left(); !got.Contains(unreserved) || got.Unreserved().String() != "disk:25" {
		t.Errorf("in the end there is %v", got)
	}
	for i, want := range []string{"", "", "", "g", "s", "d", "u"} {
		if o := plan.Operations()[i]; o.GetId().GetValue() != want {
			t.Errorf("operation %d, %s, is called %q", i, o.GetType(), o.GetId().GetValue())
		}
	}
}

// What an offer does not have cannot be planned, and the attempt leaves no trace.
func TestAPlanSaysWhatItCannotBear(t *testing.T) {
	unreserved, volume := parse(t, "disk:10"), resources.Resources{}
	other := scheduler.NewPlan(offer("other", "disk:10"))
	volume = must(other.Create("", must(other.Reserve("", unreserved, ""))(t), data))(t)
	for name, try := range map[string]func(*scheduler.Plan) error{
		"too much":            func(p *scheduler.Plan) error { _, err := p.Reserve("", parse(t, "disk:200"), ""); return err },
		"not reserved":        func(p *scheduler.Plan) error { _, err := p.Unreserve("", unreserved); return err },
		"not there":           func(p *scheduler.Plan) error { _, err := p.Destroy("", volume); return err },
		"nothing":             func(p *scheduler.Plan) error { _, err := p.Create("", resources.Resources{}, data); return err },
		"two disks":           func(p *scheduler.Plan) error { _, err := p.Create("", parse(t, "disk:1;cpus:1"), data); return err },
		"another's volume":    func(p *scheduler.Plan) error { _, err := p.Grow("", volume, unreserved); return err },
		"nothing is left":     func(p *scheduler.Plan) error { _, err := p.Shrink("", volume, 10); return err },
		"less than nothing":   func(p *scheduler.Plan) error { _, err := p.Shrink("", volume, 11); return err },
		"growing by nothing":  func(p *scheduler.Plan) error { _, err := p.Grow("", volume, resources.Resources{}); return err },
		"shrinking no volume": func(p *scheduler.Plan) error { _, err := p.Shrink("", resources.Resources{}, 1); return err },
	} {
		plan := scheduler.NewPlan(offer("o", "disk:100"))
		if err := try(plan); err == nil {
			t.Errorf("%s: it is planned: %v", name, plan.Operations())
		}
		if !plan.IsEmpty() || plan.Left().String() != "disk:100" {
			t.Errorf("%s: it left a trace: %v of %v", name, plan.Operations(), plan.Left())
		}
	}
	if _, err := scheduler.NewPlan(offer("o", "disk:1")).Create("", resources.Resources{}, data); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("the class is lost: %v", err)
	}
}

// An agent repeats what became of an operation until it hears that the framework knows; the framework hears it once.
func TestOperationsAreFollowedToTheirEnd(t *testing.T) {
	c := newTroupe(t, roles("r"))
	planned := false
	c.f.offers = func(d *scheduler.Driver, offers []*mesospb.Offer) {
		plan := scheduler.NewPlan(offers[0]).Refuse(24 * time.Hour)
		if !planned {
			planned = true
			must(plan.Create("make", must(plan.Reserve("keep", parse(t, "disk:10"), ""))(t), scheduler.Volume{ID: "v", Path: "data"}))(t)
		}
		d.Accept(plan)
	}
	told := c.Watch(testkit.Of(func(e *schedulerpb.Event) bool {
		return e.GetType() == schedulerpb.Event_UPDATE_OPERATION_STATUS
	}))
	lost := c.Drop(testkit.Of(func(call *schedulerpb.Call) bool {
		return call.GetType() == schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS
	})).Times(1)
	c.Agent("a", "cpus:2;mem:1024;disk:100")
	c.heard("operation keep OPERATION_FINISHED")
	c.heard("operation make OPERATION_FINISHED")
	c.Advance(time.Minute)
	if lost.Count() != 1 || told.Count() != 3 {
		t.Errorf("%d acknowledgements were lost, and two operations told %d times", lost.Count(), told.Count())
	}
	c.do(func(d *scheduler.Driver) {
		d.ReconcileOperations(&schedulerpb.Call_ReconcileOperations_Operation{OperationId: &mesospb.OperationID{Value: proto.String("never")}})
	})
	c.heard("operation never OPERATION_")
	if n := strings.Count(strings.Join(c.f.heard, "\n"), "OPERATION_FINISHED"); n != 2 {
		t.Errorf("it heard of %d ends: %q", n, c.f.heard)
	}
}

// keeper makes a volume with its first offer and writes into it, and reads what is in it with the next.
type keeper struct{ step int }

func (k *keeper) Offers(d *scheduler.Driver, offers []*mesospb.Offer) {
	cpus, _ := resources.Parse("cpus:0.5;mem:32")
	for _, offer := range offers {
		plan := scheduler.NewPlan(offer)
		switch k.step {
		case 0:
			ten, _ := resources.Parse("disk:10")
			disk, err := plan.Reserve("", ten, "")
			if err != nil {
				break // this offer has no disk
			}
			volume, _ := plan.Create("", disk, scheduler.Volume{ID: "log", Path: "data"})
			plan.Launch(scheduler.Shell("write", "echo hello > data/greeting", cpus.Add(volume)))
			k.step++
		case 2:
			plan.Launch(scheduler.Shell("read", "exec cat data/greeting", cpus.Add(plan.Left().PersistentVolumes())))
			k.step++
		}
		d.Accept(plan.Refuse(time.Second))
	}
}

func (k *keeper) Update(d *scheduler.Driver, s *mesospb.TaskStatus) {
	if scheduler.Terminal(s.GetState()) {
		fmt.Println(s.GetTaskId().GetValue(), s.GetState())
		k.step++
	}
	if k.step == 4 {
		d.Teardown()
	}
}

// A framework that keeps data on an agent: reserve, make a volume, use it, and find it in a later offer.
func Example_volume() {
	w := cast.New(testkit.Alone(), testkit.Seed(1))
	master := w.Master("m")
	w.Agent("a", "cpus:4;mem:4096;disk:100")
	_, err := scheduler.Spawn(w.Node("f").Runtime(), "keeper", &keeper{}, scheduler.Config{
		Framework: &mesospb.FrameworkInfo{Name: proto.String("keeper"), Roles: []string{"stores"}, Capabilities: []*mesospb.FrameworkInfo_Capability{
			{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()}, {Type: mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT.Enum()}}},
		Master: master.UPID(),
	})
	if err != nil {
		log.Fatal(err)
	}
	w.Advance(time.Minute)
	// Output:
	// write TASK_FINISHED
	// read TASK_FINISHED
}
