package consul

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock is the time by which leases run.
type Clock interface {
	// Now never goes back, and goes on while the machine sleeps.
	Now() time.Time
	// AfterFunc calls f once, not before d has passed, from any goroutine and never inside this call. stop
	// reports whether it came in time.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// bootClock is the kernel's time since boot. Go's own monotonic clock stands still while the machine is
// suspended, and a lease that slept with it would seem to last.
type bootClock struct{}

func (bootClock) Now() time.Time {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic(err) // every Linux since 2.6.39 has it
	}
	return time.Unix(t.Unix())
}

func (bootClock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
