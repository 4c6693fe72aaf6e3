package values

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// MaxRanges bounds one list of ranges. All 65,536 ports, every second one taken, are half as many.
const MaxRanges = 1 << 16

// Range holds the numbers from Begin to End, both included.
type Range struct{ Begin, End uint64 }

// Ranges is a set of numbers as sorted ranges that neither overlap nor touch, so equal sets look alike. The zero
// value is empty. Values are never changed in place; make them with NewRanges.
type Ranges []Range

// NewRanges sorts and merges. It refuses inverted ranges and absurdly many.
func NewRanges(ranges ...Range) (Ranges, error) {
	if len(ranges) > MaxRanges {
		return nil, fmt.Errorf("%d ranges: at most %d are taken: %w", len(ranges), MaxRanges, fault.ErrInvalid)
	}
	for _, r := range ranges {
		if r.Begin > r.End {
			return nil, fmt.Errorf("range %d-%d is inverted: write its smaller end first: %w", r.Begin, r.End, fault.ErrInvalid)
		}
	}
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b Range) int { return cmp.Compare(a.Begin, b.Begin) })
	return coalesce(sorted), nil
}

// coalesce merges sorted ranges in place.
func coalesce(sorted []Range) Ranges {
	merged := sorted[:0]
	for _, r := range sorted {
		merged = extend(merged, r)
	}
	return merged
}

// extend appends r, which begins no earlier than the last of out, or merges it into the last.
func extend(out []Range, r Range) []Range {
	if n := len(out); n > 0 {
		// The largest number has no successor to touch.
		if last := &out[n-1]; last.End == math.MaxUint64 || r.Begin <= last.End+1 {
			last.End = max(last.End, r.End)
			return out
		}
	}
	return append(out, r)
}

// RangesFromProto reads the wire form; overlapping ranges are merged.
func RangesFromProto(p *mesospb.Value_Ranges) (Ranges, error) {
	in := make([]Range, len(p.GetRange()))
	for i, r := range p.GetRange() {
		in[i] = Range{r.GetBegin(), r.GetEnd()}
	}
	return NewRanges(in...)
}

// Proto is the wire form.
func (r Ranges) Proto() *mesospb.Value_Ranges {
	p := &mesospb.Value_Ranges{Range: make([]*mesospb.Value_Range, len(r))}
	// All in one piece of memory: lists of ports are long, and are sent with every offer.
	written := make([]struct {
		message mesospb.Value_Range
		numbers Range
	}, len(r))
	for i := range r {
		w := &written[i]
		w.numbers = r[i]
		w.message.Begin, w.message.End = &w.numbers.Begin, &w.numbers.End
		p.Range[i] = &w.message
	}
	return p
}

// Add returns the numbers in either.
func (r Ranges) Add(other Ranges) Ranges {
	switch {
	case len(other) == 0:
		return r
	case len(r) == 0:
		return other
	}
	out := make([]Range, 0, len(r)+len(other))
	for len(r) > 0 || len(other) > 0 {
		if len(other) == 0 || len(r) > 0 && r[0].Begin <= other[0].Begin {
			out, r = extend(out, r[0]), r[1:]
		} else {
			out, other = extend(out, other[0]), other[1:]
		}
	}
	return out
}

// Subtract returns the numbers of r that are not in other.
func (r Ranges) Subtract(other Ranges) Ranges {
	if len(r) == 0 || len(other) == 0 {
		return r
	}
	out := make([]Range, 0, len(r)+len(other))
	for _, left := range r {
		for len(other) > 0 && other[0].End < left.Begin {
			other = other[1:]
		}
		out = cut(out, left, other)
	}
	return out
}

// cut appends what the holes leave of left. The first hole ends at or after left begins.
func cut(out []Range, left Range, holes Ranges) []Range {
	for _, hole := range holes {
		if hole.Begin > left.End {
			break
		}
		if hole.Begin > left.Begin {
			out = append(out, Range{left.Begin, hole.Begin - 1})
		}
		if hole.End >= left.End {
			return out
		}
		left.Begin = hole.End + 1
	}
	return append(out, left)
}

// Contains says whether every number of other is in r.
func (r Ranges) Contains(other Ranges) bool {
	for _, o := range other {
		for len(r) > 0 && r[0].End < o.Begin {
			r = r[1:]
		}
		if len(r) == 0 || o.Begin < r[0].Begin || o.End > r[0].End {
			return false
		}
	}
	return true
}

// Has says whether n is in r.
func (r Ranges) Has(n uint64) bool { return r.Contains(Ranges{{n, n}}) }

// Equal says whether both hold the same numbers.
func (r Ranges) Equal(other Ranges) bool { return slices.Equal(r, other) }

// Count is how many numbers r holds; it stops at the largest uint64.
func (r Ranges) Count() uint64 {
	var n uint64
	for _, x := range r {
		span := x.End - x.Begin
		if span == math.MaxUint64 || n+span+1 < n {
			return math.MaxUint64
		}
		n += span + 1
	}
	return n
}

// String prints "[1-2, 5-9]", and "[]" for none.
func (r Ranges) String() string {
	b := []byte{'['}
	for i, x := range r {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendUint(b, x.Begin, 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, x.End, 10)
	}
	return string(append(b, ']'))
}

// parseRanges reads "[1-2,5-9]" without spaces. Mesos does not mind brackets, commas and newlines too many, and some
// people's configuration relies on it.
func parseRanges(s string) (Ranges, error) {
	var in []Range
	for token := range strings.FieldsFuncSeq(s, func(c rune) bool { return strings.ContainsRune("[],\n", c) }) {
		begin, end, ok := strings.Cut(token, "-")
		b, errBegin := strconv.ParseUint(begin, 10, 64)
		e, errEnd := strconv.ParseUint(end, 10, 64)
		if !ok || errBegin != nil || errEnd != nil {
			return nil, fmt.Errorf("range %s: write begin-end, like 31000-32000: %w", shorten(token), fault.ErrInvalid)
		}
		in = append(in, Range{b, e})
	}
	return NewRanges(in...)
}
