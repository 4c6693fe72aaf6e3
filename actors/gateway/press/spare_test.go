package press

import (
	"os"
	"runtime"
	"testing"
)

var processors = runtime.GOMAXPROCS(0)

func TestMain(m *testing.M) {
	_ = os.Unsetenv("GOMAXPROCS")
	Spare()
	Spare() // several nodes may run in one program
	os.Exit(m.Run())
}

// Large answers may use all processors of the machine, and the scheduler has one more.
func TestSpare(t *testing.T) {
	if got := runtime.GOMAXPROCS(0); got != processors+1 {
		t.Errorf("the scheduler has %d processors, want one more than %d", got, processors)
	}
	if got := cap(slots()); got != processors {
		t.Errorf("answers may use %d processors of %d", got, processors)
	}
}
