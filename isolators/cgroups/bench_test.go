package cgroups_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// What one look at all containers of a busy agent costs: each has a process, and its memory and processor time are read.
func BenchmarkUsage(b *testing.B) {
	const crowd = 1000
	chain, all := crowded(b, crowd)
	into := make([]*mesospb.ResourceStatistics, crowd)
	for n := range into {
		into[n] = &mesospb.ResourceStatistics{}
	}
	if err := chain.Usage(context.Background(), all, into); err != nil { // opens the files
		b.Fatal(err)
	}
	b.ReportAllocs()
	before := spent(b)
	for b.Loop() {
		for n := range into {
			into[n] = &mesospb.ResourceStatistics{}
		}
		if err := chain.Usage(context.Background(), all, into); err != nil {
			b.Fatal(err)
		}
	}
	if into[0].CpusUserTimeSecs == nil || into[crowd-1].MemTotalBytes == nil {
		b.Fatalf("%v", into[0])
	}
	// On a machine that has other things to do the clock says little; what the processors did says more.
	b.ReportMetric(float64(spent(b)-before)/float64(b.N)/crowd, "cpu-ns/container")
}

func spent(b *testing.B) int64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return r.Utime.Nano() + r.Stime.Nano()
}

// What making and removing the groups of one container costs, without any process.
func BenchmarkMakeAndDestroy(b *testing.B) {
	chain, _ := crowded(b, 0)
	c := &isolators.Container{ID: "one", OwnCgroups: true, Resources: []*mesospb.Resource{exam.Scalar("cpus", 1), exam.Scalar("mem", 64)}}
	for b.Loop() {
		if err := chain.Prepare(context.Background(), c, &isolators.Plan{}); err != nil {
			b.Fatal(err)
		}
		if err := chain.Cleanup(context.Background(), c); err != nil {
			b.Fatal(err)
		}
	}
}

func crowded(b *testing.B, crowd int) (isolators.Chain, []*isolators.Container) {
	b.Helper()
	if os.Getuid() != 0 {
		b.Skip("control groups take root")
	}
	s := isolators.Settings{Root: true, RuntimeDir: b.TempDir(), CgroupsRoot: fmt.Sprintf("meseta-bench-%d", os.Getpid())}
	b.Cleanup(func() {
		layout, _ := hierarchy.Find()
		for _, h := range layout {
			if err := h.Own.Below(s.CgroupsRoot).Destroy(context.Background()); err != nil {
				b.Error(err)
			}
		}
	})
	chain, err := isolators.Build(cgroups.Builders(), []string{"cgroups"}, s)
	if err != nil {
		b.Skip(err)
	}
	var all []*isolators.Container
	for n := range crowd {
		c := &isolators.Container{ID: fmt.Sprintf("5c6d0a1e-0000-4000-8000-%012d", n), OwnCgroups: true, State: filepath.Join(s.RuntimeDir, fmt.Sprint(n)),
			Resources: []*mesospb.Resource{exam.Scalar("cpus", 1), exam.Scalar("mem", 64)}}
		if err := os.Mkdir(c.State, 0o755); err != nil {
			b.Fatal(err)
		}
		plan := &isolators.Plan{}
		if err := chain.Prepare(context.Background(), c, plan); err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command("/bin/sleep", "600")
		if dir, err := os.Open(plan.Cgroup); err == nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
			defer dir.Close()
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		c.PID = cmd.Process.Pid
		if err := chain.Isolate(context.Background(), c); err != nil {
			b.Fatal(err)
		}
		chain.Watch(c, func(isolators.Limitation) {})
		b.Cleanup(func() { chain.Cleanup(context.Background(), c) })
		all = append(all, c)
	}
	return chain, all
}

// What moving a newborn process into the groups of version 1 costs; in version 2 it is born in its own.
func BenchmarkIsolate(b *testing.B) {
	chain, _ := crowded(b, 0)
	c := &isolators.Container{ID: "one", OwnCgroups: true, Resources: []*mesospb.Resource{exam.Scalar("cpus", 1), exam.Scalar("mem", 64)}}
	plan := &isolators.Plan{}
	if err := chain.Prepare(context.Background(), c, plan); err != nil {
		b.Fatal(err)
	}
	defer chain.Cleanup(context.Background(), c)
	dir, err := os.Open(plan.Cgroup)
	if err != nil {
		b.Skip(err)
	}
	defer dir.Close()
	for b.Loop() {
		b.StopTimer()
		cmd := exec.Command("/bin/sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		c.PID = cmd.Process.Pid
		b.StartTimer()
		if err := chain.Isolate(context.Background(), c); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		cmd.Process.Kill()
		cmd.Wait()
		b.StartTimer()
	}
}
