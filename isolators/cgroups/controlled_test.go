package cgroups_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/fault"
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

func TestPerfEvent(t *testing.T) {
	before, b := builders(t, "cgroups/perf_event")
	settings := func(s *isolators.Settings) {
		s.PerfEvents = []string{"page-faults", "task-clock", "context-switches"}
		s.PerfInterval, s.PerfDuration = 40*time.Millisecond, 20*time.Millisecond
	}
	t.Cleanup(func() { exam.RemoveGroups(t, "meseta-test-perf") })
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs:    []exam.Need{exam.Root, exam.Unified, perfEvents(b, settings)},
		Settings: settings,
		Script:   "while :; do sleep 0.001; done",
		Usage: func(t *testing.T, x *exam.Box, _ *mesospb.ResourceStatistics) {
			exam.Eventually(t, "something is counted", func() bool {
				s := &mesospb.ResourceStatistics{}
				if err := x.Isolator.Usage(context.Background(), []*isolators.Container{x.Container}, []*mesospb.ResourceStatistics{s}); err != nil {
					t.Fatal(err)
				}
				p := s.GetPerf()
				return p.GetDuration() >= 0.02 && p.GetPageFaults() > 0 && p.GetTaskClock() > 0 && p.GetContextSwitches() > 0 && p.Cycles == nil
			})
		},
	})
}

// perfEvents is a kernel that counts.
func perfEvents(b isolators.Builder, settings func(*isolators.Settings)) exam.Need {
	return func() string {
		s := isolators.Settings{CgroupsRoot: "meseta-test-perf"}
		settings(&s)
		if _, err := b.New(s); err != nil {
			return err.Error()
		}
		return ""
	}
}

func TestPerfEventsRefused(t *testing.T) {
	s := agent(t)
	for shows, change := range map[string]func(*isolators.Settings){
		"no event":                 func(s *isolators.Settings) { s.PerfEvents = []string{"nonsense"} },
		"longer than the interval": func(s *isolators.Settings) { s.PerfInterval, s.PerfDuration = time.Second, time.Minute },
	} {
		s := s
		change(&s)
		_, b := builders(t, "cgroups/perf_event")
		if _, err := b.New(s); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", shows, err)
		}
	}
}

// mounted mounts a controller of version 1 where the machine is the test's own; elsewhere it has to be there.
func mounted(t *testing.T, controller string) {
	t.Helper()
	if os.Getenv("MESETA_VM") == "" || exam.V1(controller)() == "" {
		return
	}
	dir := t.TempDir()
	if err := unix.Mount(controller, dir, "cgroup", 0, controller); err != nil {
		t.Skipf("this kernel has no %s: %v", controller, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestNetCls(t *testing.T) {
	mounted(t, "net_cls")
	before, b := builders(t, "cgroups/net_cls")
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs:    []exam.Need{exam.Root, exam.V1("net_cls"), exam.Unified},
		Settings: func(s *isolators.Settings) { s.NetClsPrimary, s.NetClsSecondaries = "0x0012", "0x0001,0x0100" },
		Status: func(t *testing.T, x *exam.Box, s *mesospb.ContainerStatus) {
			h := cgroups.HandleOf(s.GetCgroupInfo().GetNetCls().GetClassid())
			if h.Primary != 0x12 || h.Secondary == 0 || h.Secondary > 0x100 {
				t.Errorf("it is marked %v", h)
			}
			g, _ := groupOf(t, x, "net_cls")
			says(t, g, "net_cls.classid", fmt.Sprint(h.ClassID()))
		},
	})
}

func TestNetPrio(t *testing.T) {
	mounted(t, "net_prio")
	before, b := builders(t, "cgroups/net_prio")
	exam.Take(t, exam.Case{
		Builder: b, Before: before,
		Needs: []exam.Need{exam.Root, exam.V1("net_prio"), exam.Unified},
		Running: func(t *testing.T, x *exam.Box) {
			if g, _ := groupOf(t, x, "net_prio"); !g.Has("net_prio.ifpriomap") {
				t.Errorf("%s has no priorities", g)
			}
		},
	})
}

// What is not to be had is refused at the start of the agent, and left out of cgroups/all.
func TestAll(t *testing.T) {
	s := agent(t)
	chain, err := isolators.Build(cgroups.Builders(), []string{"cgroups/all"}, s)
	if err != nil {
		t.Fatal(err)
	}
	var built []string
	for _, i := range chain {
		built = append(built, i.Name())
	}
	for _, b := range cgroups.Builders() {
		_, err := isolators.Build(cgroups.Builders(), b.Names[:1], s)
		switch in := slices.Contains(built, b.Names[0]); {
		case in && err != nil:
			t.Errorf("%s is in cgroups/all, and alone: %v", b.Names[0], err)
		case !in && !errors.Is(err, fault.ErrInvalid):
			t.Errorf("%s is not in cgroups/all, and alone: %v", b.Names[0], err)
		case !in:
			t.Log(err)
		}
	}
	if both, err := isolators.Build(cgroups.Builders(), []string{"cgroups"}, s); err != nil || len(both) != 3 {
		t.Errorf("cgroups is core, cpu and mem: %d, %v", len(both), err)
	}
}

// A swap limit makes memory and swap together the limit.
func TestLimitSwap(t *testing.T) {
	exam.Skip(t, exam.Controller("memory"))
	s := agent(t)
	s.LimitSwap = true
	chain, err := isolators.Build(cgroups.Builders(), []string{"cgroups/mem"}, s)
	if err != nil {
		t.Skip(err) // a kernel that does not count swap says so
	}
	c := container(t, s, "swapper")
	c.Resources = []*mesospb.Resource{exam.Scalar("mem", 64)}
	c.Limits = map[string]float64{"mem": 128}
	plan := &isolators.Plan{}
	if err := chain.Prepare(context.Background(), c, plan); err != nil {
		t.Fatal(err)
	}
	defer chain.Cleanup(context.Background(), c)
	if plan.OOMScore == nil || *plan.OOMScore < 2 || *plan.OOMScore > 999 {
		t.Errorf("one that may take more than it asked for is killed by %v", plan.OOMScore)
	}
	g := open(t, s)
	p, err := g.Where(c)
	if err != nil {
		t.Fatal(err)
	}
	group := p.Controllers["memory"]
	if group.Has("memory.swap.max") {
		says(t, group, "memory.swap.max", "0")
		return
	}
	says(t, group, "memory.memsw.limit_in_bytes", fmt.Sprint(128<<20))
	c.Limits["mem"] = 256
	if err := chain.Update(context.Background(), c); err != nil {
		t.Error(err)
	}
	says(t, group, "memory.limit_in_bytes", fmt.Sprint(256<<20))
	says(t, group, "memory.memsw.limit_in_bytes", fmt.Sprint(256<<20))
	c.Limits = map[string]float64{"mem": math.Inf(1)}
	if err := chain.Update(context.Background(), c); err != nil {
		t.Error(err)
	}
	if n, err := group.Uint("memory.limit_in_bytes"); err != nil || n < 1<<60 {
		t.Errorf("without an end it is %d, %v", n, err)
	}
	c.Limits = nil
	if err := chain.Update(context.Background(), c); err != nil {
		t.Error(err)
	}
	if n, err := group.Uint("memory.limit_in_bytes"); err != nil || n < 1<<60 {
		t.Errorf("it was lowered to %d, %v", n, err)
	}
	says(t, group, "memory.soft_limit_in_bytes", fmt.Sprint(64<<20))
}

// A container of an agent that had fewer isolators is none the worse for those that it has now, and is measured and updated by
// the ones that it was launched with.
func TestNewIsolatorsAfterRestart(t *testing.T) {
	exam.Skip(t, exam.Controller("memory"), exam.Controller("cpu"), exam.Controller("pids"))
	s := agent(t)
	build := func(names ...string) isolators.Chain {
		chain, err := isolators.Build(cgroups.Builders(), names, s)
		if err != nil {
			t.Fatal(err)
		}
		return chain
	}
	c := container(t, s, "older")
	c.Resources = []*mesospb.Resource{exam.Scalar("cpus", 1), exam.Scalar("mem", 64)}
	old := build("cgroups/mem")
	if err := old.Prepare(context.Background(), c, &isolators.Plan{}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.PID = cmd.Process.Pid
	if err := old.Isolate(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	s.PerfEvents = []string{"page-faults"}
	names := []string{"cgroups/cpu", "cgroups/mem", "cgroups/pids", "cgroups/blkio"}
	if _, err := isolators.Build(cgroups.Builders(), []string{"cgroups/perf_event"}, s); err == nil {
		names = append(names, "cgroups/perf_event")
	}
	chain := build(names...)
	if err := chain.Recover(context.Background(), []*isolators.Container{c}); err != nil {
		t.Fatal(err)
	}
	chain.Watch(c, func(l isolators.Limitation) { t.Errorf("%v", l) })
	c.Resources[1] = exam.Scalar("mem", 128)
	if err := chain.Update(context.Background(), c); err != nil {
		t.Error(err)
	}
	used := &mesospb.ResourceStatistics{}
	if err := chain.Usage(context.Background(), []*isolators.Container{c}, []*mesospb.ResourceStatistics{used}); err != nil || used.MemTotalBytes == nil || used.CpusUserTimeSecs == nil {
		t.Errorf("%v, %v", used, err)
	}
	if err := chain.Status(context.Background(), c, &mesospb.ContainerStatus{}); err != nil {
		t.Error(err)
	}
	// And back again: an agent that has fewer leaves what is there as it is, and removes it in the end.
	fewer := build()
	if err := fewer.Recover(context.Background(), []*isolators.Container{c}); err != nil {
		t.Fatal(err)
	}
	if err := fewer.Update(context.Background(), c); err != nil {
		t.Error(err)
	}
	if err := fewer.Cleanup(context.Background(), c); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	if err := chain.Cleanup(context.Background(), c); err != nil {
		t.Error(err)
	}
	if err := old.Cleanup(context.Background(), c); err != nil {
		t.Error(err)
	}
}
