package testkit_test

import (
	"fmt"
	"testing"
	"time"

	wpb "google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/testkit"
)

// player sends back every ball.
type player struct{ to process.UPID }

func (p *player) Initialize(b *process.Base) {
	process.Install(b, func(from process.UPID, ball *wpb.Int64Value) { b.Send(from, ball) })
	if !p.to.IsZero() {
		b.Send(p.to, wpb.Int64(1))
	}
}

// benchmarkSteps measures steps of 64 pairs that play, on one node or between two.
func benchmarkSteps(b *testing.B, apart bool) {
	w := testkit.NewWorld(testkit.Alone(), testkit.Seed(1), testkit.MostSteps(1<<62))
	here := w.Node("here")
	there := here
	if apart {
		there = w.Node("there")
	}
	for i := range 64 {
		ref, err := process.Spawn(here.Runtime(), fmt.Sprint("a", i), &player{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := process.Spawn(there.Runtime(), fmt.Sprint("b", i), &player{to: ref.UPID}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	end := w.Steps() + b.N
	w.Until("the steps", 1000*time.Hour, func() bool { return w.Steps() >= end })
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}

func BenchmarkLocalSteps(b *testing.B)   { benchmarkSteps(b, false) }
func BenchmarkNetworkSteps(b *testing.B) { benchmarkSteps(b, true) }

// BenchmarkThousandAgents measures how much faster than real time a town of a thousand is.
func BenchmarkThousandAgents(b *testing.B) {
	const during = 30 * time.Second
	for b.Loop() {
		b.StopTimer()
		w := testkit.NewWorld(testkit.Alone(), testkit.Seed(7))
		newTown(w, 1000)
		b.StartTimer()
		w.Advance(during)
	}
	b.ReportMetric(during.Seconds()*float64(b.N)/b.Elapsed().Seconds(), "×realtime")
}

// BenchmarkSetup measures making a world of a thousand nodes.
func BenchmarkSetup(b *testing.B) {
	for b.Loop() {
		newTown(testkit.NewWorld(testkit.Alone(), testkit.Seed(7)), 1000)
	}
}
