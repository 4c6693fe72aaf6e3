package drf

import (
	"fmt"
	"testing"
	"time"
)

// Whatever frameworks and agents make up (roles, labels, ports, filters that last a year) is forgotten when it is gone.
func TestMemoryIsBounded(t *testing.T) {
	e := New(Options{Seed: 1, Min: testMin})
	e.sweepFrom = 64
	now := begin
	e.Now(now)
	most := 0
	for i := range 3000 {
		now = now.Add(time.Second)
		e.Now(now)
		role, id := fmt.Sprintf("team%d/app", i), fmt.Sprintf("agent%d", i)
		e.AddFramework(Framework{ID: "churning", Active: true, Roles: map[string]Subscription{role: {}}})
		a := Agent{ID: id, MultiRole: true, Hierarchical: true, Total: scalars("cpus:1;mem:512")}
		a.Total.put(Kind{Name: "cpus", Role: role, Detail: fmt.Sprint("label", i)}, Milli)
		a.Total = append(a.Total, portsOf(Range{1000, 2000 + uint64(i)}))
		e.AddAgent(a)
		e.Request()
		e.decline(e.Allocate(), 365*24*time.Hour)
		if i%2 == 0 {
			e.Revive("churning", nil)
			e.decline(e.Allocate(), 365*24*time.Hour)
		}
		if i >= 5 {
			e.RemoveAgent(fmt.Sprintf("agent%d", i-5))
		}
		most = max(most, e.interned()+len(e.timers)+len(e.clients)+len(e.agents)+len(e.frameworks))
	}
	e.checkInvariants(t)
	if most > 2000 {
		t.Fatalf("%d things are remembered of a cluster of five agents", most)
	}
}
