package metrics_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process/metrics"
)

var start = time.Unix(1000, 0)

func at(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }

func upTo(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i)
	}
	return v
}

func TestSeriesKeepsTheLatest(t *testing.T) {
	s := metrics.NewSeries(time.Hour, 10)
	if _, any := s.Latest(); any {
		t.Fatal("an empty series has a latest point")
	}
	s.Set(at(0), 1)
	if p, ok := s.Latest(); !ok || p.Value != 1 {
		t.Fatalf("latest %v, %v", p, ok)
	}
}

// Every other point of the older half goes, one for each that comes; past the middle it begins again.
func TestSeriesGrowsCoarseWithAge(t *testing.T) {
	s := metrics.NewSeries(math.MaxInt64, 10)
	for i := range 10 {
		s.Set(at(float64(i)), float64(i))
	}
	if !slices.Equal(s.Values(), upTo(10)) {
		t.Fatalf("full: %v", s.Values())
	}
	cases := [][]float64{
		{0, 2, 3, 4, 5, 6, 7, 8, 9, 10},
		{0, 2, 4, 5, 6, 7, 8, 9, 10, 11},
		{0, 2, 4, 6, 7, 8, 9, 10, 11, 12},
		{0, 2, 4, 6, 8, 9, 10, 11, 12, 13},
		{0, 2, 4, 6, 8, 10, 11, 12, 13, 14},
		{0, 4, 6, 8, 10, 11, 12, 13, 14, 15},
		{0, 4, 8, 10, 11, 12, 13, 14, 15, 16},
	}
	for i, want := range cases {
		s.Set(at(float64(10+i)), float64(10+i))
		if !slices.Equal(s.Values(), want) {
			t.Fatalf("after %d: %v, want %v", 10+i, s.Values(), want)
		}
	}
	// A late point disturbs the pass, which begins again.
	s.Set(at(0.5), 0.5)
	want := []float64{0, 4, 8, 10, 11, 12, 13, 14, 15, 16}
	if !slices.Equal(s.Values(), want) {
		t.Fatalf("after a late point: %v, want %v", s.Values(), want)
	}
}

func TestSeriesForgetsWhatIsOlderThanItsWindow(t *testing.T) {
	s := metrics.NewSeries(10*time.Second, 100)
	for i := range 10 {
		s.Set(at(float64(i)), float64(i))
	}
	s.Truncate(at(12))
	if want := []float64{3, 4, 5, 6, 7, 8, 9}; !slices.Equal(s.Values(), want) {
		t.Fatalf("%v, want %v", s.Values(), want)
	}
	s.Truncate(at(1000))
	if want := []float64{3, 4, 5, 6, 7, 8, 9}; !slices.Equal(s.Values(), want) {
		t.Fatalf("when all is old: %v, want %v: an old value is better than none", s.Values(), want)
	}
	got := s.Between(at(4), at(6))
	if len(got) != 3 || got[0].Value != 4 || got[2].Value != 6 {
		t.Fatalf("between 4 and 6: %v", got)
	}
}

func TestDescribe(t *testing.T) {
	if _, ok := metrics.Describe(nil); ok {
		t.Error("nothing has statistics")
	}
	if _, ok := metrics.Describe([]float64{0}); ok {
		t.Error("one value has statistics")
	}
	s, ok := metrics.Describe([]float64{5, -5, 4, -4, 3, -3, 2, -2, 1, -1, 0})
	if !ok {
		t.Fatal("no statistics of eleven values")
	}
	want := metrics.Statistics{Count: 11, Min: -5, Max: 5, P25: -2.5, P50: 0, P75: 2.5, P90: 4, P95: 4.5, P99: 4.9, P999: 4.99, P9999: 4.999}
	for name, v := range map[string][2]float64{
		"min": {s.Min, want.Min}, "max": {s.Max, want.Max}, "p25": {s.P25, want.P25}, "p50": {s.P50, want.P50}, "p75": {s.P75, want.P75},
		"p90": {s.P90, want.P90}, "p95": {s.P95, want.P95}, "p99": {s.P99, want.P99}, "p999": {s.P999, want.P999}, "p9999": {s.P9999, want.P9999},
	} {
		if math.Abs(v[0]-v[1]) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, v[0], v[1])
		}
	}
}
