package metrics_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process/metrics"
)

func TestTheMachineIsShown(t *testing.T) {
	r := metrics.New(time.Now)
	metrics.System(r)
	got := r.Snapshot()
	if got["system/cpus_total"] != float64(runtime.NumCPU()) {
		t.Errorf("%v processors", got["system/cpus_total"])
	}
	if runtime.GOOS != "linux" {
		return
	}
	for _, name := range []string{"load_1min", "load_5min", "load_15min"} {
		if v, ok := got["system/"+name]; !ok || v < 0 {
			t.Errorf("%s: %v %t", name, v, ok)
		}
	}
	free, total := got["system/mem_free_bytes"], got["system/mem_total_bytes"]
	if free <= 0 || free > total {
		t.Errorf("%v bytes of %v are free", free, total)
	}
}
