package linux

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators/exam"
)

// The test runs itself as an agent, which is killed at a point of a launch or of a destroy.
const (
	agentVariable = "MESETA_TEST_AGENT" // the directory
	pointVariable = "MESETA_TEST_POINT"
)

// isolation is as much as an agent of root's has by itself.
var isolation = []string{"filesystem/linux", "namespaces/pid", "namespaces/ipc", "namespaces/uts", "cgroups/cpu", "cgroups/mem"}

var launchPoints = []string{"launch begins", "directory made", "record written", "prepared", "born", "pid written", "isolated", "running", "watched"}

var destroyPoints = []string{"destroy begins", "killed", "cleaned up", "record removed"}

func TestMain(m *testing.M) {
	if dir := os.Getenv(agentVariable); dir != "" {
		beAgent(dir, os.Getenv(pointVariable))
	}
	os.Exit(m.Run())
}

// victim is the container of an agent that is killed. It has a daemon that nobody in it knows.
func victim(dir string) containerizer.Spec {
	return scriptIn(dir, "victim", "(setsid sleep 600 &); echo ran > ran; sleep 600")
}

func beAgent(dir, point string) {
	l, err := newLauncher(settingsIn(dir, isolation), isolation)
	if err == nil {
		_, err = l.Recover(context.Background(), nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	die := func(at string) {
		if at == point {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if slices.Contains(launchPoints, point) {
		l.fault = die
	}
	p, err := l.Launch(context.Background(), victim(dir))
	l.fault = die
	if err == nil {
		l.Destroy(p, func(error) { os.Exit(3) })
		select {}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

func TestAgentsThatAreKilled(t *testing.T) {
	exam.Skip(t, exam.Root)
	for _, point := range slices.Concat(launchPoints, destroyPoints) {
		t.Run(point, func(t *testing.T) {
			h := newHouse(t, isolation...)
			spec := victim(h.dir)
			if err := os.MkdirAll(spec.Dir, 0o755); err != nil {
				t.Fatal(err)
			}
			agent := exec.Command(os.Args[0])
			agent.Env = append(os.Environ(), agentVariable+"="+h.dir, pointVariable+"="+point)
			text, err := agent.CombinedOutput()
			if state, ok := agent.ProcessState.Sys().(syscall.WaitStatus); err == nil || !ok || state.Signal() != syscall.SIGKILL {
				t.Fatalf("the agent was not killed: %v: %s", err, text)
			}
			there := slices.Contains([]string{"running", "watched", "destroy begins"}, point)
			t.Run("and the next one knows of the container", func(t *testing.T) { h.t = t; h.afterwards(spec, there, slices.Contains(launchPoints, point)) })
			h.t = t
		})
	}
}

// afterwards checks that a container is fully there or fully gone.
func (h *house) afterwards(spec containerizer.Spec, there, launching bool) {
	t := h.t
	l := h.launcher()
	p := containerizer.Process{ContainerID: spec.ContainerID} // all that an agent has written down for sure
	found, err := l.Recover(background, []containerizer.Process{p})
	if err != nil {
		t.Fatal(err)
	}
	lives := len(found) == 1 && found[0].PID != 0
	if lives {
		p = found[0]
		if !there {
			h.wait(l, p) // it was never let go, and its end is on the way
		}
	} else if there {
		t.Errorf("it is gone: %v", found)
	}
	if there && lives {
		h.file(spec, "ran")
		exam.Eventually(t, "its daemon is there", func() bool { return len(processesOf(t, spec.ContainerID)) > 2 })
	} else if _, err := os.Stat(filepath.Join(spec.Dir, "ran")); err == nil && launching {
		t.Error("it ran and nobody knows")
	}
	h.destroy(l, p)
	if left := processesOf(t, spec.ContainerID); len(left) > 0 {
		t.Errorf("processes are left: %q", left)
	}
	h.empty()
}

// processesOf are those that carry a container's id.
func processesOf(t *testing.T, id string) (all []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		env, _ := os.ReadFile(name)
		if slices.Contains(strings.Split(string(env), "\x00"), containerizer.CookieVariable+"="+id) {
			all = append(all, name)
		}
	}
	return all
}

// How a container ends while there is no agent is known to the next one.
func TestAContainerEndsWhileThereIsNoAgent(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t, isolation...)
	l := h.launcher()
	spec := h.sh("a", "while ! test -e go; do sleep 0.01; done; exit 42")
	p := h.launch(l, spec)
	next := h.next(l) // which does nothing yet, and whoever was before it writes nothing down
	if err := os.WriteFile(filepath.Join(spec.Dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	exam.Eventually(t, "it has ended", func() bool { return !alive(p.PID) })
	found, err := next.Recover(background, []containerizer.Process{p})
	if err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	if x := h.wait(next, p); !x.Known || x.Status.ExitStatus() != 42 {
		t.Errorf("it ended with %+v", x)
	}
	h.destroy(next, p)
	h.empty()
}

// What the program ends with is told as it is, though another process stood before it.
func TestSignalsAreTold(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t, isolation...)
	l := h.launcher()
	if x := h.wait(l, h.launch(l, h.sh("a", "kill -11 $$"))); !x.Known || !x.Status.Signaled() || x.Status.Signal() != syscall.SIGSEGV {
		t.Errorf("it ended with %+v", x)
	}
}

// One that lives when the next agent finds it ends with its status too.
func TestARecoveredContainerEnds(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t, isolation...)
	l := h.launcher()
	spec := h.sh("a", "while ! test -e go; do sleep 0.01; done; kill -15 $$")
	p := h.launch(l, spec)
	next := h.next(l)
	if found, err := next.Recover(background, []containerizer.Process{p}); err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v", found, err)
	}
	if err := os.WriteFile(filepath.Join(spec.Dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if x := h.wait(next, p); !x.Known || x.Status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %+v", x)
	}
	h.destroy(next, p)
	h.empty()
}
