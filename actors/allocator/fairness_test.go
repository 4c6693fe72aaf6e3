package allocator_test

import (
	"fmt"
	"testing"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

func TestFairness(t *testing.T) {
	t.Run("unreserved", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a1", "cpus:2;mem:1024")
		c.framework("f1", "role1")
		c.want("f1 role1 a1 cpus:2;mem:1024")
		c.framework("f2", "role2")
		c.agent("a2", "cpus:1;mem:512")
		c.want("f2 role2 a2 cpus:1;mem:512")
		c.agent("a3", "cpus:3;mem:2048") // role1 at .33, role2 at .17
		c.want("f2 role2 a3 cpus:3;mem:2048")
		c.framework("f3", "role1")
		c.agent("a4", "cpus:4;mem:4096") // role1 at .2, role2 at .4; f3 has nothing
		c.want("f3 role1 a4 cpus:4;mem:4096")
		c.framework("f4", "role1")
		c.agent("a5", "cpus:1;mem:512") // f4 has nothing, but its role has most
		c.want("f2 role2 a5 cpus:1;mem:512")
	})

	t.Run("reserved", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a1", "cpus(role1):2;mem(role1):1024")
		c.framework("f1", "role1")
		c.want("f1 role1 a1 cpus(role1):2;mem(role1):1024")
		c.framework("f2", "role2")
		c.agent("a2", "cpus:2;mem:512")
		c.want("f2 role2 a2 cpus:2;mem:512")
		c.agent("a3", "cpus:2;mem:512") // role1's reservations in use count
		c.want("f2 role2 a3 cpus:2;mem:512")
		c.framework("f3", "role1")
		c.agent("a4", "cpus(role1):2;mem(role1):1024")
		c.want("f3 role1 a4 cpus(role1):2;mem(role1):1024")
	})

	t.Run("names-that-do-not-count", func(t *testing.T) {
		c := newCluster(t, func(c *allocator.Config) { c.FairSharingExcludedResourceNames = []string{"gpus"} })
		c.agent("a1", "cpus:2;mem:1024;gpus:1")
		c.framework("f1", "role1", capable(mesospb.FrameworkInfo_Capability_GPU_RESOURCES))
		c.want("f1 role1 a1 cpus:2;mem:1024;gpus:1")
		c.framework("f2", "role2")
		c.agent("a2", "cpus:1;mem:512")
		c.want("f2 role2 a2 cpus:1;mem:512")
		c.agent("a3", "cpus:3;mem:2048")
		c.want("f2 role2 a3 cpus:3;mem:2048")
		c.framework("f3", "role1")
		c.agent("a4", "cpus:4;mem:4096")
		c.want("f3 role1 a4 cpus:4;mem:4096") // all gpus of the cluster weigh nothing
		c.framework("f4", "role1")
		c.agent("a5", "cpus:1;mem:512")
		c.want("f2 role2 a5 cpus:1;mem:512")
	})

	t.Run("nested-roles", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a1", "cpus:2;mem:1024")
		c.framework("f1", "a/b")
		c.want("f1 a/b a1 cpus:2;mem:1024")
		c.framework("f2", "a/c")
		c.framework("f3", "d/e")
		c.agent("a2", "cpus:1;mem:512")
		c.want("f3 d/e a2 cpus:1;mem:512")
		c.framework("f4", "d/f")
		c.agent("a3", "cpus:2;mem:1024")
		c.want("f4 d/f a3 cpus:2;mem:1024") // d as a whole has less than a
	})

	t.Run("whole-agents", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a1", "cpus:2;mem:1024")
		c.agent("a2", "cpus:2;mem:1024")
		c.framework("f1", "role1")
		c.decline(c.want("f1 role1 a1 cpus:2;mem:1024", "f1 role1 a2 cpus:2;mem:1024"), 0)
		c.framework("f2", "role2")
		ps := c.offers()
		if len(ps) != 2 || ps[0].Framework == ps[1].Framework || ps[0].Agent == ps[1].Agent {
			t.Fatalf("not one agent each: %v", ps)
		}
		for _, p := range ps {
			if want := parse(t, "cpus:2;mem:1024").Allocate(p.Role); !p.Resources.Equal(want) {
				t.Errorf("%v, want all of an agent", p.Resources)
			}
		}
	})

	t.Run("equal-shares-take-turns", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f1", "*")
		c.framework("f2", "*")
		c.agent("a", "cpus:2;mem:1024")
		counts := map[string]int{}
		for range 10 {
			ps := c.offers()
			if len(ps) != 1 {
				t.Fatal(ps)
			}
			counts[ps[0].Framework]++
			c.decline(ps, 0)
			c.tick()
		}
		if counts["f1"] != 5 || counts["f2"] != 5 {
			t.Fatal(counts)
		}
	})

	t.Run("weights", weights)
}

// Six equal agents go to the roles by weight.
func weights(t *testing.T) {
	c := newCluster(t)
	for i := range 6 {
		c.agent(fmt.Sprint("a", i), "cpus:2;mem:1024")
	}
	agents := func(ps []allocator.Proposal) map[string]int {
		counts, sum := map[string]int{}, resources.Milli(0)
		for _, p := range ps {
			counts[p.Role]++
			sum += p.Resources.CPUs()
		}
		if sum != 12000 {
			t.Fatalf("%v cpus are offered, want all", sum)
		}
		return counts
	}
	same := func(got, want map[string]int) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("want %v, got %v", want, got)
		}
	}
	c.framework("f1", "role1")
	c.settle()
	c.framework("f2", "role2")
	c.decline(c.offers(), 0) // all to the first
	c.tick()
	ps := c.offers()
	same(agents(ps), map[string]int{"role1": 3, "role2": 3})
	c.decline(ps, 0)
	c.UpdateWeights(map[string]float64{"role2": 2})
	c.tick()
	ps = c.offers()
	same(agents(ps), map[string]int{"role1": 2, "role2": 4})
	c.decline(ps, 0)
	c.UpdateWeights(map[string]float64{"role3": 3}) // before the role has a framework
	c.framework("f3", "role3")
	same(agents(c.offers()), map[string]int{"role1": 1, "role2": 2, "role3": 3})
}
