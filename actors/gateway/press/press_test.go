package press_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meseta-io/meseta/actors/gateway/press"
)

func jobs(n int, count *atomic.Int64) (list []press.Job) {
	for i := range n {
		list = append(list, func(dst []byte) []byte {
			count.Add(1)
			return fmt.Appendf(dst, "%d,", i)
		})
	}
	return list
}

func wanted(n int) string {
	var want strings.Builder
	for i := range n {
		fmt.Fprintf(&want, "%d,", i)
	}
	return want.String()
}

// However the pieces are made, they come in their order and each once.
func TestOrder(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 100, 5000} {
		var count atomic.Int64
		var got []byte
		press.Stream(jobs(n, &count), func(p []byte) bool { got = append(got, p...); return true })
		if string(got) != wanted(n) || count.Load() != int64(n) {
			t.Errorf("%d jobs streamed in %d steps: %.40s", n, count.Load(), got)
		}
		var texts []*press.Text
		for _, j := range jobs(n, &count) {
			texts = append(texts, press.Make(j))
		}
		press.Ready(texts, true)
		if got := press.Join(texts); string(got) != wanted(n) || count.Load() != 2*int64(n) {
			t.Errorf("%d texts made in %d steps: %.40s", n, count.Load(), got)
		}
	}
}

// Nobody works on for a reader that is gone.
func TestStop(t *testing.T) {
	var count atomic.Int64
	emitted := 0
	press.Stream(jobs(100_000, &count), func([]byte) bool { emitted++; return emitted < 10 })
	if emitted != 10 || count.Load() > 1000 {
		t.Errorf("%d pieces were handed on, %d made", emitted, count.Load())
	}
}
