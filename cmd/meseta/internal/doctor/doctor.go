// Package doctor looks at a machine and at a cluster, says what is well and what is not, and what to do about it. It
// changes nothing: files that it writes have no name and are gone when they are closed, and ports that it opens are
// closed at once. Nothing that it asks may take longer than Patience.
package doctor

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// Patience is how long one check may take.
const Patience = 5 * time.Second

// Level is how well something is.
type Level string

// The levels, from best to worst.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is one line of the report.
type Finding struct {
	// Check is what was looked at: "kernel", "disk /var/lib/meseta".
	Check string `json:"check"`
	Level Level  `json:"level"`
	// Text is what was found, and Remedy what to do where that is not well.
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

func ok(check, format string, values ...any) Finding {
	return Finding{Check: check, Level: OK, Text: fmt.Sprintf(format, values...)}
}

func warn(check, remedy, format string, values ...any) Finding {
	return Finding{check, Warn, fmt.Sprintf(format, values...), remedy}
}

func fail(check, remedy, format string, values ...any) Finding {
	return Finding{check, Fail, fmt.Sprintf(format, values...), remedy}
}

// Check looks at one thing.
type Check struct {
	Name string
	Look func(context.Context) []Finding
}

// Examine makes all checks at once and reports them in their order. One that does not come back in time has failed.
func Examine(ctx context.Context, checks []Check) (report []Finding) {
	found := make([][]Finding, len(checks))
	var wait sync.WaitGroup
	for i, c := range checks {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, Patience)
			defer cancel()
			done := make(chan []Finding, 1)
			go func() { done <- c.Look(ctx) }()
			select {
			case found[i] = <-done:
			case <-ctx.Done():
				// Whatever hangs ignores its context: a disk, a name service.
				found[i] = []Finding{fail(c.Name, "something hangs there; look at the kernel's log", "no answer within %v", Patience)}
			}
		})
	}
	wait.Wait()
	for _, one := range found {
		report = append(report, one...)
	}
	return report
}

// Worst is the worst level of a report.
func Worst(report []Finding) Level {
	worst := OK
	for _, f := range report {
		if f.Level == Fail || f.Level == Warn && worst == OK {
			worst = f.Level
		}
	}
	return worst
}

// Machine is where a doctor looks. Tests have one of their own.
type Machine struct {
	// Root is what stands before /proc and /sys.
	Root string
	Now  func() time.Time
}

// This is the machine that the program runs on.
func This() Machine { return Machine{Now: time.Now} }

func (m Machine) read(path string) string {
	content, err := os.ReadFile(m.Root + path)
	if err != nil {
		return ""
	}
	return string(content)
}
