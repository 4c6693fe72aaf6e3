package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meseta-io/meseta/tools/built"
)

// meseta is the program under test, built once.
var meseta string

// TestMain makes the test's program a framework or an executor, if that is what it is started as.
func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(child(text))
	}
	os.Exit(built.Run(m, &meseta))
}

// said is what a storm prints, read while it does.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func config(t *testing.T, out *said) Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Shape: Shape{Masters: 1, Agents: 3, Frameworks: 2}, Seed: 1, Length: 30 * time.Second,
		Meseta: meseta, Self: self, Dir: t.TempDir(), AtOnce: 6, Out: out,
	}
}

// left fails if a storm left a process.
func left(t *testing.T, c Config) {
	t.Helper()
	if found := below(c.Dir); len(found) > 0 {
		t.Errorf("processes %v are left", found)
	}
}

// Half a minute of real processes being hurt: every promise is kept by one master, and by three over a Consul of three
// servers. The seed of the latter kills every master and a server.
func TestAShortStorm(t *testing.T) {
	t.Parallel()
	weather(t, 1, Shape{Masters: 1, Agents: 3, Frameworks: 2})
}

func TestAShortStormOverThreeMasters(t *testing.T) {
	t.Parallel()
	weather(t, 128, Shape{Masters: 3, Agents: 3, Frameworks: 2, Consuls: 3})
}

// weather runs a storm in which no promise may be broken.
func weather(t *testing.T, seed uint64, s Shape) {
	t.Helper()
	var out said
	c := config(t, &out)
	c.Seed, c.Shape = seed, s
	r, err := Run(t.Context(), c)
	left(t, c)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	r.Print(&out, c)
	if r.IsBroken() || r.Started == 0 || r.Finished == 0 || len(r.Done) < 3 {
		t.Errorf("%s", out.String())
	}
}

// What dies by a hand that the storm does not know of is lost, and that is seen.
func TestALostTaskIsSeen(t *testing.T) {
	t.Parallel()
	var out said
	c := config(t, &out)
	c.Length = 8 * time.Second
	done := make(chan struct{})
	killed := make(chan string, 1)
	go func() {
		for {
			for _, r := range runners(filepath.Join(c.Dir, "agent1.0")) {
				if marked(c, r.Executor) && syscall.Kill(r.Pid, syscall.SIGKILL) == nil {
					killed <- r.Executor
					return
				}
			}
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	r, err := Run(t.Context(), c)
	close(done)
	left(t, c)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	task := <-killed
	if !slices.ContainsFunc(r.Broken, func(b string) bool {
		return strings.Contains(b, "task "+task+" began and is TASK_FAILED without a cause")
	}) {
		t.Errorf("%s is not missed:\n%q\n%s", task, r.Broken, out.String())
	}
}

// marked says whether a task has begun and will go on for a while.
func marked(c Config, task string) bool {
	marks, err := readMarks(filepath.Join(c.Dir, "marks"))
	if err != nil || len(marks[task]) != 1 {
		return false
	}
	facts, err := ReadFacts(filepath.Join(c.Dir, "journals", strings.Split(task, "-")[0]))
	return err == nil && slices.ContainsFunc(facts, func(f Fact) bool { return f.Task == task && f.What == Told && f.State == "TASK_RUNNING" })
}

// A storm that is broken off in the middle leaves no process.
func TestAStormThatIsBrokenOffLeavesNothing(t *testing.T) {
	t.Parallel()
	var out said
	c := config(t, &out)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.Out = writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("kill ")) || bytes.Contains(p, []byte("freeze ")) {
			cancel() // somebody is down or frozen now
		}
		return out.Write(p)
	})
	if _, err := Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("%v\n%s", err, out.String())
	}
	left(t, c)
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Nor does one that cannot begin.
func TestAStormThatCannotBeginLeavesNothing(t *testing.T) {
	t.Parallel()
	var out said
	c := config(t, &out)
	c.Self = filepath.Join(c.Dir, "nothing")
	if _, err := Run(t.Context(), c); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v\n%s", err, out.String())
	}
	left(t, c)
}

// The sandbox of an executor says whose it is.
func TestSandbox(t *testing.T) {
	if r, ok := sandbox("/slaves/S/frameworks/F/executors/E/runs/C"); !ok || r != (Runner{Agent: "S", Framework: "F", Executor: "E"}) {
		t.Errorf("%+v, %v", r, ok)
	}
	for _, path := range []string{"", "/", "/meta/slaves/S/frameworks/F/executors/E/runs", "/slaves/S/frameworks/F"} {
		if r, ok := sandbox(path); ok {
			t.Errorf("%s: %+v", path, r)
		}
	}
}

// What is seen of leaders adds up to the longest time without one.
func TestTheLongestTimeWithoutALeader(t *testing.T) {
	var o observed
	for _, look := range []struct {
		at      float64
		who     string
		changed bool
	}{{0, "master1", true}, {1, "master1", false}, {2, "", false}, {5, "master2", true}, {6, "", false}, {8, "master2", false}} {
		if got := o.see(at(look.at), look.who); got != look.changed {
			t.Errorf("at %v: %v", look.at, got)
		}
	}
	if want := (Pause{at(1), 4 * time.Second}); o.longest != want {
		t.Errorf("%v", o.longest)
	}
}

// A journal is read as it was written, and half a line is not there yet.
func TestJournal(t *testing.T) {
	name := filepath.Join(t.TempDir(), "j")
	j, before, err := OpenJournal(name)
	if err != nil || len(before) != 0 {
		t.Fatal(before, err)
	}
	j.Write(Fact{What: Launched, Task: "t"})
	if _, err := j.f.WriteString(`{"what":"to`); err != nil {
		t.Fatal(err)
	}
	facts, err := ReadFacts(name)
	if err != nil || len(facts) != 1 || facts[0].What != Launched || facts[0].At == 0 {
		t.Error(facts, err)
	}
	if err := os.WriteFile(name, []byte("nonsense\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFacts(name); err == nil {
		t.Error("nonsense was read")
	}
}
