package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Print says what a storm found, and for a broken promise what is needed to look into it.
func (r *Result) Print(w io.Writer, c Config) {
	fmt.Fprintf(w, "\nchaos: seed %d, %v of storm over %d masters, %d Consul servers, %d agents, %d frameworks; %v in all\n\n",
		c.Seed, c.Length, c.Masters, c.Consuls, c.Agents, c.Frameworks, r.Took.Round(time.Second))
	row := func(what string, value any) { fmt.Fprintf(w, "  %-34s %v\n", what, value) }
	row("tasks started", r.Started)
	row("tasks finished", r.Finished)
	row("killed by their framework", r.Killed)
	row("ended by a fault of the plan", r.Hurt)
	row("launches that came to nothing", r.Dropped)
	row("tasks lost", r.Lost)
	row("tasks doubled", r.Doubled)
	row("updates missing", r.Missing)
	row("updates out of order", r.Disorder)
	row("updates back after acknowledgement", r.Returned)
	row("agents overbooked", r.Overbooked)
	row("what was gone and came back", r.Undead)
	row("longest without a leader", since(r.Leaderless, r.begun))
	row("longest without an offer", since(r.Quiet, r.begun))
	var faults []string
	sum := 0
	for _, k := range slices.Sorted(maps.Keys(r.Done)) {
		faults = append(faults, fmt.Sprintf("%s %d", k, r.Done[k]))
		sum += r.Done[k]
	}
	row("faults", fmt.Sprintf("%d of %d planned: %s", sum, r.Plan, strings.Join(faults, ", ")))
	if !r.IsBroken() {
		fmt.Fprintf(w, "\nevery promise was kept\n")
		return
	}
	fmt.Fprintf(w, "\n%d broken:\n", len(r.Broken))
	const most = 40
	for i, b := range r.Broken {
		if i == most {
			fmt.Fprintf(w, "  … and %d more\n", len(r.Broken)-most)
			break
		}
		fmt.Fprintln(w, "  "+b)
	}
	fmt.Fprintf(w, "\nlogs, journals and marks are in %s, and the timeline is above; again with -seed=%d -time=%v -masters=%d\n", c.Dir, c.Seed, c.Length, c.Masters)
}

func since(p Pause, begun time.Time) string {
	return fmt.Sprintf("%.1f s, from %+.1f s on", p.For.Seconds(), p.From.Sub(begun).Seconds())
}
