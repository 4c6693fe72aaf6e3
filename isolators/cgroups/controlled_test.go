package cgroups_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// groupOf is the group of a controller that a running container's first process is in. In version 2 that is the one around
// the leaf.
func groupOf(t *testing.T, x *exam.Box, controller string) (g hierarchy.Group, two bool) {
	t.Helper()
	return groupOfProcess(t, x.PID(), controller)
}

func groupOfProcess(t *testing.T, pid int, controller string) (g hierarchy.Group, two bool) {
	t.Helper()
	layout, err := hierarchy.Find()
	if err != nil {
		t.Fatal(err)
	}
	h, ok := layout.Of(controller)
	if !ok {
		t.Fatalf("no controller %s", controller)
	}
	// Where the hierarchy is mounted is known by where the test's own group is. An agent may have moved, and the test with it.
	mount := strings.TrimSuffix(string(h.Own), strings.TrimSuffix(groupIn(t, "/proc/self/cgroup", controller, h.Unified), "/"))
	path := groupIn(t, fmt.Sprintf("/proc/%d/cgroup", pid), controller, h.Unified)
	return hierarchy.Group(mount + strings.TrimSuffix(path, "/leaf")), h.Unified
}

// groupIn is the group of a controller, or of version 2, in a file like /proc/self/cgroup.
func groupIn(t *testing.T, file, controller string, two bool) string {
	t.Helper()
	text, err := hierarchy.Slurp(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if two && f[1] == "" || !two && slices.Contains(strings.Split(f[1], ","), controller) {
			return f[2]
		}
	}
	t.Fatalf("no group of %s in %s", controller, text)
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
		Script: "dd if=/dev/zero of=data bs=65536 count=32 2>/dev/null; echo done > used; sleep 600",
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

func TestPids(t *testing.T) {
	before, b := builders(t, "cgroups/pids")
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs:     []exam.Need{exam.Root, exam.Controller("pids"), exam.Unified},
		Container: func(c *isolators.Container) { c.Resources = append(c.Resources, exam.Scalar("pids", 40)) },
		Running: func(t *testing.T, x *exam.Box) {
			if x.Container.Resources[2].GetScalar().GetValue() == 40 {
				g, _ := groupOf(t, x, "pids")
				says(t, g, "pids.max", "40")
			}
		},
		Update: func(c *isolators.Container) { c.Resources[2] = exam.Scalar("pids", 60) },
		Updated: func(t *testing.T, x *exam.Box) {
			g, _ := groupOf(t, x, "pids")
			says(t, g, "pids.max", "60")
		},
		NestedRunning: func(t *testing.T, x *exam.Box) {
			g, _ := groupOf(t, x, "pids")
			if n, err := g.Uint("pids.max"); err != nil || n < 100 || n > 1<<22 {
				t.Errorf("one that did not ask may have %d, %v", n, err)
			}
		},
	})
}

func TestCPUSet(t *testing.T) {
	before, b := builders(t, "cgroups/cpuset")
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs: []exam.Need{exam.Root, exam.Controller("cpuset"), exam.Unified},
		Running: func(t *testing.T, x *exam.Box) {
			g, two := groupOf(t, x, "cpuset")
			if !two {
				if got, err := g.Read("cpuset.cpus"); err != nil || got == "" {
					t.Errorf("it may run on %q, %v", got, err)
				}
			}
			if !g.Has("cpuset.cpus") {
				t.Errorf("%s has no processors", g)
			}
		},
	})
}

func TestHugetlb(t *testing.T) {
	before, b := builders(t, "cgroups/hugetlb")
	withdraw(t, "hugetlb")
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs: []exam.Need{exam.Root, exam.Controller("hugetlb"), exam.Unified},
		Running: func(t *testing.T, x *exam.Box) {
			g, _ := groupOf(t, x, "hugetlb")
			files, err := os.ReadDir(string(g))
			if err != nil || !slices.ContainsFunc(files, func(f os.DirEntry) bool { return strings.HasPrefix(f.Name(), "hugetlb.") }) {
				t.Errorf("%s has no huge pages: %v", g, err)
			}
		},
	})
}

// withdraw takes a controller away again that the test's own group did not give to those below it.
func withdraw(t *testing.T, controller string) {
	layout, err := hierarchy.Find()
	if err != nil {
		t.Fatal(err)
	}
	u, ok := layout.Unified()
	if !ok {
		return
	}
	before, _ := u.Own.Read("cgroup.subtree_control")
	if slices.Contains(strings.Fields(before), controller) {
		return
	}
	t.Cleanup(func() {
		if now, _ := u.Own.Read("cgroup.subtree_control"); slices.Contains(strings.Fields(now), controller) {
			if err := u.Own.Write("cgroup.subtree_control", "-"+controller); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestBlkio(t *testing.T) {
	before, b := builders(t, "cgroups/blkio")
	name := "blkio"
	if layout, err := hierarchy.Find(); err == nil {
		if h, ok := layout.Of("blkio"); ok && h.Unified {
			name = "io"
		}
	}
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs:   []exam.Need{exam.Root, exam.Controller(name), exam.Unified},
		Script:  "dd if=/dev/zero of=big bs=65536 count=16 conv=fsync 2>/dev/null; echo done > written; sleep 600",
		Running: func(t *testing.T, x *exam.Box) { x.File(t, "written") },
		Usage: func(t *testing.T, x *exam.Box, s *mesospb.ResourceStatistics) {
			all := s.GetBlkioStatistics().GetThrottling()
			if len(all) == 0 {
				t.Fatalf("%v", s)
			}
			last := all[len(all)-1]
			if last.Device != nil || last.GetIoServiced()[0].GetOp() != mesospb.CgroupInfo_Blkio_TOTAL {
				t.Errorf("the last is not the sum: %v", last)
			}
		},
	})
}

func TestDevices(t *testing.T) {
	before, b := builders(t, "cgroups/devices")
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs: []exam.Need{exam.Root, exam.Unified},
		Settings: func(s *isolators.Settings) {
			s.AllowedDevices = &mesospb.DeviceWhitelist{AllowedDevices: []*mesospb.DeviceAccess{{
				Device: &mesospb.Device{Path: proto.String("/dev/kmsg")}, Access: &mesospb.DeviceAccess_Access{Read: proto.Bool(true)},
			}}}
		},
		// In order: usual, allowed by a flag to be read, not to be written, and memory itself.
		Script: `t() { if (eval "$2") 2>/dev/null; then echo "$1"; else echo "not $1"; fi; }
{ t null ': >/dev/null'; t kmsg ': </dev/kmsg'; t write ': >/dev/kmsg'; t mem ': </dev/mem'; t make 'mknod node c 1 1'; } > told.new; mv told.new told; sleep 600`,
		Running: func(t *testing.T, x *exam.Box) {
			want := "null\nkmsg\nnot write\nnot mem\nmake\n"
			if got := x.File(t, "told"); got != want {
				t.Errorf("it was allowed %q, and not %q", got, want)
			}
		},
	})
}

// Isolators that come later have nodes made in the plan; what they are for is allowed too.
func TestDevicesOfThePlan(t *testing.T) {
	s := agent(t)
	before, b := builders(t, "cgroups/devices")
	var chain isolators.Chain
	for _, b := range append(before, b) {
		i, err := b.New(s)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, i)
	}
	c := container(t, s, "card")
	plan := &isolators.Plan{}
	if err := chain.Prepare(context.Background(), c, plan); err != nil {
		t.Fatal(err)
	}
	plan.Devices = append(plan.Devices, isolators.Device{Type: 'c', Major: 1, Minor: 11}) // kmsg
	out := filepath.Join(t.TempDir(), "told")
	cmd := exec.Command("/bin/sh", "-c", "read _; (: </dev/kmsg) && echo read; (: </dev/mem) || echo refused")
	in, _ := cmd.StdinPipe()
	told, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	cmd.Stdout = told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.PID = cmd.Process.Pid
	if err := chain.Isolate(context.Background(), c); err != nil {
		t.Error(err)
	}
	fmt.Fprintln(in, "go")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(out); string(got) != "read\nrefused\n" {
		t.Errorf("it says %q", got)
	}
	if err := chain.Cleanup(context.Background(), c); err != nil {
		t.Error(err)
	}
}
