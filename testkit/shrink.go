package testkit

import "slices"

// shrinkTopics shrinks the choices of all topics: first it makes whole topics dull, as many as still fail, and then
// it shrinks what is left of each.
func shrinkTopics(choices *Choices, try func(*Choices) (*Choices, bool), budget int) *Choices {
	best := choices.trimmed()
	attempt := func(change func(c *Choices)) bool {
		candidate := *best
		change(&candidate)
		budget--
		_, fails := try(&candidate)
		if fails {
			best = &candidate
		}
		return fails
	}
	if !attempt(func(c *Choices) { c[turns], c[delays], c[fates] = nil, nil, nil }) {
		for _, about := range []topic{turns, delays, fates} {
			attempt(func(c *Choices) { c[about] = nil })
		}
	}
	for left, about := range []topic{turns, delays, fates, script} {
		if len(best[about]) == 0 {
			continue
		}
		share := budget / (int(topics) - left)
		used := 0
		best[about] = shrink(best[about], func(c []uint32) ([]uint32, bool) {
			used++
			candidate := *best
			candidate[about] = c
			made, fails := try(&candidate)
			if !fails {
				return nil, false
			}
			return made[about], true
		}, share)
		budget -= used
	}
	return best
}

// shrink looks for a shorter and duller list of choices that still fails. try runs one and reports whether it
// fails in the same way, with the choices that were really made; budget bounds how often it is called.
//
// The moves, repeated while they help: cut the end off, make blocks dull (halving their size down to single
// choices), take blocks out (which shifts all later choices and removes whole episodes), make numbers smaller.
// At last it tries whether one single deviation is enough, wherever it has to be by now: making one choice dull
// may change which choice comes at which place, and the other moves do not find their way around that.
func shrink(choices []uint32, try func([]uint32) ([]uint32, bool), budget int) []uint32 {
	s := &shrinker{best: trimZeros(choices), try: try, budget: budget}
	s.truncate()
	for s.budget > 0 {
		before := cost(s.best)
		s.eachBlock(max(1, len(s.best)/2), 1, zeroed)
		s.eachBlock(max(1, len(s.best)/2), max(1, len(s.best)/64), removed)
		s.lower()
		if cost(s.best) >= before {
			break
		}
	}
	s.isolate()
	return s.best
}

type shrinker struct {
	best   []uint32
	try    func([]uint32) ([]uint32, bool)
	budget int
}

// attempt keeps the candidate if it is better and still fails.
func (s *shrinker) attempt(candidate []uint32) bool {
	candidate = trimZeros(candidate)
	if s.budget <= 0 || cost(candidate) >= cost(s.best) {
		return false
	}
	s.budget--
	made, fails := s.try(candidate)
	if !fails {
		return false
	}
	// What the run really chose may be shorter still: choices beyond its end, or that did not fit, are gone.
	if made = trimZeros(made); cost(made) < cost(candidate) {
		candidate = made
	}
	s.best = slices.Clone(candidate)
	return true
}

// truncate finds a short failing beginning by halving. Failing is not monotone in the length, so the result need
// not be the shortest, but each step was seen to fail.
func (s *shrinker) truncate() {
	low, high := 0, len(s.best)
	for low < high && s.budget > 0 {
		middle := (low + high) / 2
		if s.attempt(s.best[:min(middle, len(s.best))]) {
			high = min(middle, len(s.best))
		} else {
			low = middle + 1
		}
	}
}

func (s *shrinker) eachBlock(size, least int, change func([]uint32, int, int) []uint32) {
	for ; size >= least && s.budget > 0; size /= 2 {
		for i := 0; i < len(s.best) && s.budget > 0; {
			// After a success the same place is looked at again: something else may have moved there.
			if !s.attempt(change(s.best, i, min(i+size, len(s.best)))) {
				i += size
			}
		}
		if size == 1 {
			return
		}
	}
}

// lower makes what is left smaller: 1 is duller than 9.
func (s *shrinker) lower() {
	for i := 0; i < len(s.best) && s.budget > 0; i++ {
		for i < len(s.best) && s.best[i] > 1 {
			smaller := slices.Clone(s.best)
			smaller[i] /= 2
			if !s.attempt(smaller) {
				break
			}
		}
	}
}

// isolate looks for a failing run with one deviation only, of the largest and the smallest size that are left.
func (s *shrinker) isolate() {
	left := slices.DeleteFunc(slices.Clone(s.best), func(v uint32) bool { return v == 0 })
	if len(left) < 2 {
		return
	}
	n := len(s.best)
	for _, v := range slices.Compact([]uint32{slices.Max(left), slices.Min(left)}) {
		for i := range n {
			only := make([]uint32, i+1)
			only[i] = v
			if s.attempt(only) {
				s.lower()
				return
			}
		}
	}
}

func zeroed(c []uint32, from, to int) []uint32 {
	if isZero(c[from:to]) {
		return c
	}
	c = slices.Clone(c)
	clear(c[from:to])
	return c
}

func removed(c []uint32, from, to int) []uint32 {
	return slices.Delete(slices.Clone(c), from, to)
}

func isZero(c []uint32) bool {
	return !slices.ContainsFunc(c, func(v uint32) bool { return v != 0 })
}

func trimZeros(c []uint32) []uint32 {
	for len(c) > 0 && c[len(c)-1] == 0 {
		c = c[:len(c)-1]
	}
	return c
}

// cost orders candidates: deviations matter most, then their size, then the length.
func cost(c []uint32) int {
	total := len(c)
	for _, v := range c {
		if v != 0 {
			total += 1000 + 10*min(int(v), 50)
		}
	}
	return total
}
