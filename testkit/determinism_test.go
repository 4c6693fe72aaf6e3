package testkit_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/testkit"
)

// badDay runs the bad day of a town and returns what identifies the run.
func badDay(t testkit.T, options ...testkit.Option) (hash uint64, order string, choices testkit.Replay) {
	w := testkit.NewWorld(t, options...)
	town := newTown(w, 20)
	town.badDay()
	for i, c := range town.citizens {
		if !c.registered {
			t.Errorf("citizen %d is not registered after the bad day", i)
		}
	}
	return w.TraceHash(), strings.Join(town.mayor.order, " "), w.Choices()
}

func TestOneSeedHasOneTrace(t *testing.T) {
	hashes, orders := map[uint64]bool{}, map[string]bool{}
	const seeds = 12
	for seed := uint64(1); seed <= seeds; seed++ {
		first, order, choices := badDay(t, testkit.Seed(seed))
		hashes[first], orders[order] = true, true
		for name, around := range surroundings {
			if again, _, _ := around(func() (uint64, string, testkit.Replay) { return badDay(t, testkit.Seed(seed)) }); again != first {
				t.Errorf("seed %d, %s: trace %016x, at first %016x", seed, name, again, first)
			}
		}
		if replayed, _, _ := badDay(t, testkit.Repeat(choices)); replayed != first {
			t.Errorf("seed %d replayed from its choices: trace %016x, at first %016x", seed, replayed, first)
		}
	}
	if len(hashes) != seeds || len(orders) != seeds {
		t.Errorf("%d seeds have %d traces and %d orders of registration", seeds, len(hashes), len(orders))
	}
}

type run func() (uint64, string, testkit.Replay)

// surroundings are what a trace must not depend on.
var surroundings = map[string]func(run) (uint64, string, testkit.Replay){
	"again": func(f run) (uint64, string, testkit.Replay) { return f() },
	"one processor": func(f run) (uint64, string, testkit.Replay) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		return f()
	},
	"two processors": func(f run) (uint64, string, testkit.Replay) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
		return f()
	},
	"constant garbage collection": func(f run) (uint64, string, testkit.Replay) {
		defer debug.SetGCPercent(debug.SetGCPercent(1))
		return f()
	},
}

// childVariable makes the test binary print the trace of a bad day instead of testing.
const childVariable = "MESETA_TESTKIT_CHILD"

func TestOneSeedHasOneTraceInEveryOperatingSystemProcess(t *testing.T) {
	if os.Getenv(childVariable) != "" {
		hash, order, _ := badDay(t, testkit.Seed(42))
		fmt.Printf("trace %016x order %s\n", hash, order)
		return
	}
	hash, order, _ := badDay(t, testkit.Seed(42))
	want := fmt.Sprintf("trace %016x order %s", hash, order)
	for _, env := range [][]string{{"GOMAXPROCS=1"}, {"GOMAXPROCS=2"}, {"GOGC=5", "GOMAXPROCS=1"}, {"GODEBUG=gcstoptheworld=1"}} {
		child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.count=1")
		child.Env = append(append(os.Environ(), childVariable+"=1"), env...)
		out, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", env, err, out)
		}
		if !strings.Contains(string(out), want+"\n") {
			t.Errorf("%v: %swant %s", env, out, want)
		}
	}
}

func TestASeedIsNotAffectedByItsNeighbours(t *testing.T) {
	alone, _, _ := badDay(t, testkit.Seed(5))
	testkit.Sweep(t, 4, func(t testkit.T, w *testkit.World) {
		newTown(w, 5).badDay()
	})
	if again, _, _ := badDay(t, testkit.Seed(5)); again != alone {
		t.Errorf("trace %016x, alone %016x", again, alone)
	}
}
