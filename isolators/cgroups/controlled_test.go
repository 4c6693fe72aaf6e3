package cgroups_test

import (
	"math"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// groupOf is the group of a controller that a running container's first process is in. In version 2 that is the one around
// the leaf.
func groupOf(t *testing.T, x *exam.Box, controller string) (g hierarchy.Group, two bool) {
	t.Helper()
	layout, err := hierarchy.Find()
	if err != nil {
		t.Fatal(err)
	}
	h, ok := layout.Of(controller)
	if !ok {
		t.Fatalf("no controller %s", controller)
	}
	text := x.Proc(t, "cgroup")
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if h.Unified && f[1] == "" {
			return hierarchy.Group("/sys/fs/cgroup" + strings.TrimSuffix(f[2], "/leaf")), true
		}
		for name := range strings.SplitSeq(f[1], ",") {
			if name == controller && !h.Unified {
				mount := strings.TrimSuffix(string(h.Own), strings.TrimSuffix(own(t, controller), "/"))
				return hierarchy.Group(mount + f[2]), false
			}
		}
	}
	t.Fatalf("the process is in no group of %s: %s", controller, text)
	return "", false
}

// own is the test's group in a controller's hierarchy, as the kernel names it.
func own(t *testing.T, controller string) string {
	t.Helper()
	text, err := hierarchy.Slurp("/proc/self/cgroup", nil)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for name := range strings.SplitSeq(f[1], ",") {
			if name == controller {
				return f[2]
			}
		}
	}
	t.Fatalf("the test is in no group of %s", controller)
	return ""
}

func says(t *testing.T, g hierarchy.Group, file, want string) {
	t.Helper()
	if got, err := g.Read(file); err != nil || got != want {
		t.Errorf("%s is %q, %v, and not %q", g.File(file), got, err, want)
	}
}

func TestCPU(t *testing.T) {
	before, b := builders(t, "cgroups/cpu")
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs:    []exam.Need{exam.Root, exam.Controller("cpu"), exam.Unified},
		Settings: func(s *isolators.Settings) { s.CFS, s.CountTasks = true, true },
		Script:   "while :; do :; done",
		Running: func(t *testing.T, x *exam.Box) {
			cpus := x.Container.Resources[0].GetScalar().GetValue()
			g, two := groupOf(t, x, "cpu")
			switch {
			case two && cpus == 0.1:
				says(t, g, "cpu.weight", "10")
				says(t, g, "cpu.max", "10000 100000")
			case !two && cpus == 0.1:
				says(t, g, "cpu.shares", "102")
				says(t, g, "cpu.cfs_quota_us", "10000")
			}
		},
		Usage: func(t *testing.T, x *exam.Box, s *mesospb.ResourceStatistics) {
			if s.CpusUserTimeSecs == nil || s.CpusSystemTimeSecs == nil || s.CpusNrPeriods == nil || s.CpusThrottledTimeSecs == nil {
				t.Errorf("%v", s)
			}
			if s.GetProcesses() < 1 || s.GetThreads() < 1 {
				t.Errorf("%d processes, %d threads", s.GetProcesses(), s.GetThreads())
			}
		},
		Update: func(c *isolators.Container) {
			c.Resources[0] = exam.Scalar("cpus", 0.3)
			c.Limits = map[string]float64{"cpus": 0.5}
		},
		Updated: func(t *testing.T, x *exam.Box) {
			g, two := groupOf(t, x, "cpu")
			if two {
				says(t, g, "cpu.weight", "30")
				says(t, g, "cpu.max", "50000 100000")
			} else {
				says(t, g, "cpu.shares", "307")
				says(t, g, "cpu.cfs_quota_us", "50000")
			}
		},
		Nested: func(c *isolators.Container) { c.Limits = map[string]float64{"cpus": math.Inf(1)} },
		NestedRunning: func(t *testing.T, x *exam.Box) {
			g, two := groupOf(t, x, "cpu")
			if two {
				says(t, g, "cpu.max", "max 100000")
			} else {
				says(t, g, "cpu.cfs_quota_us", "-1")
			}
		},
	})
}

func TestMemory(t *testing.T) {
	before, b := builders(t, "cgroups/mem")
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs:  []exam.Need{exam.Root, exam.Controller("memory"), exam.Unified},
		Script: "a=$(head -c 8000000 /dev/zero | tr '\\0' x); echo $a | wc -c > used; sleep 600",
		Prepared: func(t *testing.T, x *exam.Box) {
			if x.Plan.OOMScore != nil {
				t.Errorf("one that may not take more than it asked for is sooner killed by %d", *x.Plan.OOMScore)
			}
		},
		Running: func(t *testing.T, x *exam.Box) {
			x.File(t, "used")
			if x.Container.Resources[1].GetScalar().GetValue() != 64 {
				return
			}
			g, two := groupOf(t, x, "memory")
			if two {
				says(t, g, "memory.low", "67108864")
				says(t, g, "memory.max", "67108864")
			} else {
				says(t, g, "memory.soft_limit_in_bytes", "67108864")
				says(t, g, "memory.limit_in_bytes", "67108864")
			}
		},
		Usage: func(t *testing.T, x *exam.Box, s *mesospb.ResourceStatistics) {
			if s.GetMemTotalBytes() == 0 || s.MemAnonBytes == nil || s.MemRssBytes == nil || s.MemFileBytes == nil || s.MemCacheBytes == nil || s.MemMappedFileBytes == nil {
				t.Errorf("%v", s)
			}
		},
		Update: func(c *isolators.Container) {
			c.Resources[1] = exam.Scalar("mem", 48)
			c.Limits = map[string]float64{"mem": 96}
		},
		Updated: func(t *testing.T, x *exam.Box) {
			g, two := groupOf(t, x, "memory")
			if two {
				says(t, g, "memory.low", "50331648")
				says(t, g, "memory.max", "100663296")
			} else {
				says(t, g, "memory.soft_limit_in_bytes", "50331648")
				says(t, g, "memory.limit_in_bytes", "100663296")
			}
		},
		Breaks: "a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done",
		Limit:  mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY,
		Nested: func(c *isolators.Container) { c.OwnCgroups = false },
		NestedRunning: func(t *testing.T, x *exam.Box) {
			g, two := groupOf(t, x, "memory")
			if !two && strings.Contains(string(g), "/mesos/") {
				t.Errorf("one that shares has a group of its own, %s", g)
			}
		},
		Borne: map[string]func(*isolators.Container){
			"no memory":      func(c *isolators.Container) { c.Resources = nil },
			"negative":       func(c *isolators.Container) { c.Resources[1] = exam.Scalar("mem", -1) },
			"no number":      func(c *isolators.Container) { c.Limits = map[string]float64{"mem": math.NaN()} },
			"more than ever": func(c *isolators.Container) { c.Limits = map[string]float64{"mem": 1e300} },
		},
	})
}
