package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Results holds every value of every metric, by package, benchmark and unit.
type Results map[key][]float64

type key struct{ pkg, benchmark, unit string }

// The go command appends the number of processors to a benchmark's name.
var processors = regexp.MustCompile(`-\d+$`)

// Read takes the lines that go test -bench prints: a name, an iteration count, then pairs of value and unit.
func (r Results) Read(pkg string, from io.Reader) error {
	s := bufio.NewScanner(from)
	for s.Scan() {
		f := strings.Fields(s.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(f[0], "")
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return fmt.Errorf("line %q: %w", s.Text(), err)
			}
			k := key{pkg, name, f[i+1]}
			r[k] = append(r[k], v)
		}
	}
	return s.Err()
}

// Median is the middle value of a metric; false when it was not measured.
func (r Results) Median(pkg, benchmark, unit string) (float64, bool) {
	v := slices.Sorted(slices.Values(r[key{pkg, benchmark, unit}]))
	if len(v) == 0 {
		return 0, false
	}
	return v[len(v)/2], true
}
