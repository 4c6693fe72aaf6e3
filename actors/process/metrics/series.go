package metrics

import (
	"slices"
	"time"
)

// What libprocess keeps of a metric with a history.
const (
	DefaultWindow   = 14 * 24 * time.Hour
	DefaultCapacity = 1000
)

// Point is a value and when it was taken.
type Point struct {
	At    time.Time
	Value float64
}

// Series keeps the points of a window in a bounded number. When there are more, every other point of the
// older half is given up, again and again, so that what is recent stays fine and what is old grows coarse.
type Series struct {
	window   time.Duration
	capacity int
	points   []Point // by time
	victim   int     // the next point to give up; 0 when a pass has to begin
	passed   int     // how many were given up in this pass, plus one
}

// NewSeries makes an empty series. It keeps at least three points, or there would be no older half.
func NewSeries(window time.Duration, capacity int) *Series {
	return &Series{window: window, capacity: max(3, capacity)}
}

// Set records a value. A second one at the same instant replaces the first.
func (s *Series) Set(at time.Time, v float64) {
	i, known := slices.BinarySearchFunc(s.points, at, func(p Point, t time.Time) int { return p.At.Compare(t) })
	switch {
	case known:
		s.points[i].Value = v
	case i == len(s.points):
		s.points = append(s.points, Point{at, v})
	default:
		s.points = slices.Insert(s.points, i, Point{at, v})
		s.victim = 0 // the order that the pass was counting on has changed
	}
	s.Truncate(s.points[len(s.points)-1].At)
	s.sparsify()
}

// Truncate gives up what is as old as the window, but never the last point: an old value is better than none.
func (s *Series) Truncate(now time.Time) {
	expired := now.Add(-s.window)
	n := 0
	for n < len(s.points) && !s.points[n].At.After(expired) {
		n++
	}
	if n == 0 || n == len(s.points) {
		return
	}
	s.points = slices.Delete(s.points, 0, n)
	if s.victim > n {
		s.victim, s.passed = s.victim-n, s.passed-n
	} else {
		s.victim = 0
	}
}

func (s *Series) sparsify() {
	for len(s.points) > s.capacity {
		if s.victim == 0 || s.passed > len(s.points)/2 {
			s.victim, s.passed = 1, 1
		}
		s.points = slices.Delete(s.points, s.victim, s.victim+1)
		s.victim++ // skip the neighbour that stays
		s.passed++
	}
}

// Between returns the points from start to stop, both included; a zero time leaves that end open.
func (s *Series) Between(start, stop time.Time) []Point {
	var found []Point
	for _, p := range s.points {
		if (start.IsZero() || !p.At.Before(start)) && (stop.IsZero() || !p.At.After(stop)) {
			found = append(found, p)
		}
	}
	return found
}

// Values returns the values of all points, oldest first.
func (s *Series) Values() []float64 {
	v := make([]float64, len(s.points))
	for i, p := range s.points {
		v[i] = p.Value
	}
	return v
}

// Latest is the newest point; false while there is none.
func (s *Series) Latest() (Point, bool) {
	if len(s.points) == 0 {
		return Point{}, false
	}
	return s.points[len(s.points)-1], true
}
