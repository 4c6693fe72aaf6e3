package allocator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// cluster is the allocator on a stage of one goroutine with a clock that moves when told. What it proposes is kept, as a
// master would hold it.
type cluster struct {
	allocator.Client
	t     testing.TB
	rt    *process.Runtime
	stage *queue
	clock *clock
	runs  int // that proposed something
	mail  []allocator.Proposal
	infos map[string]*allocator.Framework
	specs map[string]allocator.Agent
}

type queue struct{ ready []process.Runnable }

func (q *queue) Ready(r process.Runnable)        { q.ready = append(q.ready, r) }
func (q *queue) Go(work func(context.Context))   { work(context.Background()) }
func (q *queue) Close(ctx context.Context) error { return nil }

func (q *queue) drain() {
	for len(q.ready) > 0 {
		r := q.ready[0]
		if q.ready = q.ready[1:]; r.Run(10) {
			q.ready = append(q.ready, r)
		}
	}
}

type clock struct {
	now    time.Time
	timers []*timer
}

type timer struct {
	c  *clock
	at time.Time
	f  func()
}

func (c *clock) Now() time.Time { return c.now }

func (c *clock) AfterFunc(d time.Duration, f func()) process.Timer {
	x := &timer{c, c.now.Add(d), f}
	c.timers = append(c.timers, x)
	return x
}

func (x *timer) Stop() bool {
	i := slices.Index(x.c.timers, x)
	if i < 0 {
		return false
	}
	x.c.timers = slices.Delete(x.c.timers, i, i+1)
	return true
}

// next takes the timer that is due first, in the order of arming among equals.
func (c *clock) next(until time.Time) *timer {
	var first *timer
	for _, x := range c.timers {
		if !x.at.After(until) && (first == nil || x.at.Before(first.at)) {
			first = x
		}
	}
	if first != nil {
		first.Stop()
		c.now = first.at
	}
	return first
}

func newCluster(t testing.TB, change ...func(*allocator.Config)) *cluster {
	t.Helper()
	c := &cluster{t: t, stage: &queue{}, clock: &clock{now: time.Unix(1_700_000_000, 0)},
		infos: map[string]*allocator.Framework{}, specs: map[string]allocator.Agent{}}
	rt, err := process.New(process.Config{Stage: c.stage, Clock: c.clock, Seed: 7,
		OnPanic: func(_ process.UPID, what any, stack []byte) { t.Fatalf("%v\n%s", what, stack) }})
	if err != nil {
		t.Fatal(err)
	}
	c.rt = rt
	config := allocator.Default()
	for _, f := range change {
		f(&config)
	}
	c.Client, err = allocator.Spawn(rt, config, func(ps []allocator.Proposal) {
		c.runs++
		c.mail = append(c.mail, ps...)
	})
	if err != nil {
		t.Fatal(err)
	}
	c.settle()
	return c
}

// settle lets the allocator do all that it has been told.
func (c *cluster) settle() { c.stage.drain() }

// advance lets time pass.
func (c *cluster) advance(d time.Duration) {
	c.settle()
	end := c.clock.now.Add(d)
	for x := c.clock.next(end); x != nil; x = c.clock.next(end) {
		x.f()
		c.settle()
	}
	c.clock.now = end
}

// tick lets one allocation interval pass.
func (c *cluster) tick() { c.advance(time.Second) }

// offers takes what was proposed since the last time.
func (c *cluster) offers() []allocator.Proposal {
	c.settle()
	ps := c.mail
	c.mail = nil
	return ps
}

func parse(t testing.TB, text string) resources.Resources {
	t.Helper()
	if strings.HasPrefix(text, "[") {
		return parseJSON(t, text)
	}
	rs, err := resources.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// parseJSON takes what a flag could not say: volumes, revocable and shared resources, providers.
func parseJSON(t testing.TB, text string) resources.Resources {
	t.Helper()
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatal(err)
	}
	var list []*mesospb.Resource
	for _, r := range raw {
		m := &mesospb.Resource{}
		if err := protojson.Unmarshal(r, m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	rs, err := resources.FromProto(list)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

type frameworkOption func(*allocator.Framework)

func suppressed(roles ...string) frameworkOption {
	return func(f *allocator.Framework) { f.Suppressed = roles }
}

func inactive(f *allocator.Framework) { f.Active = false }

func capable(cs ...mesospb.FrameworkInfo_Capability_Type) frameworkOption {
	return func(f *allocator.Framework) {
		for _, c := range cs {
			f.Info.Capabilities = append(f.Info.Capabilities, &mesospb.FrameworkInfo_Capability{Type: c.Enum()})
		}
	}
}

// framework makes one with MULTI_ROLE and RESERVATION_REFINEMENT, as modern ones have.
func framework(id string, roles []string, options ...frameworkOption) allocator.Framework {
	f := allocator.Framework{Active: true, Info: &mesospb.FrameworkInfo{
		Id: &mesospb.FrameworkID{Value: proto.String(id)}, User: proto.String("user"), Name: proto.String(id), Roles: roles}}
	capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE, mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT)(&f)
	for _, o := range options {
		o(&f)
	}
	return f
}

func (c *cluster) framework(id string, roles string, options ...frameworkOption) {
	f := framework(id, strings.Fields(roles), options...)
	c.infos[id] = &f
	c.AddFramework(id, f)
}

type agentOption func(*allocator.Agent)

// uses says what a framework uses in a role.
func uses(t testing.TB, framework, role, text string) agentOption {
	return func(a *allocator.Agent) {
		if a.Used == nil {
			a.Used = map[string]resources.Resources{}
		}
		a.Used[framework] = a.Used[framework].Add(parse(t, text).Allocate(role))
	}
}

func attribute(name, value string) agentOption {
	return func(a *allocator.Agent) {
		a.Info.Attributes = append(a.Info.Attributes, &mesospb.Attribute{Name: &name, Type: mesospb.Value_TEXT.Enum(),
			Text: &mesospb.Value_Text{Value: &value}})
	}
}

func (c *cluster) agentSpec(id, total string, options ...agentOption) allocator.Agent {
	a := allocator.Agent{
		Info: &mesospb.AgentInfo{Id: &mesospb.AgentID{Value: &id}, Hostname: proto.String("host-" + id)},
		Capabilities: []*mesospb.AgentInfo_Capability{{Type: mesospb.AgentInfo_Capability_MULTI_ROLE.Enum()},
			{Type: mesospb.AgentInfo_Capability_HIERARCHICAL_ROLE.Enum()},
			{Type: mesospb.AgentInfo_Capability_RESERVATION_REFINEMENT.Enum()}},
		Total: parse(c.t, total),
	}
	for _, o := range options {
		o(&a)
	}
	return a
}

func (c *cluster) agent(id, total string, options ...agentOption) {
	c.specs[id] = c.agentSpec(id, total, options...)
	c.AddAgent(id, c.specs[id])
}

// want compares what was proposed since the last time with lines of "framework role agent resources", in any order,
// and returns it.
func (c *cluster) want(lines ...string) []allocator.Proposal {
	c.t.Helper()
	ps := c.offers()
	var got, want []string
	for _, p := range ps {
		got = append(got, fmt.Sprintf("%s %s %s %s", p.Framework, p.Role, p.Agent, canonical(p.Resources)))
		if !p.Resources.Equal(p.Resources.Unallocate().Allocate(p.Role)) {
			c.t.Errorf("%v is not all allocated to %s", p.Resources, p.Role)
		}
	}
	for _, line := range lines {
		fields := strings.SplitN(line, " ", 4)
		want = append(want, strings.Join(fields[:3], " ")+" "+canonical(parse(c.t, fields[3])))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.t.Fatalf("want %q\ngot  %q", want, got)
	}
	return ps
}

// canonical prints resources without whom they are allocated to, sorted.
func canonical(rs resources.Resources) string {
	var parts []string
	for r := range rs.Unallocate().All() {
		parts = append(parts, fmt.Sprintf("%s x%d", r, r.Copies()))
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

// decline returns proposals with a filter, or without one if seconds is 0.
func (c *cluster) decline(ps []allocator.Proposal, seconds float64) {
	for _, p := range ps {
		c.Recover(p.Framework, p.Agent, p.Resources, &mesospb.Filters{RefuseSeconds: &seconds})
	}
}
