package sweep_test

import (
	"testing"

	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/sweep"
)

// TestSweep sends clusters through the storm.
func TestSweep(t *testing.T) {
	testkit.Sweep(t, 150, func(_ testkit.T, w *testkit.World) {
		r := sweep.New(w, sweep.Drawn(w))
		r.Check(sweep.Checkers()...)
		r.Go()
	})
}
