package allocator_test

import (
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"google.golang.org/protobuf/proto"
)

const day = 24 * 3600

func TestFilters(t *testing.T) {
	t.Run("longer-than-the-interval", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f", "role")
		c.agent("a", "cpus:1;mem:512")
		c.decline(c.want("f role a cpus:1;mem:512"), 1.5)
		c.shows(map[string]float64{"offer_filters/roles/role/active": 1})
		c.tick()
		c.want()
		c.tick()
		c.want("f role a cpus:1;mem:512")
		c.shows(map[string]float64{"offer_filters/roles/role/active": 0})
	})

	t.Run("shorter-than-the-interval", func(t *testing.T) {
		c := newCluster(t, func(c *allocator.Config) { c.AllocationInterval = time.Minute })
		c.framework("f1", "role")
		c.framework("f2", "role")
		c.agent("a1", "cpus:1;mem:512", uses(t, "f1", "role", "cpus:1;mem:512"))
		c.want()
		c.agent("a2", "cpus:1;mem:512")
		c.decline(c.want("f2 role a2 cpus:1;mem:512"), 1)
		c.advance(time.Second)
		c.want()
		c.advance(time.Minute) // the filter holds in the next run, though f2 has less
		c.decline(c.want("f1 role a2 cpus:1;mem:512"), 0)
		c.advance(time.Minute)
		c.want("f2 role a2 cpus:1;mem:512")
	})

	t.Run("revive-forgets-them", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024")
		c.framework("f", "role1")
		c.decline(c.want("f role1 a cpus:2;mem:1024"), 1000)
		c.tick()
		c.want()
		c.Revive("f", nil)
		c.want("f role1 a cpus:2;mem:1024")
	})

	t.Run("suppress-and-revive", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024")
		c.framework("f", "role1")
		ps := c.want("f role1 a cpus:2;mem:1024")
		c.Revive("f", nil) // nothing is left to offer
		c.want()
		c.decline(ps, 0)
		c.Suppress("f", nil)
		c.tick()
		c.want()
		c.Revive("f", nil)
		c.want("f role1 a cpus:2;mem:1024")
	})

	t.Run("suppress-and-revive-a-role", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f", "role1 role2")
		c.Suppress("f", []string{"role1"})
		c.agent("a", "cpus:2;mem:1024")
		c.decline(c.want("f role2 a cpus:2;mem:1024"), day)
		c.tick()
		c.want()
		c.Revive("f", []string{"role1"}) // the filter of role2 stays
		c.decline(c.want("f role1 a cpus:2;mem:1024"), day)
		c.tick()
		c.want()
	})

	t.Run("subscribed-suppressed", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024")
		c.framework("f", "role1 role2", suppressed("role1"))
		c.decline(c.want("f role2 a cpus:2;mem:1024"), 0)
		c.UpdateFramework("f", framework("f", []string{"role1", "role2"}, suppressed("role2")))
		c.tick()
		c.want("f role1 a cpus:2;mem:1024")
	})

	t.Run("deactivation-forgets-them", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024")
		c.framework("f", "role1")
		c.decline(c.want("f role1 a cpus:2;mem:1024"), 0)
		c.Suppress("f", nil)
		c.DeactivateFramework("f")
		c.tick()
		c.want()
		c.ActivateFramework("f")
		c.want() // still suppressed
		c.Revive("f", nil)
		c.decline(c.want("f role1 a cpus:2;mem:1024"), day)
		c.DeactivateFramework("f")
		c.ActivateFramework("f")
		c.want("f role1 a cpus:2;mem:1024")
	})

	t.Run("an-inactive-framework-waits", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024")
		c.framework("f", "role1", inactive)
		c.tick()
		c.want()
		c.Revive("f", nil)
		c.want()
		c.ActivateFramework("f")
		c.want("f role1 a cpus:2;mem:1024")
	})

	t.Run("changed-attributes-end-them", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024", attribute("rack", "1"))
		c.framework("f", "role1")
		c.decline(c.want("f role1 a cpus:2;mem:1024"), day)
		c.UpdateAgent("a", c.agentSpec("a", "cpus:2;mem:1024", attribute("rack", "1")))
		c.want()
		c.UpdateAgent("a", c.agentSpec("a", "cpus:2;mem:1024", attribute("rack", "2")))
		c.want("f role1 a cpus:2;mem:1024")
	})
}

func TestMinAllocatable(t *testing.T) {
	min := func(f *allocator.Framework, quantities ...*mesospb.OfferFilters_ResourceQuantities) {
		f.Info.OfferFilters = map[string]*mesospb.OfferFilters{"role1": {
			MinAllocatableResources: &mesospb.OfferFilters_MinAllocatableResources{Quantities: quantities}}}
	}

	t.Run("default", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f", "role1")
		c.agent("a1", "cpus:0.005;mem:16;disk:128")
		c.want()
		c.agent("a2", "cpus:0.01;mem:16;disk:128")
		c.want("f role1 a2 cpus:0.01;mem:16;disk:128")
		c.agent("a3", "cpus:0.005;mem:32;disk:128")
		c.want("f role1 a3 cpus:0.005;mem:32;disk:128")
		c.agent("a4", "cpus:0.005;mem:16;cpus(role1):0.005;mem(role1):16;disk:128") // together it is enough
		c.want("f role1 a4 cpus:0.005;mem:16;cpus(role1):0.005;mem(role1):16;disk:128")
	})

	t.Run("by-the-framework", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f", "role1")
		c.agent("a", "cpus:0.005;mem:16;disk:128")
		c.want()
		f := framework("f", []string{"role1"})
		min(&f, &mesospb.OfferFilters_ResourceQuantities{Quantities: map[string]*mesospb.Value_Scalar{"cpus": {Value: proto.Float64(0.003)}}})
		c.UpdateFramework("f", f)
		c.tick()
		c.want("f role1 a cpus:0.005;mem:16;disk:128")
	})

	t.Run("none-by-the-framework", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f", "role1", func(f *allocator.Framework) { min(f) })
		c.agent("a", "cpus:0.005;mem:16;disk:128")
		c.want("f role1 a cpus:0.005;mem:16;disk:128")
	})

	t.Run("none-at-all", func(t *testing.T) {
		c := newCluster(t, func(c *allocator.Config) { c.MinAllocatableResources = "" })
		c.framework("f", "role1")
		c.agent("a", "disk:1")
		c.want("f role1 a disk:1")
	})
}
