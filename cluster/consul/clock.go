package consul

import "time"

// Clock is the time by which leases run.
type Clock interface {
	// Now never goes back, and goes on while the machine sleeps.
	Now() time.Time
	// AfterFunc calls f once, not before d has passed, from any goroutine and never inside this call. stop
	// reports whether it came in time.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}
