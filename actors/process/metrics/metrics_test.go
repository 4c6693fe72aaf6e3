package metrics_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process/metrics"
)

// clock is a time that the test moves.
type clock struct{ t time.Time }

func newClock() *clock                   { return &clock{time.Unix(1000, 0)} }
func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func TestCounter(t *testing.T) {
	r := metrics.New(newClock().now)
	c := r.Counter("test/counter")
	c.Inc()
	c.Inc()
	if c.Count() != 2 {
		t.Errorf("two events count %d", c.Count())
	}
	c.Reset()
	c.Add(42)
	if v, ok := c.Value(); v != 42 || !ok {
		t.Errorf("after a reset and 42 events the value is %v, %v", v, ok)
	}
	if _, kept := c.Statistics(); kept {
		t.Error("a counter without a window keeps a history")
	}
	if r.Counter("test/counter") != c {
		t.Error("the same name gives another counter")
	}
}

func TestGauges(t *testing.T) {
	r := metrics.New(newClock().now)
	set := r.Gauge("test/set")
	set.Set(42)
	set.Add(-2)
	if v, _ := set.Value(); v != 40 {
		t.Errorf("a gauge of 42 less 2 is %v", v)
	}
	if v, ok := r.Pull("test/asked", func() (float64, error) { return 42, nil }).Value(); v != 42 || !ok {
		t.Errorf("a gauge that answers 42 is %v, %v", v, ok)
	}
	if _, ok := r.Pull("test/failed", func() (float64, error) { return 0, errors.New("no") }).Value(); ok {
		t.Error("a gauge that fails has a value")
	}
}

func TestTimer(t *testing.T) {
	c := newClock()
	timer := metrics.New(c.now).Timer("test/timer_ns", time.Nanosecond)
	if _, ran := timer.Value(); ran {
		t.Error("a timer that never ran has a value")
	}
	stop := timer.Start()
	c.advance(time.Microsecond)
	stop()
	c.advance(time.Second)
	stop() // a second stop is no error and changes nothing
	if v, _ := timer.Value(); v != 1000 {
		t.Errorf("a microsecond takes %v ns", v)
	}
}

// A history counts the first value too: eleven values after ten events.
func TestStatisticsOfACounter(t *testing.T) {
	c := newClock()
	r := metrics.New(c.now)
	counter := r.Counter("test/counter", metrics.Window(metrics.DefaultWindow))
	for range 10 {
		c.advance(time.Second)
		counter.Inc()
	}
	want := map[string]float64{
		"test/counter": 10, "test/counter/count": 11, "test/counter/min": 0, "test/counter/max": 10,
		"test/counter/p50": 5, "test/counter/p90": 9, "test/counter/p95": 9.5, "test/counter/p99": 9.9,
		"test/counter/p999": 9.99, "test/counter/p9999": 9.999,
	}
	got := r.Snapshot()
	if !maps.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
		t.Errorf("snapshot %v, want %v", got, want)
	}
}

func TestSnapshot(t *testing.T) {
	r := metrics.New(newClock().now)
	r.Counter("test/counter")
	r.Pull("test/gauge", func() (float64, error) { return 42, nil })
	r.Pull("test/failed", func() (float64, error) { return 0, errors.New("no") })
	r.Gauge("test/infinite").Set(math.Inf(1))
	want := map[string]float64{"test/counter": 0, "test/gauge": 42}
	if got := r.Snapshot(); !maps.Equal(got, want) {
		t.Errorf("snapshot %v, want %v", got, want)
	}
	r.Remove("test/counter", "test/gauge", "test/unknown")
	if got := r.Snapshot(); len(got) != 0 {
		t.Errorf("after removing everything that has a value: %v", got)
	}
}

func TestJSONIsAlphabetical(t *testing.T) {
	r := metrics.New(newClock().now)
	for _, name := range []string{"test/f", "test/e", "test/d", "test/c", "test/b", "test/a"} {
		r.Counter(name)
	}
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	const want = `{"test/a":0,"test/b":0,"test/c":0,"test/d":0,"test/e":0,"test/f":0}`
	if b.String() != want {
		t.Errorf("got %s, want %s", b.String(), want)
	}
	if !json.Valid(b.Bytes()) {
		t.Error("not JSON")
	}
}

func TestTwoKindsUnderOneNamePanic(t *testing.T) {
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "test/x is a *metrics.Counter already") {
			t.Errorf("panic %v", p)
		}
	}()
	r := metrics.New(newClock().now)
	r.Counter("test/x")
	r.Gauge("test/x")
}
