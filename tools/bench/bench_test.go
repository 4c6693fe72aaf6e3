package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const output = `goos: linux
BenchmarkSend/senders=1-2    	 8127934	        66.11 ns/op	  15126642 msgs/s	       2 B/op
BenchmarkSend/senders=1-2    	 8127934	        60.00 ns/op	  16000000 msgs/s	       2 B/op
BenchmarkSend/senders=1-2    	 8127934	        90.00 ns/op	  11000000 msgs/s	       2 B/op
PASS
`

func TestTableOfMedians(t *testing.T) {
	measured := Results{}
	if err := measured.Read("p", strings.NewReader(output)); err != nil {
		t.Fatal(err)
	}
	rows := []Row{
		{What: "kept", Package: "p", Benchmark: "BenchmarkSend/senders=1", Unit: "msgs/s", Scale: 1e-6, Shown: "M/s", Bound: 8, Floor: true},
		{What: "missed", Package: "p", Benchmark: "BenchmarkSend/senders=1", Unit: "ns/op", Scale: 1, Shown: "ns", Bound: 50},
		{What: "absent", Package: "p", Benchmark: "BenchmarkOther", Unit: "ns/op", Scale: 1, Shown: "ns", Bound: 50},
	}
	var b bytes.Buffer
	if over := Print(&b, rows, measured); over != 2 {
		t.Errorf("%d budgets are not held, want the missed and the absent one", over)
	}
	for _, want := range []string{"| kept |  | ≥ 8.00 M/s | 15.1 M/s | yes |", "| missed |  | ≤ 50.0 ns | 66.1 ns | no |", "| absent |  | ≤ 50.0 ns | not measured | no |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line %q in\n%s", want, b.String())
		}
	}
}

// A row whose benchmark was renamed would silently measure nothing.
func TestEveryRowNamesABenchmark(t *testing.T) {
	for _, r := range rows {
		name, _, _ := strings.Cut(r.Benchmark, "/")
		declared := regexp.MustCompile(`(?m)^func ` + name + `\(`)
		files, _ := filepath.Glob(filepath.Join("../..", r.Package, "*_test.go"))
		found := false
		for _, f := range files {
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || declared.Match(src) && reports(src, r.Unit)
		}
		if !found {
			t.Errorf("%s: package %s has no %s that reports %s", r.What, r.Package, name, r.Unit)
		}
	}
}

// reports says whether a benchmark's file mentions a metric. The go command reports times and rates by itself;
// milliseconds are often reported by a helper that adds the "-ms".
func reports(src []byte, unit string) bool {
	switch unit {
	case "ns/op", "MB/s":
		return true
	}
	return bytes.Contains(src, []byte(strings.TrimSuffix(unit, "-ms")))
}
