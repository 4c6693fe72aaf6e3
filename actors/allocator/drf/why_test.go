package drf

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// A cluster where each agent fails for a different reason answers with that reason.
func TestWhyNamesTheFirstReason(t *testing.T) {
	e := New(Options{Seed: 1, Min: testMin})
	e.Now(begin)
	e.AddFramework(Framework{ID: "f1", Active: true, Roles: map[string]Subscription{
		"ads": {Excludes: func(agent string) bool { return agent == "excluded" }}}})
	e.AddFramework(Framework{ID: "f2", Active: true, Roles: map[string]Subscription{"web": {}}})
	add := func(id, total string, change func(*Agent)) {
		a := Agent{ID: id, MultiRole: true, Hierarchical: true, Total: scalars(total)}
		if change != nil {
			change(&a)
		}
		e.AddAgent(a)
	}
	const big = "cpus:8;mem:8192"
	add("fits", big, nil)
	add("excluded", big, nil)
	add("incapable", big+";gpus:1", nil)
	add("small", "cpus:3.9;mem:8192", nil)
	add("reserved", "cpus:1;mem:8192", func(a *Agent) { a.Total.put(Kind{Name: "cpus", Role: "web"}, 7*Milli) })
	add("busy", big, func(a *Agent) { a.Used = []Use{{"f2", "web", scalars("cpus:5")}} })
	add("silent", big, nil)
	e.SetAgentActive("silent", false)
	add("declined", big, nil)
	e.Request()
	for _, g := range e.Allocate() {
		until := time.Time{}
		if g.Agent == "declined" {
			until = begin.Add(forever)
		}
		e.Recover(g.Framework, g.Role, g.Agent, g.Bundle, until)
	}
	// Whoever got it first, let f1 be the one that declines.
	slot := e.agentIDs["declined"]
	if len(e.ledgers[slot].filters) == 0 || e.clients[e.ledgers[slot].filters[0].client].fw.id != "f1" {
		b := e.agents[slot].available()
		e.refuse(slot, e.frameworks["f1"].clients[e.roleIDs["ads"]], &b, int64(forever))
	}

	demand := map[string]int64{"cpus": 4 * Milli, "mem": 1024 * Milli}
	w := e.Why("f1", "ads", demand, 3)
	for _, r := range []Reason{Deactivated, Excluded, Incapable, TooSmall, ReservedAway, Busy, Refused, Fits} {
		if w.Agents[r] != 1 {
			t.Errorf("%s: %d agents, want 1", r, w.Agents[r])
		}
	}
	if len(w.Nearest) != 3 || w.Nearest[0].Agent != "declined" || w.Nearest[1].Agent != "small" || w.Nearest[1].Short["cpus"] != 100 {
		t.Errorf("nearest %+v", w.Nearest)
	}
	if w.Inactive {
		t.Error("inactive")
	}

	e.SetQuota("ads", Quota{Limit: map[string]int64{"cpus": 3 * Milli}})
	if w := e.Why("f1", "ads", demand, 0); w.Agents[OverLimit] != 1 || w.Agents[Fits] != 0 {
		t.Errorf("with a limit: %v", w.Agents)
	}
	e.SetQuota("ads", Quota{})
	e.SetQuota("web", Quota{Guarantee: map[string]int64{"cpus": 90 * Milli}})
	if w := e.Why("f1", "ads", demand, 0); w.Agents[ForGuarantees] != 1 || w.Agents[Fits] != 0 {
		t.Errorf("with a guarantee of others: %v", w.Agents)
	}
	e.SetQuota("web", Quota{})
	e.Suppress("f1", nil)
	if !e.Why("f1", "ads", demand, 0).Inactive || !e.Why("f1", "web", demand, 0).Inactive || !e.Why("nobody", "ads", demand, 0).Inactive {
		t.Error("nothing is offered to who is suppressed, not subscribed or unknown")
	}
}

// Why changes nothing: histories in which everybody asks all the time are the same.
func TestWhyChangesNothing(t *testing.T) {
	for seed := uint64(1); seed <= 14; seed++ {
		tellWith(t, seed, 120, func(e *Engine) {
			for id, f := range e.frameworks {
				for _, c := range f.clients {
					e.Why(id, e.roles[e.clients[c].role].name, map[string]int64{"cpus": 1500, "mem": 64000, "tape": 10}, 3)
				}
			}
		})
	}
}

// later is a world after a history that depends on the seed alone.
func later(t testing.TB, seed uint64) *world {
	w := newWorld(t, seed, func(*Engine) {})
	for range 60 {
		w.step()
	}
	// What was offered and not answered stays with those who have it.
	return w
}

// alone lets one framework, in one role and on one agent, have whatever a run gives it.
func (e *Engine) alone(framework, role, agent string) Bundle {
	for id := range e.frameworks {
		if id != framework {
			e.SetFrameworkActive(id, false)
		}
	}
	// The others stay, because quota counts what they have; the framework's own wish keeps it away from them.
	f := e.frameworks[framework]
	c := &e.clients[f.clients[e.roleIDs[role]]]
	wish := c.excludes
	c.excludes = func(id string) bool { return id != agent || wish != nil && wish(id) }
	for other := range f.clients {
		if name := e.roles[other].name; name != role {
			e.Suppress(framework, []string{name})
		}
	}
	e.Request()
	var got Bundle
	for _, g := range e.Allocate() {
		if g.Framework == framework && g.Role == role && g.Agent == agent {
			got = append(got, g.Bundle...)
		}
	}
	return got
}

// Brute force: an agent fits exactly when a run in which nobody else takes part offers at least the demand from it, and the
// demand that Why proposes instead fits exactly the agents that it says.
func TestWhyAgreesWithTheRun(t *testing.T) {
	counts := map[Reason]int{}
	changes := 0
	for seed := uint64(1); seed <= 60; seed++ {
		w := later(t, seed)
		for _, q := range w.questions() {
			a := w.fast.Why(q.framework, q.role, q.demand, 100)
			if a.Inactive {
				continue
			}
			fits := 0
			for _, agent := range w.agentIDs() {
				got := later(t, seed).fast.alone(q.framework, q.role, agent)
				if covers(got, q.demand) {
					fits++
				}
			}
			if fits != a.Agents[Fits] {
				t.Fatalf("seed %d, %+v: a run gives it to %d agents, Why says %d: %+v", seed, q, fits, a.Agents[Fits], a)
			}
			for r, n := range a.Agents {
				counts[Reason(r)] += n
			}
			for _, c := range a.Changes {
				changes++
				less := maps.Clone(q.demand)
				less[c.Name] = c.AtMost
				if b := w.fast.Why(q.framework, q.role, less, 0); b.Agents[Fits] != a.Agents[Fits]+c.Agents {
					t.Fatalf("seed %d, %+v: with %+v %d fit instead of %d", seed, q, c, b.Agents[Fits], a.Agents[Fits]+c.Agents)
				}
				less[c.Name]++
				if b := w.fast.Why(q.framework, q.role, less, 0); b.Agents[Fits] != a.Agents[Fits] {
					t.Fatalf("seed %d, %+v: %+v is not the most", seed, q, c)
				}
			}
		}
	}
	t.Logf("answers: %v, proposals: %d", counts, changes)
	for r := range reasons {
		if counts[r] == 0 && r != Deactivated && r != Excluded {
			t.Errorf("no history has an agent that is %q", r)
		}
	}
	if changes == 0 {
		t.Error("nothing was ever proposed")
	}
}

// aQuestion is what somebody may ask.
type aQuestion struct {
	framework, role string
	demand          map[string]int64
}

// questions are some that the world's own chance chooses.
func (w *world) questions() (all []aQuestion) {
	for _, id := range slices.Sorted(maps.Keys(w.fast.frameworks)) {
		for _, c := range w.fast.frameworks[id].clients {
			most := 1 + w.IntN(40)
			demand := map[string]int64{"cpus": int64(100 + w.IntN(100*most)), "mem": int64(10000 + w.IntN(5000*most))}
			all = append(all, aQuestion{id, w.fast.roles[w.fast.clients[c].role].name, demand})
		}
	}
	w.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(3, len(all))]
}

func (w *world) agentIDs() []string { return slices.Sorted(maps.Keys(w.fast.agentIDs)) }

func covers(b Bundle, demand map[string]int64) bool {
	for name, want := range demand {
		have := int64(0)
		for _, r := range b {
			if r.Kind.Name == name && r.Kind.Type == Scalar {
				have += r.N
			}
		}
		if have < want {
			return false
		}
	}
	return true
}
