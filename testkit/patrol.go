package testkit

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// HoursVariable is the environment variable that has every Sweep go on for so many hours, with seeds that nobody has tried.
const HoursVariable = "MESETA_SWEEP_HOURS"

// hoursFromEnvironment is 0 unless somebody asks for a patrol.
func hoursFromEnvironment(t *testing.T) time.Duration {
	text := os.Getenv(HoursVariable)
	if text == "" {
		return 0
	}
	hours, err := strconv.ParseFloat(text, 64)
	if err != nil || hours <= 0 {
		t.Fatalf("%s=%s: a number of hours, more than 0", HoursVariable, text)
	}
	return time.Duration(hours * float64(time.Hour))
}

// patrol tries one seed after the other until the time is up, as many at once as there are processors, and prints a line a minute.
// A seed that fails is printed at once, with the command that repeats it; shrunk it is in the test's output.
func (c *checker) patrol(t *testing.T, during time.Duration) {
	began := time.Now()
	first := uint64(began.Unix()) << 20
	var tried, failed atomic.Uint64
	report := func() {
		took := time.Since(began)
		fmt.Fprintf(os.Stderr, "%s: %d seeds in %v (%.1f/s), %d failed\n", c.test.name, tried.Load(), took.Round(time.Second),
			float64(tried.Load())/took.Seconds(), failed.Load())
	}
	minutes := time.NewTicker(time.Minute)
	over := make(chan struct{})
	go func() {
		for {
			select {
			case <-minutes.C:
				report()
			case <-over:
				return
			}
		}
	}()
	t.Cleanup(func() {
		minutes.Stop()
		close(over)
		report()
	})
	for i := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprintf("patrol=%d", i+1), func(t *testing.T) {
			t.Parallel()
			for time.Since(began) < during {
				r := Replay{Seed: first + tried.Add(1)}
				if o := c.run(r); o.failed {
					failed.Add(1)
					fmt.Fprintf(os.Stderr, "%s\n  %s\n", o.kind(), c.test.command(r))
					c.check(t, r)
				}
			}
		})
	}
}
