package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// test is one package whose tests run in the machine.
type test struct {
	dir     string // below the repository, with slashes: isolators/cgroups
	pattern string // for -test.run; empty: all
}

// chosen are the tests that were named, or those of the list.
func chosen(o options, names []string) ([]test, error) {
	var tests []test
	for _, n := range names {
		tests = append(tests, test{dir: filepath.ToSlash(filepath.Clean(n))})
	}
	if len(tests) == 0 {
		b, err := os.ReadFile(o.list)
		if err != nil {
			return nil, fmt.Errorf("which packages to test: %w; run it in the directory that has go.mod", err)
		}
		if tests, err = parseList(string(b)); err != nil {
			return nil, fmt.Errorf("%s: %w", o.list, err)
		}
	}
	for i, t := range tests {
		if found, _ := filepath.Glob(filepath.Join(t.dir, "*_test.go")); len(found) == 0 {
			return nil, fmt.Errorf("%s has no tests; name a directory, as seen from the one that has go.mod", t.dir)
		}
		if o.run != "" {
			tests[i].pattern = o.run
		}
	}
	if len(tests) == 0 {
		return nil, fmt.Errorf("%s names no package, and none was given", o.list)
	}
	return tests, nil
}

// parseList reads lines of a directory and, after blanks, a pattern; # begins a comment.
func parseList(s string) ([]test, error) {
	var tests []test
	seen := map[string]bool{}
	in := bufio.NewScanner(strings.NewReader(s))
	for n := 1; in.Scan(); n++ {
		line, _, _ := strings.Cut(in.Text(), "#")
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
			continue
		case len(f) > 2:
			return nil, fmt.Errorf("line %d: a directory and a pattern without blanks, and nothing else", n)
		case seen[f[0]]:
			return nil, fmt.Errorf("line %d: %s is there already", n, f[0])
		}
		seen[f[0]] = true
		t := test{dir: strings.TrimPrefix(f[0], "./")}
		if len(f) == 2 {
			t.pattern = f[1]
		}
		tests = append(tests, t)
	}
	return tests, in.Err()
}
