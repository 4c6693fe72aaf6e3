package cgroups

import (
	"errors"
	"slices"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Every field of PerfStatistics but those of the sample itself has an event.
func TestEventsOfAllFields(t *testing.T) {
	fields := (&mesospb.PerfStatistics{}).ProtoReflect().Descriptor().Fields()
	for n := range fields.Len() {
		name := string(fields.Get(n).Name())
		if name == "timestamp" || name == "duration" {
			continue
		}
		if e, err := eventOf(name); err != nil || e.field != fields.Get(n) {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
	for name, field := range map[string]string{"L1-dcache-load-misses": "l1_dcache_load_misses", "LLC-loads": "llc_loads", "cs": "context_switches", "cpu-cycles": "cycles"} {
		if e, err := eventOf(name); err != nil || string(e.field.Name()) != field {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
	for _, name := range []string{"", "nonsense", "timestamp", "duration"} {
		if e, err := eventOf(name); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %v, %v", name, e, err)
		}
	}
	if e, _ := eventOf("dTLB-store-misses"); e.kind != 3 || e.config != 3|1<<8|1<<16 {
		t.Errorf("%+v", e)
	}
}

func TestProcessors(t *testing.T) {
	for text, want := range map[string][]int{"0-2,5\n": {0, 1, 2, 5}, "3": {3}, "": nil, "x-2,1": {1}, "0-99999999": nil} {
		if got := processors(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v", text, got)
		}
	}
}
