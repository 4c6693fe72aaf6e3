package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The tables stand between these in docs/logs.md.
const (
	begin = "<!-- tables: go run ./tools/logs -update -->\n"
	end   = "<!-- end of the tables -->\n"
)

// Insert puts the tables of lines and keys into the page.
func Insert(page []byte, lines []Line) ([]byte, error) {
	head, rest, ok := bytes.Cut(page, []byte(begin))
	_, tail, ended := bytes.Cut(rest, []byte(end))
	if !ok || !ended {
		return nil, fmt.Errorf("docs/logs.md has no place for the tables: a line %q and a line %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	var b bytes.Buffer
	b.Write(head)
	b.WriteString(begin)
	for _, room := range rooms {
		fmt.Fprintf(&b, "\n### %s\n\n| level | message | keys |\n|---|---|---|\n", room.Title)
		for _, l := range lines {
			if l.Room == room.Dir {
				fmt.Fprintf(&b, "| %s | %s | %s |\n", l.Level, l.Message, strings.Join(l.Keys, ", "))
			}
		}
	}
	b.WriteString("\n### Keys\n\n| key | what it is |\n|---|---|\n")
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		fmt.Fprintf(&b, "| %s | %s |\n", k, keys[k])
	}
	b.WriteString("\n" + end)
	b.Write(tail)
	return b.Bytes(), nil
}
