package accounting

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/sample"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// BenchmarkUsage reads the statistics of all containers, each time from the kernel.
func BenchmarkUsage(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			a := w.accounting()
			all, _ := w.many(a, n)
			into := make([]*mesospb.ResourceStatistics, n)
			samples := make([]sample.Sample, n)
			b.Run("statistics", func(b *testing.B) {
				for b.Loop() {
					for i := range into {
						into[i] = &mesospb.ResourceStatistics{}
					}
					a.read.at = time.Time{}
					w.must(a.Usage(context.Background(), all, into))
				}
			})
			b.Run("samples", func(b *testing.B) {
				for b.Loop() {
					a.read.at = time.Time{}
					w.must(a.Sample(context.Background(), all, samples))
				}
			})
			for _, c := range all {
				w.must(a.Cleanup(context.Background(), c))
			}
		})
	}
}

// BenchmarkPrepare is what a launch pays.
func BenchmarkPrepare(b *testing.B) {
	w := newWorld(b)
	a := w.accounting()
	w.prepared(a, "first", nil)
	c, plan := w.container("c", nil)
	for b.Loop() {
		w.must(a.Prepare(context.Background(), c, plan))
		w.must(a.Cleanup(context.Background(), c))
	}
}

// BenchmarkPingPong is the worst case for accounting: two threads that do nothing but wake each other. It reports processor time with
// accounting, and without, of which the smaller one of several runs counts.
func BenchmarkPingPong(b *testing.B) {
	w := newWorld(b)
	_, bare := w.container("bare", nil)
	var with, without []float64
	for range b.N {
		for range 9 {
			without = append(without, w.pingpong(bare.Cgroup))
			a, err := New(w.settings)
			w.must(err)
			c, plan := w.prepared(a, "counted", nil)
			with = append(with, w.pingpong(plan.Cgroup))
			w.must(a.Cleanup(context.Background(), c))
			a.programs.close()
		}
	}
	slices.Sort(with)
	slices.Sort(without)
	b.ReportMetric(without[0], "s-bare")
	b.ReportMetric(with[0], "s-counted")
	b.ReportMetric(with[0]/without[0], "ratio-min")
	b.ReportMetric(with[len(with)/2]/without[len(without)/2], "ratio-median")
	b.ReportMetric(0, "ns/op")
}

func (w *world) pingpong(group string) float64 {
	w.Helper()
	cmd := w.in(group, "pingpong 100000")
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	if out, err := cmd.Output(); err != nil {
		w.Fatalf("%v: %s", err, out)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
}

// BenchmarkSwitch is what the kernel itself says that the program at each switch takes, and how often it runs.
func BenchmarkSwitch(b *testing.B) {
	w := newWorld(b)
	stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	w.must(err)
	defer stats.Close()
	a := w.accounting()
	_, plan := w.prepared(a, "c", nil)
	for b.Loop() {
		w.run(plan.Cgroup, "nap 400")
	}
	s, err := a.programs.progs["on_switch"].Stats()
	w.must(err)
	b.ReportMetric(float64(s.Runtime.Nanoseconds())/float64(s.RunCount), "ns/switch")
	b.ReportMetric(0, "ns/op")
}
