package consul_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/cluster/consul"
)

// FuzzPages: whatever the names are, each lies below exactly one page.
func FuzzPages(f *testing.F) {
	f.Add("a ab abc b c", uint8(1))
	f.Add("x x1 x2 x22 x23 y", uint8(2))
	f.Fuzz(func(t *testing.T, text string, limit uint8) {
		const prefix = "p/"
		var names []string
		for _, name := range strings.Fields(text) {
			names = append(names, prefix+name)
		}
		slices.Sort(names)
		names = slices.Compact(names)
		all := consul.Pages(names, prefix, max(1, int(limit)))
		for _, name := range names {
			n := 0
			for _, page := range all {
				if strings.HasPrefix(name, page) {
					n++
				}
			}
			if n != 1 {
				t.Fatalf("%q lies below %d of %q", name, n, all)
			}
		}
	})
}

func TestPagesAreSmall(t *testing.T) {
	var names []string
	for i := range 50000 {
		names = append(names, fmt.Sprintf("p/agents/0f3c-S%d", i))
	}
	slices.Sort(names)
	all := consul.Pages(names, "p/", 4096)
	// S1 begins also S10 to S19999, and no prefix parts it from them.
	if len(all) != 10 {
		t.Errorf("%d pages", len(all))
	}
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"agents/1", "role/ä b%", "\xff\x00", "", "../../x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		name := consul.Escape(key)
		if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q is %q", key, name)
		}
		back, err := consul.Unescape(name)
		if err != nil || back != key {
			t.Fatalf("%q is %q is %q, %v", key, name, back, err)
		}
		// What is not the name of a key is refused, so two names never mean one key.
		if back, err := consul.Unescape(key); err == nil && consul.Escape(back) != key {
			t.Fatalf("%q means %q, whose name is %q", key, back, consul.Escape(back))
		}
	})
}

func FuzzRecords(f *testing.F) {
	for _, seed := range []string{`{"version":1,"cluster":"c","epoch":1,"sequence":2,"upid":"master@a:1","info":"CgE="}`, `{"version":9}`, `{`, `null`, `{"epoch":-1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if r, err := consul.DecodeLeader(value); err != nil && r.UPID != "" {
			t.Fatal("half a record")
		}
		if r, err := consul.DecodeRevision(value); err != nil && r.Epoch != 0 {
			t.Fatal("half a record")
		}
	})
}
