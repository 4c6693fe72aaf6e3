package launch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
)

func staying(script string) *isolators.Plan {
	p := shell(script)
	p.Namespaces, p.Init = private, true
	p.Mounts = []isolators.Mount{{Type: "proc", Target: "/proc"}}
	return p
}

func TestInit(t *testing.T) {
	root(t)
	t.Run("ends as the program ends", func(t *testing.T) {
		for script, want := range map[string]int{"exit 7": 7, "kill -9 $$": 128 + 9, "true": 0} {
			if _, status := run(t, staying(script)); status.ExitStatus() != want {
				t.Errorf("%s: %v, want %d", script, status, want)
			}
		}
	})
	t.Run("writes the status down", func(t *testing.T) {
		f, err := os.Create(filepath.Join(t.TempDir(), "status"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for script, want := range map[string]syscall.WaitStatus{"exit 7": 7 << 8, "kill -9 $$": 9} {
			_ = f.Truncate(0)
			_, _ = f.Seek(0, 0)
			c, err := Start(staying(script), Files{Status: f})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Go(); err != nil {
				t.Fatal(err)
			}
			c.Wait()
			b, _ := os.ReadFile(f.Name())
			if len(b) != 4 || syscall.WaitStatus(binary.NativeEndian.Uint32(b)) != want {
				t.Errorf("%s: %v, want %d", script, b, want)
			}
		}
	})
	t.Run("hands on signals", func(t *testing.T) {
		c, out := start(t, staying(`trap 'echo term; exit 3' TERM; trap 'echo usr1' USR1; echo ready; while :; do sleep 0.01; done`))
		if err := c.Go(); err != nil {
			t.Fatal(err)
		}
		said := make(chan string)
		go func() { said <- out() }()
		program := children(t, c.PID)[0]
		waitFor(t, func() bool { return handles(t, program, unix.SIGTERM) && handles(t, program, unix.SIGUSR1) })
		unix.Kill(c.PID, unix.SIGUSR1)
		unix.Kill(c.PID, unix.SIGTERM)
		if s := <-said; s != "ready\nusr1\nterm\n" && s != "ready\nterm\n" {
			t.Errorf("%q", s)
		}
		if status, _, err := c.Wait(); status.ExitStatus() != 3 || err != nil {
			t.Error(status, err)
		}
	})
	t.Run("takes in orphans", func(t *testing.T) {
		// A subshell ends before the sleep that it started: whoever adopts it has to take it from the list.
		said, status := run(t, staying(`for i in 1 2 3 4 5; do ( sleep 0.01 & ); done; sleep 0.1; grep -l '^State:.Z' /proc/[0-9]*/status; echo $$ $PPID`))
		if fields := strings.Fields(said); len(fields) != 2 || fields[1] != "1" || status != 0 {
			t.Errorf("%q, %v", said, status)
		}
	})
	t.Run("does not end by signals of the inside", func(t *testing.T) {
		said, status := run(t, staying(`trap : TERM; kill -9 1; kill -STOP 1; kill -TERM 1; echo alive`))
		if said != "alive\n" || status != 0 {
			t.Errorf("%q, %v", said, status)
		}
	})
	t.Run("has no rights and no descriptors", func(t *testing.T) {
		f, err := os.Create(filepath.Join(t.TempDir(), "status"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c, err := Start(staying("exec sleep 600"), Files{Status: f})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Kill(); c.Wait() })
		if err := c.Go(); err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID))
		for _, want := range []string{"CapPrm:\t0000000000000020\n", "CapBnd:\t0000000000000020\n", "NoNewPrivs:\t1\n", "Threads:\t1\n"} {
			if !strings.Contains(string(b), want) {
				t.Errorf("no %q in %s", want, b)
			}
		}
		fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.PID))
		if len(fds) != 1 || fds[0].Name() != "6" {
			t.Errorf("it has %v", fds)
		}
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", c.PID))
		cmd, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.PID))
		if len(bytes.Trim(env, "\x00")) != 0 || !bytes.HasPrefix(cmd, []byte("meseta-init\x00")) {
			t.Errorf("%q, environment %q", cmd, env)
		}
		if rss := kilobytes(t, c.PID, "VmRSS:"); rss > 64 {
			t.Errorf("it takes %d KiB", rss)
		}
		t.Logf("resident %d KiB, %d of them its own", kilobytes(t, c.PID, "VmRSS:"), kilobytes(t, c.PID, "RssAnon:"))
	})
}

func kilobytes(t *testing.T, pid int, field string) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.Fields(line(string(b), field))[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func children(t *testing.T, pid int) []int {
	t.Helper()
	var all []int
	waitFor(t, func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range strings.Fields(string(b)) {
			n, _ := strconv.Atoi(f)
			all = append(all, n)
		}
		return len(all) > 0
	})
	return all
}

// handles tells whether a process has a handler for a signal.
func handles(t *testing.T, pid int, sig syscall.Signal) bool {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	mask, err := strconv.ParseUint(strings.Fields(line(string(b), "SigCgt:"))[1], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return mask&(1<<(sig-1)) != 0
}

// waitFor looks until it is so; the test's own time limit is the end of it.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	for !so() {
		unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
	}
}
