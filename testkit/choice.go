package testkit

import (
	"math/bits"
	"math/rand/v2"
)

// tape is the only source of chance in a World. It draws each choice from a seed, or plays choices that were
// recorded, and writes down every one.
//
// Choice 0 is always the dull one: the first in the queue, the shortest delay, no loss. So a run whose choices
// are mostly 0 is easy to follow, a tape that ends early goes on dully, and shrinking has only to make numbers 0.
type tape struct {
	random *rand.PCG // nil when played
	played []uint32
	log    []uint32
	// strayed is the first choice at which a played number did not fit, or -1: the code under test is no longer
	// the one that was recorded.
	strayed int
}

func seededTape(seed uint64) *tape {
	return &tape{random: rand.NewPCG(seed, 0x9e3779b97f4a7c15), strayed: -1}
}

func playedTape(choices []uint32) *tape {
	return &tape{played: choices, strayed: -1}
}

// choose returns a number below n. Where there is nothing to choose nothing is written.
func (t *tape) choose(n int) int {
	if n <= 1 {
		return 0
	}
	v := t.next(uint32(n))
	t.log = append(t.log, v)
	return int(v)
}

func (t *tape) next(n uint32) uint32 {
	if t.random != nil {
		high, _ := bits.Mul64(t.random.Uint64(), uint64(n))
		return uint32(high)
	}
	i := len(t.log)
	if i >= len(t.played) {
		return 0
	}
	if t.played[i] >= n {
		if t.strayed < 0 {
			t.strayed = i
		}
		return 0
	}
	return t.played[i]
}

// last is the latest choice that was written.
func (t *tape) last() uint32 {
	if len(t.log) == 0 {
		return 0
	}
	return t.log[len(t.log)-1]
}
