package cast

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/testkit"
)

func sh(container, script string) containerizer.Spec {
	return containerizer.Spec{ContainerID: container, Path: "/bin/sh", Argv: []string{"sh", "-c", script}}
}

// runScript starts a script and returns how it ended and when.
func runScript(t *testing.T, script string, meanwhile func(l containerizer.Launcher, p containerizer.Process)) (containerizer.Exit, time.Duration) {
	t.Helper()
	w := testkit.NewWorld(t)
	l := launcher{machine: newMachine(w.Node("n"))}
	p, err := l.Launch(context.Background(), sh("c", script))
	if err != nil {
		t.Fatal(err)
	}
	var exit containerizer.Exit
	var at time.Duration
	ended := false
	l.Wait(p, func(x containerizer.Exit, err error) { exit, at, ended = x, w.Elapsed(), true })
	if meanwhile != nil {
		meanwhile(l, p)
	}
	w.Advance(time.Hour)
	if !ended {
		t.Fatalf("%q did not end", script)
	}
	return exit, at
}

func TestTheShellOfAMachine(t *testing.T) {
	for script, want := range map[string]struct {
		status int
		took   time.Duration
	}{
		"true":                     {0, 0},
		"false":                    {1, 0},
		"exit 7; sleep 5":          {7, 0},
		"sleep 2.5":                {0, 2500 * time.Millisecond},
		"sleep 1; sleep 2; exit 3": {3, 3 * time.Second},
		"false && sleep 9":         {1, 0},
		"echo hi && sleep 1":       {0, time.Second},
		"nonsense":                 {127, 0},
	} {
		exit, took := runScript(t, script, nil)
		if !exit.Known || exit.Status.ExitStatus() != want.status || took != want.took {
			t.Errorf("%q ended with %+v after %v", script, exit, took)
		}
	}
}

func TestSignalsEndTheShell(t *testing.T) {
	send := func(sig syscall.Signal) func(containerizer.Launcher, containerizer.Process) {
		return func(l containerizer.Launcher, p containerizer.Process) {
			if err := l.Signal(context.Background(), p, sig); err != nil {
				t.Error(err)
			}
		}
	}
	if exit, took := runScript(t, "sleep 9", send(syscall.SIGTERM)); exit.Status.Signal() != syscall.SIGTERM || took != 0 {
		t.Errorf("%+v after %v", exit, took)
	}
	if exit, took := runScript(t, "trap '' TERM; sleep 9", send(syscall.SIGTERM)); exit.Status.ExitStatus() != 0 || took != 9*time.Second {
		t.Errorf("%+v after %v", exit, took)
	}
	if exit, _ := runScript(t, "trap '' TERM; sleep 9", send(syscall.SIGKILL)); exit.Status.Signal() != syscall.SIGKILL {
		t.Errorf("%+v", exit)
	}
}

func TestProcessesOutliveWhoStartedThem(t *testing.T) {
	w := testkit.NewWorld(t)
	n := w.Node("n")
	m := newMachine(n)
	before := launcher{machine: m, life: n.Lives()}
	p, err := before.Launch(context.Background(), sh("c", "sleep 60"))
	if err != nil {
		t.Fatal(err)
	}
	n.Restart()
	after := launcher{machine: m, life: n.Lives()}
	found, err := after.Find(context.Background(), []containerizer.Process{p, {ContainerID: "c"}, {ContainerID: "other", PID: p.PID}})
	if err != nil || !slices.Equal(found, []containerizer.Process{p, p}) {
		t.Fatalf("found %v, %v", found, err)
	}
	var exit *containerizer.Exit
	after.Wait(p, func(x containerizer.Exit, _ error) { exit = &x })
	w.Advance(2 * time.Minute)
	if exit == nil || exit.Known {
		t.Errorf("who is not the parent learned %+v", exit)
	}
}

func TestDestroyEndsTheWholeTree(t *testing.T) {
	w := testkit.NewWorld(t)
	m := newMachine(w.Node("n"))
	var child containerizer.Process
	m.Program("parent", func(p *Process) {
		child, _ = p.Launcher().Launch(context.Background(), sh("c.1", "sleep 60"))
		p.Exit(0)
	})
	l := launcher{machine: m}
	p, err := l.Launch(context.Background(), containerizer.Spec{ContainerID: "c", Path: "parent"})
	if err != nil {
		t.Fatal(err)
	}
	if found, _ := l.Find(context.Background(), []containerizer.Process{p}); len(found) != 1 || found[0].PID != 0 {
		t.Errorf("with only a child left: %v", found)
	}
	done := false
	l.Destroy(p, func(error) { done = true })
	w.Advance(time.Second)
	if !done || len(m.Running()) != 0 {
		t.Errorf("destroyed: %v, running: %v (child %v)", done, m.Running(), child)
	}
}

func TestAnUnknownProgramIsRefused(t *testing.T) {
	w := testkit.NewWorld(t)
	if _, err := (launcher{machine: newMachine(w.Node("n"))}).Launch(context.Background(), containerizer.Spec{Path: "/bin/nothing"}); err == nil {
		t.Error("launched")
	}
}

func TestTheDiskOfAnAgent(t *testing.T) {
	ctx := context.Background()
	w := testkit.NewWorld(t)
	d := disk{w.Node("n").Disk(), nil}
	if _, err := d.Apply(ctx, []agent.Change{
		{Kind: agent.Put, Path: "meta/slaves/s1/slave.info", Data: []byte("one")},
		{Kind: agent.Link, Path: "meta/slaves/latest", Data: []byte("s1")},
		{Kind: agent.Append, Path: "log", Data: []byte("ab")},
		{Kind: agent.Append, Path: "log", Data: []byte("cd")},
		{Kind: agent.Put, Path: "old/a", Data: nil},
		{Kind: agent.Remove, Path: "old"},
	}); err != nil {
		t.Fatal(err)
	}
	if b, err := d.Read(ctx, "meta/slaves/latest/slave.info"); err != nil || string(b) != "one" {
		t.Errorf("through a link: %q, %v", b, err)
	}
	if b, size, err := d.ReadAt(ctx, "log", 1, 2); err != nil || string(b) != "bc" || size != 4 {
		t.Errorf("part: %q of %d, %v", b, size, err)
	}
	if b, size, err := d.ReadAt(ctx, "log", 9, 2); err != nil || len(b) != 0 || size != 4 {
		t.Errorf("past the end: %q of %d, %v", b, size, err)
	}
	if _, err := d.Read(ctx, "old/a"); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	if _, err := d.List(ctx, "nothing"); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("nothing: %v", err)
	}
	files, err := d.List(ctx, "meta/slaves")
	if err != nil || len(files) != 2 || files[0].Name != "latest" || files[1].Name != "s1" || !files[1].Mode.IsDir() {
		t.Errorf("listed %v, %v", files, err)
	}
	for _, out := range []string{"../x", "a/../../x", "/etc/passwd", ".."} {
		if _, err := d.Read(ctx, out); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", out, err)
		}
	}
	if dir, err := d.Sandbox(ctx, "slaves/s1/run", ""); err != nil || dir != "/work_dir/slaves/s1/run" {
		t.Errorf("sandbox %q, %v", dir, err)
	}
}
