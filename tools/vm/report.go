package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// report reads the machine's console: lines of guest/init.sh that begin with @@, and between them the verbose output of
// test binaries, of which it prints what a reader wants: a line for each package, and what was skipped or failed, with why.
type report struct {
	out     io.Writer
	verbose bool

	line bytes.Buffer
	last []string // the last lines, for when the machine stops speaking

	dir     string // the package that runs
	began   time.Time
	text    []string // its output
	passed  int
	skipped []string

	ended  int  // packages
	failed int  // packages
	done   bool // the machine came to the end
}

func newReport(out io.Writer, verbose bool) *report { return &report{out: out, verbose: verbose} }

// Write takes what the console says, in pieces of any size.
func (r *report) Write(b []byte) (int, error) {
	for _, c := range b {
		switch c {
		case '\n':
			r.read(r.line.String())
			r.line.Reset()
		case '\r':
		default:
			r.line.WriteByte(c)
		}
	}
	return len(b), nil
}

// close takes a last line that did not end.
func (r *report) close() {
	if r.line.Len() > 0 {
		r.Write([]byte("\n"))
	}
}

func (r *report) read(line string) {
	if r.last = append(r.last, line); len(r.last) > 20 {
		r.last = r.last[1:]
	}
	if r.verbose {
		fmt.Fprintln(r.out, line)
	}
	if said, ok := strings.CutPrefix(line, "@@ "); ok {
		verb, rest, _ := strings.Cut(said, " ")
		r.said(verb, rest)
		return
	}
	if r.dir != "" {
		r.test(line)
	}
}

func (r *report) said(verb, rest string) {
	switch verb {
	case "up":
		seconds, kernel, _ := strings.Cut(rest, " ")
		fmt.Fprintf(r.out, "vm: Linux %s is up after %s s of its own\n", kernel, seconds)
	case "begin":
		r.dir, r.began, r.text, r.passed, r.skipped = rest, time.Now(), nil, 0, nil
	case "end":
		_, status, _ := strings.Cut(rest, " ")
		r.end(status)
	case "problem":
		fmt.Fprintf(r.out, "vm: %s\n", rest)
	case "done":
		r.done = true
	}
}

func (r *report) test(line string) {
	r.text = append(r.text, line)
	trimmed := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(trimmed, "--- PASS: "):
		r.passed++
	case strings.HasPrefix(trimmed, "--- SKIP: "):
		name, _, _ := strings.Cut(strings.TrimPrefix(trimmed, "--- SKIP: "), " ")
		r.skipped = append(r.skipped, name+": "+r.reason(name))
	}
}

// reason is the last thing that a test said before it was skipped; go test prints it before the verdict with -test.v.
func (r *report) reason(name string) string {
	running := "=== RUN   " + name
	for i := len(r.text) - 2; i >= 0 && r.text[i] != running; i-- {
		t := strings.TrimSpace(r.text[i])
		if t != "" && !strings.HasPrefix(t, "--- ") && !strings.HasPrefix(t, "=== ") {
			return t
		}
	}
	return "no reason given"
}

func (r *report) end(status string) {
	r.ended++
	word := "ok  "
	if status != "0" {
		r.failed++
		word = "FAIL"
		if !r.verbose {
			for _, l := range r.text {
				fmt.Fprintln(r.out, l)
			}
		}
	}
	fmt.Fprintf(r.out, "%s %-40s %5.1f s  %d passed, %d skipped\n", word, r.dir, time.Since(r.began).Seconds(), r.passed, len(r.skipped))
	for _, s := range r.skipped {
		fmt.Fprintf(r.out, "     skipped %s\n", s)
	}
	r.dir = ""
}

func (r *report) ok(packages int) bool { return r.failed == 0 && r.ended == packages }

func (r *report) summary(packages int, took time.Duration) {
	fmt.Fprintf(r.out, "vm: %d of %d packages ran in %.0f s, %d failed\n", r.ended, packages, took.Seconds(), r.failed)
}

func (r *report) tail() string { return strings.Join(r.last, "\n") }
