package sample

import (
	"slices"
	"testing"
	"time"
	"unsafe"
)

func TestQuantiles(t *testing.T) {
	h := Histogram{First: 16 * time.Microsecond}
	if h.Quantile(0.5) != 0 || h.Total() != 0 {
		t.Errorf("of nothing: %v", h.Quantile(0.5))
	}
	h.Counts[0], h.Counts[2], h.Counts[Slots-1] = 50, 40, 10
	for q, want := range map[float64]time.Duration{
		0: 0, 0.25: 8 * time.Microsecond, 0.5: 16 * time.Microsecond, 0.7: 48 * time.Microsecond, 0.9: 64 * time.Microsecond,
		0.95: h.Bound(Slots - 2), 1: h.Bound(Slots - 2), -1: 0, 2: h.Bound(Slots - 2)} {
		if got := h.Quantile(q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	later := h
	later.Counts[2] += 5
	if d := later.Since(&h); d.Total() != 5 || d.Counts[2] != 5 {
		t.Errorf("%v", d)
	}
}

func TestOpenConnections(t *testing.T) {
	for _, x := range []struct{ connected, accepted, closed, want uint64 }{{3, 2, 1, 4}, {1, 0, 1, 0}, {1, 0, 2, 0}} {
		n := Network{Connected: x.connected, Accepted: x.accepted, Closed: x.closed}
		if n.Open() != x.want {
			t.Errorf("%+v: %d", x, n.Open())
		}
	}
}

func TestRates(t *testing.T) {
	before := Totals{Used: time.Second, Read: 1 << 20, Sent: 5}
	now := Totals{Used: 6 * time.Second, Waited: time.Millisecond, Memory: 1 << 30, Read: 11 << 20, Written: 1, Sent: 4}
	got, ok := Rate(before, now, 10*time.Second)
	if want := (Point{CPU: 500, Wait: 1, Memory: 1 << 20, Read: 1024, Written: 1}); got != want || !ok {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, ok := Rate(before, now, 0); ok {
		t.Error("nothing happens in no time")
	}
	if got, _ := Rate(Totals{}, Totals{Received: 1 << 62}, time.Second); got.Received != 1<<32-1 {
		t.Errorf("%+v", got)
	}
}

func TestARingHasTheLastHour(t *testing.T) {
	var r Ring
	start := time.Unix(1000, 0)
	if len(r.History()) != 0 || !r.Last().IsZero() {
		t.Error("it is not empty")
	}
	for i := range Points + 10 {
		r.Add(start.Add(time.Duration(i)*Interval), Totals{Memory: uint64(i) << 10})
		r.Add(start.Add(time.Duration(i)*Interval), Totals{Memory: 77 << 30}) // the same moment again says nothing
	}
	all := r.History()
	if len(all) != Points || all[0].Memory != 10 || all[Points-1].Memory != uint32(Points+9) {
		t.Errorf("%d points from %d to %d", len(all), all[0].Memory, all[len(all)-1].Memory)
	}
	if !slices.IsSortedFunc(all, func(a, b Point) int { return int(a.Memory) - int(b.Memory) }) {
		t.Error("they are not in order")
	}
	if size := unsafe.Sizeof(Point{}) * uintptr(Points); size > 12<<10 {
		t.Errorf("an hour of a container takes %d bytes", size)
	}
	r.Add(start, Totals{}) // the clock was set back
	if !r.Last().Equal(start.Add(time.Duration(Points+9) * Interval)) {
		t.Errorf("%v", r.Last())
	}
}
