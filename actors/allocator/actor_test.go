package allocator_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// A burst of events pays for one run.
func TestEventsAreCoalesced(t *testing.T) {
	c := newCluster(t)
	c.framework("f1", "role")
	for _, id := range []string{"a1", "a2", "a3"} {
		c.agent(id, "cpus:1;mem:512")
	}
	c.want("f1 role a1 cpus:1;mem:512", "f1 role a2 cpus:1;mem:512", "f1 role a3 cpus:1;mem:512")
	if c.runs != 1 {
		t.Fatalf("%d runs, want 1", c.runs)
	}
}

// Whatever a resource says comes back as it was: reservations with principal and labels, disks, volumes, ranges, sets, providers.
func TestNothingIsLostInTranslation(t *testing.T) {
	total := `[
	 {"name":"cpus","type":"SCALAR","scalar":{"value":4.125}},
	 {"name":"cpus","type":"SCALAR","scalar":{"value":2},"revocable":{}},
	 {"name":"qubits","type":"SCALAR","scalar":{"value":7}},
	 {"name":"mem","type":"SCALAR","scalar":{"value":512},"reservations":[{"type":"STATIC","role":"r"}]},
	 {"name":"mem","type":"SCALAR","scalar":{"value":256},"reservations":[{"type":"STATIC","role":"r"},{"type":"DYNAMIC","role":"r/s","principal":"p","labels":{"labels":[{"key":"a"},{"key":"k","value":"v"}]}}]},
	 {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":10},{"begin":31000,"end":32000}]}},
	 {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":80,"end":80}]},"reservations":[{"type":"DYNAMIC","role":"r"}]},
	 {"name":"vlans","type":"RANGES","ranges":{"range":[{"begin":5,"end":6}]}},
	 {"name":"zones","type":"SET","set":{"item":["x","a"]}},
	 {"name":"disk","type":"SCALAR","scalar":{"value":100},"disk":{"source":{"type":"PATH","path":{"root":"/p"}}}},
	 {"name":"disk","type":"SCALAR","scalar":{"value":200},"disk":{"source":{"type":"MOUNT","mount":{"root":"/m"}}}},
	 {"name":"disk","type":"SCALAR","scalar":{"value":50},"provider_id":{"value":"rp"},"disk":{"source":{"type":"RAW","id":"i","profile":"fast"}}},
	 {"name":"disk","type":"SCALAR","scalar":{"value":64},"shared":{},"reservations":[{"type":"DYNAMIC","role":"r","principal":"p"}],
	  "disk":{"persistence":{"id":"v","principal":"p"},"volume":{"container_path":"path","mode":"RW"}}}]`
	c := newCluster(t)
	c.agent("a", total)
	c.framework("f", "r/s", capable(mesospb.FrameworkInfo_Capability_REVOCABLE_RESOURCES, mesospb.FrameworkInfo_Capability_SHARED_RESOURCES))
	offers := c.want("f r/s a " + total)
	c.decline(offers, 0)
	c.tick()
	c.want("f r/s a " + total)
}

func TestFiltersLastAnIntervalAtLeastAndAYearAtMost(t *testing.T) {
	c := newCluster(t)
	c.framework("f", "role")
	c.agent("a", "cpus:1;mem:512")
	again := func() []allocator.Proposal { return c.want("f role a cpus:1;mem:512") }
	offers := again()

	c.Recover("f", "a", offers[0].Resources, nil)
	c.tick()
	offers = again() // no filter

	c.decline(offers, 0.001)
	c.tick()
	c.want() // one interval: the filter still holds in the run at its end
	c.tick()
	offers = again()

	c.Recover("f", "a", offers[0].Resources, &mesospb.Filters{}) // five seconds if nothing is said
	c.advance(5 * time.Second)
	c.want()
	c.tick()
	offers = again()

	c.decline(offers, -1) // and if nonsense is said
	c.advance(5 * time.Second)
	c.want()
	c.tick()
	offers = again()

	c.decline(offers, 1e300)
	c.advance(24 * time.Hour)
	c.want()
}

func TestPauseHoldsRunsBack(t *testing.T) {
	c := newCluster(t)
	c.Pause()
	c.framework("f", "role")
	c.agent("a", "cpus:1;mem:512")
	c.advance(10 * time.Second)
	c.want()
	c.Resume()
	c.want("f role a cpus:1;mem:512")
}

// A framework that only its agents know owns what it uses, and is offered the rest when it is added.
func TestUsedBeforeAdded(t *testing.T) {
	c := newCluster(t)
	c.agent("a", "cpus:2;mem:1024", uses(t, "f", "role", "cpus:1;mem:512"))
	c.want()
	c.framework("f", "role")
	c.want("f role a cpus:1;mem:512")
}

func TestUnknownNamesAreIgnored(t *testing.T) {
	c := newCluster(t)
	f := framework("f", []string{"role"})
	c.RemoveFramework("f")
	c.ActivateFramework("f")
	c.DeactivateFramework("f")
	c.UpdateFramework("f", f)
	c.Suppress("f", nil)
	c.Revive("f", []string{"role"})
	c.RemoveAgent("a")
	c.UpdateAgent("a", c.agentSpec("a", "cpus:1"))
	c.ActivateAgent("a")
	c.Recover("f", "a", parse(t, "cpus:1").Allocate("role"), &mesospb.Filters{})
	c.UpdateAllocation("f", "a", []allocator.Conversion{{Consumed: parse(t, "cpus:1").Allocate("role")}})
	c.tick()
	c.want()
	if _, err := c.UpdateAvailable("a", nil).Get(settled(c)); !errors.Is(err, fault.ErrNotFound) {
		t.Fatalf("an unknown agent: %v", err)
	}
}

// settled is a context for an answer that is due once the allocator has done what it was told.
func settled(c *cluster) context.Context {
	c.settle()
	return context.Background()
}

// What was not held is not returned.
func TestTooMuchIsNotRecovered(t *testing.T) {
	c := newCluster(t)
	c.framework("f", "role")
	c.agent("a", "cpus:2;mem:1024;ports:[1-10]")
	c.want("f role a cpus:2;mem:1024;ports:[1-10]")
	c.Recover("f", "a", parse(t, "cpus:9;mem:24;ports:[5-50]").Allocate("role"), nil)
	c.tick()
	c.want("f role a cpus:2;mem:24;ports:[5-10]")
}

func TestConfigSaysAllThatIsWrong(t *testing.T) {
	c := allocator.Default()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.AllocationInterval, c.MinAllocatableResources = 0, "cpus"
	err := c.Validate()
	if !errors.Is(err, fault.ErrInvalid) {
		t.Fatal(err)
	}
	for _, flag := range []string{"allocation_interval", "min_allocatable_resources"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("%q does not name %s", err, flag)
		}
	}
}
