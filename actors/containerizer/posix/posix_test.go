package posix_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/actors/containerizer/posix/logger"
)

// TestMain lets the test binary be the process of an executor, because being a subreaper belongs to a whole process, and
// a logger, which has no environment to be told so by.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "logger" {
		os.Exit(logger.Main(os.Args[2:]))
	}
	if os.Getenv("POSIX_TEST_REUSE") != "" {
		os.Exit(reuse())
	}
	if script := os.Getenv("POSIX_TEST_SUBREAPER"); script != "" {
		os.Exit(subreaper(script))
	}
	os.Exit(m.Run())
}

func shell(t *testing.T, id, script string) containerizer.Spec {
	t.Helper()
	dir := t.TempDir()
	return containerizer.Spec{
		ContainerID: fmt.Sprintf("%s-%d-%s", id, os.Getpid(), filepath.Base(dir)),
		Path:        "/bin/sh", Argv: []string{"sh", "-c", script},
		Env: []string{"PATH=" + os.Getenv("PATH")}, Dir: dir,
		Stdout: filepath.Join(dir, "stdout"), Stderr: filepath.Join(dir, "stderr"),
	}
}

func launch(t *testing.T, l *posix.Launcher, s containerizer.Spec) containerizer.Process {
	t.Helper()
	p, err := l.Launch(context.Background(), s)
	if err != nil {
		t.Fatalf("launch: %v", err)
	}
	t.Cleanup(func() { destroy(t, l, p) })
	return p
}

func wait(t *testing.T, l *posix.Launcher, p containerizer.Process) containerizer.Exit {
	t.Helper()
	exits := make(chan containerizer.Exit, 1)
	l.Wait(p, func(e containerizer.Exit, err error) {
		if err != nil {
			t.Errorf("wait: %v", err)
		}
		exits <- e
	})
	return <-exits
}

func destroy(t *testing.T, l *posix.Launcher, p containerizer.Process) {
	t.Helper()
	done := make(chan error, 1)
	l.Destroy(p, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Errorf("destroy: %v", err)
	}
}

func find(t *testing.T, l *posix.Launcher, p containerizer.Process) []containerizer.Process {
	t.Helper()
	found, err := l.Find(context.Background(), []containerizer.Process{p})
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	return found
}

// line waits for the process to say something: it opens a pipe that the script writes to.
func line(t *testing.T, dir string) (script string, read func() string) {
	t.Helper()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	return fifo, func() string {
		b, err := os.ReadFile(fifo)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
}

func TestExit(t *testing.T) {
	for _, c := range []struct {
		name, script, want string
	}{
		{"nothing went wrong", "exit 0", "exited 0"},
		{"a status of its own", "exit 3", "exited 3"},
		{"a signal", "kill -TERM $$", "signal terminated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := posix.New()
			e := wait(t, l, launch(t, l, shell(t, "exit", c.script)))
			got := fmt.Sprintf("exited %d", e.Status.ExitStatus())
			if e.Status.Signaled() {
				got = "signal " + e.Status.Signal().String()
			}
			if got != c.want || !e.Known {
				t.Errorf("got %q (known: %v), want %q", got, e.Known, c.want)
			}
			if e.PeakMemory == 0 {
				t.Error("no memory was measured")
			}
		})
	}
}

func TestOutputGoesToTheFiles(t *testing.T) {
	l := posix.New()
	s := shell(t, "output", "echo out; echo err >&2; pwd; echo $"+containerizer.CookieVariable)
	wait(t, l, launch(t, l, s))
	out, _ := os.ReadFile(s.Stdout)
	errs, _ := os.ReadFile(s.Stderr)
	if want := "out\n" + s.Dir + "\n" + s.ContainerID + "\n"; string(out) != want || string(errs) != "err\n" {
		t.Errorf("stdout %q, stderr %q; want %q and %q", out, errs, want, "err\n")
	}
}

func TestNothingElseIsInherited(t *testing.T) {
	l := posix.New()
	t.Setenv("POSIX_TEST_SECRET", "1")
	s := shell(t, "inherit", "ls /proc/self/fd | wc -l; env | grep -c POSIX_TEST_SECRET; cat")
	wait(t, l, launch(t, l, s))
	// Standard input, output, error, and the directory that ls reads. cat finds its input empty.
	if out, _ := os.ReadFile(s.Stdout); strings.Join(strings.Fields(string(out)), " ") != "4 0" {
		t.Errorf("open files, inherited variables: %q, want 4 and 0", out)
	}
}

func TestLaunchSaysWhyItCannot(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*containerizer.Spec)
		want   string
	}{
		{"no program", func(s *containerizer.Spec) { s.Path = "no-such-program" }, "no-such-program: command not found"},
		{"no program at that path", func(s *containerizer.Spec) { s.Path = "/no/such/program" }, "no such file"},
		{"no directory", func(s *containerizer.Spec) { s.Dir = "/no/such/dir" }, "no such file"},
		{"no user", func(s *containerizer.Spec) { s.User = "nobody-of-that-name" }, `no user "nobody-of-that-name"`},
		{"no folder for its output", func(s *containerizer.Spec) { s.Stdout = "/no/such/dir/stdout" }, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := shell(t, "why", "exit 0")
			c.change(&s)
			_, err := posix.New().Launch(context.Background(), s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestUser(t *testing.T) {
	l := posix.New()
	s := shell(t, "user", "id -un; id -G")
	s.User = "nobody"
	if os.Geteuid() != 0 {
		if _, err := l.Launch(context.Background(), s); err == nil || !strings.Contains(err.Error(), "only root") {
			t.Errorf("got %v, want a refusal that names root", err)
		}
		return
	}
	s.Dir = "/"
	wait(t, l, launch(t, l, s))
	want, err := exec.Command("id", "-G", "nobody").Output()
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := os.ReadFile(s.Stdout); string(out) != "nobody\n"+string(want) {
		t.Errorf("ran as %q, want nobody with the groups %q", out, want)
	}
	if info, err := os.Stat(s.Stdout); err != nil || info.Sys().(*syscall.Stat_t).Uid == 0 {
		t.Errorf("stdout is not owned by the user: %v %v", info, err)
	}
}

// The links of a sandbox are its user's; following one would let it write as the agent.
func TestOutputDoesNotFollowLinks(t *testing.T) {
	s := shell(t, "link", "exit 0")
	if err := os.Symlink("/dev/null", s.Stdout); err != nil {
		t.Fatal(err)
	}
	if _, err := posix.New().Launch(context.Background(), s); err == nil {
		t.Error("opened a link")
	}
}

// A killed container leaves nobody: not a child, not a session of its own, not a daemon whose parents are gone.
func TestDestroyEndsEverybody(t *testing.T) {
	l := posix.New()
	s := shell(t, "tree", "")
	fifo, read := line(t, s.Dir)
	s.Argv[2] = `(setsid sh -c '(echo $$ > ` + fifo + `; exec sleep 1000) & ' &) ; sleep 1000 & exec sleep 1000`
	p := launch(t, l, s)
	read()
	if found := find(t, l, p); len(found) != 1 || found[0] != p {
		t.Errorf("found %v, want %v", found, p)
	}
	destroy(t, l, p)
	if e := wait(t, l, p); e.Known && e.Status.Signal() != syscall.SIGKILL {
		t.Errorf("ended with %v, want SIGKILL", e.Status)
	}
	if found := find(t, l, p); len(found) != 0 {
		t.Errorf("still there: %v", found)
	}
}

func TestADaemonIsFoundAfterItsParentsAreGone(t *testing.T) {
	l := posix.New()
	s := shell(t, "daemon", "")
	fifo, read := line(t, s.Dir)
	s.Argv[2] = `(setsid sh -c '(echo up > ` + fifo + `; exec sleep 1000) & ' &) ; exit 0`
	p := launch(t, l, s)
	read()
	wait(t, l, p)
	found := find(t, l, p)
	if len(found) != 1 || found[0].PID != 0 {
		t.Errorf("found %v, want the container without its first process", found)
	}
	destroy(t, l, p)
	if found := find(t, l, p); len(found) != 0 {
		t.Errorf("still there: %v", found)
	}
}

// Another Launcher stands for the agent after a restart.
func TestFoundAgainAfterARestart(t *testing.T) {
	before, after := posix.New(), posix.New()
	p := launch(t, before, shell(t, "again", "exec sleep 1000"))
	if found := find(t, after, p); len(found) != 1 || found[0] != p {
		t.Fatalf("found %v, want %v", found, p)
	}
	unwritten := containerizer.Process{ContainerID: p.ContainerID}
	if found := find(t, after, unwritten); len(found) != 1 || found[0] != p {
		t.Errorf("without its pid: found %v, want %v", found, p)
	}
	exits := make(chan containerizer.Exit, 1)
	after.Wait(p, func(e containerizer.Exit, _ error) { exits <- e })
	destroy(t, after, p)
	if e := <-exits; e.Known || e.Raw() != -1 {
		t.Errorf("exit %+v, want an unknown one: only a parent learns it", e)
	}
}

func TestAReusedNumberIsAnotherProcess(t *testing.T) {
	l := posix.New()
	p := launch(t, l, shell(t, "reused", "exec sleep 1000"))
	old := containerizer.Process{ContainerID: "another-container", PID: p.PID, StartTicks: p.StartTicks + 1}
	if found := find(t, l, old); len(found) != 0 {
		t.Errorf("found %v for a process that is gone", found)
	}
	if e := wait(t, posix.New(), old); e.Known {
		t.Errorf("exit %+v for a process that is gone", e)
	}
	destroy(t, l, old)
	if found := find(t, l, p); len(found) != 1 {
		t.Error("destroying the old container ended the new one")
	}
}

func TestACancelledWaitIsSilent(t *testing.T) {
	l := posix.New()
	p := launch(t, l, shell(t, "cancel", "exec sleep 1000"))
	cancel := l.Wait(p, func(containerizer.Exit, error) { t.Error("called after it was cancelled") })
	cancel()
	cancelOther := posix.New().Wait(p, func(containerizer.Exit, error) { t.Error("called after it was cancelled") })
	cancelOther()
	destroy(t, l, p)
	wait(t, l, p)
}

func TestSignalReachesAll(t *testing.T) {
	l := posix.New()
	s := shell(t, "signal", "")
	up, isUp := line(t, s.Dir)
	heard, hears := line(t, t.TempDir())
	s.Argv[2] = `trap : TERM; sh -c 'trap "echo child > ` + heard + `" TERM; echo up > ` + up + `; while :; do sleep 1000 & wait; done' & wait; wait`
	p := launch(t, l, s)
	isUp()
	if err := l.Signal(context.Background(), p, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := hears(); got != "child" {
		t.Errorf("heard %q", got)
	}
}

func TestUsage(t *testing.T) {
	l := posix.New()
	s := shell(t, "usage", "")
	fifo, read := line(t, s.Dir)
	s.Argv[2] = `i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 1000 & echo up > ` + fifo + `; wait`
	p := launch(t, l, s)
	read()
	gone := containerizer.Process{ContainerID: "gone", PID: p.PID, StartTicks: p.StartTicks + 1}
	got, err := l.Usage(context.Background(), []containerizer.Process{p, gone})
	if err != nil || len(got) != 2 || got[1] != nil {
		t.Fatalf("usage: %v, %v", got, err)
	}
	if u := got[0]; u.GetProcesses() != 2 || u.GetMemRssBytes() == 0 || u.GetCpusUserTimeSecs()+u.GetCpusSystemTimeSecs() == 0 {
		t.Errorf("usage %v, want two processes, memory and time", u)
	}
}

// Everything that a command leaves behind falls to its executor, which ends it.
func TestSubreaper(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"a command that ends by itself", "exit 0"},
		{"a daemon with a clean environment", "setsid env -i sh -c 'sleep 1000 & sleep 1000 & exit' ; exit 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), "POSIX_TEST_SUBREAPER="+c.script)
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != "exited 0, left none\n" {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}

func subreaper(script string) int {
	l, err := posix.NewSubreaper()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	p, err := l.Launch(context.Background(), containerizer.Spec{ContainerID: "subreaper", Path: "/bin/sh",
		Argv: []string{"sh", "-c", script}, Env: os.Environ(), Dir: "/"})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	exits := make(chan containerizer.Exit, 1)
	l.Wait(p, func(e containerizer.Exit, _ error) { exits <- e })
	e := <-exits
	done := make(chan error, 1)
	l.Destroy(p, func(err error) { done <- err })
	if err := <-done; err != nil {
		fmt.Println(err)
		return 1
	}
	_, err = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	left := "some"
	if err == syscall.ECHILD {
		left = "none"
	}
	fmt.Printf("exited %d, left %s\n", e.Status.ExitStatus(), left)
	return 0
}
