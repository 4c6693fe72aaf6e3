package agent_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// BenchmarkTasks runs one-command tasks on one real agent, all launched at once as by a framework that accepts one
// big offer, and counts from the first launch to the last terminal update. Mesos: 26 tasks/s for 200 tasks.
func BenchmarkTasks(b *testing.B) {
	const tasks = 200
	s := newStage(b)
	expect[*controlpb.RegisterAgent](s)
	for i := 0; b.Loop(); i++ {
		for n := range tasks {
			s.run(fmt.Sprintf("t%d-%d", i, n), "true")
		}
		for done := 0; done < tasks; {
			if terminal(expect[*controlpb.StatusUpdate](s).GetStatus().GetState()) {
				done++
			}
		}
	}
	b.ReportMetric(float64(tasks*b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkLaunch takes one task after the other, and measures from its launch to the master's hearing that it runs.
// Mesos: 97 ms.
func BenchmarkLaunch(b *testing.B) {
	s := newStage(b)
	expect[*controlpb.RegisterAgent](s)
	var launching time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		s.run(fmt.Sprint("t", i), "true")
		for {
			u := expect[*controlpb.StatusUpdate](s)
			if u.GetStatus().GetState() == running || u.GetLatestState() == running && launching == 0 {
				launching += time.Since(began)
			}
			if terminal(u.GetStatus().GetState()) {
				break
			}
		}
	}
	b.ReportMetric(float64(launching.Microseconds())/float64(b.N)/1000, "ms-to-running")
}

func terminal(s mesospb.TaskState) bool {
	return s == finished || s == failed || s == killed || s == lost || s == dropped || s == gone || s == wrong
}
