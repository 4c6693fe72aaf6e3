package allocator

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/meseta-io/meseta/actors/allocator/drf"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

const (
	defaultRefusal = 5 * time.Second
	longestRefusal = 365 * 24 * time.Hour
)

func (a *Allocator) recover(framework, agent string, rs resources.Resources, filters *mesospb.Filters) {
	until := a.until(filters)
	allocations := rs.Allocations()
	a.do(func(e *drf.Engine) {
		for _, role := range slices.Sorted(maps.Keys(allocations)) {
			e.Recover(framework, role, agent, a.words.bundle(allocations[role]), until)
		}
	})
}

// until is when a refusal ends; zero: there is none. It lasts an interval at the least, or it would end before the next run looks
// at the agent again.
func (a *Allocator) until(filters *mesospb.Filters) time.Time {
	if filters == nil {
		return time.Time{}
	}
	refusal := defaultRefusal
	switch s := filters.GetRefuseSeconds(); {
	case s > longestRefusal.Seconds():
		refusal = longestRefusal
	case s >= 0: // false for what is not a number, too
		refusal = time.Duration(math.Round(s * float64(time.Second)))
	}
	if refusal == 0 {
		return time.Time{}
	}
	return a.base.Now().Add(max(refusal, a.config.AllocationInterval))
}

func (a *Allocator) convert(framework, agent string, cs []Conversion) {
	byRole := map[string][]drf.Conversion{}
	for _, c := range cs {
		for _, role := range rolesOf(c) {
			byRole[role] = append(byRole[role], drf.Conversion{
				Consumed:  a.words.bundle(c.Consumed.AllocatedTo(role)),
				Converted: a.words.bundle(c.Converted.AllocatedTo(role)),
			})
		}
	}
	a.do(func(e *drf.Engine) {
		for _, role := range slices.Sorted(maps.Keys(byRole)) {
			e.Convert(framework, role, agent, byRole[role])
		}
	})
}

func rolesOf(c Conversion) []string {
	all := map[string]bool{}
	for _, rs := range []resources.Resources{c.Consumed, c.Converted} {
		for role := range rs.Allocations() {
			all[role] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
