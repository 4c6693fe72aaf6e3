package main

import (
	"fmt"
	"io"
)

// Row is one budget: a metric of a benchmark, and the bound that it has to keep.
type Row struct {
	What  string // what is measured
	Mesos string // what Apache Mesos needs, from the design's table; "" where it has no such thing
	// Package and Benchmark name the measurement, Unit the metric in its output ("ns/op", "B/op", or one that
	// the benchmark reports itself).
	Package, Benchmark, Unit string
	// Scale turns the metric into Shown, the unit of the table.
	Scale float64
	Shown string
	// Bound is the budget in the unit shown: a floor for rates, a ceiling for the others.
	Bound float64
	Floor bool
}

// held says whether a value keeps the budget.
func (r Row) held(v float64) bool {
	if r.Floor {
		return v >= r.Bound
	}
	return v <= r.Bound
}

func (r Row) budget() string {
	sign := "≤"
	if r.Floor {
		sign = "≥"
	}
	return fmt.Sprintf("%s %s %s", sign, number(r.Bound), r.Shown)
}

// Print writes the table in Markdown and returns how many budgets are not held or not measured.
func Print(to io.Writer, rows []Row, measured Results) (over int) {
	fmt.Fprintln(to, "| what | Mesos | budget | measured | held | benchmark |\n|---|---|---|---|---|---|")
	for _, r := range rows {
		shown, verdict := "not measured", "no"
		if m, ok := measured.Median(r.Package, r.Benchmark, r.Unit); ok {
			v := m * r.Scale
			shown = number(v) + " " + r.Shown
			if r.held(v) {
				verdict = "yes"
			}
		}
		if verdict == "no" {
			over++
		}
		fmt.Fprintf(to, "| %s | %s | %s | %s | %s | `%s %s` |\n", r.What, r.Mesos, r.budget(), shown, verdict, r.Package, r.Benchmark)
	}
	return over
}

// number prints three significant digits without an exponent.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	case v >= 0.01:
		return fmt.Sprintf("%.3f", v)
	default:
		return fmt.Sprintf("%.5f", v)
	}
}
