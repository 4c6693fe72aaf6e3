package testkit

import (
	"math/bits"
	"math/rand/v2"
)

// topic is what a choice is about. Each topic has a tape of its own, so that making the choices of one topic dull
// leaves those of the others in their places: what a test's script chose stays the same when messages take the
// shortest time. That is what makes long runs shrink.
type topic int

const (
	turns  topic = iota // who takes the next step
	delays              // how long something takes
	fates               // what is lost, doubled, torn
	script              // what the test chooses itself
	topics
)

// Choices are recorded decisions by topic.
type Choices [topics][]uint32

// tape is the only source of chance in a World. It draws each choice from a seed, or plays choices that were
// recorded, and writes down every one.
//
// Choice 0 is always the dull one: the first in the queue, the shortest delay, no loss. So a run whose choices
// are mostly 0 is easy to follow, a tape that ends early goes on dully, and shrinking has only to make numbers 0.
type tape struct {
	random [topics]*rand.PCG // nil when played
	played *Choices
	log    Choices
	// strayed says that a played number did not fit: the code under test is no longer the one that was recorded.
	strayed bool
}

func seededTape(seed uint64) *tape {
	t := &tape{}
	for i := range t.random {
		t.random[i] = rand.NewPCG(seed, 0x9e3779b97f4a7c15+uint64(i))
	}
	return t
}

func playedTape(choices *Choices) *tape { return &tape{played: choices} }

// choose returns a number below n. Where there is nothing to choose nothing is written.
func (t *tape) choose(about topic, n int) int {
	if n <= 1 {
		return 0
	}
	v := t.next(about, uint32(n))
	t.log[about] = append(t.log[about], v)
	return int(v)
}

func (t *tape) next(about topic, n uint32) uint32 {
	if t.played == nil {
		high, _ := bits.Mul64(t.random[about].Uint64(), uint64(n))
		return uint32(high)
	}
	i := len(t.log[about])
	if i >= len(t.played[about]) {
		return 0
	}
	if t.played[about][i] >= n {
		t.strayed = true
		return 0
	}
	return t.played[about][i]
}

// count is how many choices there are, and how many of them are against the dull order.
func (c *Choices) count() (all, odd int) {
	for _, topic := range c {
		all += len(topic)
		for _, v := range topic {
			if v != 0 {
				odd++
			}
		}
	}
	return all, odd
}

// trimmed leaves out the zeros at the ends, which say nothing.
func (c *Choices) trimmed() *Choices {
	var t Choices
	for i := range c {
		t[i] = trimZeros(c[i])
	}
	return &t
}
