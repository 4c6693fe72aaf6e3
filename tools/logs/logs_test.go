package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestLinesAreRead(t *testing.T) {
	for _, c := range []struct{ name, code, want, fault string }{
		{"a line", `m.Log().Info("agent gone", "agent", id)`, "info agent gone agent", ""},
		{"with a value that is a string", `m.Log().Warn("agent gone", "agent", "because")`, "warn agent gone agent", ""},
		{"of an executor", `a.log(e).Error("cannot", "error", err)`, "error cannot error", ""},
		{"a detail", `m.detail("offer sent", "offer", o.id)`, "debug offer sent offer", ""},
		{"no line of the log", `m.tell.Info("x", what)`, "", ""},
		{"a message that is made up", `m.Log().Info("agent " + id)`, "", "constants"},
		{"a key that is made up", `m.Log().Info("x", key, 1)`, "", "constants"},
		{"a key that nobody knows", `m.Log().Info("x", "secret", s)`, "", `"secret"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, faults := readFile("r", "x.go", []byte("package x\nfunc f() { "+c.code+" }\n"))
			got := ""
			for _, l := range lines {
				got = strings.TrimSpace(l.Level + " " + l.Message + " " + strings.Join(l.Keys, " "))
			}
			if got != c.want || (len(faults) > 0) != (c.fault != "") || c.fault != "" && !strings.Contains(faults[0].Error(), c.fault) {
				t.Errorf("got %q and %v, want %q and %q", got, faults, c.want, c.fault)
			}
		})
	}
}

// The page lists exactly what the code logs, and the code uses words that everybody knows.
func TestThePageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	lines, faults := Read(os.DirFS("../.."))
	for _, f := range faults {
		t.Error(f)
	}
	now, err := Insert(page, lines)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, now) {
		t.Error("docs/logs.md is not what the code logs: go run ./tools/logs -update")
	}
	if _, err := Insert([]byte("nothing"), lines); err == nil {
		t.Error("a page without a place for the tables is taken")
	}
}
