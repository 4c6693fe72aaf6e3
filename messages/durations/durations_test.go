package durations_test

import (
	"math"
	"testing"
	"time"

	"github.com/meseta-io/meseta/messages/durations"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"15secs": 15 * time.Second, "1.5hrs": 90 * time.Minute, "2weeks": 14 * 24 * time.Hour, "3days": 72 * time.Hour,
		"10ms": 10 * time.Millisecond, "5us": 5 * time.Microsecond, "1ns": 1, "0ns": 0, "1h30m": 90 * time.Minute,
		"5mins": 5 * time.Minute, "-1secs": -time.Second, "0": 0,
	} {
		if got, err := durations.Parse(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "secs", "5 secs", "5parsecs", "nansecs", "infweeks", "1e300weeks", "5Secs", "--5secs"} {
		if got, err := durations.Parse(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0ns", 2 * time.Hour: "2hrs", 7: "7ns", time.Minute: "1mins", 90 * time.Second: "90secs", 1500 * time.Millisecond: "1500ms", 336 * time.Hour: "2weeks", 3: "3ns",
	} {
		if got := durations.Text(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"15secs", "1.5hrs", "1h30m", "-3weeks", "1e9days", "nanns"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := durations.Parse(text)
		if err != nil {
			return
		}
		if d == math.MinInt64 {
			return // has no Mesos form: its unit would be negative infinity of weeks
		}
		if again, err := durations.Parse(durations.Text(d)); err != nil || (again != d && d.Abs() < 1<<53) {
			t.Errorf("%q: %v written as %s, read as %v, %v", text, d, durations.Text(d), again, err)
		}
	})
}
