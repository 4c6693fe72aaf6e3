package clustertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

func apply(t *testing.T, s Subject, term cluster.Term, changes ...cluster.Change) {
	t.Helper()
	if err := s.Apply(t.Context(), term, changes); err != nil {
		t.Fatalf("apply: %v", err)
	}
}

func set(key, value string) cluster.Change { return cluster.Change{Key: key, Value: []byte(value)} }

func del(key string) cluster.Change { return cluster.Change{Key: key} }

func holds(t *testing.T, s Subject, term cluster.Term, want string) {
	t.Helper()
	entries, err := s.Load(t.Context(), term)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	var got []string
	for _, e := range entries {
		if e.Value == nil {
			t.Errorf("the value of %q is nil", e.Key)
		}
		got = append(got, e.Key+"="+string(e.Value))
	}
	if text := strings.Join(got, " "); text != want {
		t.Fatalf("the registry holds %q, want %q", text, want)
	}
}

func applyLoad(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	holds(t, s, term, "")
	apply(t, s, term, set("b", "2"), set("a/z", "1"), set("a", "0"))
	apply(t, s, term, set("c", "3"))
	holds(t, s, term, "a=0 a/z=1 b=2 c=3")
}

func deleteAndEmpty(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	apply(t, s, term, set("a", "1"), set("b", ""))
	apply(t, s, term, del("a"), del("never was"))
	holds(t, s, term, "b=")
}

func inOrder(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	apply(t, s, term, set("a", "1"), del("a"), set("b", "1"), set("b", "2"), del("c"), set("c", "3"))
	holds(t, s, term, "b=2 c=3")
}

func allOrNothing(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	for name, bad := range map[string]cluster.Change{
		"empty key":       set("", "x"),
		"key too long":    set(strings.Repeat("k", cluster.MaxKey+1), "x"),
		"value too large": set("big", strings.Repeat("v", cluster.MaxValue+1)),
	} {
		if err := s.Apply(t.Context(), term, []cluster.Change{set("a", "1"), bad}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	holds(t, s, term, "")
	largest := set(strings.Repeat("k", cluster.MaxKey), strings.Repeat("v", cluster.MaxValue))
	apply(t, s, term, largest)
}

func nothing(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	apply(t, s, term)
	holds(t, s, term, "")
}

func fenced(t *testing.T, s Subject) {
	first := lead(t, s, 1)
	apply(t, s, first, set("a", "1"))
	resign(t, first)
	second := lead(t, s, 2)
	if err := s.Apply(t.Context(), first, []cluster.Change{set("a", "old")}); !errors.Is(err, cluster.ErrFenced) {
		t.Errorf("a late write: %v", err)
	}
	if _, err := s.Load(t.Context(), first); !errors.Is(err, fault.ErrNotLeader) {
		t.Errorf("a late read: %v", err)
	}
	holds(t, s, second, "a=1")
}

// stranger is a term that no implementation has given.
type stranger struct{}

func (stranger) Epoch() uint64 { return 1 << 40 }

func (stranger) Valid() bool { return true }

func (stranger) Lost(func(error)) func() { return func() {} }

func (stranger) Resign(context.Context) error { return nil }

func foreignTerm(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	for _, other := range []cluster.Term{nil, stranger{}} {
		if err := s.Apply(t.Context(), other, []cluster.Change{set("a", "1")}); !errors.Is(err, cluster.ErrFenced) {
			t.Errorf("term %T: %v", other, err)
		}
	}
	holds(t, s, term, "")
}

func cancelledContext(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Apply(ctx, term, []cluster.Change{set("a", "1")}); !errors.Is(err, context.Canceled) {
		t.Errorf("apply: %v", err)
	}
	if _, err := s.Load(ctx, term); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v", err)
	}
	holds(t, s, term, "")
}

func ownsLoaded(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	value := []byte("one")
	apply(t, s, term, cluster.Change{Key: "a", Value: value})
	value[0] = 'X'
	entries, err := s.Load(t.Context(), term)
	if err != nil {
		t.Fatal(err)
	}
	entries[0].Value[0] = 'Y'
	holds(t, s, term, "a=one")
}

func survives(t *testing.T, s Subject) {
	if s.Restart == nil {
		t.Skip("nothing of this cluster survives its process, by design")
	}
	term := lead(t, s, 1)
	apply(t, s, term, set("a", "1"))
	again := s.Restart(t)
	next := lead(t, again, 1)
	if next.Epoch() <= term.Epoch() {
		t.Errorf("epoch %d after %d", next.Epoch(), term.Epoch())
	}
	holds(t, again, next, "a=1")
}

func largestBatch(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	var most []cluster.Change
	for i := range cluster.MaxChanges {
		most = append(most, cluster.Change{Key: fmt.Sprintf("%03d", i), Value: []byte("v")})
	}
	apply(t, s, term, most...)
	if err := s.Apply(t.Context(), term, append(most, set("more", "1"))); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("one change too many: %v", err)
	}
	// As heavy as can be, in many keys of the worst kind.
	var heavy []cluster.Change
	weight := 0
	for i := 0; ; i++ {
		c := cluster.Change{Key: fmt.Sprintf("%03d", i) + strings.Repeat("\x01", cluster.MaxKey-3), Value: []byte(strings.Repeat("\xff", 2700))}
		if weight += c.Weight(); weight > cluster.MaxWeight || len(heavy) == cluster.MaxChanges {
			break
		}
		heavy = append(heavy, c)
	}
	apply(t, s, term, heavy...)
	entries, err := s.Load(t.Context(), term)
	if err != nil || len(entries) != cluster.MaxChanges+len(heavy) {
		t.Fatalf("%d entries of %d and %d, %v", len(entries), cluster.MaxChanges, len(heavy), err)
	}
	if err := s.Apply(t.Context(), term, append(heavy, cluster.Change{Key: "more", Value: make([]byte, cluster.MaxValue)})); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("too heavy: %v", err)
	}
}

func anyBytes(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	keys := []string{"plain", "with blank", "a//b", "../up", "%41", "%", "ä", "\xff\xfe", "\x00", string(all), `"`, "<&>", "\u2028"}
	var changes []cluster.Change
	for _, key := range keys {
		changes = append(changes, cluster.Change{Key: key, Value: append([]byte(key), all...)})
	}
	apply(t, s, term, changes...)
	entries, err := s.Load(t.Context(), term)
	if err != nil || len(entries) != len(keys) {
		t.Fatalf("%d entries of %d, %v", len(entries), len(keys), err)
	}
	for i, e := range entries {
		if string(e.Value) != e.Key+string(all) {
			t.Errorf("the value of %q is %q", e.Key, e.Value)
		}
		if i > 0 && entries[i-1].Key >= e.Key {
			t.Errorf("%q comes before %q", entries[i-1].Key, e.Key)
		}
	}
	for i := range changes {
		changes[i].Value = nil
	}
	apply(t, s, term, changes...)
	holds(t, s, term, "")
}
