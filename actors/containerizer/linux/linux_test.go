package linux

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/all"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

var background = context.Background()

// house is where an agent of a test lives: its directories and its root of control groups.
type house struct {
	t        *testing.T
	dir      string
	settings isolators.Settings
	names    []string
	extra    []isolators.Isolator
}

func newHouse(t *testing.T, names ...string) *house {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, dir: dir, names: names}
	h.settings = settingsIn(dir, names)
	for _, d := range []string{h.settings.WorkDir, h.settings.RuntimeDir} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { exam.RemoveGroups(t, h.settings.CgroupsRoot); unmountBelow(t, dir) })
	return h
}

func settingsIn(dir string, names []string) isolators.Settings {
	return isolators.Settings{Root: os.Geteuid() == 0, Launcher: "linux", Isolation: names,
		WorkDir: filepath.Join(dir, "work"), RuntimeDir: filepath.Join(dir, "run"),
		CgroupsRoot: "meseta-test-" + strings.ReplaceAll(filepath.Base(filepath.Dir(dir)), ".", "-")}
}

// launcher is an agent's that has just been started.
func (h *house) launcher() *Launcher {
	h.t.Helper()
	l, err := newLauncher(h.settings, h.names, h.extra...)
	if err != nil {
		h.t.Fatal(err)
	}
	return l
}

func newLauncher(s isolators.Settings, names []string, extra ...isolators.Isolator) (*Launcher, error) {
	chain, err := isolators.Build(all.Builders(), names, s)
	if err != nil {
		return nil, err
	}
	return New(Config{RuntimeDir: s.RuntimeDir, Chain: append(chain, extra...)})
}

// sh is a container with a script. Its sandbox is made.
func (h *house) sh(id, script string) containerizer.Spec {
	h.t.Helper()
	s := scriptIn(h.dir, id, script)
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
	return s
}

func scriptIn(dir, id, script string) containerizer.Spec {
	sandbox := filepath.Join(dir, "sandboxes", id)
	return containerizer.Spec{ContainerID: id, Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Dir: sandbox,
		Env: []string{"PATH=/usr/bin:/bin"}, Stdout: sandbox + "/stdout", Stderr: sandbox + "/stderr",
		Resources: []*mesospb.Resource{exam.Scalar("cpus", 0.1), exam.Scalar("mem", 64)}}
}

func (h *house) launch(l *Launcher, spec containerizer.Spec) containerizer.Process {
	h.t.Helper()
	p, err := l.Launch(background, spec)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { h.destroy(l, p) })
	return p
}

func (h *house) destroy(l *Launcher, p containerizer.Process) {
	h.t.Helper()
	ended := make(chan error, 1)
	l.Destroy(p, func(err error) { ended <- err })
	select {
	case err := <-ended:
		if err != nil {
			h.t.Error(err)
		}
	case <-time.After(patience):
		h.t.Fatalf("container %s does not end", p.ContainerID)
	}
}

func (h *house) wait(l *Launcher, p containerizer.Process) containerizer.Exit {
	h.t.Helper()
	ended := make(chan containerizer.Exit, 1)
	l.Wait(p, func(x containerizer.Exit, err error) {
		if err != nil {
			h.t.Error(err)
		}
		ended <- x
	})
	select {
	case x := <-ended:
		return x
	case <-time.After(patience):
		h.t.Fatalf("the process of container %s does not end", p.ContainerID)
		panic("unreachable")
	}
}

const patience = 30 * time.Second

// next is the agent after l, which has been killed: it does nothing more, though its process is the test's.
func (h *house) next(l *Launcher) *Launcher {
	h.t.Helper()
	l.mu.Lock()
	clear(l.containers)
	l.mu.Unlock()
	return h.launcher()
}

// empty checks that nothing is left of any container.
func (h *house) empty() {
	h.t.Helper()
	if left, _ := filepath.Glob(filepath.Join(h.settings.RuntimeDir, "containers", "*")); len(left) > 0 {
		h.t.Errorf("records are left: %q", left)
	}
	for _, g := range exam.Groups(h.settings.CgroupsRoot) {
		if filepath.Base(g) != h.settings.CgroupsRoot {
			h.t.Errorf("a control group is left: %s", g)
		}
	}
}

func (h *house) file(spec containerizer.Spec, name string) string {
	h.t.Helper()
	var text []byte
	exam.Eventually(h.t, name+" is written", func() bool {
		var err error
		text, err = os.ReadFile(filepath.Join(spec.Dir, name))
		return err == nil && strings.HasSuffix(string(text), "\n")
	})
	return strings.TrimSpace(string(text))
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil && posixAlive(pid) }

func posixAlive(pid int) bool {
	p, err := posix.Started(pid)
	return err == nil && posix.Alive(p)
}

func TestLife(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	l := h.launcher()
	spec := h.sh("a", "echo said; exit 3")
	p := h.launch(l, spec)
	if x := h.wait(l, p); !x.Known || x.Status.ExitStatus() != 3 || x.CPU <= 0 || x.PeakMemory == 0 {
		t.Errorf("it ended with %+v", x)
	}
	if got := h.file(spec, "stdout"); got != "said" {
		t.Errorf("it said %q", got)
	}
	if x := h.wait(l, p); x.Status.ExitStatus() != 3 {
		t.Errorf("who asks late hears %+v", x)
	}
	h.destroy(l, p)
	h.destroy(l, p) // what is gone is no error
	h.empty()
}

// What nobody has launched has ended, in a way that nobody knows, and there is nothing to destroy, to measure or to change.
func TestContainersNobodyKnows(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	l := h.launcher()
	p := containerizer.Process{ContainerID: "nobody"}
	if x := h.wait(l, p); x.Known {
		t.Errorf("it ended with %+v", x)
	}
	h.destroy(l, p)
	if usage, err := l.Usage(background, []containerizer.Process{p}); err != nil || usage[0] != nil {
		t.Errorf("it uses %v, %v", usage, err)
	}
	if err := l.Update(background, p, nil, nil); err != nil {
		t.Error(err)
	}
	if v := l.Limited(background, p); v != nil {
		t.Errorf("it has done %v", v)
	}
}

// Whoever left his parents and his session behind is killed all the same.
func TestDestroyFindsEverybody(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	l := h.launcher()
	spec := h.sh("a", `(setsid env -i /bin/sh -c 'sleep 600 & echo $! > daemon; exec sleep 600' &) ; sleep 600 & echo $! > child; wait`)
	p := h.launch(l, spec)
	var pids []int
	for _, name := range []string{"daemon", "child"} {
		pid, err := strconv.Atoi(h.file(spec, name))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	h.destroy(l, p)
	for _, pid := range append(pids, p.PID) {
		if alive(pid) {
			t.Errorf("process %d lives", pid)
		}
	}
	h.empty()
}

func TestLaunchesThatFail(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	broken := &faulty{}
	h.extra = []isolators.Isolator{broken}
	l := h.launcher()
	for _, x := range []struct {
		shows, says string
		change      func(s *containerizer.Spec)
		fails       string
	}{
		{"no such program", "no such file", func(s *containerizer.Spec) { s.Path = "/no/such/program" }, ""},
		{"no such user", `no user "nobody-at-all"`, func(s *containerizer.Spec) { s.User = "nobody-at-all" }, ""},
		{"no such directory", "no such", func(s *containerizer.Spec) { s.Dir = "/no/such/directory" }, ""},
		{"in a container that is not there", "not found", func(s *containerizer.Spec) { s.ContainerID = "x.y" }, ""},
		{"an isolator that cannot prepare", "faulty: prepare", nil, "prepare"},
		{"an isolator that cannot isolate", "faulty: isolate", nil, "isolate"},
	} {
		t.Run(x.shows, func(t *testing.T) {
			spec := h.sh("a", "sleep 600")
			if x.change != nil {
				x.change(&spec)
			}
			broken.fails = x.fails
			if _, err := l.Launch(background, spec); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(x.says)) {
				t.Errorf("got %v", err)
			}
			h.empty()
		})
	}
	broken.fails = ""
	h.launch(l, h.sh("a", "true")) // the name is free
	if _, err := l.Launch(background, h.sh("a", "true")); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("two of one name: %v", err)
	}
}

// faulty is an isolator that fails, judges and limits as a test likes.
type faulty struct {
	isolators.Nothing
	fails     string
	guilty    *isolators.Limitation
	limit     func(isolators.Limitation)
	recovered []string
	updated   []*mesospb.Resource
}

func (*faulty) Name() string { return "faulty" }
func (f *faulty) do(what string) error {
	if f.fails == what {
		return fmt.Errorf("cannot %s today", what)
	}
	return nil
}
func (f *faulty) Prepare(context.Context, *isolators.Container, *isolators.Plan) error {
	return f.do("prepare")
}
func (f *faulty) Isolate(context.Context, *isolators.Container) error { return f.do("isolate") }
func (f *faulty) Cleanup(context.Context, *isolators.Container) error { return f.do("cleanup") }
func (f *faulty) Update(_ context.Context, c *isolators.Container) error {
	f.updated = c.Resources
	return f.do("update")
}
func (f *faulty) Watch(_ *isolators.Container, limited func(isolators.Limitation)) { f.limit = limited }
func (f *faulty) Judge(context.Context, *isolators.Container) *isolators.Limitation {
	return f.guilty
}
func (f *faulty) Recover(_ context.Context, all []*isolators.Container) error {
	f.recovered = nil
	for _, c := range all {
		f.recovered = append(f.recovered, c.ID)
	}
	return nil
}
func (f *faulty) Status(_ context.Context, _ *isolators.Container, s *mesospb.ContainerStatus) error {
	s.NetworkInfos = []*mesospb.NetworkInfo{{Name: proto.String("net")}}
	return nil
}

func TestACleanupThatFailsIsTriedAgain(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	f := &faulty{fails: "cleanup"}
	h.extra = []isolators.Isolator{f}
	l := h.launcher()
	p := h.launch(l, h.sh("a", "sleep 600"))
	ended := make(chan error, 1)
	l.Destroy(p, func(err error) { ended <- err })
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "cannot cleanup today") {
		t.Errorf("told %v", err)
	}
	if alive(p.PID) {
		t.Error("it lives")
	}
	f.fails = ""
	h.destroy(l, p)
	h.empty()
}

func TestLimits(t *testing.T) {
	exam.Skip(t, exam.Root)
	too := isolators.Limitation{Reason: mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY, Message: "too much"}
	h := newHouse(t)
	f := &faulty{}
	h.extra = []isolators.Isolator{f}
	l := h.launcher()
	t.Run("noticed", func(t *testing.T) {
		p := h.launch(l, h.sh("a", "sleep 600"))
		f.limit(too)
		if x := h.wait(l, p); x.Limitation == nil || x.Limitation.Message != "too much" {
			t.Errorf("it ended with %+v", x)
		}
	})
	t.Run("asked for", func(t *testing.T) {
		p := h.launch(l, h.sh("b", "sleep 600"))
		if v := l.Limited(background, p); v != nil {
			t.Errorf("it has done %v", v)
		}
		f.guilty = &too
		if v := l.Limited(background, p); v == nil || v.Message != "too much" {
			t.Errorf("it has done %v", v)
		}
		if x := h.wait(l, p); x.Limitation == nil {
			t.Errorf("it ended with %+v", x)
		}
	})
	t.Run("killed by the kernel before anybody noticed", func(t *testing.T) {
		p := h.launch(l, h.sh("c", "kill -9 $$"))
		if x := h.wait(l, p); x.Limitation == nil || x.Status.Signal() != syscall.SIGKILL {
			t.Errorf("it ended with %+v", x)
		}
	})
	t.Run("kept for the next agent", func(t *testing.T) {
		p := h.launch(l, h.sh("d", "kill -9 $$"))
		h.wait(l, p)
		f.guilty = nil
		next := h.next(l)
		if found, err := next.Recover(background, []containerizer.Process{p}); err != nil || len(found) != 0 {
			t.Errorf("found %v, %v", found, err)
		}
		if x := h.wait(next, p); x.Limitation == nil || x.Limitation.Reason != too.Reason || !x.Known || x.Status.Signal() != syscall.SIGKILL {
			t.Errorf("it ended with %+v", x)
		}
		h.destroy(next, p)
	})
}

func TestRecovery(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	f := &faulty{}
	h.extra = []isolators.Isolator{f}
	l := h.launcher()
	wanted := h.launch(l, h.sh("wanted", "sleep 600"))
	orphan := h.launch(l, h.sh("orphan", "sleep 600"))
	inner := h.launch(l, h.sh("orphan.inner", "sleep 600"))
	headless := h.launch(l, h.sh("headless", "sleep 600 & echo $! > left; kill -9 $$"))
	left, err := strconv.Atoi(h.file(scriptIn(h.dir, "headless", ""), "left"))
	if err != nil {
		t.Fatal(err)
	}
	h.wait(l, headless)
	ended := h.launch(l, h.sh("ended", "exit 7"))
	h.wait(l, ended)

	next := h.next(l)
	found, err := next.Recover(background, []containerizer.Process{wanted, headless, ended, {ContainerID: "nobody"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0] != (containerizer.Process{ContainerID: "headless"}) || found[1] != wanted {
		t.Errorf("found %+v, want %+v and headless", found, wanted)
	}
	// To look for somebody else harms nobody.
	found, err = next.Find(background, []containerizer.Process{headless, ended, {ContainerID: "nobody"}})
	if err != nil || len(found) != 1 || found[0] != (containerizer.Process{ContainerID: "headless"}) || !posix.Alive(wanted) {
		t.Errorf("found %+v, %v; wanted lives %v", found, err, posix.Alive(wanted))
	}
	if got := fmt.Sprint(f.recovered); got != "[headless wanted]" {
		t.Errorf("isolators heard of %s", got)
	}
	for _, p := range []containerizer.Process{orphan, inner} {
		if alive(p.PID) {
			t.Errorf("%s lives", p.ContainerID)
		}
	}
	if x := h.wait(next, ended); !x.Known || x.Status.ExitStatus() != 7 {
		t.Errorf("who ended meanwhile ended with %+v", x)
	}
	if err := next.Update(background, wanted, []*mesospb.Resource{exam.Scalar("mem", 128)}, map[string]float64{"cpus": math.Inf(1)}); err != nil || len(f.updated) != 1 {
		t.Errorf("not updated: %v", err)
	}
	for _, p := range []containerizer.Process{wanted, headless, ended} {
		h.destroy(next, p)
	}
	if alive(left) || alive(wanted.PID) {
		t.Error("somebody lives")
	}
	h.empty()
}

// What an agent wrote down is what the next one isolates by.
func TestRecords(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t, "filesystem/linux")
	l := h.launcher()
	spec := h.sh("a", "sleep 600")
	spec.Env = append(spec.Env, "TOKEN=secret-one")
	spec.User = "nobody"
	secret := func(v string) *mesospb.Secret {
		return &mesospb.Secret{Type: mesospb.Secret_VALUE.Enum(), Value: &mesospb.Secret_Value{Data: []byte(v)}}
	}
	spec.Command = &mesospb.CommandInfo{Value: proto.String("sleep 600"), Environment: &mesospb.Environment{Variables: []*mesospb.Environment_Variable{
		{Name: proto.String("A"), Type: mesospb.Environment_Variable_SECRET.Enum(), Secret: secret("secret-two")}, {Name: proto.String("B"), Value: proto.String("secret-three")}}},
		Uris: []*mesospb.CommandInfo_URI{{Value: proto.String("http://user:secret-four@host/")}}}
	spec.Info = &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum(), Volumes: []*mesospb.Volume{{ContainerPath: proto.String("v"), Mode: mesospb.Volume_RO.Enum(),
		Source: &mesospb.Volume_Source{Type: mesospb.Volume_Source_SECRET.Enum(), Secret: secret("secret-five")}}}}
	spec.Limits = map[string]float64{"mem": math.Inf(1)}
	p := h.launch(l, spec)
	if err := filepath.WalkDir(h.settings.RuntimeDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may read %s", path)
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "secret-") {
			t.Errorf("a secret is in %s", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	all, err := l.read(l.dir, nil)
	if err != nil || len(all) != 1 {
		t.Fatalf("read %v, %v", all, err)
	}
	got, want := all[0], l.known("a")
	if got.process() != p || got.UID != want.UID || got.UID == 0 || got.User != "nobody" || got.Sandbox != spec.Dir || !got.OwnCgroups ||
		!math.IsInf(got.Limits["mem"], 1) || len(got.Resources) != 2 || got.Command.GetValue() != "sleep 600" || len(got.Info.GetVolumes()) != 1 {
		t.Errorf("wrote %+v and read %+v", want.Container, got.Container)
	}
}

// A record that was torn, that a newer agent wrote, or that is of another start of the machine is of nobody who lives.
func TestRecordsThatCannotBeRead(t *testing.T) {
	exam.Skip(t, exam.Root)
	for shows, change := range map[string]func(name string, text []byte) []byte{
		"torn":  func(_ string, text []byte) []byte { return text[:len(text)/2] },
		"empty": func(string, []byte) []byte { return nil },
		"gone":  func(name string, _ []byte) []byte { os.Remove(name); return nil },
	} {
		t.Run(shows, func(t *testing.T) {
			h := newHouse(t)
			l := h.launcher()
			p := h.launch(l, h.sh("a", "sleep 600"))
			name := filepath.Join(h.settings.RuntimeDir, "containers", "a", recordFile)
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if text := change(name, text); text != nil || shows == "empty" {
				if err := os.WriteFile(name, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			next := h.next(l)
			found, err := next.Recover(background, []containerizer.Process{p})
			if err != nil || len(found) != 1 || found[0].PID != 0 {
				t.Errorf("found %+v, %v: it lives, and nobody knows its first process", found, err)
			}
			h.destroy(next, p)
			if alive(p.PID) {
				t.Error("it lives")
			}
			h.empty()
		})
	}
}

// After a restart of the machine a number is somebody else's, whatever it was begun at.
func TestRecordsOfAnEarlierStartOfTheMachine(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	l := h.launcher()
	l.boot = "before"
	p := h.launch(l, h.sh("a", "sleep 600"))
	next := h.next(l)
	all, err := next.read(next.dir, nil)
	if err != nil || len(all) != 1 || all[0].PID != 0 {
		t.Errorf("read %+v, %v", all, err)
	}
	h.destroy(l, p)
}

func TestNested(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	l := h.launcher()
	outer := h.launch(l, h.sh("a", "sleep 600"))
	inner := h.launch(l, h.sh("a.b", "sleep 600"))
	innermost := h.launch(l, h.sh("a.b.c", "sleep 600"))
	for id, dir := range map[string]string{"a": "a", "a.b": "a/containers/b", "a.b.c": "a/containers/b/containers/c"} {
		if _, err := os.Stat(filepath.Join(h.settings.RuntimeDir, "containers", dir, recordFile)); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	next := h.next(l)
	found, err := next.Recover(background, []containerizer.Process{outer, inner, innermost})
	if err != nil || len(found) != 3 {
		t.Errorf("found %v, %v", found, err)
	}
	if c := next.known("a.b.c"); c.Parent.ID != "a.b" || c.Top().ID != "a" {
		t.Errorf("it is in %v", c.Parent)
	}
	h.destroy(next, inner)
	if alive(inner.PID) || alive(innermost.PID) || !alive(outer.PID) {
		t.Error("the wrong ones live")
	}
	h.destroy(next, outer)
	h.empty()
	for _, p := range []containerizer.Process{innermost, inner, outer} {
		h.destroy(l, p) // the agent that would have ended knows nothing of it
	}
}

// An agent that is told to use this launcher finds the containers of the one before it, which used none.
func TestContainersOfThePosixLauncher(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	old := posix.New()
	spec := h.sh("a", "sleep 600 & echo $! > child; wait")
	p, err := old.Launch(background, spec)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(h.file(spec, "child"))
	if err != nil {
		t.Fatal(err)
	}
	l := h.launcher()
	mine := h.launch(l, h.sh("b", "sleep 600"))
	next := h.next(l)
	found, err := next.Recover(background, []containerizer.Process{p, mine})
	if err != nil || len(found) != 2 {
		t.Fatalf("found %v, %v", found, err)
	}
	usage, err := next.Usage(background, []containerizer.Process{p, mine, {ContainerID: "nobody", PID: 0}})
	if err != nil || usage[0].CpusUserTimeSecs == nil || usage[1].CpusUserTimeSecs == nil || usage[1].GetTimestamp() == 0 || usage[2] != nil {
		t.Errorf("usage is %v, %v", usage, err)
	}
	if err := next.Update(background, p, nil, nil); err != nil {
		t.Error(err)
	}
	if s, err := next.Status(background, p); err != nil || s.GetExecutorPid() != uint32(p.PID) {
		t.Errorf("status is %v, %v", s, err)
	}
	ended := make(chan containerizer.Exit, 1)
	next.Wait(p, func(x containerizer.Exit, _ error) { ended <- x })
	h.destroy(next, p)
	<-ended
	if alive(p.PID) || alive(child) {
		t.Error("it lives")
	}
	h.destroy(next, mine)
	h.destroy(l, mine)
}

func TestSignal(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	l := h.launcher()
	spec := h.sh("a", `trap 'echo heard > heard; exit 0' TERM; echo ready > ready; while :; do sleep 0.01; done`)
	p := h.launch(l, spec)
	h.file(spec, "ready")
	if err := l.Signal(background, p, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	h.file(spec, "heard")
	h.wait(l, p)
}

func TestCancel(t *testing.T) {
	exam.Skip(t, exam.Root)
	h := newHouse(t)
	l := h.launcher()
	p := h.launch(l, h.sh("a", "sleep 600"))
	told := make(chan string, 3)
	l.Wait(p, func(containerizer.Exit, error) { told <- "wait" })()
	l.Destroy(p, func(error) { told <- "destroy" })()
	exam.Eventually(t, "it is destroyed all the same", func() bool { return l.known("a") == nil })
	select {
	case who := <-told:
		t.Errorf("%s was told after nobody wanted to know", who)
	default:
	}
}
