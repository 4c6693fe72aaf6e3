package cgroups_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/fault"
)

// agent is what an agent of a test's own is told: a root of groups that nobody else has.
func agent(t *testing.T) isolators.Settings {
	t.Helper()
	exam.Skip(t, exam.Root, exam.Unified)
	withdraw(t, "hugetlb")
	s := isolators.Settings{Root: true, RuntimeDir: t.TempDir(), CgroupsRoot: fmt.Sprintf("meseta-test-%d-%s", os.Getpid(), filepath.Base(t.Name()))}
	t.Cleanup(func() {
		layout, err := hierarchy.Find()
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range layout {
			h.Own = hierarchy.Group(strings.TrimSuffix(string(h.Own), "/meseta.agent"))
			if err := h.Own.Below(s.CgroupsRoot).Destroy(context.Background()); err != nil {
				t.Error(err)
			}
		}
		exam.ComeBack(t)
	})
	return s
}

func open(t *testing.T, s isolators.Settings, needs ...string) *cgroups.Groups {
	t.Helper()
	g, err := cgroups.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range needs {
		if _, err := g.Need(n); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// container is one with a state directory, which outlives its agent.
func container(t *testing.T, s isolators.Settings, id string) *isolators.Container {
	t.Helper()
	c := &isolators.Container{ID: id, OwnCgroups: true, State: filepath.Join(s.RuntimeDir, "containers", id)}
	if err := os.MkdirAll(c.State, 0o755); err != nil {
		t.Fatal(err)
	}
	return c
}

func in(t *testing.T, s isolators.Settings, parent *isolators.Container, id string) *isolators.Container {
	c := container(t, s, parent.ID+"."+id)
	c.Parent = parent
	return c
}

// run has a process born in the home of a container and put into its other groups.
func run(t *testing.T, g *cgroups.Groups, c *isolators.Container) *exec.Cmd {
	t.Helper()
	p, err := g.Make(c)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(string(p.Leaf))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := exec.Command("/bin/cat")
	in, _ := cmd.StdinPipe()
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.(io.Closer).Close(); cmd.Process.Kill(); cmd.Wait() })
	c.PID = cmd.Process.Pid
	if err := g.Join(c, c.PID); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func killed(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("process %d: %v", cmd.Process.Pid, err)
	}
}

// A container in a container is killed alone, or with it; and the processes of one are those of both.
func TestNested(t *testing.T) {
	s := agent(t)
	g := open(t, s, "pids", "memory")
	outer := container(t, s, "outer")
	inner, shared := in(t, s, outer, "inner"), in(t, s, outer, "shared")
	shared.OwnCgroups = false
	first, second, third := run(t, g, outer), run(t, g, inner), run(t, g, shared)
	want := []int{outer.PID, inner.PID, shared.PID}
	slices.Sort(want)
	if got, err := g.Processes(outer); err != nil || !slices.Equal(got, want) {
		t.Errorf("in the outer one are %v, %v, and not %v", got, err, want)
	}
	if got, err := g.Processes(shared); err != nil || !slices.Equal(got, []int{shared.PID}) {
		t.Errorf("in the sharing one are %v, %v", got, err)
	}
	of := func(c *isolators.Container) hierarchy.Group {
		p, err := g.Where(c)
		if err != nil {
			t.Fatal(err)
		}
		return p.Controllers["memory"]
	}
	if of(shared) != of(outer) || of(inner) != of(outer).Below("mesos", "inner") {
		t.Errorf("memory: %s, and in it %s and %s", of(outer), of(inner), of(shared))
	}
	if err := g.Freeze(context.Background(), outer); err != nil {
		t.Error(err)
	}
	if err := g.Thaw(context.Background(), outer); err != nil {
		t.Error(err)
	}
	if err := g.Destroy(context.Background(), shared); err != nil {
		t.Error(err)
	}
	killed(t, third)
	if !of(outer).Exists() {
		t.Error("what was shared is gone with who shared it")
	}
	if err := g.Destroy(context.Background(), outer); err != nil {
		t.Error(err)
	}
	killed(t, first)
	killed(t, second)
	for _, c := range []*isolators.Container{outer, inner} {
		if of(c).Exists() {
			t.Errorf("%s is left", of(c))
		}
	}
	if err := g.Destroy(context.Background(), inner); err != nil {
		t.Error(err)
	}
}

// The agent that is started again from another group finds its containers where they are.
func TestFoundFromElsewhere(t *testing.T) {
	s := agent(t)
	g := open(t, s, "pids")
	c := container(t, s, "before")
	cmd := run(t, g, c)
	elsewhere := s
	elsewhere.CgroupsRoot += "/elsewhere"
	again := open(t, elsewhere, "pids")
	was, _ := g.Where(c)
	if p, err := again.Where(c); err != nil || p.Home != was.Home || p.Controllers["pids"] != was.Controllers["pids"] {
		t.Errorf("looked for in %+v, %v; it is in %+v", p, err, was)
	}
	inner := in(t, s, c, "after")
	if p, err := again.Make(inner); err != nil || p.Home != was.Home.Below("mesos", "after") {
		t.Errorf("what is in it now is made in %+v, %v", p, err)
	}
	if err := again.Destroy(context.Background(), c); err != nil {
		t.Error(err)
	}
	killed(t, cmd)
	if was.Home.Exists() || was.Controllers["pids"].Exists() {
		t.Error("it is left")
	}
}

// Several agents may share a root: none takes what is another's for its own.
func TestOrphans(t *testing.T) {
	s := agent(t)
	other := s
	other.RuntimeDir = t.TempDir()
	mine, theirs := open(t, s, "pids"), open(t, other, "pids")
	lost, kept := container(t, s, "lost"), container(t, s, "kept")
	inner := in(t, s, lost, "inner")
	foreign := container(t, other, "foreign")
	cmd, _, _ := run(t, mine, lost), run(t, mine, kept), run(t, mine, inner)
	stranger := run(t, theirs, foreign)

	again := open(t, s) // not even what it is to look after is known
	got, err := again.Orphans(func(id string) bool { return id == "kept" })
	if want := []string{"lost", "lost.inner"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("orphans %v, %v, and not %v", got, err, want)
	}
	if pids, err := again.Processes(&isolators.Container{ID: "foreign"}); err != nil || len(pids) > 0 {
		t.Errorf("of another agent's container it knows %v, %v", pids, err)
	}
	if err := again.Kill(context.Background(), &isolators.Container{ID: "foreign"}); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"lost.inner", "lost", "foreign", "never"} {
		if err := again.Destroy(context.Background(), &isolators.Container{ID: id, OwnCgroups: true}); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	killed(t, cmd)
	if was, _ := mine.Where(lost); was.Home.Exists() || was.Controllers["pids"].Exists() {
		t.Error("an orphan is left")
	}
	if pids, err := theirs.Processes(foreign); err != nil || !slices.Equal(pids, []int{stranger.Process.Pid}) {
		t.Errorf("another agent's container was touched: %v, %v", pids, err)
	}
	if _, err := mine.Make(&isolators.Container{ID: "foreign", OwnCgroups: true}); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("a name that another agent's container has: %v", err)
	}
}

// Who leaves its home, by rights over the files of control groups that root has, does not leave the others with it, and dies
// with the container.
func TestBreakout(t *testing.T) {
	s := agent(t)
	g := open(t, s, "pids")
	c := container(t, s, "escaper")
	cmd := run(t, g, c)
	p, _ := g.Where(c)
	if p.Controllers["pids"] == p.Home {
		t.Skip("version 2 has one group only, from which the file system has to keep it")
	}
	layout, _ := hierarchy.Find()
	u, _ := layout.Unified()
	if err := u.Own.Join(c.PID); err != nil {
		t.Fatal(err)
	}
	if err := g.Destroy(context.Background(), c); err != nil {
		t.Error(err)
	}
	killed(t, cmd)
}
