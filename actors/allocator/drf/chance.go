package drf

import "slices"

// Chance is drawn from a counter-based generator: a key for each run and stage, mixed with the identity of the thing. What is
// skipped draws nothing, so skipping changes nothing, and agents sorted by their draws are a uniform shuffle
// whose restriction to any subset is the shuffle of that subset. One seed replays one cluster.

func mix(x, y uint64) uint64 {
	x ^= y + 0x9e3779b97f4a7c15 + x<<6 + x>>2
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// hashName is FNV-1a.
func hashName(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

func stageKey(seed, run uint64, stage int) uint64 {
	return mix(mix(mix(0x5eed, seed), run), uint64(stage))
}

// cut names one shrinking of one candidate offer: step 0 shrinks to the guarantee, 1 to the limit, 2 to the headroom.
type cut struct {
	stage, agent, framework, role uint64
	step                          int
}

// key orders the pieces of one name that the cut looks at. Plain amounts have hash 0.
func (c cut) key(hash uint64, copy int64) uint64 {
	return mix(mix(mix(mix(mix(mix(c.stage, c.agent), c.framework), c.role), uint64(c.step)), hash), uint64(copy))
}

// shuffle puts the visits in the order of this run and stage: by drawn key, with a radix sort on its upper half.
func (e *Engine) shuffle(stage int) {
	e.key = stageKey(e.Seed, e.runs, stage)
	for i := range e.visits {
		v := &e.visits[i]
		v.key = mix(e.key, e.agents[v.slot].hash)
	}
	if len(e.visits) < e.radixFrom {
		slices.SortFunc(e.visits, func(a, b visit) int {
			if a.key < b.key {
				return -1
			}
			return 1
		})
		return
	}
	if cap(e.spare) < len(e.visits) {
		e.spare = make([]visit, len(e.visits), cap(e.visits))
	}
	from, to := e.visits, e.spare[:len(e.visits)]
	for shift := 31; shift < 64; shift += 11 {
		var start [2048]int32
		for i := range from {
			start[from[i].key>>shift&2047]++
		}
		sum := int32(0)
		for i, n := range start {
			start[i] = sum
			sum += n
		}
		for i := range from {
			b := from[i].key >> shift & 2047
			to[start[b]] = from[i]
			start[b]++
		}
		from, to = to, from
	}
	e.visits, e.spare = from, to
	for i := 1; i < len(from); i++ { // keys that agree in the bits sorted
		for j := i; j > 0 && from[j].key < from[j-1].key; j-- {
			from[j], from[j-1] = from[j-1], from[j]
		}
	}
}
