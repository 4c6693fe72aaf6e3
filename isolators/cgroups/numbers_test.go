package cgroups_test

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"testing"
	"time"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// used waits until the statistics say something.
func (c *prison) used(t *testing.T, what string, so func(*mesospb.ResourceStatistics) bool) {
	t.Helper()
	exam.Eventually(t, what, func() bool {
		s := &mesospb.ResourceStatistics{}
		if err := c.chain.Usage(context.Background(), []*isolators.Container{c.c}, []*mesospb.ResourceStatistics{s}); err != nil {
			t.Fatal(err)
		}
		return so(s)
	})
}

func asking(resources ...*mesospb.Resource) func(*isolators.Container) {
	return func(c *isolators.Container) { c.Resources = resources }
}

// Time that a program computes is its own, time that the kernel works for it the system's.
func TestProcessorTime(t *testing.T) {
	exam.Skip(t, exam.Controller("cpu"))
	t.Run("user", func(t *testing.T) {
		lock(t, []string{"cgroups/cpu"}, nil, asking(exam.Scalar("cpus", 1)), "while :; do :; done").
			used(t, "a loop takes its own time", func(s *mesospb.ResourceStatistics) bool {
				return s.GetCpusUserTimeSecs() > 0.2 && s.GetCpusUserTimeSecs() > s.GetCpusSystemTimeSecs()
			})
	})
	t.Run("system", func(t *testing.T) {
		lock(t, []string{"cgroups/cpu"}, nil, asking(exam.Scalar("cpus", 1)), "exec dd if=/dev/zero of=/dev/null bs=1048576 2>/dev/null").
			used(t, "copying takes the system's", func(s *mesospb.ResourceStatistics) bool {
				return s.GetCpusSystemTimeSecs() > 0.2 && s.GetCpusSystemTimeSecs() > s.GetCpusUserTimeSecs()
			})
	})
}

// Who has a ceiling is held back at it.
func TestThrottled(t *testing.T) {
	exam.Skip(t, exam.Controller("cpu"))
	c := lock(t, []string{"cgroups/cpu"}, func(s *isolators.Settings) { s.CFS = true }, asking(exam.Scalar("cpus", 0.1)), "while :; do :; done")
	var last *mesospb.ResourceStatistics
	c.used(t, "it is held back", func(s *mesospb.ResourceStatistics) bool {
		last = s
		return s.GetCpusNrThrottled() >= 5 && s.GetCpusThrottledTimeSecs() > 0
	})
	// A tenth of each period and of the one that has begun, whatever the machine has to do besides.
	if spent, most := last.GetCpusUserTimeSecs()+last.GetCpusSystemTimeSecs(), 0.01*float64(last.GetCpusNrPeriods()+2)+0.05; spent > most {
		t.Errorf("in %d periods it had %f s, and not %f", last.GetCpusNrPeriods(), spent, most)
	}
}

// The kernel takes the largest ceiling that a machine could need.
func TestBigQuota(t *testing.T) {
	exam.Skip(t, exam.Controller("cpu"))
	c := lock(t, []string{"cgroups/cpu"}, func(s *isolators.Settings) { s.CFS = true }, asking(exam.Scalar("cpus", 100_000)), "sleep 600")
	g, two := groupOfProcess(t, c.c.PID, "cpu")
	if two {
		says(t, g, "cpu.max", "10000000000 100000")
		return
	}
	says(t, g, "cpu.cfs_quota_us", "10000000000")
}

// A ceiling that is taken away is gone.
func TestCeilingTakenAway(t *testing.T) {
	exam.Skip(t, exam.Controller("cpu"))
	c := lock(t, []string{"cgroups/cpu"}, nil, func(c *isolators.Container) {
		c.Resources, c.Limits = []*mesospb.Resource{exam.Scalar("cpus", 1)}, map[string]float64{"cpus": 2}
	}, "sleep 600")
	g, two := groupOfProcess(t, c.c.PID, "cpu")
	file, with, without := "cpu.cfs_quota_us", "200000", "-1"
	if two {
		file, with, without = "cpu.max", "200000 100000", "max 100000"
	}
	says(t, g, file, with)
	c.c.Limits = nil
	if err := c.chain.Update(context.Background(), c.c); err != nil {
		t.Error(err)
	}
	says(t, g, file, without)
}

// What may be taken back at any time weighs next to nothing, unless the operator wants otherwise.
func TestRevocable(t *testing.T) {
	exam.Skip(t, exam.Controller("cpu"))
	revocable := exam.Scalar("cpus", 4)
	revocable.Revocable = &mesospb.Resource_RevocableInfo{}
	for name, want := range map[string]struct {
		equal           bool
		shares, weights string
	}{"low": {false, "40", "4"}, "equal": {true, "4096", "400"}} {
		t.Run(name, func(t *testing.T) {
			c := lock(t, []string{"cgroups/cpu"}, func(s *isolators.Settings) { s.RevocableEqual = want.equal }, asking(revocable), "sleep 600")
			g, two := groupOfProcess(t, c.c.PID, "cpu")
			if two {
				says(t, g, "cpu.weight", want.weights)
			} else {
				says(t, g, "cpu.shares", want.shares)
			}
		})
	}
}

// When pages are scarce in a container the kernel tells, at each of its levels, and the container may go on.
func TestPressure(t *testing.T) {
	exam.Skip(t, exam.V1("memory"))
	c := lock(t, []string{"cgroups/mem"}, nil, asking(exam.Scalar("mem", 64)),
		"cd "+t.TempDir()+"; while :; do dd if=/dev/zero of=file bs=1048576 count=200 conv=notrunc 2>/dev/null; done")
	told := func(s *mesospb.ResourceStatistics) bool {
		return s.GetMemLowPressureCounter() > 0 && s.GetMemLowPressureCounter() >= s.GetMemMediumPressureCounter() &&
			s.GetMemMediumPressureCounter() >= s.GetMemCriticalPressureCounter()
	}
	c.used(t, "it is told", told)
	// The next agent listens anew.
	next := c.again(t)
	next.used(t, "it is told again", told)
	if err := next.chain.Cleanup(context.Background(), c.c); err != nil {
		t.Error(err)
	}
	select {
	case l := <-c.limited:
		t.Errorf("a cache that can be given back is no reason: %v", l)
	default:
	}
}

// The kernel counts in pages: a limit that is none of whole pages is the same when it is set again.
func TestOddMemory(t *testing.T) {
	exam.Skip(t, exam.Controller("memory"))
	c := lock(t, []string{"cgroups/mem"}, nil, asking(exam.Scalar("mem", 64.001)), "sleep 600")
	g, two := groupOfProcess(t, c.c.PID, "memory")
	file := "memory.limit_in_bytes"
	if two {
		file = "memory.max"
	}
	for range 2 {
		if n, err := g.Uint(file); err != nil || n != 64<<20 {
			t.Errorf("it is %d, %v", n, err)
		}
		if err := c.chain.Update(context.Background(), c.c); err != nil {
			t.Error(err)
		}
	}
	c.c.Resources = []*mesospb.Resource{exam.Scalar("mem", 1)}
	if err := c.chain.Update(context.Background(), c.c); err != nil {
		t.Error(err)
	}
	if n, err := g.Uint(file); err != nil || n != 64<<20 {
		t.Errorf("lowered, it is %d, %v", n, err)
	}
}

// A container that takes the memory of the one around it has not come to its own limit: the outer one has.
func TestWhoseLimit(t *testing.T) {
	exam.Skip(t, exam.Controller("memory"))
	outer := lock(t, []string{"cgroups/mem"}, nil, asking(exam.Scalar("mem", 64)), "sleep 600")
	inner := in(t, outer.settings, outer.c, "inner")
	inner.Resources, inner.Limits = []*mesospb.Resource{exam.Scalar("mem", 32)}, map[string]float64{"mem": math.Inf(1)}
	if err := outer.chain.Prepare(context.Background(), inner, &isolators.Plan{}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", "read _; a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done")
	stdin, _ := cmd.StdinPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	inner.PID = cmd.Process.Pid
	if err := outer.chain.Isolate(context.Background(), inner); err != nil {
		t.Fatal(err)
	}
	outer.chain.Watch(inner, func(l isolators.Limitation) { t.Errorf("the inner one is told: %.40s", l.Message) })
	fmt.Fprintln(stdin, "go")
	select {
	case <-outer.limited:
	case <-time.After(30 * time.Second):
		t.Error("nobody noticed")
	}
	if l := outer.chain.Judge(context.Background(), inner); l != nil {
		t.Errorf("the inner one is judged: %.40s", l.Message)
	}
	exam.Eventually(t, "the outer one is judged", func() bool { return outer.chain.Judge(context.Background(), outer.c) != nil })
	outer.end(t)
	cmd.Wait()
	if err := outer.chain.Cleanup(context.Background(), inner); err != nil {
		t.Error(err)
	}
}
