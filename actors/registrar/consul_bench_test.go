package registrar_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// BenchmarkConsul admits 50,000 agents through a registrar on one real Consul server, has all of them missed, and lets
// the next master load them. Budgets: a load in 1.5 s, 5,000 changes a second.
func BenchmarkConsul(b *testing.B) {
	const n = 50000
	c := server(b)
	for b.Loop() {
		c.Prefix += "x"
		cl := open(b, c)
		first := newTerm(b, cl, cl)
		perSecond := func(name string, op func(id string) registrar.Operation) {
			futures := make([]process.Future[struct{}], n)
			begun := time.Now()
			for i := range futures {
				futures[i] = first.client.Apply(nil, op(fmt.Sprintf("0f3c9a52-6a67-4c8c-9d5e-3f4e0f8f3d11-S%d", i)))
			}
			for _, f := range futures {
				if _, err := f.Get(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(n/time.Since(begun).Seconds(), name+"/s")
		}
		perSecond("admit", func(id string) registrar.Operation {
			a := agent(id)
			a.Attributes = attributes
			return registrar.Admit(a)
		})
		begun := time.Now()
		entries, err := cl.Load(context.Background(), first.held)
		if err != nil || len(entries) < n {
			b.Fatal(len(entries), err)
		}
		b.ReportMetric(float64(time.Since(begun).Milliseconds()), "load-ms")
		bytes := 0
		for _, e := range entries {
			bytes += len(e.Value)
		}
		b.ReportMetric(float64(bytes/len(entries)), "bytes/agent")
		perSecond("miss", func(id string) registrar.Operation { return registrar.MarkUnreachable(id, now) })
		if err := first.held.Resign(context.Background()); err != nil {
			b.Fatal(err)
		}
		begun = time.Now()
		newTerm(b, cl, cl)
		b.ReportMetric(float64(time.Since(begun).Milliseconds()), "recover-ms")
	}
}

// attributes bring an agent's record to the 600 bytes that one of a real machine has.
var attributes = func() (all []*mesospb.Attribute) {
	for i := range 12 {
		all = append(all, &mesospb.Attribute{Name: proto.String(fmt.Sprintf("attribute-%02d", i)), Type: mesospb.Value_TEXT.Enum(),
			Text: &mesospb.Value_Text{Value: proto.String("a value of some length")}})
	}
	return all
}()
