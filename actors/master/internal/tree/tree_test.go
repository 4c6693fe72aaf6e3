package tree_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/meseta-io/meseta/actors/master/internal/tree"
)

// TestAgainstMap does the same to a tree and to a map, and looks that old versions of the tree stay as they were.
func TestAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	type version struct {
		tree  tree.Tree[int]
		model map[string]int
	}
	now := version{model: map[string]int{}}
	var draft tree.Draft[int]
	var old []version
	for step := range 20000 {
		key := fmt.Sprintf("k%d", rng.IntN(300))
		now.model = maps.Clone(now.model)
		if rng.IntN(3) == 0 {
			draft.Delete(key)
			delete(now.model, key)
		} else {
			draft.Set(key, step)
			now.model[key] = step
		}
		if draft.Len() != len(now.model) {
			t.Fatalf("the draft has %d entries, want %d", draft.Len(), len(now.model))
		}
		if rng.IntN(20) == 0 {
			now.tree = draft.Tree()
			old = append(old, now)
		}
	}
	now.tree = draft.Tree()
	for _, v := range append(old, now) {
		if v.tree.Len() != len(v.model) {
			t.Fatalf("%d entries, want %d", v.tree.Len(), len(v.model))
		}
		keys := slices.Sorted(maps.Keys(v.model))
		i := 0
		for key, value := range v.tree.All() {
			if key != keys[i] || value != v.model[key] {
				t.Fatalf("entry %d is %s=%d, want %s=%d", i, key, value, keys[i], v.model[keys[i]])
			}
			i++
			if got, ok := v.tree.Get(key); !ok || got != value {
				t.Fatalf("Get(%s) = %d, %v", key, got, ok)
			}
		}
	}
	if _, ok := now.tree.Get("never"); ok {
		t.Error("a key that was never set is there")
	}
}

func TestStopsEarly(t *testing.T) {
	var draft tree.Draft[int]
	for i := range 100 {
		draft.Set(fmt.Sprint(i), i)
	}
	seen := 0
	for range draft.Tree().All() {
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Fatalf("saw %d", seen)
	}
}

// What a lens hides is not there, however one looks; what it changes is seen changed.
func TestThrough(t *testing.T) {
	var draft tree.Draft[int]
	for i := range 100 {
		draft.Set(fmt.Sprintf("%02d", i), i)
	}
	whole := draft.Tree()
	even := whole.Through(func(_ string, v int) (int, bool) { return v * 10, v%2 == 0 })
	both := even.Through(func(_ string, v int) (int, bool) { return v + 1, v%30 == 0 })
	for _, c := range []struct {
		tree tree.Tree[int]
		want func(int) (int, bool)
	}{
		{whole, func(i int) (int, bool) { return i, true }},
		{even, func(i int) (int, bool) { return i * 10, i%2 == 0 }},
		{both, func(i int) (int, bool) { return i*10 + 1, i%6 == 0 }},
	} {
		all := maps.Collect(c.tree.All())
		seen := 0
		for i := range 100 {
			key := fmt.Sprintf("%02d", i)
			want, there := c.want(i)
			if there {
				seen++
			} else {
				want = 0
			}
			if got, ok := c.tree.Get(key); ok != there || got != want || all[key] != want {
				t.Errorf("%s is %d, %v and %d, want %d, %v", key, got, ok, all[key], want, there)
			}
		}
		halves := maps.Collect(c.tree.Range(0, 50))
		maps.Insert(halves, c.tree.Range(50, 100))
		if !maps.Equal(halves, all) {
			t.Errorf("the two halves are %v", halves)
		}
		if len(all) != seen || c.tree.Len() != seen {
			t.Errorf("%d entries are walked and %d counted, want %d", len(all), c.tree.Len(), seen)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	for _, burst := range []int{1, 100} {
		b.Run(fmt.Sprint("burst=", burst), func(b *testing.B) {
			var draft tree.Draft[int]
			for i := range 100_000 {
				draft.Set(fmt.Sprint(i), i)
			}
			keys := make([]string, 1024)
			for i := range keys {
				keys[i] = fmt.Sprint(i * 97)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				draft.Set(keys[i%len(keys)], i)
				if i%burst == 0 {
					draft.Tree()
				}
			}
		})
	}
}

// Any cut of a walk into ranges is the walk.
func TestRanges(t *testing.T) {
	var d tree.Draft[int]
	const many = 500
	for i := range many {
		d.Set(fmt.Sprintf("%03d", i*2), i)
	}
	all := d.Tree()
	for _, step := range []int{1, 7, 499, 500, 1000} {
		next := 0
		for from := 0; from < many; from += step {
			for _, v := range all.Range(from, from+step) {
				if v != next {
					t.Fatalf("in steps of %d: %d, want %d", step, v, next)
				}
				next++
			}
		}
		if next != many {
			t.Errorf("in steps of %d: %d entries, want %d", step, next, many)
		}
	}
	for _, c := range []struct {
		key  string
		want int
	}{{"", 0}, {"000", 0}, {"001", 1}, {"002", 1}, {"998", 499}, {"999", 500}} {
		if got := all.Before(c.key); got != c.want {
			t.Errorf("before %q: %d, want %d", c.key, got, c.want)
		}
	}
}
