package drf

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// Range is an inclusive range of numbers.
type Range struct{ Lo, Hi uint64 }

// Set is the value of a resource that is not a scalar: sorted ranges that do not touch, or sorted words. A set that came
// out of the engine must not be changed.
type Set struct {
	Ranges []Range
	Items  []string
}

// RangeSet makes a set of ranges in any order.
func RangeSet(ranges ...Range) *Set {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b Range) int {
		switch {
		case a.Lo < b.Lo:
			return -1
		case a.Lo > b.Lo:
			return 1
		}
		return 0
	})
	var out []Range
	for _, r := range ranges {
		if r.Lo <= r.Hi {
			out = appendRange(out, r)
		}
	}
	return &Set{Ranges: out}
}

// ItemSet makes a set of words in any order.
func ItemSet(items ...string) *Set {
	items = slices.Clone(items)
	slices.Sort(items)
	return &Set{Items: slices.Compact(items)}
}

func (s *Set) size() uint64 {
	n := uint64(len(s.Items))
	for _, r := range s.Ranges {
		size := r.Hi - r.Lo
		if n > math.MaxUint64-size-1 || size == math.MaxUint64 {
			return math.MaxUint64
		}
		n += size + 1
	}
	return n
}

// setTable gives every distinct set a number, so that agents, offers and filters carry an int32 and the common questions
// (is it the same? is it all of it?) are comparisons of numbers. Number 0 is the empty set.
type setTable struct {
	sets   []*Set
	counts []int64 // in thousandths
	ids    map[string]int32
	memo   map[setOp]int32
	free   []int32
}

type setOp struct {
	union bool
	a, b  int32
}

func newSetTable() *setTable {
	return &setTable{sets: []*Set{{}}, counts: []int64{0}, ids: map[string]int32{"": 0}, memo: map[setOp]int32{}}
}

func (t *setTable) len() int { return len(t.sets) - len(t.free) }

func (t *setTable) id(s *Set) int32 {
	if s == nil || len(s.Ranges)+len(s.Items) == 0 {
		return 0
	}
	var room [128]byte
	key := s.key(room[:0])
	if id, ok := t.ids[string(key)]; ok {
		return id
	}
	var id int32
	if n := len(t.free); n > 0 {
		id, t.free = t.free[n-1], t.free[:n-1]
	} else {
		id = int32(len(t.sets))
		t.sets, t.counts = append(t.sets, nil), append(t.counts, 0)
	}
	t.sets[id], t.counts[id] = s, countable(s.size())
	t.ids[string(key)] = id
	return id
}

// key is the set as bytes. The first tells numbers from words; the length of every word keeps two sets of words apart.
func (s *Set) key(b []byte) []byte {
	if len(s.Items) > 0 {
		b = append(b, 'w')
	} else {
		b = append(b, 'r')
	}
	for _, r := range s.Ranges {
		b = binary.LittleEndian.AppendUint64(b, r.Lo)
		b = binary.LittleEndian.AppendUint64(b, r.Hi)
	}
	for _, item := range s.Items {
		b = binary.AppendUvarint(b, uint64(len(item)))
		b = append(b, item...)
	}
	return b
}

func (t *setTable) minus(a, b int32) int32 {
	if a == b || a == 0 {
		return 0
	}
	if b == 0 {
		return a
	}
	return t.remember(setOp{false, a, b})
}

func (t *setTable) union(a, b int32) int32 {
	if a == b || b == 0 {
		return a
	}
	if a == 0 {
		return b
	}
	return t.remember(setOp{true, a, b})
}

func (t *setTable) within(a, b int32) bool { return a == b || t.minus(a, b) == 0 }

// memoLimit bounds the remembered results; forgetting them costs only time.
const memoLimit = 1 << 16

func (t *setTable) remember(op setOp) int32 {
	if id, ok := t.memo[op]; ok {
		return id
	}
	a, b := t.sets[op.a], t.sets[op.b]
	result := &Set{}
	if len(a.Items)+len(b.Items) > 0 {
		result.Items = combineItems(a.Items, b.Items, op.union)
	} else {
		result.Ranges = combineRanges(a.Ranges, b.Ranges, op.union)
	}
	id := t.id(result)
	if len(t.memo) >= memoLimit {
		clear(t.memo)
	}
	t.memo[op] = id
	return id
}

// sweep forgets the sets that nobody marked.
func (t *setTable) sweep(live []bool) {
	clear(t.memo)
	for key, id := range t.ids {
		if id != 0 && !live[id] {
			delete(t.ids, key)
			t.sets[id] = nil
			t.free = append(t.free, id)
		}
	}
	// In number order, because map order would give the same history other numbers in another process.
	slices.Sort(t.free)
}

func combineItems(a, b []string, union bool) []string {
	var out []string
	for i, j := 0, 0; i < len(a) || union && j < len(b); {
		order := -1
		switch {
		case i == len(a):
			order = 1
		case j < len(b):
			order = strings.Compare(a[i], b[j])
		}
		switch {
		case order < 0:
			out = append(out, a[i])
			i++
		case order > 0:
			if union {
				out = append(out, b[j])
			}
			j++
		default:
			if union {
				out = append(out, a[i])
			}
			i, j = i+1, j+1
		}
	}
	return out
}

// appendRange adds a range that starts no earlier than the last one.
func appendRange(out []Range, r Range) []Range {
	if n := len(out); n > 0 && (out[n-1].Hi == math.MaxUint64 || out[n-1].Hi+1 >= r.Lo) {
		out[n-1].Hi = max(out[n-1].Hi, r.Hi)
		return out
	}
	return append(out, r)
}

func combineRanges(a, b []Range, union bool) []Range {
	if union {
		return uniteRanges(a, b)
	}
	return subtractRanges(a, b)
}

func uniteRanges(a, b []Range) []Range {
	var out []Range
	for i, j := 0, 0; i < len(a) || j < len(b); {
		if j == len(b) || i < len(a) && a[i].Lo <= b[j].Lo {
			out = appendRange(out, a[i])
			i++
		} else {
			out = appendRange(out, b[j])
			j++
		}
	}
	return out
}

func subtractRanges(a, b []Range) []Range {
	var out []Range
	j := 0
	for _, r := range a {
		lo, gone := r.Lo, false
		for j < len(b) && b[j].Hi < lo {
			j++
		}
		for k := j; k < len(b) && b[k].Lo <= r.Hi && !gone; k++ {
			if b[k].Lo > lo {
				out = append(out, Range{lo, b[k].Lo - 1})
			}
			// The last number of all has no successor.
			if gone = b[k].Hi >= r.Hi; !gone {
				lo = max(lo, b[k].Hi+1)
			}
		}
		if !gone {
			out = append(out, Range{lo, r.Hi})
		}
	}
	return out
}
