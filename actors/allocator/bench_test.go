package allocator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"google.golang.org/protobuf/proto"
)

// Through the mailbox and the protobufs: a run that offers 10,000 agents to 1,000 frameworks, and the declines.
// The engine's own part is BenchmarkFullRun of package drf.
func BenchmarkActor(b *testing.B) {
	const agents, frameworks = 10_000, 1_000
	var register, run, decline time.Duration
	for range b.N {
		c := newCluster(b)
		c.Pause()
		for i := range frameworks {
			c.framework(fmt.Sprint("f", i), "*")
		}
		c.settle()
		specs := make([]allocator.Agent, agents)
		for i := range specs {
			specs[i] = c.agentSpec(fmt.Sprint("a", i), fmt.Sprintf("cpus:%d;mem:4096;disk:4096;ports:[31000-32000]", 8+i%3*8))
		}
		start := time.Now()
		for i := range specs {
			c.AddAgent(fmt.Sprint("a", i), specs[i])
		}
		c.settle()
		register += time.Since(start)
		c.Resume()
		start = time.Now()
		ps := c.offers()
		run += time.Since(start)
		if len(ps) != agents {
			b.Fatal(len(ps))
		}
		filters := &mesospb.Filters{RefuseSeconds: proto.Float64(5)}
		start = time.Now()
		for i := range ps {
			c.Recover(ps[i].Framework, ps[i].Agent, ps[i].Resources, filters)
		}
		c.settle()
		decline += time.Since(start)
	}
	for name, d := range map[string]time.Duration{"register": register, "run": run, "decline": decline} {
		b.ReportMetric(float64(d.Microseconds())/1000/float64(b.N), name+"-ms")
	}
	b.ReportMetric(0, "ns/op")
}
