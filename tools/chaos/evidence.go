package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// evidence collects what there is.
func (s *Storm) evidence() (Evidence, error) {
	journals, err := s.journals()
	if err != nil {
		return Evidence{}, err
	}
	marks, err := readMarks(filepath.Join(s.Dir, "marks"))
	s.mu.Lock()
	defer s.mu.Unlock()
	return Evidence{Journals: journals, Marks: marks, Hurt: append([]Hurt(nil), s.hurt...), Capacity: capacity}, err
}

func (s *Storm) journals() (map[string][]Fact, error) {
	all := map[string][]Fact{}
	for i := range s.Frameworks {
		c := s.child(i)
		facts, err := ReadFacts(c.journal())
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		all[c.Name] = facts
	}
	return all, nil
}

// readMarks reads what tasks left.
func readMarks(dir string) (map[string][]Mark, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	marks := map[string][]Mark{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			var what string
			var nanos int64
			if n, _ := fmt.Sscan(line, &what, &nanos); n == 2 {
				marks[e.Name()] = append(marks[e.Name()], Mark{what, time.Unix(0, nanos)})
			}
		}
	}
	return marks, nil
}

func (s *Storm) judge(planned int, unsettled string) (*Result, error) {
	e, err := s.evidence()
	if err != nil {
		return nil, err
	}
	v := Judge(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	if unsettled != "" {
		v.Broken = append(v.Broken, "it did not become calm: "+unsettled)
	}
	v.Broken = append(v.Broken, s.crashes...)
	return &Result{Verdict: v, Plan: planned, Done: s.done, Leaderless: s.leaders.longest, Unsettled: unsettled, Timeline: s.timeline, Took: time.Since(s.begun), begun: s.begun}, nil
}
