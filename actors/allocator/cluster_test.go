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

// quota sets a role's guarantee and limit, each like "cpus:1;mem:512" or empty.
func (c *cluster) quota(role, guarantee, limit string) {
	c.t.Helper()
	amounts := func(text string) map[string]float64 {
		out := map[string]float64{}
		l, err := resources.ParseLimits(text) // keeps zeros
		if err != nil {
			c.t.Fatal(err)
		}
		for name, n := range l.All() {
			out[name] = n.Float64()
		}
		return out
	}
	c.UpdateQuota(role, allocator.Quota{Guarantees: amounts(guarantee), Limits: amounts(limit)})
}

// both sets a guarantee that is the limit, too.
func (c *cluster) both(role, amounts string) { c.quota(role, amounts, amounts) }

func (c *cluster) figures() map[string]float64 {
	c.t.Helper()
	c.settle() // a run that is due comes first
	f := c.Figures()
	c.settle()
	out, err := f.Get(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// shows compares metrics below "allocator/mesos/".
func (c *cluster) shows(want map[string]float64) {
	c.t.Helper()
	got := c.figures()
	for name, v := range want {
		if x, ok := got["allocator/mesos/"+name]; !ok || x != v {
			c.t.Errorf("%s: want %v, got %v (%v)", name, v, x, ok)
		}
	}
}

func (c *cluster) hides(names ...string) {
	c.t.Helper()
	got := c.figures()
	for _, name := range names {
		if v, ok := got["allocator/mesos/"+name]; ok {
			c.t.Errorf("%s is there: %v", name, v)
		}
	}
}

// reserved is text, reserved to a role; dynamically by a principal, or statically.
func reserved(t testing.TB, text, role, principal string) resources.Resources {
	t.Helper()
	r := &mesospb.Resource_ReservationInfo{Type: mesospb.Resource_ReservationInfo_STATIC.Enum(), Role: &role}
	if principal != "" {
		r.Type, r.Principal = mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), &principal
	}
	rs, err := parse(t, text).PushReservation(r)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// volume is a persistent volume of n MB reserved to a role.
func volume(t testing.TB, n int, role string, shared bool) resources.Resources {
	t.Helper()
	text := `"name":"disk","type":"SCALAR","scalar":{"value":%d},"reservations":[{"type":"STATIC","role":%q}],` +
		`"disk":{"persistence":{"id":"id1"},"volume":{"container_path":"data","mode":"RW"}}`
	if shared {
		text += `,"shared":{}`
	}
	return parse(t, fmt.Sprintf("[{"+text+"}]", n, role))
}

func revocable(t testing.TB, cpus float64) resources.Resources {
	t.Helper()
	return parse(t, fmt.Sprintf(`[{"name":"cpus","type":"SCALAR","scalar":{"value":%v},"revocable":{}}]`, cpus))
}

// add puts an agent with any resources.
func (c *cluster) add(id string, total resources.Resources, options ...agentOption) {
	a := c.agentSpec(id, "cpus:1", options...)
	a.Total = total
	c.specs[id] = a
	c.AddAgent(id, a)
}

// change gives an agent another total.
func (c *cluster) change(id string, total resources.Resources) {
	a := c.specs[id]
	a.Total, a.Used = total, nil
	c.specs[id] = a
	c.UpdateAgent(id, a)
}

// granted takes what was proposed since the last time, which must be one proposal of exactly rs.
func (c *cluster) granted(framework, role, agent string, rs resources.Resources) allocator.Proposal {
	c.t.Helper()
	ps := c.offers()
	if len(ps) != 1 {
		c.t.Fatalf("%d proposals, want one: %v", len(ps), ps)
	}
	p := ps[0]
	if p.Framework != framework || p.Role != role || p.Agent != agent || !p.Resources.Equal(rs.Unallocate().Allocate(role)) {
		c.t.Fatalf("want %s %s %s %v\ngot  %s %s %s %v", framework, role, agent, rs, p.Framework, p.Role, p.Agent, p.Resources)
	}
	return p
}

// convert tells of an operation on what a framework holds, and returns what became of held.
func (c *cluster) convert(framework, agent string, held, consumed, converted resources.Resources) resources.Resources {
	c.t.Helper()
	conversion := allocator.Conversion{Consumed: consumed, Converted: converted}
	after, err := held.Convert(conversion)
	if err != nil {
		c.t.Fatal(err)
	}
	c.UpdateAllocation(framework, agent, []allocator.Conversion{conversion})
	return after
}
