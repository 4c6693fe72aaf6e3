package cgroups

import (
	"math"
	"testing"
)

func TestWeights(t *testing.T) {
	for _, c := range []struct {
		shows          string
		cpus           float64
		revocable      bool
		shares, weight uint64
	}{
		{"one processor", 1, false, 1024, 100},
		{"a tenth", 0.1, false, 102, 10},
		{"next to nothing is the least", 0.001, false, 2, 1},
		{"nothing, as an executor may have", 0, false, 2, 1},
		{"what can be revoked weighs next to nothing", 4, true, 40, 4},
		{"a little that can be revoked", 0.1, true, 2, 1},
		{"more than can be weighed", 1e6, false, 1 << 18, 10_000},
	} {
		if s, w := shares(c.cpus, c.revocable), weight(c.cpus, c.revocable); s != c.shares || w != c.weight {
			t.Errorf("%s: %d and %d, not %d and %d", c.shows, s, w, c.shares, c.weight)
		}
	}
}

func TestQuota(t *testing.T) {
	for _, c := range []struct {
		shows string
		cpus  float64
		quota int64
	}{
		{"half a processor", 0.5, 50_000},
		{"two", 2, 200_000},
		{"the least that the kernel takes", 0.001, 1_000},
		{"nothing is as much", 0, 1_000},
		{"a machine of a hundred processors", 100, 10_000_000},
		{"without an end", math.Inf(1), -1},
		{"more than can be counted", 1e15, -1},
		{"no number", math.NaN(), -1},
	} {
		if q := quota(c.cpus); q != c.quota {
			t.Errorf("%s: %d, not %d", c.shows, q, c.quota)
		}
	}
}
