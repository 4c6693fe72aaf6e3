package allocator_test

import (
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestMetrics(t *testing.T) {
	amounts := func(cpus, mem, disk, usedCPUs, usedMem, usedDisk float64) map[string]float64 {
		return map[string]float64{
			"resources/cpus/total": cpus, "resources/mem/total": mem, "resources/disk/total": disk,
			"resources/cpus/offered_or_allocated": usedCPUs, "resources/mem/offered_or_allocated": usedMem,
			"resources/disk/offered_or_allocated": usedDisk,
		}
	}

	t.Run("resources", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024")
		c.shows(amounts(2, 1024, 0, 0, 0, 0))
		c.framework("f", "role1")
		c.shows(amounts(2, 1024, 0, 2, 1024, 0))
		c.RemoveAgent("a")
		c.shows(amounts(0, 0, 0, 0, 0, 0))
	})

	t.Run("an-empty-cluster", func(t *testing.T) { newCluster(t).shows(amounts(0, 0, 0, 0, 0, 0)) })

	t.Run("quota", func(t *testing.T) {
		c := newCluster(t)
		q := "quota/roles/role/resources/"
		c.hides(q+"cpus/guarantee", q+"cpus/limit", q+"mem/guarantee", q+"mem/limit")
		c.quota("role", "cpus:1", "mem:1024")
		c.shows(map[string]float64{q + "cpus/guarantee": 1, q + "mem/limit": 1024})
		c.hides(q+"cpus/limit", q+"mem/guarantee")
		c.quota("role", "cpus:2", "mem:1024")
		c.shows(map[string]float64{q + "cpus/guarantee": 2})
		c.quota("role", "", "")
		c.hides(q+"cpus/guarantee", q+"cpus/limit", q+"mem/guarantee", q+"mem/limit")
	})

	t.Run("runs", func(t *testing.T) {
		c := newCluster(t)
		c.shows(map[string]float64{"allocation_runs": 0})
		c.agent("a", "cpus:2;mem:1024")
		c.settle()
		c.framework("f", "role")
		c.shows(map[string]float64{"allocation_runs": 2})
	})

	for name, timer := range map[string]string{"run-time": "allocation_run_ms", "latency": "allocation_run_latency_ms"} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			names := []string{timer}
			for _, statistic := range []string{"count", "min", "max", "p50", "p95", "p99", "p999", "p9999"} {
				names = append(names, timer+"/"+statistic)
			}
			c.hides(names...)
			c.agent("a", "cpus:2;mem:1024")
			c.settle()
			c.advance(time.Millisecond)
			c.framework("f", "role1")
			c.offers()
			got := c.figures()
			for _, n := range names {
				if v, ok := got["allocator/mesos/"+n]; !ok || v < 0 {
					t.Errorf("%s: %v %v", n, v, ok)
				}
			}
		})
	}

	t.Run("filters", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:2;mem:1024")
		c.framework("f1", "roleA")
		c.decline(c.want("f1 roleA a cpus:2;mem:1024"), 100)
		c.shows(map[string]float64{"offer_filters/roles/roleA/active": 1})
		c.framework("f2", "roleB")
		c.decline(c.want("f2 roleB a cpus:2;mem:1024"), 100)
		c.shows(map[string]float64{"offer_filters/roles/roleA/active": 1, "offer_filters/roles/roleB/active": 1})
		c.framework("f3", "roleA")
		c.decline(c.want("f3 roleA a cpus:2;mem:1024"), 100)
		c.shows(map[string]float64{"offer_filters/roles/roleA/active": 2, "offer_filters/roles/roleB/active": 1})
	})

	t.Run("shares", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a1", "cpus:1;mem:1024")
		c.framework("f1", "roleA")
		c.shows(map[string]float64{"roles/roleA/shares/dominant": 1})
		c.decline(c.offers(), 0)
		c.shows(map[string]float64{"roles/roleA/shares/dominant": 0})
		c.framework("f2", "roleB")
		c.shows(map[string]float64{"roles/roleA/shares/dominant": 0, "roles/roleB/shares/dominant": 1})
		c.agent("a2", "cpus:1;mem:1024")
		c.shows(map[string]float64{"roles/roleA/shares/dominant": 0.5, "roles/roleB/shares/dominant": 0.5})
		c.RemoveFramework("f2")
		c.shows(map[string]float64{"roles/roleA/shares/dominant": 0.5})
		c.hides("roles/roleB/shares/dominant")
	})

	t.Run("shares-without-excluded-names", func(t *testing.T) {
		c := newCluster(t, func(c *allocator.Config) { c.FairSharingExcludedResourceNames = []string{"gpus"} })
		c.agent("a1", "cpus:1;mem:1024;gpus:1")
		c.framework("f1", "roleA", capable(mesospb.FrameworkInfo_Capability_GPU_RESOURCES))
		c.shows(map[string]float64{"roles/roleA/shares/dominant": 1})
		c.framework("f2", "roleB")
		c.agent("a2", "cpus:3;mem:3072")
		c.shows(map[string]float64{"roles/roleA/shares/dominant": 0.25, "roles/roleB/shares/dominant": 0.75})
	})

	t.Run("used-by-the-known-and-the-unknown", func(t *testing.T) {
		c := newCluster(t)
		c.framework("f1", "ROLE1")
		c.agent("a1", "cpus:1", uses(t, "f1", "ROLE1", "cpus:1"))
		c.agent("a2", "cpus:1", uses(t, "f2", "ROLE2", "cpus:1"))
		c.framework("f2", "ROLE2")
		c.shows(map[string]float64{"roles/ROLE1/shares/dominant": 0.5, "roles/ROLE2/shares/dominant": 0.5})
	})

	t.Run("in-the-runtime", func(t *testing.T) {
		c := newCluster(t)
		share := "allocator/mesos/roles/roleA/shares/dominant"
		shows := func(when string, cpus float64, there bool) {
			t.Helper()
			c.tick()
			got := c.rt.Metrics().Snapshot()
			if v := got["allocator/mesos/resources/cpus/total"]; v != cpus {
				t.Errorf("%s: %v cpus, want %v", when, v, cpus)
			}
			if _, ok := got[share]; ok != there {
				t.Errorf("%s: the share is there: %t", when, ok)
			}
		}
		shows("at first", 0, false)
		c.agent("a1", "cpus:2;mem:1024")
		c.framework("f1", "roleA")
		shows("with a framework", 2, true)
		c.RemoveFramework("f1")
		shows("without", 2, false)
	})
}
