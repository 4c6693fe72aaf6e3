package master_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// late is an agent that returns as one does that has heard how many others do: after a random part of the time that all
// of them get.
type late struct {
	*herd
	wait time.Duration
}

func (l *late) Initialize(b *process.Base) {
	process.Install(b, func(process.UPID, *controlpb.AgentReregistered) { l.back <- struct{}{} })
	process.Install(b, func(from process.UPID, _ *controlpb.Ping) {
		b.Send(from, &controlpb.Pong{AgentId: l.report.GetAgent().GetId()})
	})
	b.Delay(l.wait, func() { b.Send(l.master, l.report) })
}

// onlooker is a framework that counts the agents of which it has offers.
type onlooker struct {
	master  process.UPID
	offered chan<- int
}

func (o *onlooker) Initialize(b *process.Base) {
	process.Install(b, func(_ process.UPID, e *schedulerpb.Event) {
		if n := len(e.GetOffers().GetOffers()); n > 0 {
			o.offered <- n
		}
	})
	b.Send(o.master, &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(),
		Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: &mesospb.FrameworkInfo{User: proto.String("u"), Name: proto.String("f")}}})
}

// BenchmarkFailoverOfTenThousand is the second half of a failover, in real time and with the waits of production: from
// when the new leader serves and its agents know of it until all are members again, and until all are offered. How long
// they take to hear of it is actors/detector BenchmarkFollowers.
func BenchmarkFailoverOfTenThousand(b *testing.B) {
	const agents = 10_000
	const spread = agents * 100 * time.Microsecond // actors/agent: turn
	for b.Loop() {
		b.StopTimer()
		rt, m := failedOver(b, agents)
		back, offered := make(chan struct{}, agents), make(chan int, agents)
		b.StartTimer()
		start := time.Now()
		if _, err := process.Spawn(rt, "scheduler(1)", &onlooker{m, offered}); err != nil {
			b.Fatal(err)
		}
		for i := range agents {
			report := &controlpb.ReregisterAgent{Agent: herdInfo(i), Version: proto.String("0.1.0"), Capabilities: agentCapabilities}
			if _, err := process.Spawn(rt, fmt.Sprintf("slave(%d)", i), &late{&herd{m, report, back}, rand.N(spread)}); err != nil {
				b.Fatal(err)
			}
		}
		for range agents {
			<-back
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "all-back-ms")
		for n := 0; n < agents; {
			n += <-offered
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "all-offered-ms")
		b.StopTimer()
		if err := rt.Shutdown(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
