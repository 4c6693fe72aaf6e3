package live

import "bytes"

// letters choose a column at once.
var letters = map[byte]Column{'t': Task, 'a': Agent, 'c': CPU, 'w': Wait, 'm': Memory, 'i': Read, 'o': Written, 'x': Received, 's': Sent}

// Keys are what a terminal sends, and what to do then.
var sequences = []struct {
	sent string
	do   func(t *Table, page int)
}{
	{"\x1b[A", func(t *Table, _ int) { t.First-- }}, {"\x1b[B", func(t *Table, _ int) { t.First++ }},
	{"\x1b[C", func(t *Table, _ int) { t.By = (t.By + 1) % columns }}, {"\x1b[D", func(t *Table, _ int) { t.By = (t.By + columns - 1) % columns }},
	{"\x1bOA", func(t *Table, _ int) { t.First-- }}, {"\x1bOB", func(t *Table, _ int) { t.First++ }},
	{"\x1bOC", func(t *Table, _ int) { t.By = (t.By + 1) % columns }}, {"\x1bOD", func(t *Table, _ int) { t.By = (t.By + columns - 1) % columns }},
	{"\x1b[5~", func(t *Table, page int) { t.First -= page }}, {"\x1b[6~", func(t *Table, page int) { t.First += page }},
	{"\x1b[H", func(t *Table, _ int) { t.First = 0 }}, {"\x1b[1~", func(t *Table, _ int) { t.First = 0 }},
	{"\x1b[F", func(t *Table, _ int) { t.First = len(t.rows) }}, {"\x1b[4~", func(t *Table, _ int) { t.First = len(t.rows) }},
}

// Keys does what was typed, on a screen that has room for page rows; true: it is enough. What it does not know it passes over.
func (t *Table) Keys(typed []byte, page int) (quit bool) {
	for len(typed) > 0 && !quit {
		typed, quit = t.key(typed, page)
	}
	t.First = min(max(t.First, 0), max(len(t.rows)-page, 0))
	return quit
}

func (t *Table) key(typed []byte, page int) (rest []byte, quit bool) {
	for _, s := range sequences {
		if bytes.HasPrefix(typed, []byte(s.sent)) {
			s.do(t, page)
			return typed[len(s.sent):], false
		}
	}
	k, rest := typed[0], typed[1:]
	switch {
	case k == 'q' || k == 3 || k == 4: // also ^C and ^D
		return nil, true
	case k == 'r':
		t.Reverse = !t.Reverse
	case k == 'p' || k == ' ':
		t.Paused = !t.Paused
	case k == 0x1b: // a key that is not known: its sequence ends with a letter or a tilde
		for len(rest) > 0 {
			c := rest[0]
			rest = rest[1:]
			if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '~' {
				break
			}
		}
	default:
		if by, ok := letters[k]; ok {
			if t.By == by {
				t.Reverse = !t.Reverse
			} else {
				t.By, t.Reverse = by, false
			}
		}
	}
	return rest, false
}
