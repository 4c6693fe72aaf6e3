package testkit

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// World is a simulated cluster: nodes with their processes, a network between them and a clock, all in the
// goroutine of the test. Nothing happens in it but inside Settle, Advance, Until and the Expect functions, which
// take steps; each step is one message handled, one packet delivered, one timer fired or one piece of blocking work
// done, chosen by the seed among all that could happen. Time moves only when nothing can.
type World struct {
	t         T
	seed      uint64
	tape      *tape
	now       time.Duration
	agenda    agenda
	queue     queue
	net       *network
	nodes     []*Node
	byAddr    map[string]*Node
	filters   []*Filter
	observers []func(Message)
	arrivals  []func(Message)
	losses    []func(at *Node, peer string)
	checks    []invariant
	trace     trace
	steps     int
	instant   int // steps since time moved
	oddChoice bool
	inside    bool    // a step is being taken
	strand    *strand // that runs now
	failure   *failure
	reported  bool
	patience  time.Duration
	mostSteps int
	logLevel  slog.Level
	test      where
	closed    bool
}

type invariant struct {
	name  string
	holds func() error
}

// Option shapes a World.
type Option func(*World)

// Seed sets the seed. Without it, and without MESETA_SEED in the environment, the seed is 1. A test that looks for
// trouble uses Sweep instead.
func Seed(seed uint64) Option {
	return func(w *World) { w.seed, w.tape = seed, seededTape(seed) }
}

// Repeat runs what was recorded.
func Repeat(r Replay) Option {
	return func(w *World) {
		w.seed, w.tape = r.Seed, seededTape(r.Seed)
		if r.Choices != nil {
			w.tape = playedTape(r.Choices)
		}
	}
}

// In sets the weather to begin with; Calm without it.
func In(weather Weather) Option { return func(w *World) { w.net.weather = weather } }

// Patience is how long, in virtual time, an expectation waits; a minute without it.
func Patience(d time.Duration) Option { return func(w *World) { w.patience = d } }

// MostSteps bounds how many steps may happen at one instant; beyond it the world is said to be stuck in a loop. A
// million without it.
func MostSteps(n int) Option { return func(w *World) { w.mostSteps = n } }

// LogLevel is from which level on what actors log is in the trace; Info without it.
func LogLevel(level slog.Level) Option { return func(w *World) { w.logLevel = level } }

// TraceTo writes every entry of the trace as it happens.
func TraceTo(out io.Writer) Option { return func(w *World) { w.trace.out = out } }

// NewWorld makes an empty world that belongs to a test. If the environment has MESETA_SEED, that run is repeated
// whatever the options say. When the test fails, for whatever reason, it prints the end of the trace and the
// command that repeats the run.
func NewWorld(t T, options ...Option) *World {
	t.Helper()
	w := newWorld(t, options)
	w.test = whereIs(t.Name())
	if text := os.Getenv(SeedVariable); text != "" {
		r, err := ParseReplay(text)
		if err != nil {
			t.Fatalf("%s: %v", SeedVariable, err)
		}
		Repeat(r)(w)
	}
	t.Cleanup(func() {
		if t.Failed() && !w.reported {
			t.Logf("%s", w.epilogue())
		}
		w.close()
	})
	return w
}

func newWorld(t T, options []Option) *World {
	w := &World{t: t, byAddr: map[string]*Node{}, patience: time.Minute, mostSteps: 1_000_000}
	w.net = &network{world: w, weather: Calm, between: map[[2]string]*connection{}}
	w.trace.types = map[protoreflect.MessageDescriptor]uint64{}
	Seed(1)(w)
	if os.Getenv(TraceVariable) != "" {
		w.trace.out = os.Stderr
	}
	for _, o := range options {
		o(w)
	}
	return w
}

// close forgets all nodes, so that a test of many worlds does not keep them.
func (w *World) close() {
	if w.closed {
		return
	}
	w.closed = true
	for _, n := range w.nodes {
		if l := n.life; l != nil {
			l.dead = true
			n.life = nil
			l.endStrands()
			if l.rt != nil {
				l.rt.Abandon()
			}
		}
	}
}

// T is the test that the world belongs to.
func (w *World) T() T { return w.t }

// Seed is where all chance in the world comes from.
func (w *World) Seed() uint64 { return w.seed }

// Now is the virtual time.
func (w *World) Now() time.Time { return Start.Add(w.now) }

// Elapsed is the virtual time since Start.
func (w *World) Elapsed() time.Duration { return w.now }

// Steps is how many steps were taken.
func (w *World) Steps() int { return w.steps }

// Choices returns what was chosen so far, for Repeat.
func (w *World) Choices() Replay {
	var c Choices
	for i, topic := range w.tape.log {
		c[i] = slices.Clone(topic)
	}
	return Replay{Seed: w.seed, Choices: &c}
}

// Choose lets a test or a simulated edge take part in the choices: it returns a number below n that is recorded,
// replayed and shrunk like all others. 0 should be the dullest.
func (w *World) Choose(n int) int { return w.tape.choose(script, n) }

func (w *World) choose(about topic, n int) int { return w.tape.choose(about, n) }

// At runs f at a virtual time after now, as one step, in the world: it may crash nodes or change the weather, but
// not take steps itself. The returned function prevents it.
func (w *World) At(after time.Duration, f func()) (cancel func() bool) {
	e := w.at(w.now+after, nil, "script", f)
	return func() bool { return w.cancel(e) }
}

// Always checks something after every step. The name says the property in a sentence; the error what is wrong.
func (w *World) Always(name string, holds func() error) {
	w.checks = append(w.checks, invariant{name, holds})
}

// step takes one step of those that are possible now; false if there is none.
func (w *World) step() bool {
	if w.failure != nil {
		return false
	}
	if at, ok := w.agenda.next(); ok && at <= w.now {
		w.comeDue()
	}
	if w.queue.n == 0 {
		return false
	}
	i := w.tape.choose(turns, w.queue.n)
	w.oddChoice = i != 0
	w.steps++
	w.instant++
	w.inside = true
	w.queue.take(i).step(w)
	w.inside = false
	w.oddChoice = false
	for i := range w.checks {
		if err := w.checks[i].holds(); err != nil {
			w.fail("%s: %v", w.checks[i].name, err)
		}
	}
	if w.instant > w.mostSteps {
		w.fail("time stands still: %d steps at +%v without an end", w.instant, w.now)
	}
	return w.failure == nil
}

// comeDue makes everything runnable whose time has come.
func (w *World) comeDue() {
	for at, ok := w.agenda.next(); ok && at <= w.now; at, ok = w.agenda.next() {
		w.queue.add(w.agenda.pop())
	}
}

// leap moves time to the next event, but not beyond end. It is called when nothing can happen now.
func (w *World) leap(end time.Duration) bool {
	at, ok := w.agenda.next()
	if !ok || at > end || w.failure != nil {
		return false
	}
	w.now, w.instant = at, 0
	w.comeDue()
	return true
}

// Settle takes steps until nothing can happen without time moving on.
func (w *World) Settle() {
	w.t.Helper()
	w.outside("Settle")
	for w.step() {
	}
	w.report()
}

// Advance lets the virtual time go on by d, with everything that happens meanwhile.
func (w *World) Advance(d time.Duration) {
	w.t.Helper()
	w.outside("Advance")
	end := w.now + d
	for w.step() || w.leap(end) {
	}
	if w.failure == nil {
		w.now, w.instant = end, 0
	}
	w.report()
}

// Until takes steps until the condition holds, at most for the given virtual time. It fails the test otherwise;
// what says what was waited for.
func (w *World) Until(what string, within time.Duration, holds func() bool) {
	w.t.Helper()
	w.outside("Until")
	if !w.tryUntil(within, holds) {
		w.fail("%s: not within %v", what, within)
	}
	w.report()
}

func (w *World) tryUntil(within time.Duration, holds func() bool) bool {
	end := w.now + within
	for !holds() {
		if w.failure != nil {
			return true // it is reported as it is
		}
		if !w.step() && !w.leap(end) {
			if w.failure == nil {
				w.now, w.instant = end, 0
			}
			return holds() || w.failure != nil
		}
	}
	return true
}

// outside refuses to take steps within a step.
func (w *World) outside(what string) {
	if w.inside {
		panic(fmt.Sprintf("testkit: %s called from inside the world; an actor cannot move time", what))
	}
}
