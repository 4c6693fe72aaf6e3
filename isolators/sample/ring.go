package sample

import (
	"slices"
	"time"
)

// Interval is how far points of a history are from each other, and Points how many are kept: an hour.
const (
	Interval = 10 * time.Second
	Points   = int(time.Hour / Interval)
)

// Totals are the numbers of a moment that a history keeps the changes of, and memory, which it keeps as it is.
type Totals struct {
	Used, Waited   time.Duration
	Memory         uint64 // bytes
	Read, Written  uint64 // bytes
	Received, Sent uint64 // bytes
}

// Point is a container over one interval. It is small, because there are many: 28 bytes.
type Point struct {
	// CPU is how many thousandths of a processor were busy, Wait how many were waited for.
	CPU  uint32 `json:"cpu_milli"`
	Wait uint32 `json:"wait_milli"`
	// Memory is in KiB, the others in KiB per second.
	Memory   uint32 `json:"memory_kib"`
	Read     uint32 `json:"read_kib"`
	Written  uint32 `json:"written_kib"`
	Received uint32 `json:"received_kib"`
	Sent     uint32 `json:"sent_kib"`
}

// Rate is what happened between two moments; ok is false if no time went by.
func Rate(before, now Totals, d time.Duration) (p Point, ok bool) {
	if d <= 0 {
		return p, false
	}
	milli := func(a, b time.Duration) uint32 { return fit(1000 * float64(b-a) / float64(d)) }
	kib := func(a, b uint64) uint32 { return fit((float64(b) - float64(a)) / 1024 / d.Seconds()) }
	return Point{CPU: milli(before.Used, now.Used), Wait: milli(before.Waited, now.Waited), Memory: fit(float64(now.Memory) / 1024),
		Read: kib(before.Read, now.Read), Written: kib(before.Written, now.Written),
		Received: kib(before.Received, now.Received), Sent: kib(before.Sent, now.Sent)}, true
}

// fit rounds, up where that makes the difference to nothing; a counter that began anew shows as nothing.
func fit(v float64) uint32 {
	switch {
	case !(v > 0):
		return 0
	case v < 1:
		return 1
	}
	return uint32(min(v+0.5, 1<<32-1))
}

// Ring is the last hour of a container. It grows with what is in it. The zero Ring is empty.
type Ring struct {
	points []Point
	next   int // the oldest, once the ring is full
	last   Totals
	at     time.Time
}

// Add takes the numbers of a moment. The first ones only begin the history; those of one that is not later than the last are
// passed over.
func (r *Ring) Add(at time.Time, t Totals) {
	if p, ok := Rate(r.last, t, at.Sub(r.at)); ok && !r.at.IsZero() {
		if len(r.points) < Points {
			r.points = append(r.points, p)
		} else {
			r.points[r.next] = p
			r.next = (r.next + 1) % Points
		}
	}
	if at.After(r.at) {
		r.last, r.at = t, at
	}
}

// Last is the moment of the last numbers; zero before the first.
func (r *Ring) Last() time.Time { return r.at }

// History is a copy of all points, the oldest first, and its own from then on.
func (r *Ring) History() []Point {
	return slices.Concat(r.points[r.next:], r.points[:r.next])
}
