package scheduler_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// hello runs two commands, each once, wherever there is room.
type hello struct{ launched, ended int }

var commands = []string{"echo hello", "sleep 1; echo world"}

func (h *hello) Offers(d *scheduler.Driver, offers []*mesospb.Offer) {
	needs, _ := resources.Parse("cpus:0.5;mem:32")
	for _, offer := range offers {
		plan := scheduler.NewPlan(offer)
		for h.launched < len(commands) && plan.Launch(scheduler.Shell(fmt.Sprint("task-", h.launched), commands[h.launched], needs)) {
			h.launched++
		}
		d.Accept(plan) // whatever the plan leaves is declined
	}
}

func (h *hello) Update(d *scheduler.Driver, s *mesospb.TaskStatus) {
	fmt.Println(s.GetTaskId().GetValue(), s.GetState())
	if scheduler.Terminal(s.GetState()) {
		h.ended++
	}
	if h.ended == len(commands) {
		d.Teardown()
	}
}

// A framework on a real cluster.
func Example_cluster() {
	err := scheduler.Run(context.Background(), &hello{}, scheduler.Config{
		Framework: &mesospb.FrameworkInfo{Name: proto.String("hello")},
		Master:    process.UPID{ID: "master", Addr: "127.0.0.1:5050"},
	})
	if err != nil {
		log.Fatal(err)
	}
}

// The same framework, unchanged, in a simulated cluster, as its tests would have it.
func Example() {
	w := cast.New(testkit.Alone(), testkit.Seed(1))
	master := w.Master("m")
	w.Agent("a", "cpus:4;mem:4096")
	_, err := scheduler.Spawn(w.Node("f").Runtime(), "hello", &hello{}, scheduler.Config{
		Framework: &mesospb.FrameworkInfo{Name: proto.String("hello")},
		Master:    master.UPID(),
	})
	if err != nil {
		log.Fatal(err)
	}
	w.Advance(time.Minute)
	// Unordered output:
	// task-0 TASK_STARTING
	// task-0 TASK_RUNNING
	// task-0 TASK_FINISHED
	// task-1 TASK_STARTING
	// task-1 TASK_RUNNING
	// task-1 TASK_FINISHED
}
