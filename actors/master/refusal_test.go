package master_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// What a framework reserves, unreserves, creates or destroys was not part of the offer that it refuses the rest of, so
// it is offered again in spite of a long filter, as in Mesos: but by the next periodic run, and by no event before.
// What became of the operations must not look like a change of the agent to the allocator, in whatever order it comes.
func TestConvertedIsOfferedWithTheNextRun(t *testing.T) {
	const interval = time.Hour
	for seed := range uint64(20) {
		w := cast.New(t, testkit.Seed(seed))
		w.Master("m1", func(c *master.Config) { c.AllocationInterval = interval })
		a := w.Agent("a1", "cpus:8;mem:4096;disk:8192", func(c *agent.Config) { c.Attributes = "rack:r1" })
		f := w.Framework("f1", func(i *mesospb.FrameworkInfo) {
			i.Roles, i.Principal, i.Checkpoint = []string{"web"}, proto.String("ops"), nil
			i.Capabilities = append(i.Capabilities, &mesospb.FrameworkInfo_Capability{Type: mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT.Enum()})
		})
		accept := func(o *mesospb.Offer, ops ...*mesospb.Offer_Operation) {
			f.Call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{
				OfferIds: []*mesospb.OfferID{o.GetId()}, Operations: ops, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(1e6)}}})
		}
		share := reserved("cpus:1;mem:64;disk:64", "web")
		v := volume("32", "web", "pv")

		first := f.ExpectOffer(a, "cpus:8;mem:4096;disk:8192")
		task := cast.Task(first, "t1", "cpus:1;mem:64", "sleep 1000")
		task.Resources = append(reserved("cpus:1;mem:64", "web"), v)
		accept(first, reserveOp(share...), createOp(v), launchOp(task))
		f.Expect(cast.Update("t1", mesospb.TaskState_TASK_RUNNING))
		f.Kill("t1")
		f.Expect(cast.Update("t1", mesospb.TaskState_TASK_KILLED))
		f.ExpectNone(time.Minute, cast.Offer(a, ""))

		f.Call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
		second := f.ExpectOffer(a, "")
		f.ExpectNone(time.Second, cast.Rescinded)
		accept(second, destroyOp(v), unreserveOp(share...))
		f.ExpectNone(interval/2, cast.Offer(a, ""), cast.Rescinded)
		w.Advance(interval)
		f.ExpectOffer(a, "cpus:8;mem:4096;disk:8192")
	}
}
