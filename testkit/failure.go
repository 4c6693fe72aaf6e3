package testkit

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// failure is the first thing that went wrong in a world. Later ones are its consequences more often than not.
type failure struct {
	text string
	at   time.Duration
}

// Fail marks the world as failed. From inside a step the test ends after that step, from outside at once.
func (w *World) Fail(format string, args ...any) {
	w.t.Helper()
	w.fail(format, args...)
	if !w.inside {
		w.report()
	}
}

func (w *World) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = &failure{text: fmt.Sprintf(format, args...), at: w.now}
	}
}

// report ends the test if the world has failed.
func (w *World) report() {
	if w.failure == nil || w.inside {
		return
	}
	w.t.Helper()
	w.reported = true
	w.t.Fatalf("%s\n\n%s", w.failure.text, w.epilogue())
}

// reportedLines is how much of the trace a failing test prints.
const reportedLines = 40

// epilogue is what everybody wants to know after a failure: where and when, what happened last, and how to see
// it again.
func (w *World) epilogue() string {
	var b strings.Builder
	lines := w.Trace(reportedLines)
	fmt.Fprintf(&b, "the last %d of %d entries of the trace (* chosen against the dull order):\n", len(lines), w.trace.n)
	for _, l := range lines {
		b.WriteString("  " + l + "\n")
	}
	choices, _ := w.tape.log.count()
	fmt.Fprintf(&b, "at +%v, %s after %d steps and %d choices, %s, trace %016x\n", w.now,
		w.Now().Format("15:04:05"), w.steps, choices, w.state(), w.TraceHash())
	if w.tape.strayed {
		b.WriteString("the replay strayed: the code is no longer the one that was recorded\n")
	}
	fmt.Fprintf(&b, "to see it again:\n  %s", w.command())
	return b.String()
}

func (w *World) state() string {
	up := 0
	for _, n := range w.nodes {
		if n.Up() {
			up++
		}
	}
	return fmt.Sprintf("%d of %d nodes up", up, len(w.nodes))
}

// command repeats the run: by its seed, or by the choices if it was itself a replay.
func (w *World) command() string {
	r := Replay{Seed: w.seed}
	if w.tape.played != nil {
		r.Choices = w.tape.log.trimmed()
	}
	return w.test.command(r)
}

// where is a test: its package and its name.
type where struct{ pkg, name string }

func (p where) command(r Replay) string {
	pkg := p.pkg
	if pkg == "" {
		pkg = "./..."
	}
	return fmt.Sprintf("%s=%s go test -count=1 -run '%s' %s", SeedVariable, r, runPattern(p.name), pkg)
}

// runPattern is the -run pattern of exactly one test.
func runPattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + strings.NewReplacer(`(`, `\(`, `)`, `\)`, `.`, `\.`, `'`, `.`, `+`, `\+`, `*`, `\*`).Replace(part) + "$"
	}
	return strings.Join(parts, "/")
}

// whereIs finds the package of the running test on the stack.
func whereIs(name string) where {
	top, _, _ := strings.Cut(name, "/")
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		slash := strings.LastIndexByte(f.Function, '/') + 1
		pkg, rest, _ := strings.Cut(f.Function[slash:], ".")
		if fn, _, _ := strings.Cut(rest, "."); fn == top {
			return where{f.Function[:slash] + strings.TrimSuffix(pkg, "_test"), name}
		}
		if !more {
			return where{name: name}
		}
	}
}
