package scheduler_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/wire"
)

// BenchmarkLaunch is one framework on one stream and one connection: it waits for an offer, launches a task on a part of
// it, waits for TASK_RUNNING, acknowledges and revives. The agent answers at once, so the time is the master's and the doors'.
func BenchmarkLaunch(b *testing.B) {
	for _, format := range []wire.Format{wire.JSON, wire.Protobuf} {
		b.Run(format.String(), func(b *testing.B) {
			h := newHouse(b)
			a := h.agent("cpus:100000;mem:10000000")
			go func() {
				for range a.heard { // nobody looks
				}
			}()
			s := h.subscribe(format, framework())
			need, err := resources.Parse("cpus:0.001;mem:1")
			h.must(err)
			c := h.dial()
			say := func(call *schedulerpb.Call) {
				call.FrameworkId = &mesospb.FrameworkID{Value: &s.framework}
				body, err := format.Append(nil, call)
				h.must(err)
				c.send("POST", path, headers{"Content-Type", format.MediaType(), "Mesos-Stream-Id", s.id}, body)
				wants(b, c.answered(), 202, "")
			}
			n := 0
			for b.Loop() {
				offer := s.offer()
				n++
				id := fmt.Sprint("t", n)
				say(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{
					OfferIds: []*mesospb.OfferID{offer.Id}, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(0)},
					Operations: []*mesospb.Offer_Operation{{Type: mesospb.Offer_Operation_LAUNCH.Enum(), Launch: &mesospb.Offer_Operation_Launch{
						TaskInfos: []*mesospb.TaskInfo{{Name: &id, TaskId: &mesospb.TaskID{Value: &id}, AgentId: offer.AgentId, Resources: need.Proto(),
							Command: &mesospb.CommandInfo{Value: proto.String("true")}}}}}}}})
				status := s.ahead(schedulerpb.Event_UPDATE).GetUpdate().GetStatus()
				say(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{
					AgentId: status.AgentId, TaskId: status.TaskId, Uuid: status.Uuid}})
				say(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()}) // or the rest waits for the next round
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}
