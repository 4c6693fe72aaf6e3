package allocator_test

import (
	"testing"

	"github.com/meseta-io/meseta/actors/allocator"
)

func TestQuota(t *testing.T) {
	for name, tell := range map[string]func(*cluster){
		"a-guarantee-is-kept":               guaranteeIsKept,
		"a-limit-is-kept":                   limitIsKept,
		"removed":                           quotaRemoved,
		"several-frameworks-in-the-role":    severalInRole,
		"an-agent-is-cut":                   agentIsCut,
		"a-mount-disk-is-not-cut":           mountDiskIsNotCut,
		"several-disks":                     severalDisks,
		"what-has-no-quota-comes-along":     restComesAlong,
		"shares":                            sharesWithQuota,
		"against-starvation":                againstStarvation,
		"a-whole-agent-is-kept":             wholeAgentIsKept,
		"two-roles-one-without-frameworks":  oneWithoutFrameworks,
		"two-roles-with-frameworks":         bothWithFrameworks,
		"more-of-one-resource":              moreOfOneResource,
		"reservations-within-it":            reservationsWithin,
		"reservations-of-the-parent":        reservationsOfParent,
		"reservations-of-a-child":           reservationsOfChild,
		"use-of-a-child":                    useOfChild,
		"headroom-with-use-of-a-child":      headroomWithUseOfChild,
		"reserving-what-is-held":            reservingHeld,
		"unreserving-what-is-held":          unreservingHeld,
		"set-aside-for-others-reservations": setAside,
	} {
		t.Run(name, func(t *testing.T) { tell(newCluster(t)) })
	}
}

func guaranteeIsKept(c *cluster) {
	c.framework("f1", "quota")
	c.both("quota", "cpus:2;mem:1024")
	c.framework("f2", "other")
	c.agent("a1", "cpus:1;mem:512")
	c.want("f1 quota a1 cpus:1;mem:512")
	c.agent("a2", "cpus:1;mem:512")
	c.decline(c.want("f1 quota a2 cpus:1;mem:512"), 1.5)
	c.tick()
	c.want() // kept for the guarantee, though its framework is filtered
	c.tick()
	c.want("f1 quota a2 cpus:1;mem:512")
}

func limitIsKept(c *cluster) {
	c.framework("f1", "*")
	c.quota("*", "", "cpus:0;mem:0;disk:0")
	c.agent("a1", "cpus:2;mem:1024;disk:1024")
	c.want()
	c.framework("f2", "other")
	c.want("f2 other a1 cpus:2;mem:1024;disk:1024")
	c.quota("*", "", "cpus:1;mem:512;disk:512")
	c.agent("a2", "cpus:2;mem:1024;disk:1024")
	c.want("f1 * a2 cpus:1;mem:512;disk:512", "f2 other a2 cpus:1;mem:512;disk:512")
}

func quotaRemoved(c *cluster) {
	c.both("quota", "cpus:2;mem:1024")
	c.framework("f1", "quota")
	c.framework("f2", "other")
	for _, id := range []string{"a1", "a2"} {
		c.agent(id, "cpus:1;mem:512", uses(c.t, "f1", "quota", "cpus:1;mem:512"))
	}
	c.UpdateQuota("quota", allocator.Quota{})
	c.Recover("f1", "a1", parse(c.t, "cpus:1;mem:512").Allocate("quota"), nil)
	c.tick()
	c.want("f2 other a1 cpus:1;mem:512")
	c.hides("quota/roles/quota/resources/cpus/offered_or_allocated", "quota/roles/quota/resources/mem/offered_or_allocated")
}

func severalInRole(c *cluster) {
	c.framework("f1a", "quota")
	c.both("quota", "cpus:4;mem:2048")
	c.framework("f2", "other")
	c.agent("a1", "cpus:1;mem:512")
	c.want("f1a quota a1 cpus:1;mem:512")
	c.framework("f1b", "quota")
	c.agent("a2", "cpus:2;mem:1024")
	c.want("f1b quota a2 cpus:2;mem:1024")
	c.agent("a3", "cpus:1;mem:512")
	c.decline(c.want("f1a quota a3 cpus:1;mem:512"), 5)
	c.tick()
	c.want("f1b quota a3 cpus:1;mem:512")
}

func agentIsCut(c *cluster) {
	c.framework("f1", "quota")
	c.both("quota", "cpus:0.5;mem:200")
	c.agent("a", "cpus:1;mem:512")
	c.want("f1 quota a cpus:0.5;mem:200")
	c.framework("f2", "other")
	c.want("f2 other a cpus:0.5;mem:312")
}

func mountDiskIsNotCut(c *cluster) {
	disk := parse(c.t, `[{"name":"disk","type":"SCALAR","scalar":{"value":100},"disk":{"source":{"type":"MOUNT","mount":{"root":"/m"}}}}]`)
	total := parse(c.t, "cpus:0.5;mem:512").Add(disk)
	c.both("quota", "cpus:2;mem:2048;disk:150")
	c.add("a1", total)
	c.framework("f", "quota")
	c.granted("f", "quota", "a1", total)
	c.add("a2", total)
	c.granted("f", "quota", "a2", parse(c.t, "cpus:0.5;mem:512")) // a second disk would be too much, and half a one there is not
	c.agent("a3", "cpus:2;mem:2048;disk:150")
	c.want("f quota a3 cpus:1;mem:1024;disk:50")
}

func severalDisks(c *cluster) {
	disk := parse(c.t, `[{"name":"disk","type":"SCALAR","scalar":{"value":50},"disk":{"source":{"type":"MOUNT","mount":{"root":"/m"}}}}]`)
	total := parse(c.t, "cpus:1;mem:512;disk:50").Add(disk)
	c.both("quota", "cpus:1;mem:512;disk:100")
	c.add("a", total)
	c.framework("f", "quota")
	c.granted("f", "quota", "a", total)
}

func restComesAlong(c *cluster) {
	c.both("quota1", "cpus:2")
	c.agent("a1", "cpus:1;mem:1024;ports:[31000-32000]")
	c.framework("f", "quota1")
	c.want("f quota1 a1 cpus:1;mem:1024;ports:[31000-32000]")
	c.both("quota2", "mem:1024")
	c.agent("a2", "cpus:1;mem:1024;ports:[31000-32000]")
	c.want("f quota1 a2 cpus:1;ports:[31000-32000]") // the memory is kept for the other
	c.agent("a3", "cpus:1;mem:1024;ports:[31000-32000]")
	c.want("f quota1 a3 mem:1024;ports:[31000-32000]") // the cpus are over the limit
}

func sharesWithQuota(c *cluster) {
	c.both("quota", "cpus:0.25;mem:128")
	c.framework("f1", "quota")
	c.framework("f2", "other")
	quota := "quota/roles/quota/resources/"
	c.shows(map[string]float64{quota + "cpus/guarantee": 0.25, quota + "cpus/limit": 0.25, quota + "mem/guarantee": 128, quota + "mem/limit": 128})
	c.agent("a1", "cpus:1;mem:512", uses(c.t, "f1", "quota", "cpus:0.25;mem:128"))
	c.want("f2 other a1 cpus:0.75;mem:384")
	c.shows(map[string]float64{quota + "cpus/offered_or_allocated": 0.25, quota + "mem/offered_or_allocated": 128})
	c.hides(quota + "disk/offered_or_allocated")
	c.agent("a2", "cpus:1;mem:512")
	c.want("f2 other a2 cpus:1;mem:512") // by share it is the other's turn, but its limit is reached
}

func againstStarvation(c *cluster) {
	c.framework("f1", "quota")
	c.framework("f2", "other")
	c.agent("a1", "cpus:1;mem:512", uses(c.t, "f1", "quota", "cpus:1;mem:512"))
	c.agent("a2", "cpus:1;mem:512")
	c.decline(c.want("f2 other a2 cpus:1;mem:512"), 0)
	c.tick()
	c.decline(c.want("f2 other a2 cpus:1;mem:512"), 0)
	c.both("quota", "cpus:2;mem:1024")
	c.tick()
	c.want("f1 quota a2 cpus:1;mem:512")
}

func wholeAgentIsKept(c *cluster) {
	c.both("quota", "cpus:2;mem:1024")
	c.framework("f", "other")
	c.agent("a1", "cpus:2;mem:1024")
	c.want()
	c.agent("a2", "cpus:2;mem:1024")
	c.want("f other a2 cpus:2;mem:1024") // as much again is kept, whichever agent it is on
}

func oneWithoutFrameworks(c *cluster) {
	c.agent("a", "cpus:2;mem:2048")
	c.both("quota1", "cpus:1;mem:1024")
	c.both("quota2", "cpus:2;mem:2048")
	c.framework("f", "quota2")
	c.want("f quota2 a cpus:2;mem:2048")
}

func bothWithFrameworks(c *cluster) {
	c.both("quota1", "cpus:1;mem:200")
	c.both("quota2", "cpus:2;mem:2000")
	c.framework("f1", "quota1")
	c.framework("f2", "quota2")
	c.agent("a1", "cpus:1;mem:1024", uses(c.t, "f1", "quota1", "cpus:1;mem:1024"))
	c.agent("a2", "cpus:1;mem:1024", uses(c.t, "f2", "quota2", "cpus:1;mem:1024"))
	c.agent("a3", "cpus:2;mem:2048")
	c.want("f2 quota2 a3 cpus:1;mem:976")
}

func moreOfOneResource(c *cluster) {
	c.both("quota", "cpus:4;mem:1024")
	c.framework("f", "quota")
	c.agent("a1", "cpus:2;mem:1024")
	c.want("f quota a1 cpus:2;mem:1024")
	c.agent("a2", "cpus:2;mem:1024")
	c.want("f quota a2 cpus:2")
}

func reservationsWithin(c *cluster) {
	c.both("quota", "cpus:2;mem:256")
	c.framework("f1", "quota")
	c.framework("f2", "other")
	c.agent("a1", "cpus:8;mem(quota):256", uses(c.t, "f1", "quota", "cpus:2;mem(quota):256"))
	c.want("f2 other a1 cpus:6") // the reservation in use met the guarantee
	c.agent("a2", "cpus:4")
	c.want("f2 other a2 cpus:4")
}

func reservationsOfParent(c *cluster) {
	c.both("quota", "cpus:1;mem:1024")
	c.agent("a1", "cpus(a):1;mem(a):1024")
	c.framework("f1", "a/b")
	c.want("f1 a/b a1 cpus(a):1;mem(a):1024")
	c.framework("f2", "other")
	c.want()
	c.agent("a2", "cpus:1;mem:1024")
	c.want() // kept: what a/b uses is reserved and no headroom
	c.agent("a3", "cpus:1;mem:1024")
	ps := c.offers()
	if len(ps) != 1 || ps[0].Framework != "f2" || ps[0].Resources.CPUs() != 1000 || ps[0].Resources.Mem() != 1024000 {
		c.t.Fatal(ps)
	}
}

func reservationsOfChild(c *cluster) {
	c.both("a", "cpus:2;mem:200")
	c.agent("a1", "cpus(a/b):1;mem(a/b):100")
	c.agent("a2", "cpus:10;mem:1000")
	c.framework("f1", "a")
	c.want("f1 a a2 cpus:1;mem:100")
}

func useOfChild(c *cluster) {
	c.framework("f1", "a/b")
	c.agent("a1", "cpus:1;mem:1024")
	c.want("f1 a/b a1 cpus:1;mem:1024")
	c.both("a", "cpus:1;mem:1024") // met by the child
	c.framework("f2", "a")
	c.agent("a2", "cpus:1;mem:1024")
	c.want("f1 a/b a2 cpus:1;mem:1024")
}

func headroomWithUseOfChild(c *cluster) {
	c.framework("f1", "a/b")
	c.agent("a1", "cpus:1;mem:100")
	c.want("f1 a/b a1 cpus:1;mem:100")
	c.framework("f2", "a")
	c.agent("a2", "cpus:1;mem:100")
	c.want("f2 a a2 cpus:1;mem:100")
	c.both("quota", "cpus:1;mem:100")
	c.agent("a3", "cpus:1;mem:100")
	c.want()
	c.agent("a4", "cpus:1;mem:100")
	if ps := c.offers(); len(ps) != 1 {
		c.t.Fatal(ps)
	}
}

func reservingHeld(c *cluster) {
	c.both("quota", "cpus:10;mem:1024")
	c.framework("f", "quota")
	c.agent("a1", "cpus:5;mem:512")
	p := c.want("f quota a1 cpus:5;mem:512")[0]
	c.convert("f", "a1", p.Resources, p.Resources, reserved(c.t, "cpus:5;mem:512", "quota", "principal").Allocate("quota"))
	c.agent("a2", "cpus:5;mem:512")
	c.want("f quota a2 cpus:5;mem:512") // counted once
}

func unreservingHeld(c *cluster) {
	c.both("quota", "cpus:1;mem:1024")
	c.framework("f", "quota")
	c.agent("a1", "cpus(quota):1;mem(quota):1024")
	p := c.want("f quota a1 cpus(quota):1;mem(quota):1024")[0]
	c.agent("a2", "cpus:1;mem:1024")
	c.want()
	c.convert("f", "a1", p.Resources, p.Resources, parse(c.t, "cpus:1;mem:1024").Allocate("quota"))
	c.tick()
	c.want()
}

func setAside(c *cluster) {
	c.agent("a1", "cpus:4;mem:512")
	c.agent("a2", "cpus:4;mem:512")
	theirs := reserved(c.t, "cpus:4;mem:512", "other", "ops")
	done := c.UpdateAvailable("a2", []allocator.Conversion{{Consumed: parse(c.t, "cpus:4;mem:512"), Converted: theirs}})
	if _, err := done.Get(settled(c)); err != nil {
		c.t.Fatal(err)
	}
	c.framework("f1", "quota")
	c.both("quota", "cpus:4;mem:512")
	c.decline(c.want("f1 quota a1 cpus:4;mem:512"), 10)
	c.tick()
	c.want()
	c.framework("f2", "other")
	p := c.granted("f2", "other", "a2", theirs)
	c.decline([]allocator.Proposal{p}, 10)
	c.tick()
	c.want() // what is unreserved is kept for the guarantee
}
