package cgroups

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// A machine of version 1 alone kills by its freezer.
func TestVersion1Alone(t *testing.T) {
	exam.Skip(t, exam.Root, exam.V1("freezer"), exam.V1("pids"), exam.V1("cpu"), exam.V1("cpuacct"), exam.V1("memory"))
	layout, err := hierarchy.Find()
	if err != nil {
		t.Fatal(err)
	}
	layout = slices.DeleteFunc(layout, func(h hierarchy.Hierarchy) bool { return h.Unified })
	s := isolators.Settings{RuntimeDir: t.TempDir(), CgroupsRoot: fmt.Sprintf("meseta-test-v1-%d", os.Getpid())}
	g, err := open(s, layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, h := range layout {
			if err := g.top(h).Destroy(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	chain := isolators.Chain{core{groups: g}}
	for _, build := range []func(isolators.Settings) (isolators.Isolator, error){(&shared{groups: g}).cpu, (&shared{groups: g}).memory, (&shared{groups: g}).pids} {
		i, err := build(s)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, i)
	}
	c := &isolators.Container{ID: "old", OwnCgroups: true, State: t.TempDir()}
	plan := &isolators.Plan{}
	if err := chain.Prepare(context.Background(), c, plan); err != nil {
		t.Fatal(err)
	}
	p, _ := g.Where(c)
	if plan.Cgroup != "" || p.Leaf != p.Home || !strings.Contains(string(p.Home), "freezer") {
		t.Errorf("it is born in %q, its home is %s", plan.Cgroup, p.Home)
	}
	cmd := exec.Command("/bin/sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.PID = cmd.Process.Pid
	if err := chain.Isolate(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	exam.Eventually(t, "cpuacct tells of its time", func() bool {
		used := &mesospb.ResourceStatistics{}
		if err := chain.Usage(context.Background(), []*isolators.Container{c}, []*mesospb.ResourceStatistics{used}); err != nil {
			t.Fatal(err)
		}
		return used.GetCpusUserTimeSecs() > 0 && used.MemTotalBytes != nil
	})
	for _, group := range []hierarchy.Group{p.Home, p.Controllers["pids"]} {
		if !group.Holds(c.PID) {
			t.Errorf("it is not in %s", group)
		}
	}
	if err := g.Freeze(context.Background(), c); err != nil {
		t.Error(err)
	}
	if err := g.Thaw(context.Background(), c); err != nil {
		t.Error(err)
	}
	if got, err := g.Orphans(func(string) bool { return false }); err != nil || !slices.Equal(got, []string{"old"}) {
		t.Errorf("orphans %v, %v", got, err)
	}
	if err := chain.Cleanup(context.Background(), c); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("its end: %v", err)
	}
}

// paper is a hierarchy of directories, in which there is no kernel.
func paper(t *testing.T, unified bool, controllers ...string) hierarchy.Hierarchy {
	t.Helper()
	own := hierarchy.Group(t.TempDir())
	for name, text := range map[string]string{"cgroup.procs": "", "cgroup.subtree_control": "", "cgroup.type": "domain", "cpuset.cpus": "0-3", "cpuset.mems": "0"} {
		if err := os.WriteFile(own.File(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return hierarchy.Hierarchy{Unified: unified, Controllers: controllers, Own: own}
}

func TestRefusedWithTheRemedy(t *testing.T) {
	if _, err := open(isolators.Settings{}, nil); !errors.Is(err, fault.ErrUnsupported) || !strings.Contains(err.Error(), "mount -t cgroup2") {
		t.Errorf("a machine without control groups: %v", err)
	}
	if _, err := open(isolators.Settings{}, hierarchy.Layout{paper(t, false, "memory")}); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("a machine without version 2 and without the freezer: %v", err)
	}
	hybrid, err := open(isolators.Settings{RuntimeDir: t.TempDir()}, hierarchy.Layout{paper(t, false, "memory"), paper(t, true)})
	if err != nil {
		t.Fatal(err)
	}
	// On every kernel that the tests run on, one of these is what is told.
	if _, err := hybrid.Need("net_cls"); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "mount -t cgroup -o net_cls") && !strings.Contains(err.Error(), "kernel") {
		t.Errorf("not mounted: %v", err)
	}
	if _, err := hybrid.Need("nonsense"); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "this kernel has no controller nonsense") {
		t.Errorf("not in any kernel: %v", err)
	}
	two, err := open(isolators.Settings{RuntimeDir: t.TempDir()}, hierarchy.Layout{paper(t, true, "pids")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Need("memory"); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "Delegate=yes") {
		t.Errorf("not given to the agent: %v", err)
	}
}

// Who is in the agent's group besides it is named, and left where it is.
func TestNoRoom(t *testing.T) {
	h := paper(t, true, "pids")
	if err := os.WriteFile(h.Own.File("cgroup.procs"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := open(isolators.Settings{RuntimeDir: t.TempDir()}, hierarchy.Layout{h})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Need("pids"); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "1 other processes are in it: 1 (") || !strings.Contains(err.Error(), "DelegateSubgroup=meseta.agent") {
		t.Errorf("%v", err)
	}
	if text, _ := h.Own.Read("cgroup.subtree_control"); text != "" {
		t.Errorf("controllers were given away beside a process: %s", text)
	}
}

// An agent that has moved to make room, or that systemd has started there, owns the group that it moved in.
func TestMovedAgent(t *testing.T) {
	h := paper(t, true, "pids")
	if err := os.WriteFile(h.Own.File("cgroup.controllers"), []byte("cpu pids\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	moved := hierarchy.Hierarchy{Unified: true, Own: h.Own.Below(agentLeaf)}
	g, err := open(isolators.Settings{RuntimeDir: t.TempDir()}, hierarchy.Layout{moved})
	if err != nil {
		t.Fatal(err)
	}
	if g.home.Own != h.Own || !h.Own.Below("mesos").Exists() {
		t.Errorf("it owns %s, and not %s", g.home.Own, h.Own)
	}
	if !slices.Equal(g.home.Controllers, []string{"cpu", "pids"}) {
		t.Errorf("it may give %v to its containers", g.home.Controllers)
	}
}

func TestRoot(t *testing.T) {
	for root, want := range map[string]string{"": "mesos", "mesos": "mesos", "/mesos/": "mesos", "a/b": "a/b", "../../x": "x", "a/../..": "mesos"} {
		h := paper(t, true)
		g, err := open(isolators.Settings{CgroupsRoot: root, RuntimeDir: t.TempDir()}, hierarchy.Layout{h})
		if err != nil {
			t.Fatal(err)
		}
		if g.root != want || !h.Own.Below(want).Exists() {
			t.Errorf("%q is %q", root, g.root)
		}
	}
}

func TestPlaces(t *testing.T) {
	unified, memory := paper(t, true), paper(t, false, "memory")
	g, err := open(isolators.Settings{RuntimeDir: t.TempDir()}, hierarchy.Layout{unified, memory})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Need("memory"); err != nil {
		t.Fatal(err)
	}
	top := &isolators.Container{ID: "a", OwnCgroups: true}
	in := &isolators.Container{ID: "a.b", Parent: top, OwnCgroups: true}
	deep := &isolators.Container{ID: "a.b.c", Parent: in}
	for c, want := range map[*isolators.Container][3]hierarchy.Group{
		top:  {"mesos/a", "mesos/a/leaf", "mesos/a"},
		in:   {"mesos/a/mesos/b", "mesos/a/mesos/b/leaf", "mesos/a/mesos/b"},
		deep: {"mesos/a/mesos/b/mesos/c", "mesos/a/mesos/b/mesos/c/leaf", "mesos/a/mesos/b"},
	} {
		p, err := g.Where(c)
		if err != nil {
			t.Fatal(err)
		}
		if p.Home != unified.Own.Below(string(want[0])) || p.Leaf != unified.Own.Below(string(want[1])) || p.Controllers["memory"] != memory.Own.Below(string(want[2])) {
			t.Errorf("%s is in %+v", c.ID, p)
		}
		if id, ok := idOf(g.top(unified), p.Home); !ok || id != c.ID {
			t.Errorf("%s is the home of %q", p.Home, id)
		}
		if id, ok := idOf(g.top(unified), p.Leaf); ok {
			t.Errorf("%s is the home of %q", p.Leaf, id)
		}
	}
}

func TestCPUSetsBegin(t *testing.T) {
	h := paper(t, false, "cpuset")
	group := h.Own.Below("mesos")
	if err := os.MkdirAll(string(group), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		if err := os.WriteFile(group.File(file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := begin(h, h.Own, group); err != nil {
		t.Fatal(err)
	}
	if cpus, err := group.Read("cpuset.cpus"); err != nil || cpus != "0-3" {
		t.Errorf("it may run on %q, %v", cpus, err)
	}
}

// A record that a crash cut short is as good as none.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"home":"/x","leaf":"/x/leaf"}`))
	f.Add([]byte(`{"home":`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, record), text, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := read(&isolators.Container{ID: "x", State: dir})
		if err == nil && p.Home == "" || err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	})
}

// An agent that is dear to the kernel does not make its containers so.
func TestNotDear(t *testing.T) {
	g, err := open(isolators.Settings{RuntimeDir: t.TempDir()}, hierarchy.Layout{paper(t, true)})
	if err != nil {
		t.Fatal(err)
	}
	for n, i := range []core{{groups: g}, {groups: g, dear: true}} {
		plan := &isolators.Plan{}
		if err := i.Prepare(context.Background(), &isolators.Container{ID: fmt.Sprint(n)}, plan); err != nil {
			t.Fatal(err)
		}
		if (plan.OOMScore != nil) != i.dear || i.dear && *plan.OOMScore != 0 {
			t.Errorf("of a dear agent: %t: %v", i.dear, plan.OOMScore)
		}
	}
}
