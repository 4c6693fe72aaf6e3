package allocator_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// A refusal lasts as long as it says, whatever somebody does to the clock meanwhile.
func TestAJumpOfTheClockMovesNoRefusal(t *testing.T) {
	for _, by := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		w := testkit.NewWorld(t)
		var c allocator.Client
		var offers []allocator.Proposal
		m := w.Node("m1", testkit.Boot(func(n *testkit.Node) {
			var err error
			c, err = allocator.Spawn(n.Runtime(), allocator.Default(), func(ps []allocator.Proposal) { offers = append(offers, ps...) })
			if err != nil {
				t.Fatal(err)
			}
		}))
		offered := func() bool { return len(offers) == 1 }
		c.AddFramework("f", framework("f", []string{"role"}))
		c.AddAgent("a", (&cluster{t: t}).agentSpec("a", "cpus:2;mem:1024"))
		w.Until("it is offered", time.Second, offered)
		c.Recover("f", "a", offers[0].Resources, &mesospb.Filters{RefuseSeconds: proto.Float64(10)})
		offers = nil
		w.Advance(time.Second)
		m.JumpClock(by)
		w.Advance(8 * time.Second)
		if len(offers) > 0 {
			t.Errorf("after a jump of %v it is offered too early", by)
		}
		w.Until("it is offered again", 3*time.Second, offered)
	}
}
