package sample

import "time"

// Slots is how many buckets a Histogram has.
const Slots = 20

// Histogram counts durations: bucket i those below First << i and not below the bound before; the last one has no bound.
type Histogram struct {
	First  time.Duration `json:"first_ns"`
	Counts [Slots]uint64 `json:"counts"`
}

// Total is how many durations there were.
func (h *Histogram) Total() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Bound is the upper bound of a bucket; the last one's is where it would be.
func (h *Histogram) Bound(i int) time.Duration { return h.First << i }

// Quantile is a duration that the share q of all does not exceed, as if those of a bucket lay evenly in it; 0 when there are none.
// For the last bucket it is where that begins.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := h.Total()
	if total == 0 {
		return 0
	}
	rank, below := min(max(q, 0), 1)*float64(total), 0.0
	for i, c := range h.Counts {
		if below+float64(c) < rank || c == 0 {
			below += float64(c)
			continue
		}
		from := time.Duration(0)
		if i > 0 {
			from = h.Bound(i - 1)
		}
		if i == Slots-1 {
			return from
		}
		return from + time.Duration(float64(h.Bound(i)-from)*(rank-below)/float64(c))
	}
	return h.Bound(Slots - 2)
}

// Since is what was added after an earlier state.
func (h *Histogram) Since(earlier *Histogram) Histogram {
	d := *h
	for i := range d.Counts {
		if d.Counts[i] >= earlier.Counts[i] {
			d.Counts[i] -= earlier.Counts[i]
		}
	}
	return d
}
