package allocator_test

import (
	"errors"
	"testing"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Static and dynamic reservations are the same to the allocator.
func TestReservationsAndQuota(t *testing.T) {
	for principal, kind := range map[string]string{"": "static", "ops": "dynamic"} {
		for name, tell := range map[string]func(*cluster, string){
			"not-in-use":           reservationNotInUse,
			"in-use":               reservationInUse,
			"of-others":            reservationOfOthers,
			"more-than-the-quota":  reservedMoreThanQuota,
			"a-shared-volume-held": sharedVolumeAndQuota,
		} {
			t.Run(name+"/"+kind, func(t *testing.T) { tell(newCluster(t), principal) })
		}
	}
}

func reservationNotInUse(c *cluster, principal string) {
	rs := reserved(c.t, "cpus:1;mem:1024", "quota", principal)
	c.add("a1", rs)
	c.both("quota", "cpus:1;mem:1024")
	c.framework("f", "quota")
	c.decline([]allocator.Proposal{c.granted("f", "quota", "a1", rs)}, day)
	c.agent("a2", "cpus:1;mem:1024")
	c.want() // the reservation is the quota
}

func reservationInUse(c *cluster, principal string) {
	rs := reserved(c.t, "cpus:1;mem:1024", "quota", principal)
	c.add("a1", rs)
	c.both("quota", "cpus:2;mem:2048")
	c.framework("f", "quota")
	c.granted("f", "quota", "a1", rs)
	c.agent("a2", "cpus:1;mem:1024")
	c.want("f quota a2 cpus:1;mem:1024")
	c.agent("a3", "cpus:1;mem:1024")
	c.want()
}

func reservationOfOthers(c *cluster, principal string) {
	theirs := reserved(c.t, "cpus:2;mem:2048", "other", principal)
	c.add("a", parse(c.t, "cpus:2;mem:2048").Add(theirs))
	c.both("quota", "cpus:2;mem:2048")
	c.framework("f1", "quota")
	c.decline(c.want("f1 quota a cpus:2;mem:2048"), day)
	c.framework("f2", "other")
	c.granted("f2", "other", "a", theirs) // the rest is kept
}

func reservedMoreThanQuota(c *cluster, principal string) {
	c.both("quota1", "cpus:1;mem:1024")
	c.both("quota2", "cpus:1;mem:1024")
	c.add("a1", reserved(c.t, "cpus:2;mem:2048", "quota1", principal))
	c.agent("a2", "cpus:1;mem:1024")
	c.framework("f", "other")
	c.want() // what quota1 has too much is nothing to quota2
	c.agent("a3", "cpus:1;mem:1024")
	if ps := c.offers(); len(ps) != 1 || ps[0].Resources.CPUs() != 1000 || ps[0].Resources.Mem() != 1024000 {
		c.t.Fatal(ps)
	}
}

func sharedVolumeAndQuota(c *cluster, principal string) {
	c.both("quota", "cpus:3;mem:2048;disk:100")
	rs := reserved(c.t, "cpus:2;mem:1024;disk:50", "quota", principal)
	c.add("a1", rs)
	c.framework("f", "quota", capable(mesospb.FrameworkInfo_Capability_SHARED_RESOURCES))
	p := c.granted("f", "quota", "a1", rs)
	v := volume(c.t, 50, "quota", true).Allocate("quota")
	c.convert("f", "a1", p.Resources, p.Resources.Filter(func(r resources.Resource) bool { return r.Name() == "disk" }), v)
	half := reserved(c.t, "cpus:1;mem:512", "quota", principal)
	c.Recover("f", "a1", half.Allocate("quota"), nil)
	c.tick()
	c.granted("f", "quota", "a1", half.Add(v)) // another copy of the volume
	c.agent("a2", "cpus:1;mem:1024;disk:50")
	c.want("f quota a2 cpus:1;mem:1024;disk:50") // the volume counts once
	c.agent("a3", "cpus:0.5;mem:512;disk:50")
	c.want()
}

func TestReservations(t *testing.T) {
	t.Run("each-to-its-role", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a1", "cpus(role1):2;mem(role1):1024")
		c.agent("a2", "cpus(role2):2;mem(role2):1024;cpus:1;mem:1024")
		c.agent("a3", "cpus(role3):1;mem(role3):1024")
		c.framework("f1", "role1")
		c.want("f1 role1 a1 cpus(role1):2;mem(role1):1024", "f1 role1 a2 cpus:1;mem:1024")
		c.framework("f2", "role2")
		c.want("f2 role2 a2 cpus(role2):2;mem(role2):1024")
	})

	t.Run("return-in-parts", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus(role1):1;mem(role1):200;cpus:1;mem:200")
		c.framework("f", "role1")
		p := c.want("f role1 a cpus(role1):1;mem(role1):200;cpus:1;mem:200")[0]
		c.Recover("f", "a", p.Resources.Reserved(), nil)
		c.tick()
		c.want("f role1 a cpus(role1):1;mem(role1):200")
		c.Recover("f", "a", p.Resources.Unreserved(), nil)
		c.tick()
		c.want("f role1 a cpus:1;mem:200")
	})

	t.Run("of-ancestors", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f", "a/b/c")
		c.agent("a1", "cpus(a):1;mem(a):512")
		c.want("f a/b/c a1 cpus(a):1;mem(a):512")
		c.agent("a2", "cpus:2;mem:1024;cpus(a/b):4;mem(a/b):2048")
		c.want("f a/b/c a2 cpus:2;mem:1024;cpus(a/b):4;mem(a/b):2048")
	})

	t.Run("refined-for-those-who-know", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f1", "parent/child")
		c.agent("a1", "cpus:1;mem:32;disk:1")
		c.want("f1 parent/child a1 cpus:1;mem:32;disk:1")
		old := framework("f2", []string{"parent/child"})
		old.Info.Capabilities = old.Info.Capabilities[:1] // MULTI_ROLE only
		c.AddFramework("f2", old)
		c.want()
		rs := reserved(t, "cpus:1;mem:32;disk:1", "parent", "p")
		rs, err := rs.PushReservation(&mesospb.Resource_ReservationInfo{
			Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), Role: str("parent/child")})
		if err != nil {
			t.Fatal(err)
		}
		c.add("a2", rs) // f2 would be next
		c.granted("f1", "parent/child", "a2", rs)
	})

	t.Run("of-sets", func(t *testing.T) {
		c := newCluster(t)
		for _, id := range []string{"a1", "a2"} {
			c.agent(id, "cpus:1;mem:32;disk:1;ports(role):[1-2]")
		}
		c.framework("f", "role")
		c.want("f role a1 cpus:1;mem:32;disk:1;ports(role):[1-2]", "f role a2 cpus:1;mem:32;disk:1;ports(role):[1-2]")
		c.RemoveAgent("a1")
		c.RemoveAgent("a2")
		c.shows(map[string]float64{"resources/cpus/total": 0, "roles/role/shares/dominant": 0})
	})
}

func str(s string) *string { return &s }

func TestConversions(t *testing.T) {
	t.Run("a-volume-is-created", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:100;mem:100;disk(role1):100")
		c.framework("f", "role1")
		p := c.want("f role1 a cpus:100;mem:100;disk(role1):100")[0]
		after := c.convert("f", "a", p.Resources, parse(t, "disk(role1):5").Allocate("role1"), volume(t, 5, "role1", false).Allocate("role1"))
		c.Recover("f", "a", after, nil)
		c.tick()
		c.granted("f", "role1", "a", after)
	})

	t.Run("something-vanishes", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:100;mem:100;disk:100")
		c.framework("f", "role1")
		p := c.want("f role1 a cpus:100;mem:100;disk:100")[0]
		after := c.convert("f", "a", p.Resources, parse(t, "disk:100").Allocate("role1"), resources.Resources{})
		c.Recover("f", "a", after, nil)
		c.tick()
		c.want("f role1 a cpus:100;mem:100")
	})

	t.Run("a-shared-volume-comes-and-goes", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:100;mem:100;disk(role1):100")
		c.framework("f", "role1", capable(mesospb.FrameworkInfo_Capability_SHARED_RESOURCES))
		p := c.want("f role1 a cpus:100;mem:100;disk(role1):100")[0]
		disk, v := parse(t, "disk(role1):5").Allocate("role1"), volume(t, 5, "role1", true).Allocate("role1")
		after := c.convert("f", "a", p.Resources, disk, v)
		c.Recover("f", "a", after, nil)
		c.tick()
		c.granted("f", "role1", "a", after)
		after = c.convert("f", "a", after, v, disk)
		c.Recover("f", "a", after, nil)
		c.tick()
		c.want("f role1 a cpus:100;mem:100;disk(role1):100")
	})

	t.Run("shared-for-those-who-know", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:100;mem:100;disk(role1):100")
		c.framework("f1", "role1")
		p := c.want("f1 role1 a cpus:100;mem:100;disk(role1):100")[0]
		v := volume(t, 5, "role1", true).Allocate("role1")
		after := c.convert("f1", "a", p.Resources, parse(t, "disk(role1):5").Allocate("role1"), v)
		c.Recover("f1", "a", after, nil)
		c.tick()
		p = c.granted("f1", "role1", "a", after.Subtract(v))
		c.Recover("f1", "a", p.Resources, nil)
		c.framework("f2", "role1", capable(mesospb.FrameworkInfo_Capability_SHARED_RESOURCES))
		c.granted("f2", "role1", "a", after)
	})

	t.Run("shared-while-in-use", func(t *testing.T) {
		for _, withQuota := range []bool{false, true} {
			c := newCluster(t)
			for _, id := range []string{"f1", "f2"} {
				c.framework(id, "role1", capable(mesospb.FrameworkInfo_Capability_SHARED_RESOURCES))
			}
			if withQuota {
				c.both("role1", "cpus:8;mem:2048;disk:4096")
			}
			c.agent("a", "cpus:4;mem:1024;disk(role1):2048")
			p := c.want("f1 role1 a cpus:4;mem:1024;disk(role1):2048")[0]
			v := volume(t, 5, "role1", true).Allocate("role1")
			after := c.convert("f1", "a", p.Resources, parse(t, "disk(role1):5").Allocate("role1"), v)
			task := parse(t, "cpus:1;mem:5").Allocate("role1").Add(v)
			c.Recover("f1", "a", after.Subtract(task), nil)
			c.tick()
			c.granted("f2", "role1", "a", after.Subtract(task).Add(v))
			c.tick()
			c.want() // the volume alone is offered to nobody
		}
	})

	t.Run("idle", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:100;mem:100;disk:100")
		reserve := []allocator.Conversion{{Consumed: parse(t, "cpus:25;mem:50"), Converted: reserved(t, "cpus:25;mem:50", "role1", "ops")}}
		if _, err := c.UpdateAvailable("a", reserve).Get(settled(c)); err != nil {
			t.Fatal(err)
		}
		c.framework("f", "role1")
		c.granted("f", "role1", "a", parse(t, "cpus:75;mem:50;disk:100").Add(reserve[0].Converted))
	})

	t.Run("not-idle", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:100;mem:100;disk:100")
		c.framework("f", "role1")
		c.want("f role1 a cpus:100;mem:100;disk:100")
		reserve := []allocator.Conversion{{Consumed: parse(t, "cpus:25;mem:50"), Converted: reserved(t, "cpus:25;mem:50", "role1", "ops")}}
		if _, err := c.UpdateAvailable("a", reserve).Get(settled(c)); !errors.Is(err, fault.ErrConflict) {
			t.Fatalf("want a conflict, got %v", err)
		}
	})
}
