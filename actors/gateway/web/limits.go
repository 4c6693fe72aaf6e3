package web

import (
	"sync/atomic"
	"time"
)

// Limits bounds what requests may cost. A zero field means its default.
type Limits struct {
	// Body is how large one body may be, packed and unpacked. Default 64 MiB.
	Body int64
	// Bodies is how much all bodies that are being read or worked on may hold together. Default 512 MiB.
	Bodies int64
	// BodyTime is how long one body may take to arrive. Default 1 minute.
	BodyTime time.Duration
	// WriteTime is how long a client may leave one piece of an answer unread. Default 30 s.
	WriteTime time.Duration
	// Path is how long a path may be, and how long a query. Default 32 KiB.
	Path int
}

func (l Limits) complete() Limits {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Body, 64<<20)
	def(&l.Bodies, 512<<20)
	def((*int64)(&l.BodyTime), int64(time.Minute))
	def((*int64)(&l.WriteTime), int64(30*time.Second))
	if l.Path <= 0 {
		l.Path = 32 << 10
	}
	return l
}

// budget is what bodies may hold together.
type budget struct {
	max  int64
	held atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.held.Add(n) <= b.max {
		return true
	}
	b.held.Add(-n)
	return false
}

func (b *budget) free(n int64) { b.held.Add(-n) }
