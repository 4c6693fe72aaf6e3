package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Row is one named test case of theirs and what became of it here.
type Row struct {
	Line                    int
	List, Area, Suite, Test string
	Ours, Note              string
}

func (r Row) String() string {
	return fmt.Sprintf("docs/parity.tsv:%d %s %s.%s", r.Line, r.List, r.Suite, r.Test)
}

// Counterparts are the tests of ours that the row names, none for "n/a" and "open".
func (r Row) Counterparts() []string {
	if r.Ours == "n/a" || r.Ours == "open" {
		return nil
	}
	return strings.Split(r.Ours, "; ")
}

// later begins the note of an open row that waits for a feature.
const later = "later: "

// features are what open rows may wait for: each is bigger than the test of an area that exists already.
var features = []string{"checks", "executor secrets", "images", "isolators", "nested containers", "oversubscription", "pods", "resource providers"}

// Later reports whether the row is open only because a whole feature is not there yet.
func (r Row) Later() bool { return r.Ours == "open" && strings.HasPrefix(r.Note, later) }

const header = "list\tarea\tsuite\ttest\tours\tnote"

// ReadRows reads the table; the first line is its header.
func ReadRows(from io.Reader) ([]Row, error) {
	s := bufio.NewScanner(from)
	if !s.Scan() || s.Text() != header {
		return nil, fmt.Errorf("docs/parity.tsv: the first line is not %q", header)
	}
	var rows []Row
	for n := 2; s.Scan(); n++ {
		c := strings.Split(s.Text(), "\t")
		if len(c) != 6 {
			return nil, fmt.Errorf("docs/parity.tsv:%d has %d columns, want 6", n, len(c))
		}
		rows = append(rows, Row{n, c[0], c[1], c[2], c[3], c[4], c[5]})
	}
	return rows, s.Err()
}

// Check lists what is wrong with the claims of rows.
func Check(rows []Row, tests *Tests) []error {
	var faults []error
	seen := map[string]int{}
	for _, r := range rows {
		key := r.List + "\t" + r.Area + "\t" + r.Suite + "\t" + r.Test
		if first, twice := seen[key]; twice {
			faults = append(faults, fmt.Errorf("%s stands on line %d already", r, first))
		}
		seen[key] = r.Line
		if r.Ours == "n/a" && r.Note == "" {
			faults = append(faults, fmt.Errorf("%s does not apply, but no reason is given", r))
		}
		if r.Ours == "open" && r.Note != "" && (!r.Later() || !slices.Contains(features, strings.TrimPrefix(r.Note, later))) {
			faults = append(faults, fmt.Errorf("%s is open with the note %q: leave it empty, or name the feature that it waits for, as in %q; features are %s",
				r, r.Note, later+features[0], strings.Join(features, ", ")))
		}
		for _, c := range r.Counterparts() {
			if err := tests.Find(c); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", r, err))
			}
		}
	}
	return faults
}
