package allocator_test

import (
	"testing"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

func TestAgents(t *testing.T) {
	withRevocable := capable(mesospb.FrameworkInfo_Capability_REVOCABLE_RESOURCES)
	const some = "cpus:100;mem:100;disk:100"

	t.Run("oversubscribed", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", some)
		c.framework("f", "role1", withRevocable)
		c.want("f role1 a " + some)
		c.change("a", parse(t, some).Add(revocable(t, 10)))
		c.granted("f", "role1", "a", revocable(t, 10))
		c.change("a", parse(t, some).Add(revocable(t, 12)))
		c.granted("f", "role1", "a", revocable(t, 2))
		c.change("a", parse(t, some).Add(revocable(t, 5)))
		c.want()
	})

	t.Run("oversubscribed-for-those-who-know", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", some)
		c.framework("f", "role1")
		c.want("f role1 a " + some)
		c.change("a", parse(t, some).Add(revocable(t, 10)))
		c.want()
	})

	t.Run("oversubscribed-returned", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", some)
		c.framework("f", "role1", withRevocable)
		c.want("f role1 a " + some)
		c.change("a", parse(t, some).Add(revocable(t, 10)))
		c.granted("f", "role1", "a", revocable(t, 10))
		back := revocable(t, 6).Add(parse(t, "cpus:2"))
		c.Recover("f", "a", back.Allocate("role1"), nil)
		c.tick()
		c.granted("f", "role1", "a", back)
	})

	t.Run("the-total-changes", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", some)
		c.framework("f", "role1")
		first := c.want("f role1 a " + some)[0]
		c.change("a", parse(t, some+";cpus:12"))
		more := c.want("f role1 a cpus:12")[0]
		c.change("a", parse(t, "cpus:50;mem:50;disk:50"))
		c.Recover("f", "a", first.Resources.Add(more.Resources), nil)
		c.tick()
		c.want("f role1 a cpus:50;mem:50;disk:50")
		c.change("a", parse(t, some))
		c.want("f role1 a cpus:50;mem:50;disk:50")
	})

	t.Run("a-provider-joins", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f1", "role1", inactive)
		c.framework("f2", "role2", inactive)
		const one, two = "cpus:1;mem:100;disk:10", "cpus:2;mem:200;disk:20"
		c.agent("a1", one)
		c.GrowAgent("a1", parse(t, two), map[string]resources.Resources{"f1": parse(t, two).Allocate("role1")})
		c.ActivateFramework("f2")
		c.want("f2 role2 a1 " + one)
		c.ActivateFramework("f1")
		c.agent("a2", one)
		c.want("f2 role2 a2 " + one) // role1 has half of the cluster
	})

	t.Run("a-provider-reports-use-only", func(t *testing.T) {
		c := newCluster(t)
		const one, two = "cpus:1;mem:100;disk:10", "cpus:2;mem:200;disk:20"
		c.agent("a", two)
		c.framework("f", "role", inactive)
		c.GrowAgent("a", resources.Resources{}, map[string]resources.Resources{"f": parse(t, one).Allocate("role")})
		c.ActivateFramework("f")
		c.tick()
		c.want("f role a " + one)
	})

	t.Run("capabilities-come", func(t *testing.T) {
		c := newCluster(t)
		a := c.agentSpec("a", "cpus:1;mem:32;disk:1")
		known := a.Capabilities
		a.Capabilities = nil
		c.AddAgent("a", a)
		c.framework("f", "role1")
		c.want()
		a.Capabilities = known
		c.UpdateAgent("a", a)
		c.want("f role1 a cpus:1;mem:32;disk:1")
	})

	t.Run("no-several-roles", func(t *testing.T) {
		c := newCluster(t)
		a := c.agentSpec("a", "cpus:2;mem:1024")
		a.Capabilities = nil
		c.AddAgent("a", a)
		c.framework("f", "foo")
		c.tick()
		c.want()
	})

	t.Run("no-nested-roles", func(t *testing.T) {
		c := newCluster(t)
		a := c.agentSpec("a", "cpus:2;mem:1024")
		a.Capabilities = a.Capabilities[:1]
		c.AddAgent("a", a)
		c.framework("f", "foo/bar foo")
		c.want("f foo a cpus:2;mem:1024")
	})

	t.Run("removed-with-what-is-held", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a1", "cpus:2;mem:200")
		c.framework("f1", "role")
		c.want("f1 role a1 cpus:2;mem:200")
		c.framework("f2", "role")
		c.agent("a2", "cpus:1;mem:100")
		c.want("f2 role a2 cpus:1;mem:100")
		c.RemoveAgent("a1")
		c.agent("a3", "cpus:1;mem:100")
		c.want("f1 role a3 cpus:1;mem:100")
	})

	t.Run("deactivated", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024")
		c.DeactivateAgent("a")
		c.framework("f", "role")
		c.tick()
		c.want()
		c.ActivateAgent("a")
		c.want()
		c.tick()
		c.want("f role a cpus:2;mem:1024")
	})

	t.Run("whitelist", func(t *testing.T) {
		c := newCluster(t)
		c.Whitelist([]string{"dummy-agent"})
		c.agent("a", "cpus:2;mem:1024")
		c.framework("f", "*")
		c.tick()
		c.want()
		c.Whitelist([]string{"dummy-agent", "host-a"})
		c.tick()
		c.decline(c.want("f * a cpus:2;mem:1024"), 0)
		c.Whitelist([]string{})
		c.tick()
		c.want()
		c.DeactivateAgent("a")
		c.Whitelist(nil)
		c.tick()
		c.want() // all hosts, but not this agent
		c.ActivateAgent("a")
		c.tick()
		c.want("f * a cpus:2;mem:1024")
	})

	t.Run("gpus-for-those-who-know", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024;gpus:1")
		c.framework("f1", "role")
		c.want()
		c.framework("f2", "role", capable(mesospb.FrameworkInfo_Capability_GPU_RESOURCES))
		c.want("f2 role a cpus:2;mem:1024;gpus:1")
		c = newCluster(t, func(c *allocator.Config) { c.FilterGPUResources = false })
		c.agent("a", "cpus:2;mem:1024;gpus:1")
		c.framework("f1", "role")
		c.want("f1 role a cpus:2;mem:1024;gpus:1")
	})

	t.Run("another-region-for-those-who-know", func(t *testing.T) {
		domain := func(region string) *mesospb.DomainInfo {
			return &mesospb.DomainInfo{FaultDomain: &mesospb.DomainInfo_FaultDomain{
				Region: &mesospb.DomainInfo_FaultDomain_RegionInfo{Name: &region},
				Zone:   &mesospb.DomainInfo_FaultDomain_ZoneInfo{Name: str("z")}}}
		}
		c := newCluster(t, func(c *allocator.Config) { c.Domain = domain("here") })
		far := c.agentSpec("far", "cpus:1;mem:32")
		far.Info.Domain = domain("there")
		near := c.agentSpec("near", "cpus:1;mem:32")
		near.Info.Domain = domain("here")
		c.AddAgent("far", far)
		c.AddAgent("near", near)
		c.framework("f1", "role")
		c.want("f1 role near cpus:1;mem:32")
		c.framework("f2", "role", capable(mesospb.FrameworkInfo_Capability_REGION_AWARE))
		c.want("f2 role far cpus:1;mem:32")
	})
}
