package testkit

import (
	"time"
	"unsafe"
)

// Now is the time on the node's clock, which JumpClock may have set wrong. Like a real one it has a monotonic reading
// too, so that what is measured within a process is not fooled by a jump.
func (n *Node) Now() time.Time {
	return withMonotonic(Start.Add(n.world.now+n.skew), n.world.now)
}

// JumpClock sets the node's wall clock forward, or back. Timers and differences do not see it, as in Go.
func (n *Node) JumpClock(by time.Duration) {
	n.world.note("clock", n.life, "jumps by %v", by)
	n.skew += by
}

// AfterFunc calls f after a while, unless the node dies or the timer is stopped before. Like everything that a node does it
// waits while the node is paused.
func (n *Node) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	if n.life == nil {
		return func() bool { return false }
	}
	e := n.world.at(n.world.now+d, n.life, "timer", f)
	return func() bool { return n.world.cancel(e) }
}

// reading is what a time.Time is made of. The package time has no way to make one whose two readings disagree, and a clock that
// jumps is just that. TestTimesHaveTwoReadings notices if they are ever made otherwise.
type reading struct {
	wall     uint64
	ext      int64
	location *time.Location
}

const (
	hasMonotonic     = 1 << 63
	nanosecondBits   = 30
	secondsUntil1885 = -2682288000 // of Unix's
)

func withMonotonic(wall time.Time, since time.Duration) (t time.Time) {
	*(*reading)(unsafe.Pointer(&t)) = reading{
		wall: hasMonotonic | uint64(wall.Unix()-secondsUntil1885)<<nanosecondBits | uint64(wall.Nanosecond()),
		ext:  int64(since) + 1,
	}
	return t
}
