package devices

import (
	"errors"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Entry{
		"c 1:3 rwm":    {'c', 1, 3, Any},
		"b *:* m":      {'b', All, All, Mknod},
		"c 136:* rw":   {'c', 136, All, Read | Write},
		"a *:* rwm":    {'a', All, All, Any},
		"a":            {'a', All, All, Any},
		" c  1:3  wr ": {'c', 1, 3, Read | Write},
	} {
		e, err := Parse(text)
		if err != nil || e != want {
			t.Errorf("%q: %v, %v", text, e, err)
		}
		if again, err := Parse(e.String()); err != nil || again != e {
			t.Errorf("%q is written %q and read as %v, %v", text, e, again, err)
		}
	}
	for _, text := range []string{"", "c", "x 1:3 r", "c 1 r", "c 1:x r", "c -1:3 r", "c 1:3 rr", "c 1:3 x", "c 1:3 r w", "a 1:3 r", "c 4096:0 r", "c 1:1048576 r", "cc 1:3 r"} {
		if e, err := Parse(text); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q is %v, %v", text, e, err)
		}
	}
}

func entry(t *testing.T, text string) Entry {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func entries(t *testing.T, texts ...string) (all []Entry) {
	t.Helper()
	for _, text := range texts {
		all = append(all, entry(t, text))
	}
	return all
}

func TestEncompasses(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		yes          bool
	}{
		{"c 1:3 r", "c 1:3 rwm", true}, // it is about devices, not about access
		{"c 1:* r", "c 1:3 r", true},
		{"c *:3 r", "c 1:3 r", true},
		{"c *:* r", "c 1:* r", true},
		{"a *:* r", "b 8:0 r", true},
		{"a *:* r", "c *:* r", true},
		{"c 1:3 r", "c 1:* r", false},
		{"c 1:3 r", "b 1:3 r", false},
		{"c 1:* r", "c 2:3 r", false},
		{"b *:* r", "a *:* r", false},
	} {
		if got := entry(t, c.wide).Encompasses(entry(t, c.narrow)); got != c.yes {
			t.Errorf("%s encompasses %s: %t", c.wide, c.narrow, got)
		}
	}
	for text, wild := range map[string]bool{"c 1:3 r": false, "c 1:* r": true, "c *:3 r": true, "a": true} {
		if e := entry(t, text); e.Wildcard() != wild {
			t.Errorf("%s is about several: %t", e, !wild)
		}
	}
	if !entry(t, "c 1:3 r").Same(entry(t, "c 1:3 w")) || entry(t, "c 1:3 r").Same(entry(t, "c 1:4 r")) {
		t.Error("the same are those with the same numbers")
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"c 1:3 rwm", "b *:* m", "a", "c 136:* rw"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(e.String()); err != nil || again != e {
			t.Errorf("%q is written %q and read as %v, %v", text, e, again, err)
		}
	})
}
