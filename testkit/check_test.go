package testkit_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	wpb "google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/testkit"
)

// runner has a race, planted: it forgets a kill that overtakes its launch, so that the task runs for ever.
type runner struct {
	running map[string]bool
	leaked  string
}

func (r *runner) Initialize(b *process.Base) {
	r.running = map[string]bool{}
	process.Install(b, func(_ process.UPID, task *wpb.StringValue) { r.running[task.Value] = true })
	process.Install(b, func(_ process.UPID, task *wpb.BytesValue) {
		if !r.running[string(task.Value)] {
			r.leaked = string(task.Value)
		}
	})
}

// race launches from one node and kills from another a moment later, amid others who talk.
func race(t testkit.T, w *testkit.World) {
	r := &runner{}
	agent := w.Node("agent")
	if _, err := process.Spawn(agent.Runtime(), "runner", r); err != nil {
		t.Fatalf("%v", err)
	}
	w.Always("a killed task does not run for ever", func() error {
		if r.leaked != "" {
			return fmt.Errorf("task %s was killed before it was launched", r.leaked)
		}
		return nil
	})
	master, scheduler := w.Probe("master"), w.Probe("scheduler")
	var noise []*testkit.Probe
	for i := range 8 {
		noise = append(noise, w.Probe(fmt.Sprint("noise", i)))
	}
	for i := range 3 {
		task := fmt.Sprint("t", i)
		master.Send(agent.UPID("runner"), wpb.String(task))
		for _, n := range noise {
			n.Send(master, wpb.Int64(1))
		}
		w.Advance(850 * time.Microsecond)
		scheduler.Send(agent.UPID("runner"), wpb.Bytes([]byte(task)))
		w.Advance(time.Second)
	}
}

// recorder is a T that remembers a failure.
type recorder struct {
	testing.TB
	text string
}

type stop struct{}

func (r *recorder) Fatalf(format string, args ...any) {
	r.text = fmt.Sprintf(format, args...)
	panic(stop{})
}

// failureOf returns how f failed, "" if it did not.
func failureOf(t *testing.T, f func(t testkit.T)) (text string) {
	r := &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != (stop{}) {
			panic(p)
		}
		text = r.text
	}()
	f(r)
	return
}

// seedOfTheRace is a seed that shows the race.
func seedOfTheRace(t *testing.T) (uint64, string) {
	for seed := uint64(1); seed <= 300; seed++ {
		if text := failureOf(t, func(t testkit.T) { testkit.Check(t, race, testkit.Seed(seed)) }); text != "" {
			return seed, text
		}
	}
	t.Fatal("no seed of 300 shows the race")
	return 0, ""
}

func TestAPlantedRaceIsFoundReplayedAndShrunk(t *testing.T) {
	seed, text := seedOfTheRace(t)
	t.Logf("seed %d:\n%s", seed, text)
	for _, want := range []string{
		`^a killed task does not run for ever: task t\d was killed before it was launched\n`,
		`the last \d+ of \d+ entries of the trace`,
		`arrive +scheduler@scheduler:5050 → runner@agent:5050 +BytesValue\{value: "t\d"\}`,
		`to see it again:\n  MESETA_SEED=\d+:[\w.-]+ go test -count=1 -run '\^TestAPlantedRaceIsFoundReplayedAndShrunk\$' github.com/meseta-io/meseta/testkit`,
		`found by seed \d+ in \d+ steps with \d+ choices, \d+ of them against the dull order;\nshrunk in \d+ runs`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("the failure lacks %s", want)
		}
	}
	printed := regexp.MustCompile(`MESETA_SEED=(\d+:\S+) `).FindStringSubmatch(text)[1]
	short, err := testkit.ParseReplay(printed)
	if err != nil {
		t.Fatal(err)
	}
	deviations := 0
	for _, topic := range short.Choices {
		for _, c := range topic {
			if c != 0 {
				deviations++
			}
		}
	}
	// One slow launch is the whole race.
	if deviations > 3 {
		t.Errorf("shrunk to %d choices against the dull order: %v", deviations, short.Choices)
	}
	t.Setenv(testkit.SeedVariable, printed)
	again := failureOf(t, func(t testkit.T) { testkit.Check(t, race) })
	if firstLine(again) != firstLine(text) || !strings.Contains(again, "MESETA_SEED="+printed) {
		t.Errorf("the printed string repeats\n%s\nnot\n%s", firstLine(again), firstLine(text))
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func TestAFailureIsReportedAsItWasFound(t *testing.T) {
	seed, _ := seedOfTheRace(t)
	t.Setenv(testkit.ShrinkVariable, "0")
	text := failureOf(t, func(t testkit.T) { testkit.Check(t, race, testkit.Seed(seed)) })
	if strings.Contains(text, "shrunk") || !strings.Contains(text, fmt.Sprintf("MESETA_SEED=%d go test", seed)) {
		t.Error(text)
	}
}

func TestAFailedExpectationSaysWhatCameInstead(t *testing.T) {
	text := failureOf(t, func(t testkit.T) {
		testkit.Check(t, func(_ testkit.T, w *testkit.World) {
			p, q := w.Probe("p"), w.Probe("q")
			q.Send(p, wpb.String("a"))
			q.Send(p, wpb.Bool(true))
			q.Send(p, wpb.String("b"))
			p.Expect(text("b"), text("c"))
		}, testkit.Patience(time.Second))
	})
	for _, want := range []string{
		`p expected, within 1s:`, `    ✓ "b"`, `    ✗ "c"`,
		`from q@q:5050: StringValue{value: "a"}`, `not it: the text is "a"`, `not it: it is a BoolValue`,
		"MESETA_SEED=1: go test",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the failure lacks %q:\n%s", want, text)
		}
	}
}

func TestAnUnwantedMessageIsShown(t *testing.T) {
	text := failureOf(t, func(t testkit.T) {
		w := testkit.NewWorld(t, testkit.Seed(9))
		p, q := w.Probe("p"), w.Probe("q")
		q.Send(p, wpb.String("a"))
		p.ExpectNone(time.Second, text("a"))
	})
	if !strings.Contains(text, `p got what it must not`) || !strings.Contains(text, "MESETA_SEED=9 go test") {
		t.Error(text)
	}
}

type panicky struct{}

func (panicky) Initialize(b *process.Base) {
	process.Install(b, func(process.UPID, *wpb.StringValue) { panic("oh no") })
}

func TestAPanicInAnActorFailsTheTestWithItsStack(t *testing.T) {
	text := failureOf(t, func(t testkit.T) {
		w := testkit.NewWorld(t)
		n := w.Node("n")
		_, _ = process.Spawn(n.Runtime(), "panicky", panicky{})
		w.Probe("p").Send(n.UPID("panicky"), wpb.String("x"))
		w.Advance(time.Second)
	})
	if !strings.Contains(text, "panicky@n:5050 ended its node: oh no") || !strings.Contains(text, "check_test.go") {
		t.Error(text)
	}
}

type selfish struct{}

func (selfish) Initialize(b *process.Base) {
	process.Install(b, func(_ process.UPID, m *wpb.StringValue) { b.Send(b.Self(), m) })
	b.Send(b.Self(), wpb.String("x"))
}

func TestALoopAtOneInstantIsNoticed(t *testing.T) {
	text := failureOf(t, func(t testkit.T) {
		w := testkit.NewWorld(t, testkit.MostSteps(1000))
		_, _ = process.Spawn(w.Node("n").Runtime(), "selfish", selfish{})
		w.Settle()
	})
	if !strings.HasPrefix(text, "time stands still") {
		t.Error(text)
	}
}

// moody answers in the order of a map.
type moody struct{}

func (moody) Initialize(b *process.Base) {
	process.Install(b, func(from process.UPID, _ *wpb.StringValue) {
		set := map[int64]bool{}
		for i := range int64(50) {
			set[i] = true
		}
		for v := range set {
			b.Send(from, wpb.Int64(v))
		}
	})
}

func TestAnActorThatIsNotDeterministicIsFound(t *testing.T) {
	text := failureOf(t, func(t testkit.T) {
		testkit.CheckTwice(t, func(_ testkit.T, w *testkit.World) {
			n := w.Node("n")
			_, _ = process.Spawn(n.Runtime(), "moody", moody{})
			w.Probe("p").Send(n.UPID("moody"), wpb.String("x"))
			w.Advance(time.Second)
		})
	})
	if !strings.Contains(text, "something is not deterministic") || !strings.Contains(text, "Int64Value") {
		t.Error(text)
	}
}

func TestTimeCannotBeMovedFromInside(t *testing.T) {
	w := testkit.NewWorld(t)
	w.At(time.Second, func() {
		defer func() {
			if p := recover(); p == nil {
				t.Error("an event moved time")
			}
		}()
		w.Advance(time.Second)
	})
	w.Advance(time.Minute)
}
