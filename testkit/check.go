package testkit

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// SweepVariable is the environment variable that sets which seeds every Sweep tries: how many from 1 on, or from which to which, as in
// 5001-10000.
const SweepVariable = "MESETA_SWEEP"

// ShrinkVariable is the environment variable that, set to 0, has failing runs reported as they are: at once, and with the whole run's trace.
const ShrinkVariable = "MESETA_SHRINK"

// Check runs a body in a world. If it fails, the run is shrunk: the body runs again and again with fewer and
// duller choices as long as it fails in the same way, and the shortest run found is the one that is reported,
// with a string that repeats it. The body must use its own t, not the test's, and do nothing that differs between
// runs.
func Check(t T, body func(t T, w *World), options ...Option) {
	t.Helper()
	c := &checker{body: body, options: options, test: whereIs(t.Name())}
	r, given := replayFromEnvironment(t)
	if !given {
		r = Replay{Seed: newWorld(t, options).seed}
	}
	c.check(t, r)
}

// Sweep is Check with the seeds 1 to n, each a parallel subtest. MESETA_SWEEP in the environment says which
// others, -short divides n by ten, MESETA_SEED repeats one run alone, and MESETA_SWEEP_HOURS goes on with new seeds for so long. The first
// seed and some others run twice, and the two must be the same to the last step: an actor that is not deterministic makes every other result
// worthless.
func Sweep(t *testing.T, n int, body func(t T, w *World), options ...Option) {
	t.Helper()
	c := &checker{body: body, options: options, test: whereIs(t.Name())}
	if r, given := replayFromEnvironment(t); given {
		c.check(t, r)
		return
	}
	if hours := hoursFromEnvironment(t); hours > 0 {
		restful(t)
		c.patrol(t, hours)
		return
	}
	first, last := 1, n
	if text := os.Getenv(SweepVariable); text != "" {
		var err error
		if first, last, err = seedRange(text); err != nil {
			t.Fatalf("%s=%s: %v", SweepVariable, text, err)
		}
	} else if testing.Short() {
		last = max(1, n/10)
	}
	restful(t)
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			r := Replay{Seed: uint64(seed)}
			if seed%twiceEvery == 1 {
				c.sameTwice(t, r)
			}
			c.check(t, r)
		})
	}
}

// seedRange reads how many seeds, or from which to which.
func seedRange(text string) (first, last int, err error) {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		from, to = "1", text
	}
	first, err = strconv.Atoi(from)
	if err == nil {
		last, err = strconv.Atoi(to)
	}
	if err != nil || first < 1 || last < first {
		return 0, 0, errors.New("a number of seeds, at least 1, or the first and the last with a dash between them")
	}
	return first, last, nil
}

// restful has garbage collected less often while a test runs, unless GOGC is set. Worlds are small and short-lived, and a
// collector that lets the heap only double takes a quarter of a sweep.
func restful(t *testing.T) {
	if os.Getenv("GOGC") != "" {
		return
	}
	usual := debug.SetGCPercent(800)
	t.Cleanup(func() { debug.SetGCPercent(usual) })
}

// twiceEvery is which seeds of a sweep run twice.
const twiceEvery = 50

func replayFromEnvironment(t T) (Replay, bool) {
	t.Helper()
	text := os.Getenv(SeedVariable)
	if text == "" {
		return Replay{}, false
	}
	r, err := ParseReplay(text)
	if err != nil {
		t.Fatalf("%s: %v", SeedVariable, err)
	}
	return r, true
}

// checker runs one body with different choices.
type checker struct {
	body    func(T, *World)
	options []Option
	test    where
	// shrinking is taken by the first seed that fails: what the others would find is the same more often than not.
	shrinking atomic.Bool
}

// outcome is what one run came to.
type outcome struct {
	failed bool
	why    string // the failure, without the world's epilogue
	text   string
	choice Replay
	steps  int
	hash   uint64
}

// kind is the failure without its numbers, so that shrinking does not slip from one bug to another.
func (o outcome) kind() string {
	first, _, _ := strings.Cut(o.why, "\n")
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, first)
}

func (c *checker) run(r Replay, more ...Option) (o outcome) {
	a := &attempt{name: c.test.name}
	w := newWorld(a, append(append([]Option{}, c.options...), append(more, Repeat(r))...))
	w.test = c.test
	defer w.close()
	func() {
		defer func() {
			switch p := recover().(type) {
			case nil, over:
			default:
				a.failed = true
				w.inside = false
				a.Logf("panic: %v\n\n%s", p, debug.Stack())
			}
		}()
		c.body(a, w)
	}()
	for i := len(a.cleanups) - 1; i >= 0; i-- {
		a.cleanups[i]()
	}
	o = outcome{failed: a.failed, text: a.text.String(), choice: w.Choices(), steps: w.steps, hash: w.TraceHash()}
	o.why = o.text
	if w.failure != nil {
		o.why = w.failure.text
	}
	if o.failed && !w.reported {
		o.text += "\n" + w.epilogue()
	}
	return o
}

// The limits of shrinking: how many runs, and how many steps in all.
const (
	shrinkRuns  = 600
	shrinkSteps = 20_000_000
)

func (c *checker) check(t T, r Replay) {
	t.Helper()
	found := c.run(r)
	if !found.failed {
		return
	}
	if r.Choices != nil || os.Getenv(ShrinkVariable) == "0" || !c.shrinking.CompareAndSwap(false, true) {
		t.Fatalf("%s", found.text)
		return
	}
	short, runs := c.shrink(found)
	again := c.run(short)
	if !again.failed {
		t.Fatalf("%s\n\nthe shrunk run does not fail again: something in it is not deterministic (see Sweep)", found.text)
		return
	}
	before, oddBefore := found.choice.Choices.count()
	after, oddAfter := short.Choices.count()
	t.Fatalf("%s\n\nfound by seed %d in %d steps with %d choices, %d of them against the dull order;\nshrunk in %d runs to %d steps with %d choices, %d of them against the dull order. The whole run:\n  %s",
		again.text, r.Seed, found.steps, before, oddBefore, runs, again.steps, after, oddAfter, c.test.command(r))
}

func (c *checker) shrink(found outcome) (short Replay, runs int) {
	steps := 0
	best := shrinkTopics(found.choice.Choices, func(choices *Choices) (*Choices, bool) {
		if steps > shrinkSteps {
			return nil, false
		}
		runs++
		o := c.run(Replay{Seed: found.choice.Seed, Choices: choices}, TraceTo(nil))
		steps += o.steps
		return o.choice.Choices, o.failed && o.kind() == found.kind()
	}, shrinkRuns)
	return Replay{Seed: found.choice.Seed, Choices: best}, runs
}

// CheckTwice runs a body twice with one seed and fails unless the two runs are the same to the last step. Sweep
// does it too.
func CheckTwice(t T, body func(t T, w *World), options ...Option) {
	t.Helper()
	c := &checker{body: body, options: options, test: whereIs(t.Name())}
	c.sameTwice(t, Replay{Seed: newWorld(t, options).seed})
}

// sameTwice runs one seed twice and compares the traces.
func (c *checker) sameTwice(t T, r Replay) {
	t.Helper()
	first, second := c.run(r), c.run(r)
	if first.hash == second.hash {
		return
	}
	var a, b strings.Builder
	c.run(r, TraceTo(&a))
	c.run(r, TraceTo(&b))
	t.Fatalf("two runs of seed %d differ, so something is not deterministic: a map's order, a clock, a goroutine?\n%s",
		r.Seed, firstDifference(a.String(), b.String()))
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("entry %d of the trace, after\n  %s\nis once\n  %s\nand once\n  %s",
				i+1, strings.Join(as[max(0, i-3):i], "\n  "), as[i], bs[i])
		}
	}
	return "the traces read the same; they differ in the order of steps within an instant or in the bytes of a message"
}
