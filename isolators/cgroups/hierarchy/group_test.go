package hierarchy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
)

// The tests play both sides: the same binary is the process in the group.
func TestMain(m *testing.M) {
	if role := os.Getenv("HIERARCHY_TEST_ROLE"); role != "" {
		play(role)
		return
	}
	os.Exit(m.Run())
}

// play does nothing until it is told on its standard input, so that it is in its group by then.
func play(role string) {
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
	switch role {
	case "wait":
		io.Copy(io.Discard, os.Stdin)
	case "bomb": // forks as fast as it can, and what it forks does
		for n := 0; n < 2000; n++ {
			c := exec.Command("/proc/self/exe")
			c.Env = []string{"HIERARCHY_TEST_ROLE=bomb"}
			if c.Start() != nil {
				time.Sleep(time.Millisecond)
			}
		}
	}
}

// hierarchies are those of this machine in which groups can be made, by what they are for.
func hierarchies(t *testing.T) map[string]hierarchy.Hierarchy {
	t.Helper()
	layout, err := hierarchy.Find()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]hierarchy.Hierarchy{}
	if u, ok := layout.Unified(); ok {
		found["unified"] = u
	}
	for _, controller := range []string{"freezer", "pids", "cpu", "memory"} {
		if h, ok := layout.Of(controller); ok && !h.Unified {
			found[controller] = h
		}
	}
	if len(found) == 0 {
		t.Skip("no control groups are mounted")
	}
	if os.Getuid() != 0 {
		t.Skip("making groups takes root")
	}
	return found
}

// each runs a test in a new group in each hierarchy of this machine.
func each(t *testing.T, test func(t *testing.T, g hierarchy.Group)) {
	for name, h := range hierarchies(t) {
		t.Run(name, func(t *testing.T) { test(t, group(t, h)) })
	}
}

func group(t *testing.T, h hierarchy.Hierarchy) hierarchy.Group {
	t.Helper()
	g := h.Own.Below(fmt.Sprintf("meseta-test-%d-%d", os.Getpid(), time.Now().UnixNano()))
	if err := g.Make(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Destroy(soon(t)); err != nil {
			t.Error(err)
		}
		if g.Exists() {
			t.Errorf("%s is still there", g)
		}
	})
	return g
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// start runs a role in a group, and in others of other hierarchies.
func start(t *testing.T, g hierarchy.Group, role string, and ...hierarchy.Group) *exec.Cmd {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = []string{"HIERARCHY_TEST_ROLE=" + role}
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); c.Process.Kill(); c.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("it said %q, %v", line, err)
	}
	for _, g := range append(and, g) {
		if err := g.Join(c.Process.Pid); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(in, "go\n")
	return c
}

func TestGroup(t *testing.T) {
	each(t, func(t *testing.T, g hierarchy.Group) {
		inner := g.Below("mesos", "inner")
		if err := inner.Make(); err != nil {
			t.Fatal(err)
		}
		if err := inner.Make(); err != nil {
			t.Errorf("once more: %v", err)
		}
		first, second := start(t, g, "wait"), start(t, inner, "wait")
		want := []int{first.Process.Pid, second.Process.Pid}
		slices.Sort(want)
		if got, err := g.Processes(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v are in it, and not %v", got, err, want)
		}
		if got, err := inner.Processes(); err != nil || !slices.Equal(got, []int{second.Process.Pid}) {
			t.Errorf("%v, %v are in the inner one", got, err)
		}
		if threads, err := g.Threads(); err != nil || len(threads) < len(want) {
			t.Errorf("threads %v, %v", threads, err)
		}
		if err := inner.Destroy(soon(t)); err != nil {
			t.Error(err)
		}
		if inner.Exists() || !g.Exists() {
			t.Error("the inner group and only that goes")
		}
		if got, err := g.Processes(); err != nil || !slices.Equal(got, []int{first.Process.Pid}) {
			t.Errorf("%v, %v are left", got, err)
		}
		if got, err := inner.Processes(); err != nil || len(got) > 0 {
			t.Errorf("nobody is in a group that is gone: %v, %v", got, err)
		}
		if err := inner.Destroy(soon(t)); err != nil {
			t.Errorf("what is gone is destroyed: %v", err)
		}
	})
}

func TestReadAndWrite(t *testing.T) {
	h, ok := hierarchies(t)["unified"]
	if !ok {
		t.Skip("version 2 is not mounted")
	}
	g := group(t, h)
	if err := g.Write("cgroup.max.depth", "7"); err != nil {
		t.Fatal(err)
	}
	if n, err := g.Uint("cgroup.max.depth"); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := g.Uint("cgroup.max.descendants"); err != nil || n != ^uint64(0) {
		t.Errorf("max is %d, %v", n, err)
	}
	if _, err := g.Uint("cgroup.type"); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("a word is no number: %v", err)
	}
	if err := g.Write("cgroup.max.depth", "seven"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("the kernel refuses: %v", err)
	}
	if _, err := g.Read("no.such.file"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
	if err := g.Write("no.such.file", "1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file is made: %v", err)
	}
	if err := g.Join(1 << 30); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("no such process: %v", err)
	}
}

// What forks faster than anybody can count is killed all the same.
func TestKillForkBomb(t *testing.T) {
	bound, bounded := hierarchies(t)["pids"]
	each(t, func(t *testing.T, g hierarchy.Group) {
		var ceilings []hierarchy.Group
		if bounded && !strings.HasPrefix(string(g), string(bound.Own)) {
			ceilings = append(ceilings, group(t, bound))
		}
		for _, c := range append(ceilings, g) {
			if c.Has("pids.max") { // or it takes the machine with it
				if err := c.Write("pids.max", "150"); err != nil {
					t.Fatal(err)
				}
			}
		}
		bomb := start(t, g, "bomb", ceilings...)
		for n := 0; n < 20; { // it has gone off
			pids, err := g.Processes()
			if err != nil {
				t.Fatal(err)
			}
			n = len(pids)
		}
		if err := g.Kill(soon(t)); err != nil {
			t.Error(err)
		}
		if got, err := g.Processes(); err != nil || len(got) > 0 {
			t.Errorf("%v, %v are left", got, err)
		}
		if err := bomb.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("its end: %v", err)
		}
	})
}

func TestFreeze(t *testing.T) {
	each(t, func(t *testing.T, g hierarchy.Group) {
		if !g.CanFreeze() {
			if err := g.Freeze(soon(t)); !errors.Is(err, fault.ErrUnsupported) {
				t.Errorf("a hierarchy without a freezer: %v", err)
			}
			return
		}
		c := start(t, g, "wait")
		if err := g.Freeze(soon(t)); err != nil {
			t.Fatal(err)
		}
		c.Process.Signal(unix.SIGTERM)
		if got, err := g.Processes(); err != nil || len(got) != 1 {
			t.Errorf("a frozen process does not even die: %v, %v", got, err)
		}
		if err := g.Thaw(soon(t)); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil || err.Error() != "signal: terminated" {
			t.Errorf("its end: %v", err)
		}
		frozen := start(t, g, "wait")
		if err := g.Freeze(soon(t)); err != nil {
			t.Fatal(err)
		}
		if err := g.Destroy(soon(t)); err != nil {
			t.Errorf("a frozen group is destroyed: %v", err)
		}
		frozen.Wait()
	})
}

// Who is stopped or traced dies like the others.
func TestKillStopped(t *testing.T) {
	each(t, func(t *testing.T, g hierarchy.Group) {
		c := start(t, g, "wait")
		if err := g.Signal(unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if err := g.Kill(soon(t)); err != nil {
			t.Error(err)
		}
		c.Wait()
	})
}

// Who is traced dies, whatever its tracer wants.
func TestKillTraced(t *testing.T) {
	each(t, func(t *testing.T, g hierarchy.Group) {
		runtime.LockOSThread() // who traces is a thread
		defer runtime.UnlockOSThread()
		c := exec.Command("/bin/sleep", "600")
		c.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Process.Kill()
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(c.Process.Pid, &status, 0, nil); err != nil || !status.Stopped() {
			t.Fatalf("it does not stand before its first instruction: %v, %v", status, err)
		}
		if err := g.Join(c.Process.Pid); err != nil {
			t.Fatal(err)
		}
		if err := g.Kill(soon(t)); err != nil {
			t.Error(err)
		}
		if _, err := syscall.Wait4(c.Process.Pid, &status, 0, nil); err != nil || !status.Signaled() || status.Signal() != syscall.SIGKILL {
			t.Errorf("its end: %v, %v", status, err)
		}
	})
}

// A process joins with all of its threads.
func TestThreads(t *testing.T) {
	each(t, func(t *testing.T, g hierarchy.Group) {
		c := start(t, g, "wait")
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", c.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		threads, err := g.Threads()
		if err != nil || len(threads) < 2 {
			t.Errorf("in the group are the threads %v, %v", threads, err)
		}
		for _, e := range entries {
			if n, _ := strconv.Atoi(e.Name()); !slices.Contains(threads, n) {
				t.Errorf("thread %d is not in the group: %v", n, threads)
			}
		}
	})
}

func TestRemoveTellsWhoIsLeft(t *testing.T) {
	each(t, func(t *testing.T, g hierarchy.Group) {
		start(t, g, "wait")
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		err := g.Remove(ctx)
		if !errors.Is(err, fault.ErrUnavailable) || !errors.Is(err, unix.EBUSY) {
			t.Errorf("removing a group with a process in it: %v", err)
		}
		t.Log(err)
	})
}
