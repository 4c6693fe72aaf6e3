package metrics

import "slices"

// Statistics describes a set of values.
type Statistics struct {
	Count                   int
	Min, Max                float64
	P25, P50, P75, P90, P95 float64
	P99, P999, P9999        float64
}

// Describe computes the statistics of values, which it sorts in place; false for fewer than two, which have no
// distribution.
func Describe(values []float64) (Statistics, bool) {
	if len(values) < 2 {
		return Statistics{}, false
	}
	slices.Sort(values)
	p := func(q float64) float64 { return percentile(values, q) }
	return Statistics{
		Count: len(values), Min: values[0], Max: values[len(values)-1],
		P25: p(0.25), P50: p(0.5), P75: p(0.75), P90: p(0.9), P95: p(0.95), P99: p(0.99), P999: p(0.999), P9999: p(0.9999),
	}, true
}

// percentile interpolates linearly between the two sorted values around rank q·(n-1).
func percentile(sorted []float64, q float64) float64 {
	rank := q * float64(len(sorted)-1)
	i := int(rank)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (rank-float64(i))*(sorted[i+1]-sorted[i])
}

// each names the statistics as snapshots show them.
func (s Statistics) each(yield func(suffix string, v float64)) {
	yield("count", float64(s.Count))
	yield("min", s.Min)
	yield("max", s.Max)
	yield("p50", s.P50)
	yield("p90", s.P90)
	yield("p95", s.P95)
	yield("p99", s.P99)
	yield("p999", s.P999)
	yield("p9999", s.P9999)
}
