package testkit

import (
	"slices"
	"testing"
	"time"
)

func TestATapePlaysWhatItRecorded(t *testing.T) {
	first := seededTape(3)
	var want []int
	for n := 1; n < 100; n++ {
		want = append(want, first.choose(topic(n%int(topics)), n))
	}
	again := playedTape(&first.log)
	for n := 1; n < 100; n++ {
		if got := again.choose(topic(n%int(topics)), n); got != want[n-1] || got >= n {
			t.Fatalf("choice of %d is %d, was %d", n, got, want[n-1])
		}
	}
	if again.choose(turns, 9) != 0 || again.strayed {
		t.Error("after its end a tape goes the dull way")
	}
	short := playedTape(&Choices{{5}})
	if short.choose(turns, 3) != 0 || !short.strayed {
		t.Error("a number that does not fit is 0, and noticed")
	}
}

func TestTheTapeIsFair(t *testing.T) {
	tape := seededTape(1)
	var count [7]int
	for range 70_000 {
		count[tape.choose(turns, 7)]++
	}
	for v, n := range count {
		if n < 9_500 || n > 10_500 {
			t.Errorf("%d came %d times of 70000", v, n)
		}
	}
}

// failsWith fails when the given choices are made at the given places.
func failsWith(want map[int]uint32) func([]uint32) ([]uint32, bool) {
	return func(c []uint32) ([]uint32, bool) {
		for at, v := range want {
			if at >= len(c) || c[at] < v {
				return c, false
			}
		}
		return c, true
	}
}

func TestShrinkKeepsOnlyWhatMatters(t *testing.T) {
	random := seededTape(1)
	for range 500 {
		random.choose(turns, 20)
	}
	random.log[turns][100], random.log[turns][101], random.log[turns][300] = 10, 12, 15
	got := shrink(random.log[turns], failsWith(map[int]uint32{100: 5, 101: 6, 300: 7}), 2000)
	want := make([]uint32, 301)
	want[100], want[101], want[300] = 5, 6, 7
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestShrinkStaysInItsBudgetAndNeverPasses(t *testing.T) {
	random := seededTape(2)
	for range 2000 {
		random.choose(turns, 9)
	}
	fails := failsWith(map[int]uint32{1500: random.log[turns][1500]})
	runs := 0
	got := shrink(random.log[turns], func(c []uint32) ([]uint32, bool) { runs++; return fails(c) }, 50)
	if runs > 50 {
		t.Errorf("%d runs", runs)
	}
	if _, still := fails(got); !still {
		t.Error("the result does not fail")
	}
}

func TestTheQueueTakesAnyEntityOnce(t *testing.T) {
	var q queue
	var all []*turn
	for range 100 {
		e := &turn{pos: -1}
		all = append(all, e)
		q.add(e)
		q.add(e) // it is there already
	}
	tape := seededTape(4)
	seen := map[entity]bool{}
	for i := 0; q.n > 0; i++ {
		if i%5 == 0 {
			if e := all[tape.choose(turns, len(all))]; q.remove(e) {
				seen[e] = true
			}
			continue
		}
		e := q.take(tape.choose(turns, q.n))
		if seen[e] {
			t.Fatal("taken twice")
		}
		seen[e] = true
		if i == 50 {
			e := &turn{pos: -1}
			all = append(all, e)
			q.add(e)
		}
	}
	if len(seen) != len(all) {
		t.Errorf("%d of %d were taken", len(seen), len(all))
	}
}

func TestTheFirstOfTheQueueIsTheOldest(t *testing.T) {
	var q queue
	var all []entity
	for range 40 {
		e := &turn{pos: -1}
		all = append(all, e)
		q.add(e)
	}
	for range 100 {
		e := q.take(0)
		if e != all[0] {
			t.Fatal("not the oldest")
		}
		all = append(all[1:], e)
		q.add(e)
	}
}

func TestTheAgendaIsInOrderAndForgetsWhatWasCancelled(t *testing.T) {
	w := newWorld(Alone(), nil)
	tape := seededTape(5)
	var events []*event
	for range 1000 {
		events = append(events, w.at(1+time.Duration(tape.choose(turns, 50)), nil, "", func() {}))
	}
	cancelled := 0
	for _, e := range events {
		if tape.choose(turns, 3) == 0 && w.cancel(e) {
			cancelled++
			if w.cancel(e) {
				t.Fatal("cancelled twice")
			}
		}
	}
	var last *event
	n := 0
	for len(w.agenda.heap) > 0 {
		e := w.agenda.pop()
		if last != nil && (e.at < last.at || e.at == last.at && e.seq < last.seq) {
			t.Fatal("out of order")
		}
		last = e
		n++
	}
	if n != 1000-cancelled {
		t.Errorf("%d came, %d were cancelled", n, cancelled)
	}
}

func TestADiskLosesOnlyWhatWasNotSynced(t *testing.T) {
	left := map[string]bool{}
	for seed := uint64(1); seed <= 200; seed++ {
		w := newWorld(Alone(), []Option{Seed(seed)})
		d := newDisk(w)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(d.Append("log", []byte("safe.")))
		must(d.Put("a/b", []byte("1")))
		must(d.Sync())
		must(d.Put("a/b", []byte("2")))
		must(d.Append("log", []byte("xyz")))
		must(d.Remove("a"))
		d.powerLoss()
		log, _ := d.Read("log")
		b, _ := d.Read("a/b")
		left[string(log)+" "+string(b)] = true
	}
	// Each beginning of the history, with the append torn at any byte, and nothing else.
	want := []string{"safe. 1", "safe. 2", "safe.x 2", "safe.xy 2", "safe.xyz ", "safe.xyz 2"}
	var got []string
	for l := range left {
		got = append(got, l)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestADiskListsItsDirectories(t *testing.T) {
	d := newDisk(newWorld(Alone(), nil))
	for _, p := range []string{"b/c/d", "b/c/e", "b/a", "a", "b-1"} {
		if err := d.Put(p, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Mkdir("b/empty"); err != nil {
		t.Fatal(err)
	}
	list := func(dir string) (paths []string) {
		for _, f := range d.List(dir) {
			paths = append(paths, f.Path)
		}
		return paths
	}
	if got := list(""); !slices.Equal(got, []string{"a", "b", "b-1"}) {
		t.Errorf("%q", got)
	}
	if got := list("b"); !slices.Equal(got, []string{"b/a", "b/c", "b/empty"}) {
		t.Errorf("%q", got)
	}
	if d.Lookup("b/c") == nil || !d.Lookup("b/c").Dir || d.Lookup("b/x") != nil {
		t.Error("lookup")
	}
	if err := d.Remove("b"); err != nil || !slices.Equal(list(""), []string{"a", "b-1"}) {
		t.Errorf("after removing b: %q, %v", list(""), err)
	}
}

func TestSeedRange(t *testing.T) {
	for text, want := range map[string][2]int{"5000": {1, 5000}, "1": {1, 1}, "5001-10000": {5001, 10000}, "7-7": {7, 7}} {
		if first, last, err := seedRange(text); err != nil || first != want[0] || last != want[1] {
			t.Errorf("%q: %d to %d, %v", text, first, last, err)
		}
	}
	for _, text := range []string{"0", "-5", "x", "3-2", "0-9", "3-", "1-2-3"} {
		if first, last, err := seedRange(text); err == nil {
			t.Errorf("%q is read as %d to %d", text, first, last)
		}
	}
}
