package cgroups_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// A prison is a chain of everything that the machine has, with a container that is about to do its worst.
type prison struct {
	chain   isolators.Chain
	c       *isolators.Container
	plan    *isolators.Plan
	cmd     *exec.Cmd
	limited chan isolators.Limitation
	ended   bool

	settings isolators.Settings
	names    []string
}

// again is the prison as the next agent finds it.
func (p *prison) again(t *testing.T) *prison {
	t.Helper()
	chain, err := isolators.Build(cgroups.Builders(), p.names, p.settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Recover(context.Background(), []*isolators.Container{p.c}); err != nil {
		t.Fatal(err)
	}
	chain.Watch(p.c, func(l isolators.Limitation) { p.limited <- l })
	return &prison{chain: chain, c: p.c, limited: p.limited}
}

func imprison(t *testing.T, script string, resources ...*mesospb.Resource) *prison {
	t.Helper()
	return lock(t, []string{"cgroups/all"}, nil, func(c *isolators.Container) { c.Resources = resources }, script)
}

func lock(t *testing.T, names []string, change func(*isolators.Settings), wish func(*isolators.Container), script string) *prison {
	t.Helper()
	s := agent(t)
	if change != nil {
		change(&s)
	}
	chain, err := isolators.Build(cgroups.Builders(), names, s)
	if err != nil {
		t.Fatal(err)
	}
	p := &prison{chain: chain, c: container(t, s, "prisoner"), plan: &isolators.Plan{}, limited: make(chan isolators.Limitation, 1), settings: s, names: names}
	wish(p.c)
	if err := chain.Prepare(context.Background(), p.c, p.plan); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command("/bin/sh", "-c", "read _; "+script)
	in, _ := p.cmd.StdinPipe()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(t) })
	p.c.PID = p.cmd.Process.Pid
	if err := chain.Isolate(context.Background(), p.c); err != nil {
		t.Fatal(err)
	}
	chain.Watch(p.c, func(l isolators.Limitation) { p.limited <- l })
	fmt.Fprintln(in, "go")
	return p
}

// end destroys it as the agent does: the test fails where anything of it survives. Every test ends with it at the latest.
func (p *prison) end(t *testing.T) {
	t.Helper()
	if p.ended {
		return
	}
	p.ended = true
	began := time.Now()
	if err := p.chain.Keeper().Kill(context.Background(), p.c); err != nil {
		t.Error(err)
	}
	p.cmd.Wait()
	pids, err := p.chain.Keeper().Processes(p.c)
	if err != nil || len(pids) > 0 {
		t.Errorf("alive are %v, %v", pids, err)
	}
	if err := p.chain.Cleanup(context.Background(), p.c); err != nil {
		t.Error(err)
	}
	t.Logf("destroyed in %v", time.Since(began))
}

// A fork bomb fills its own group and nobody else's, and dies with it.
func TestForkBomb(t *testing.T) {
	exam.Skip(t, exam.Controller("pids"))
	p := imprison(t, `bomb() { bomb | bomb & wait; }; while :; do bomb; done 2>/dev/null`, exam.Scalar("cpus", 0.1), exam.Scalar("mem", 128), exam.Scalar("pids", 100))
	var g hierarchy.Group
	g, _ = groupOfProcess(t, p.c.PID, "pids")
	exam.Eventually(t, "the kernel refuses it a process", func() bool {
		text, err := g.Read("pids.events")
		return err == nil && text != "max 0"
	})
	if n, err := g.Uint("pids.current"); err != nil || n > 100 {
		t.Errorf("%d, %v processes of 100", n, err)
	}
	if err := exec.Command("/bin/true").Run(); err != nil {
		t.Errorf("nobody else can start a process: %v", err)
	}
	p.end(t)
}

// A memory bomb of many processes is told as what it is, and dies.
func TestMemoryBomb(t *testing.T) {
	exam.Skip(t, exam.Controller("memory"))
	p := imprison(t, `for i in 1 2 3 4; do (a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done) & done; sleep 600`, exam.Scalar("cpus", 1), exam.Scalar("mem", 64))
	select {
	case l := <-p.limited:
		if l.Reason != mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY || l.Resources[0].GetScalar().GetValue() < 60 || l.Resources[0].GetScalar().GetValue() > 65 {
			t.Errorf("told is %v", l)
		}
	case <-time.After(30 * time.Second):
		t.Error("nobody noticed")
	}
	p.end(t)
}

// A file that is memory counts too, and does not outlive the container as long as somebody removes it.
func TestMemoryBombInFiles(t *testing.T) {
	exam.Skip(t, exam.Controller("memory"))
	dir, err := os.MkdirTemp("/dev/shm", "meseta-bomb")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(dir)
	p := imprison(t, `dd if=/dev/zero of=`+dir+`/file bs=1048576 count=200 2>/dev/null; sleep 600`, exam.Scalar("mem", 64))
	select {
	case l := <-p.limited:
		t.Logf("%.20s", l.Message)
	case <-time.After(30 * time.Second):
		t.Error("nobody noticed")
	}
	p.end(t)
}

// Root in a container that sees the files of control groups and may write them leaves its groups one by one, as far as it
// gets, and makes others. It is found in those that are left; where version 2 has one group only it is the file system
// that has to keep the files away (they are read-only in a container).
func TestWalkingOut(t *testing.T) {
	p := imprison(t, `while :; do sleep 0.01; done`, exam.Scalar("mem", 64))
	g, _ := groupOfProcess(t, p.c.PID, "memory")
	hidden := g.Below("hidden")
	if err := hidden.Make(); err != nil {
		t.Fatal(err)
	}
	if err := hidden.Join(p.c.PID); err != nil && !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatal(err)
	}
	p.end(t)
	if hidden.Exists() {
		t.Error("what it made is left")
	}
}

// One that does not want to die: it ignores signals, is stopped, and its children change their sessions.
func TestStubborn(t *testing.T) {
	p := imprison(t, `trap '' TERM INT HUP; for i in 1 2 3; do (trap '' TERM INT HUP; setsid sleep 600 & kill -STOP $$; sleep 600) & done; wait`, exam.Scalar("mem", 64))
	exam.Eventually(t, "it has children", func() bool {
		pids, err := p.chain.Keeper().Processes(p.c)
		return err == nil && len(pids) >= 3
	})
	p.end(t)
}
