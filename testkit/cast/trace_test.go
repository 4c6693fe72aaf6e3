package cast_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/tracing"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// recorder keeps what it hears.
type recorder struct{ facts []tracing.Fact }

func (r *recorder) Note(f tracing.Fact) { r.facts = append(r.facts, f) }

// tree draws the steps of a task, each below the one that it is a part of, and checks that it is one tree: one root, no
// name twice, and no step that begins before its parent or ends before it begins.
func (r *recorder) tree(t *testing.T, task string) string {
	t.Helper()
	spans, below, roots := map[tracing.SpanID]tracing.Fact{}, map[tracing.SpanID][]tracing.Fact{}, []tracing.Fact{}
	for _, f := range r.facts {
		if f.Task != task {
			continue
		}
		if _, twice := spans[f.Span()]; twice {
			t.Errorf("%v of %s is told twice", f.Step, task)
		}
		if f.To.Before(f.From) {
			t.Errorf("%v of %s ends %v before it begins", f.Step, task, f.From.Sub(f.To))
		}
		spans[f.Span()] = f
		if p, has := f.Parent(); has {
			below[p] = append(below[p], f)
			continue
		}
		roots = append(roots, f)
	}
	if len(roots) != 1 {
		t.Fatalf("%s has %d roots", task, len(roots))
	}
	var text strings.Builder
	drawn := 0
	var draw func(f tracing.Fact, depth int)
	draw = func(f tracing.Fact, depth int) {
		drawn++
		line := strings.TrimSpace(f.Step.String() + " " + strings.TrimPrefix(f.State, "TASK_"))
		if f.Failure != "" {
			line += " failed"
		}
		fmt.Fprintf(&text, "%s%s\n", strings.Repeat("  ", depth), line)
		parts := below[f.Span()]
		slices.SortStableFunc(parts, func(a, b tracing.Fact) int {
			if c := int(a.Step) - int(b.Step); c != 0 {
				return c
			}
			return a.From.Compare(b.From)
		})
		for _, p := range parts {
			// The time of a status is a float in the records of its task.
			if p.From.Before(f.From.Add(-time.Microsecond)) {
				t.Errorf("%v of %s begins %v before %v", p.Step, task, f.From.Sub(p.From), f.Step)
			}
			draw(p, depth+1)
		}
	}
	draw(roots[0], 0)
	if drawn != len(spans) {
		t.Errorf("%s: %d of %d steps hang in the tree", task, drawn, len(spans))
	}
	return text.String()
}

func (r *recorder) shows(t *testing.T, task, want string) {
	t.Helper()
	if got := r.tree(t, task); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("the tree of %s is\n%s\nwant\n%s", task, got, want)
	}
}

func traced(t *testing.T) (*cast.World, *recorder, *cast.Agent, *cast.Framework) {
	r := &recorder{}
	w := cast.New(t, testkit.Seed(7))
	w.Tracer = r
	w.Master("m1")
	return w, r, w.Agent("a1", "cpus:4;mem:4096"), w.Framework("f1")
}

// launchedTree is the tree of a task that runs.
const launchedTree = `
task RUNNING
  offer
  accept
  agent RUNNING
    checkpoint
    launch
    register
    execute STARTING
    update STARTING
      forward STARTING
      acknowledge
    update RUNNING
      forward RUNNING
      acknowledge`

// What comes after TASK_RUNNING is not a part of the tree: its end, and what its restarted agent says again.
func TestTheTraceOfATaskThatRuns(t *testing.T) {
	w, r, a, f := traced(t)
	f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 10")
	f.Expect(cast.Update("t1", starting), cast.Update("t1", running))
	w.Advance(time.Second)
	r.shows(t, "t1", launchedTree)
	f.Expect(cast.Update("t1", finished))
	w.Advance(time.Minute)
	r.shows(t, "t1", launchedTree)
	for _, fact := range r.facts {
		if fact.Agent != a.ID() || fact.Offer == "" && fact.Container == "" {
			t.Errorf("%v does not say where: %+v", fact.Step, fact)
		}
	}
}

// A status that is sent again because nobody acknowledges it is one update, however often it is forwarded.
func TestTheTraceOfAnUpdateThatIsResent(t *testing.T) {
	w, r, a, f := traced(t)
	f.Silent = true
	f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 1000")
	f.Expect(cast.Update("t1", starting))
	f.Silent = false
	f.Expect(cast.Update("t1", starting), cast.Update("t1", running))
	w.Advance(time.Second)
	r.shows(t, "t1", strings.Replace(launchedTree, "      forward STARTING\n", "      forward STARTING\n      forward STARTING\n", 1))
}

func TestTheTraceOfATaskThatTheMasterRefuses(t *testing.T) {
	w, r, a, f := traced(t)
	f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:100;mem:64", "sleep 10")
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_ERROR))
	w.Advance(time.Second)
	r.shows(t, "t1", `
task ERROR failed
  offer
  accept failed`)
}

func TestTheTraceOfATaskThatTheAgentRefuses(t *testing.T) {
	w, r, a, f := traced(t)
	offer := f.ExpectOffer(a, "cpus:4;mem:4096")
	task := cast.Task(offer, "t1", "cpus:1;mem:64", "sleep 10")
	task.HealthCheck = &mesospb.HealthCheck{Type: mesospb.HealthCheck_COMMAND.Enum(), Command: &mesospb.CommandInfo{Value: proto.String("true")}}
	f.Accept(offer, task)
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_ERROR))
	w.Advance(time.Second)
	r.shows(t, "t1", `
task ERROR failed
  offer
  accept
  agent ERROR failed
    update ERROR failed
      forward ERROR
      acknowledge`)
}

// A second task under a name that is taken is refused in the tree of the first, which keeps its one root.
func TestTheTraceOfANameThatIsTaken(t *testing.T) {
	w, r, a, f := traced(t)
	f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 1000")
	f.Expect(cast.Update("t1", starting), cast.Update("t1", running))
	f.Launch(f.ExpectOffer(a, "cpus:3;mem:4032"), "t1", "cpus:1;mem:64", "sleep 1000")
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_ERROR))
	w.Advance(time.Second)
	tree := r.tree(t, "t1")
	if !strings.Contains(tree, "task RUNNING\n") || strings.Count(tree, "accept failed") != 1 {
		t.Errorf("the tree is\n%s", tree)
	}
}

func TestTheTraceOfATaskThatIsLostWithItsAgent(t *testing.T) {
	w, r, a, f := traced(t)
	offer := f.ExpectOffer(a, "cpus:4;mem:4096")
	w.Cut(w.Masters()[0], a)
	f.Launch(offer, "t1", "cpus:1;mem:64", "sleep 1000")
	f.ExpectWithin(time.Hour, cast.Update("t1", unreachable))
	w.Advance(time.Second)
	r.shows(t, "t1", `
task UNREACHABLE failed
  offer
  accept`)
}

// The container cannot be made, or its executor ends before it speaks.
func TestTheTraceOfATaskThatFails(t *testing.T) {
	t.Run("executor", func(t *testing.T) {
		w, r, a, f := traced(t)
		a.Machine.Program("broken", func(p *cast.Process) { p.Exit(9) })
		offer := f.ExpectOffer(a, "cpus:4;mem:4096")
		task := cast.Task(offer, "t1", "cpus:1;mem:64", "")
		task.Command, task.Executor = nil, &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")},
			Command: &mesospb.CommandInfo{Shell: proto.Bool(false), Value: proto.String("broken")}}
		f.Accept(offer, task)
		f.Expect(cast.Update("t1", failed))
		w.Advance(time.Second)
		r.shows(t, "t1", `
task FAILED failed
  offer
  accept
  agent FAILED failed
    checkpoint
    launch
    register failed
    update FAILED failed
      forward FAILED
      acknowledge`)
	})
	t.Run("container", func(t *testing.T) {
		w, r, a, f := traced(t)
		a.Machine.OnFetch = func(fetcher.Request) (time.Duration, error) { return time.Second, errors.New("no such file") }
		offer := f.ExpectOffer(a, "cpus:4;mem:4096")
		task := cast.Task(offer, "t1", "cpus:1;mem:64", "sleep 10")
		task.Command.Uris = []*mesospb.CommandInfo_URI{{Value: proto.String("http://example.com/x")}}
		f.Accept(offer, task)
		f.Expect(cast.Update("t1", failed))
		w.Advance(time.Second)
		r.shows(t, "t1", `
task FAILED failed
  offer
  accept
  agent FAILED failed
    checkpoint
    launch failed
    update FAILED failed
      forward FAILED
      acknowledge`)
	})
}

// Whoever listens changes nothing: the same seed takes the same steps.
func TestTracesChangeNothing(t *testing.T) {
	run := func(tracer tracing.Tracer) (steps int, at time.Duration) {
		w := cast.New(t, testkit.Seed(11))
		w.Tracer = tracer
		w.Master("m1")
		a, f := w.Agent("a1", "cpus:4;mem:4096"), w.Framework("f1")
		f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 10")
		f.Expect(cast.Update("t1", finished))
		return w.Steps(), w.Elapsed()
	}
	steps, at := run(nil)
	if s, e := run(&recorder{}); s != steps || e != at {
		t.Errorf("%d steps in %v with a listener, %d in %v without", s, e, steps, at)
	}
}
