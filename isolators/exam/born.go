package exam

import (
	"context"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch"
)

// born is a Child of the launcher.
type born struct {
	*launch.Child
	cgroup string
	once   sync.Once
	status syscall.WaitStatus
}

func birth(t *testing.T, plan *isolators.Plan, files launch.Files) *born {
	t.Helper()
	c, err := launch.Start(plan, files)
	if err != nil {
		t.Fatal(err)
	}
	return &born{Child: c, cgroup: plan.Cgroup}
}

// warm has the launcher open what it keeps open.
func warm(t *testing.T) {
	t.Helper()
	p := &isolators.Plan{Path: "/bin/true", Argv: []string{"true"}, Dir: "/", UID: os.Geteuid(), GID: os.Getegid()}
	if os.Geteuid() == 0 {
		p.Init, p.Namespaces = true, unix.CLONE_NEWPID|unix.CLONE_NEWNS
	}
	b := birth(t, p, launch.Files{})
	_ = b.Go()
	b.Kill()
}

// PID implements Child.
func (b *born) PID() int { return b.Child.PID }

// Kill implements Child.
func (b *born) Kill() {
	b.once.Do(func() {
		_ = unix.Kill(-b.Child.PID, unix.SIGKILL)
		b.Child.Kill()
		b.status, _, _ = b.Wait()
		for members(b.cgroup, func(pid int) { _ = unix.Kill(pid, unix.SIGKILL) }) > 0 {
		}
	})
}

// end waits for the program to end by itself.
func (b *born) end() syscall.WaitStatus {
	b.once.Do(func() { b.status, _, _ = b.Wait() })
	return b.status
}

// Run takes a container through its life: prepared, born, isolated, run to its end and cleaned up. It returns what the program
// printed and its exit code; -1 when it was killed. A plan begins as that of /bin/sh with the container's command, unless
// edit changes it.
func Run(t *testing.T, chain isolators.Chain, c *isolators.Container, edit func(*isolators.Plan)) (said string, code int) {
	t.Helper()
	p := plan(c)
	if edit != nil {
		edit(p)
	}
	defer func() {
		if err := chain.Cleanup(context.Background(), c); err != nil {
			t.Error(err)
		}
	}()
	if err := chain.Prepare(context.Background(), c, p); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := birth(t, p, launch.Files{Stdout: w, Stderr: w})
	w.Close()
	defer b.Kill()
	c.PID = b.PID()
	if err := chain.Isolate(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if err := b.Go(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(text), b.end().ExitStatus()
}
