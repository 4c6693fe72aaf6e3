package drf

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The stories have known ends, most of them told by Mesos' own tests. The oracle sits the exam as well, so that it is held to
// Mesos and not only to the reading of one person.
func TestStories(t *testing.T) {
	options := Options{Seed: 3, Min: testMin}
	for name, make := range map[string]func() *desk{
		"oracle": func() *desk { o := newOracle(options); return &desk{teller: o, run: o.Allocate} },
		"engine": func() *desk { e := New(options); return &desk{teller: e, run: e.promises} },
	} {
		for story, tell := range stories {
			t.Run(name+"/"+story, func(t *testing.T) {
				d := make()
				d.t, d.now = t, begin
				d.Now(begin)
				tell(d)
			})
		}
	}
}

func (e *Engine) promises() []promise {
	var out []promise
	for _, g := range e.Allocate() {
		out = append(out, promise{g.Framework, g.Role, g.Agent, pileOf(g.Bundle).text()})
	}
	return out
}

// desk is where a story is told.
type desk struct {
	teller
	t    *testing.T
	run  func() []promise
	now  time.Time
	last []promise
}

func (d *desk) machine(id string, total string) Agent {
	return Agent{ID: id, MultiRole: true, Hierarchical: true, Total: scalars(total)}
}

func (d *desk) agent(id, total string) { d.AddAgent(d.machine(id, total)) }

func (d *desk) client(id, role string) {
	d.AddFramework(Framework{ID: id, Active: true, Roles: map[string]Subscription{role: {}}})
}

func (d *desk) tick() *desk {
	d.now = d.now.Add(time.Second)
	d.Now(d.now)
	d.Request()
	return d
}

// want runs, and compares "framework role agent resources" in any order.
func (d *desk) want(want ...string) {
	d.t.Helper()
	var got []string
	d.last = d.run()
	for _, p := range d.last {
		got = append(got, fmt.Sprintf("%s %s %s %s", p.Framework, p.Role, p.Agent, p.Pile))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		d.t.Fatalf("want %q\ngot  %q", want, got)
	}
}

// decline returns the last offers, which were of plain scalars.
func (d *desk) decline(text string, refuse time.Duration) {
	until := time.Time{}
	if refuse > 0 {
		until = d.now.Add(refuse)
	}
	for _, p := range d.last {
		d.Recover(p.Framework, p.Role, p.Agent, scalars(text), until)
	}
}

func amountsOf(text string) map[string]int64 {
	out := map[string]int64{}
	for _, r := range scalars(text) {
		out[r.Kind.Name] = r.N
	}
	return out
}

func (d *desk) guarantee(role, text string) {
	d.SetQuota(role, Quota{amountsOf(text), amountsOf(text)})
}

var stories = map[string]func(*desk){
	"the role with the lower share is served first": func(d *desk) { // UnreservedDRF
		d.agent("a1", "cpus:2;mem:1024")
		d.client("f1", "role1")
		d.want("f1 role1 a1 cpus=2000 mem=1024000")
		d.client("f2", "role2")
		d.agent("a2", "cpus:1;mem:512")
		d.want("f2 role2 a2 cpus=1000 mem=512000")
		d.agent("a3", "cpus:3;mem:2048")
		d.want("f2 role2 a3 cpus=3000 mem=2048000")
		d.client("f3", "role1")
		d.agent("a4", "cpus:4;mem:4096")
		d.want("f3 role1 a4 cpus=4000 mem=4096000")
		d.client("f4", "role1")
		d.agent("a5", "cpus:1;mem:512")
		d.want("f2 role2 a5 cpus=1000 mem=512000")
	},
	"quota saves a role from one that keeps declining": func(d *desk) { // QuotaAgainstStarvation
		d.client("f1", "quota")
		d.agent("a1", "cpus:1;mem:512")
		d.want("f1 quota a1 cpus=1000 mem=512000")
		d.client("f2", "other")
		d.agent("a2", "cpus:1;mem:512")
		for range 3 {
			d.tick().want("f2 other a2 cpus=1000 mem=512000")
			d.decline("cpus:1;mem:512", 0)
		}
		d.guarantee("quota", "cpus:2;mem:1024")
		d.tick().want("f1 quota a2 cpus=1000 mem=512000")
	},
	"an agent is cut to the quota": func(d *desk) { // QuotaAllocationGranularity
		d.guarantee("quota", "cpus:0.5;mem:512")
		d.client("f1", "quota")
		d.agent("a1", "cpus:1;mem:1024")
		d.want("f1 quota a1 cpus=500 mem=512000")
	},
	"idle reservations consume quota": func(d *desk) { // ReservationUnallocated
		d.guarantee("quota", "cpus:1;mem:1024")
		d.client("f1", "quota")
		a := d.machine("a1", "cpus:0")
		a.Total.put(Kind{Name: "cpus", Role: "quota"}, 1000)
		a.Total.put(Kind{Name: "mem", Role: "quota"}, 1024000)
		d.AddAgent(a)
		d.want("f1 quota a1 cpus(quota)=1000 mem(quota)=1024000")
		d.Recover("f1", "quota", "a1", a.Total, d.now.Add(forever))
		d.agent("a2", "cpus:1;mem:1024")
		d.want()
	},
	"room is kept for a guarantee without frameworks": func(d *desk) { // QuotaAbsentFramework
		d.guarantee("quota", "cpus:2;mem:1024")
		d.client("f1", "other")
		d.agent("a1", "cpus:3;mem:2048")
		d.want("f1 other a1 cpus=1000 mem=1024000")
		d.tick().want()
	},
	"a filter yields to more, not to less": func(d *desk) {
		d.client("f1", "role")
		d.agent("a1", "cpus:2;mem:1024")
		d.want("f1 role a1 cpus=2000 mem=1024000")
		d.decline("cpus:2;mem:1024", time.Minute)
		d.tick().want()
		d.UpdateAgent(d.machine("a1", "cpus:1;mem:1024"))
		d.want()
		d.UpdateAgent(d.machine("a1", "cpus:3;mem:1024"))
		d.want("f1 role a1 cpus=3000 mem=1024000")
	},
	"a filter lives through the run at its last instant": func(d *desk) {
		d.client("f1", "role")
		d.agent("a1", "cpus:2;mem:1024")
		d.tick().want("f1 role a1 cpus=2000 mem=1024000")
		d.decline("cpus:2;mem:1024", time.Second)
		d.tick().want()
		d.tick().want("f1 role a1 cpus=2000 mem=1024000")
	},
	"revive forgets filters, suppress keeps them": func(d *desk) {
		d.client("f1", "role")
		d.agent("a1", "cpus:2;mem:1024")
		d.want("f1 role a1 cpus=2000 mem=1024000")
		d.decline("cpus:2;mem:1024", forever)
		d.Suppress("f1", []string{"role"})
		d.tick().want()
		d.Revive("f1", []string{"role"})
		d.want("f1 role a1 cpus=2000 mem=1024000")
	},
	"a role shares with its sub-roles through its own leaf": func(d *desk) {
		d.client("f1", "a")
		d.agent("a1", "cpus:1;mem:1024")
		d.want("f1 a a1 cpus=1000 mem=1024000")
		d.client("f2", "a/b")
		d.client("f3", "c")
		d.agent("a2", "cpus:1;mem:1024")
		d.want("f3 c a2 cpus=1000 mem=1024000") // a as a whole 1/2, c nothing
		d.agent("a3", "cpus:4;mem:1024")
		d.want("f2 a/b a3 cpus=4000 mem=1024000") // a and c tie in share and count; the name decides
	},
	"a framework owns what its agents say before it is added": func(d *desk) { // AddAgentWithUnknownFramework
		a := d.machine("a1", "cpus:2;mem:1024")
		a.Used = []Use{{"f1", "role1", scalars("cpus:1;mem:512")}}
		d.AddAgent(a)
		d.client("f2", "role2")
		d.want("f2 role2 a1 cpus=1000 mem=512000")
		d.client("f1", "role1")
		d.agent("a2", "cpus:1;mem:1024")
		d.want("f1 role1 a2 cpus=1000 mem=1024000") // they tie in share and count, so the name of the role decides
	},
	"a port that is held twice is free when both returned it": func(d *desk) {
		ports := Bundle{portsOf(Range{1, 2})}
		a := d.machine("a1", "cpus:2")
		a.Total = append(a.Total, ports...)
		a.Used = []Use{{"f1", "role", ports}, {"f2", "role", ports}}
		d.AddAgent(a)
		d.client("f3", "role")
		d.want("f3 role a1 cpus=2000")
		d.decline("cpus:2", 0)
		d.Recover("f1", "role", "a1", ports, time.Time{})
		d.tick().want("f3 role a1 cpus=2000")
		d.decline("cpus:2", 0)
		d.Recover("f2", "role", "a1", ports, time.Time{})
		d.tick().want("f3 role a1 cpus=2000 ports1=1 ports2=1")
	},
}
