package accounting

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// The test's own binary does the work inside of containers.
const workVariable = "MESETA_TEST_WORK"

func TestMain(m *testing.M) {
	if w := os.Getenv(workVariable); w != "" {
		work(w)
		return
	}
	os.Exit(m.Run())
}

// needs leaves a test out where it cannot run, and says why.
func needs(t testing.TB) {
	t.Helper()
	if err := possible(os.Geteuid() == 0); err != nil {
		t.Skip("missing here: " + err.Error())
	}
}

// world is the part of a machine that a test plays in: a group for containers, and an agent's directories.
type world struct {
	testing.TB
	settings isolators.Settings
	root     string // the containers' groups are below it
}

func newWorld(t testing.TB) *world {
	needs(t)
	mount, at, err := mounted("")
	if err != nil {
		t.Fatal(err)
	}
	own, _, err := groupOf("self", "")
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Rel(at, own)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, root: filepath.Join(mount, below, fmt.Sprintf("meseta-accounting-%d-%s", os.Getpid(), filepath.Base(t.TempDir())))}
	w.root = filepath.Join(filepath.Dir(w.root), strings.ReplaceAll(filepath.Base(w.root), "/", "-"))
	dir := t.TempDir()
	w.settings = isolators.Settings{Root: true, WorkDir: dir, RuntimeDir: filepath.Join(dir, "run"), CgroupsRoot: filepath.Base(w.root)}
	if err := os.MkdirAll(w.root, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, g := range []string{"*/*/*/*/*/*", "*/*/*/*/*", "*/*/*/*", "*/*/*", "*/*", "*", "."} {
			dirs, _ := filepath.Glob(filepath.Join(w.root, g))
			for _, d := range dirs {
				if s, err := os.Lstat(d); err == nil && s.IsDir() {
					_ = unix.Rmdir(d)
				}
			}
		}
		if exists(w.root) {
			t.Error("the group " + w.root + " is left behind")
		}
	})
	return w
}

// container makes what the isolators before would have made. Its group is that of its parent with its name.
func (w *world) container(id string, parent *isolators.Container) (*isolators.Container, *isolators.Plan) {
	w.Helper()
	c := &isolators.Container{ID: id, Parent: parent, OwnCgroups: true, State: filepath.Join(w.settings.RuntimeDir, "containers", id)}
	dir := filepath.Join(w.root, strings.ReplaceAll(id, ".", "/mesos/"), "leaf")
	for _, d := range []string{c.State, dir} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			w.Fatal(err)
		}
	}
	return c, &isolators.Plan{Cgroup: dir}
}

// prepared is a container that an isolator has prepared, and that it cleans up after the test.
func (w *world) prepared(i isolators.Isolator, id string, parent *isolators.Container) (*isolators.Container, *isolators.Plan) {
	w.Helper()
	c, plan := w.container(id, parent)
	w.must(i.Prepare(context.Background(), c, plan))
	return c, plan
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// in is this binary, doing some work in a group from its first instruction on.
func (w *world) in(group, work string, namespaces ...uintptr) *exec.Cmd {
	w.Helper()
	fd, err := unix.Open(group, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	w.must(err)
	w.Cleanup(func() { _ = unix.Close(fd) })
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), workVariable+"="+work)
	cmd.Dir = w.settings.WorkDir
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd, Pdeathsig: syscall.SIGKILL}
	for _, n := range namespaces {
		cmd.SysProcAttr.Cloneflags |= n
	}
	return cmd
}

// report is what a worker says of itself when it has done its work.
type report struct {
	Read           uint64 // bytes of block devices, by /proc/self/io
	RxBytes        uint64 // of loopback, by /proc/net/dev
	RxPackets      uint64
	Errors         map[string]string
	Faults, Majors uint64
}

func (w *world) run(group, work string, namespaces ...uintptr) (r report) {
	w.Helper()
	cmd := w.in(group, work, namespaces...)
	out, err := cmd.Output()
	if err != nil {
		w.Fatalf("%s: %v: %s", work, err, out)
	}
	if len(out) > 0 {
		w.must(json.Unmarshal(out, &r))
	}
	return r
}

// counted are the numbers of a container now.
func (w *world) counted(a *Accounting, c *isolators.Container) counters {
	w.Helper()
	a.programs.mu.Lock()
	a.read.at = a.read.at.Add(-fresh)
	a.programs.mu.Unlock()
	all, err := a.totals([]*isolators.Container{c})
	w.must(err)
	if all[0] == nil {
		w.Fatalf("container %s is not counted", c.ID)
	}
	return *all[0]
}

func (w *world) accounting() *Accounting {
	w.Helper()
	if w.settings.Log == nil {
		w.settings.Log = slog.New(slog.NewTextHandler(said{w}, nil))
	}
	a, err := New(w.settings)
	w.must(err)
	w.Cleanup(func() {
		a.programs.mu.Lock()
		defer a.programs.mu.Unlock()
		if err := a.idle(); err != nil {
			w.Error(err)
		}
		a.programs.close()
	})
	return a
}

func usageOf(w *world, i isolators.Isolator, c *isolators.Container) *mesospb.ResourceStatistics {
	w.Helper()
	s := &mesospb.ResourceStatistics{}
	w.must(i.Usage(context.Background(), []*isolators.Container{c}, []*mesospb.ResourceStatistics{s}))
	return s
}

// said is the log, which a test sees when it fails.
type said struct{ testing.TB }

func (s said) Write(p []byte) (int, error) {
	s.Helper()
	s.Log(string(p))
	return len(p), nil
}
