package press_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/press"
)

// What the last answer had is not made again, and what it had not is not there any more.
func TestShelf(t *testing.T) {
	shelf := press.NewShelf()
	var count atomic.Int64
	answer := func(from, to int) (text string) {
		h := shelf.Take()
		var texts []*press.Text
		for i := from; i < to; i++ {
			texts = append(texts, h.Text(i, func(dst []byte) []byte { count.Add(1); return fmt.Appendf(dst, "%d,", i) }))
		}
		h.Keep()
		press.Ready(texts, false)
		h.Weigh()
		return string(press.Join(texts))
	}
	for _, c := range []struct{ from, to, made int }{{0, 100, 100}, {0, 100, 0}, {50, 150, 50}, {0, 100, 50}, {0, 0, 0}, {0, 100, 100}} {
		count.Store(0)
		want := wanted(c.to)[len(wanted(c.from)):]
		if got := answer(c.from, c.to); got != want || int(count.Load()) != c.made {
			t.Errorf("from %d to %d: %d were made, want %d: %.40s", c.from, c.to, count.Load(), c.made, got)
		}
	}
}

// Answers that are put together at the same time make every text once.
func TestTogether(t *testing.T) {
	var count atomic.Int64
	var texts []*press.Text
	for _, j := range jobs(1000, &count) {
		texts = append(texts, press.Make(j))
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			press.Ready(texts, true)
			if got := press.Join(texts); string(got) != wanted(1000) {
				t.Errorf("the answer is %.40s", got)
			}
		})
	}
	all.Wait()
	if count.Load() != 1000 {
		t.Errorf("1000 texts were made in %d steps", count.Load())
	}
}

// A shelf that is not used any more holds nothing, long before its time is over.
func TestShelfGoesWithItsOwner(t *testing.T) {
	shelf := press.NewShelf()
	gone := make(chan struct{})
	h := shelf.Take()
	text := h.Text("key", func(dst []byte) []byte { return append(dst, "text"...) })
	h.Keep()
	runtime.AddCleanup(text, func(gone chan struct{}) { close(gone) }, gone)
	runtime.GC()
	select {
	case <-gone:
		t.Fatal("a text went while its shelf was there")
	default:
	}
	runtime.KeepAlive(shelf)
	for {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-t.Context().Done():
			t.Fatal("the text is still there")
		default:
			runtime.Gosched()
		}
	}
}

// Nothing is kept for long that nobody wants.
func TestShelfForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shelf := press.NewShelf()
		made := 0
		answer := func() {
			h := shelf.Take()
			text := h.Text("key", func(dst []byte) []byte { made++; return append(dst, "text"...) })
			h.Keep()
			press.Ready([]*press.Text{text}, false)
			h.Weigh()
		}
		for i, c := range []struct {
			pause time.Duration
			made  int
		}{{0, 1}, {50 * time.Second, 1}, {50 * time.Second, 1}, {2 * time.Minute, 2}, {time.Second, 2}} {
			<-time.After(c.pause)
			synctest.Wait()
			if answer(); made != c.made {
				t.Errorf("answer %d: made %d times, want %d", i, made, c.made)
			}
		}
	})
}
