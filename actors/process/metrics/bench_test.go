package metrics_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process/metrics"
)

// BenchmarkSnapshot reads many metrics at once, as one endpoint of a large master does.
func BenchmarkSnapshot(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("metrics=%d", n), func(b *testing.B) {
			r := metrics.New(time.Now)
			for i := range n {
				if i%2 == 0 {
					r.Counter(fmt.Sprint("counter", i))
				} else {
					r.Pull(fmt.Sprint("gauge", i), func() (float64, error) { return float64(i), nil })
				}
			}
			b.ResetTimer()
			for range b.N {
				if got := len(r.Snapshot()); got != n {
					b.Fatalf("%d of %d metrics", got, n)
				}
			}
		})
	}
}
