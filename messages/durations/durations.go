// Package durations reads and writes spans of time as Mesos does: "15secs", "1.5hrs", "2weeks".
package durations

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units are Mesos' names of durations, longest first so that the largest one that divides a value is found
// first when formatting. A year has no name, because it has no length.
var units = []struct {
	name string
	size time.Duration
}{
	{"weeks", 7 * 24 * time.Hour},
	{"days", 24 * time.Hour},
	{"hrs", time.Hour},
	{"mins", time.Minute},
	{"secs", time.Second},
	{"ms", time.Millisecond},
	{"us", time.Microsecond},
	{"ns", time.Nanosecond},
}

// Parse reads Mesos' durations ("15secs", "1.5hrs", "2weeks") and Go's ("15s", "1h30m").
func Parse(s string) (time.Duration, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return d, nil
	}
	number := strings.TrimRightFunc(s, func(r rune) bool { return r >= 'a' && r <= 'z' })
	for _, u := range units {
		if s[len(number):] != u.name {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || math.IsNaN(n) {
			break
		}
		// Float arithmetic would turn a value beyond the range into garbage of the other sign.
		ns := n * float64(u.size)
		if math.Abs(ns) >= math.MaxInt64 {
			return 0, fmt.Errorf("%q is longer than 292 years", s)
		}
		return time.Duration(math.Round(ns)), nil
	}
	return 0, fmt.Errorf("a duration expected, as in 15secs, 5mins, 2weeks or 1h30m")
}

// Text writes a duration as Mesos does, in the largest unit that divides it.
func Text(d time.Duration) string {
	if d == 0 {
		return "0ns"
	}
	for _, u := range units {
		if d%u.size == 0 {
			return strconv.FormatInt(int64(d/u.size), 10) + u.name
		}
	}
	return d.String() // not reached: every duration is a number of nanoseconds
}
