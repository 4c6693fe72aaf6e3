package drf

import (
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
		e.refuse(slot, e.frameworks["f1"].clients[e.roleIDs["ads"]], &b, begin.Add(forever).UnixNano())
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
