package fetcher_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/fetcher"
)

func names(entries []*fetcher.Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Key.URI)
	}
	return all
}

// keep brings an entry into a cache and lets go of it.
func keep(t *testing.T, c *fetcher.Cache, uri string, size int64) []string {
	t.Helper()
	e, made := c.Hold(fetcher.Key{User: "u", URI: uri})
	if made {
		evicted, err := c.Reserve(e, size)
		if err != nil {
			t.Fatal(err)
		}
		c.Ready(e)
		c.Release(e)
		return names(evicted)
	}
	c.Release(e)
	return nil
}

func TestCacheEvictsTheLeastRecentlyUsed(t *testing.T) {
	c := fetcher.NewCache(10)
	keep(t, c, "a", 4)
	keep(t, c, "b", 4)
	keep(t, c, "a", 4) // used again
	if got := keep(t, c, "c", 4); !slices.Equal(got, []string{"b"}) {
		t.Errorf("evicted %q, want b", got)
	}
	if got := keep(t, c, "d", 10); !slices.Equal(got, []string{"a", "c"}) || c.Used() != 10 {
		t.Errorf("evicted %q with %d used, want a and c", got, c.Used())
	}
}

func TestCacheKeepsWhatIsInUse(t *testing.T) {
	c := fetcher.NewCache(10)
	held, _ := c.Hold(fetcher.Key{URI: "held"})
	if _, err := c.Reserve(held, 6); err != nil {
		t.Fatal(err)
	}
	c.Ready(held)
	keep(t, c, "small", 4)
	e, _ := c.Hold(fetcher.Key{URI: "large"})
	if evicted, err := c.Reserve(e, 5); err == nil || !strings.Contains(err.Error(), "5 bytes do not fit: of 10 bytes 4 are free") || len(evicted) > 0 {
		t.Errorf("evicted %q, %v", names(evicted), err)
	}
	if _, made := c.Hold(fetcher.Key{User: "u", URI: "small"}); made {
		t.Error("something was evicted for what did not fit after all")
	}
	c.Drop(e)
	c.Release(e)
	c.Release(held)
	if got := keep(t, c, "next", 6); !slices.Equal(got, []string{"held"}) {
		t.Errorf("evicted %q, want held, which nobody holds any more", got)
	}
}

// What one user fetched is not another's.
func TestCacheIsPerUser(t *testing.T) {
	c := fetcher.NewCache(10)
	a, _ := c.Hold(fetcher.Key{User: "ann", URI: "x"})
	b, made := c.Hold(fetcher.Key{User: "bob", URI: "x"})
	if !made || a == b || a.Name == b.Name {
		t.Error("two users share a file")
	}
}

// Whatever happens in whatever order: no more is used than there is room for, and nothing that is held goes.
func TestCacheUnderAnyUse(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		c := fetcher.NewCache(100)
		held := map[*fetcher.Entry]int{}
		sizes := map[*fetcher.Entry]int64{} // of what is kept
		forget := func(e *fetcher.Entry) { delete(sizes, e) }
		for range 300 {
			e, made := c.Hold(fetcher.Key{URI: fmt.Sprint(rnd.IntN(12))})
			held[e]++
			if made {
				size := rnd.Int64N(60)
				evicted, err := c.Reserve(e, size)
				for _, v := range evicted {
					if held[v] > 0 {
						t.Fatalf("seed %d: evicted %s, which is held", seed, v.Key.URI)
					}
					forget(v)
				}
				if err == nil {
					sizes[e] = size
					c.Ready(e)
				} else {
					c.Drop(e)
				}
			}
			for h := range held {
				if rnd.IntN(3) == 0 {
					c.Release(h)
					if held[h]--; held[h] == 0 {
						delete(held, h)
					}
				}
			}
			if rnd.IntN(20) == 0 {
				c.Drop(e)
				forget(e)
			}
			var used int64
			for _, s := range sizes {
				used += s
			}
			if used != c.Used() || used > c.Size() {
				t.Fatalf("seed %d: %d used, the cache says %d of %d", seed, used, c.Used(), c.Size())
			}
		}
	}
}
