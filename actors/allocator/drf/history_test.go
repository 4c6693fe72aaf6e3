package drf

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var firstSeed = flag.Uint64("seed", 1, "first seed of the random histories")

// histories is how many random histories the test tells; MESETA_HISTORIES asks for a soak.
func histories() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("MESETA_HISTORIES"), 10, 64); err == nil {
		return n
	}
	return 49
}

// world tells both allocators one random history and compares every offer, in order.
type world struct {
	*rand.Rand
	t          testing.TB
	slow       *oracle
	fast       *Engine
	now        time.Time
	nextAgent  int
	nextFw     int
	agents     []Agent
	frameworks []Framework
	held       []lent
	log        []string
	kind       profile
	offers     int
	fresh      uint64        // ports that no total had yet
	sabotage   func(*Engine) // before each run
	most       int           // agents
	crowd      int           // frameworks
}

// lent is what somebody was offered or uses.
type lent struct {
	framework, role, agent string
	bundle                 Bundle
}

// profile tilts a history towards one part of the algorithm.
type profile struct {
	name                                        string
	quotas, reservations, disks, sets, rare     bool
	revocable, caps, deep, changes, conversions bool
}

var profiles = []profile{
	{name: "plain"},
	{name: "deep", deep: true, changes: true},
	{name: "quota", quotas: true},
	{name: "quota with disks", quotas: true, disks: true, revocable: true},
	{name: "reservations", reservations: true, deep: true, caps: true, conversions: true},
	{name: "custom names", sets: true, rare: true, quotas: true, caps: true},
	{name: "everything", quotas: true, reservations: true, disks: true, sets: true, rare: true, revocable: true,
		caps: true, deep: true, changes: true, conversions: true},
}

var flatRoles = []string{"*", "ads", "ads-2", "web"}
var deepRoles = []string{"ads", "ads/a", "ads/a/x", "ads/b", "web", "web/!", "web/a/y", "zoo/k"}

var testMin = []Min{{"cpus": 10}, {"mem": 32 * Milli}}

var begin = time.Unix(1_000_000, 0)

func (w *world) roles() []string {
	if w.kind.deep {
		return deepRoles
	}
	return flatRoles
}

func (w *world) chance(p float64) bool { return w.Float64() < p }

func (w *world) role() string { return w.roles()[w.IntN(len(w.roles()))] }

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (b *Bundle) put(k Kind, n int64) {
	if n > 0 {
		*b = append(*b, Resource{Kind: &k, N: n})
	}
}

func (w *world) total(id string) Bundle {
	var b Bundle
	if w.kind.conversions {
		// A new total has other ports: an agent that forgets that some are reserved would have them twice.
		w.fresh += 100
	}
	odd := int64(0)
	if w.chance(0.1) {
		odd = 5
	}
	b.put(Kind{Name: "cpus"}, int64(w.IntN(5))*1000+odd)
	b.put(Kind{Name: "mem"}, int64(w.IntN(5))*64000)
	b.put(Kind{Name: "disk"}, int64(w.IntN(4))*1000)
	if w.chance(0.5) {
		lo := 31000 + w.fresh
		b = append(b, Resource{Kind: &Kind{Name: "ports", Type: Ranges}, Set: RangeSet(Range{lo, lo + uint64(w.IntN(8))})})
	}
	if w.kind.caps && w.chance(0.2) {
		b.put(Kind{Name: "gpus"}, 1000)
	}
	if w.kind.revocable && w.chance(0.5) {
		b.put(Kind{Name: "cpus", Revocable: true}, int64(w.IntN(4))*1000)
	}
	if w.kind.rare {
		for _, name := range []string{"net", "tape", "qubits", "bandwidth"} {
			if w.chance(0.4) {
				b.put(Kind{Name: name}, int64(w.IntN(4))*1000)
			}
		}
	}
	if w.kind.sets {
		if w.chance(0.4) {
			b = append(b, Resource{Kind: &Kind{Name: "zones", Type: Items}, Set: ItemSet([]string{"a", "b", "c", "d"}[:w.IntN(5)]...)})
		}
		if w.chance(0.3) {
			b = append(b, Resource{Kind: &Kind{Name: "vlans", Type: Ranges}, Set: RangeSet(Range{1, 1 + uint64(w.IntN(4))}, Range{9, 12})})
		}
	}
	if w.kind.disks {
		for i := range w.IntN(4) {
			switch w.IntN(4) {
			case 0:
				b.put(Kind{Name: "disk", Detail: fmt.Sprintf("path%d", i)}, int64(1+w.IntN(3))*1000)
			case 1: // two of a kind
				b.put(Kind{Name: "disk", Size: 1000, Detail: fmt.Sprintf("raw%d", i)}, 2)
			default:
				b.put(Kind{Name: "disk", Size: int64(1+w.IntN(3)) * 1000, Detail: fmt.Sprintf("mount%d", i)}, 1)
			}
		}
	}
	if w.kind.reservations {
		w.reserve(&b, id)
	}
	return slices.DeleteFunc(b, func(r Resource) bool { return r.N == 0 && (r.Set == nil || r.Set.size() == 0) })
}

// reserve adds reserved resources: scalars, ports and volumes, some of them shared.
func (w *world) reserve(b *Bundle, id string) {
	seen := map[string]bool{}
	for range w.IntN(4) {
		role := w.role()
		if role == "*" || seen[role] {
			continue
		}
		seen[role] = true
		k := Kind{Role: role, Refined: w.kind.caps && w.chance(0.4)}
		k.Name = "cpus"
		b.put(k, int64(w.IntN(3))*500)
		k.Name = "mem"
		b.put(k, 32000)
		if w.chance(0.3) {
			k.Name, k.Size, k.Shared, k.Detail = "disk", 1000, w.chance(0.6), "volume"+id
			b.put(k, 1)
		}
		if w.chance(0.2) {
			*b = append(*b, Resource{Kind: &Kind{Name: "ports", Type: Ranges, Role: role}, Set: RangeSet(w.portsOf(role))})
		}
	}
}

// portsOf are ports that only this role has reserved, so that they can be unreserved without becoming the same.
func (w *world) portsOf(role string) Range {
	lo := 1000 + w.fresh + uint64(10*slices.Index(w.roles(), role))
	return Range{lo, lo + 3}
}

// part is some of a bundle; the rest stays.
func (w *world) part(b Bundle) (p, rest Bundle) {
	for _, r := range b {
		if w.chance(0.4) {
			rest = append(rest, r)
			continue
		}
		some, left := r, r
		switch {
		case r.Set != nil && len(r.Set.Ranges) > 0:
			first := r.Set.Ranges[0]
			half := Range{first.Lo, first.Lo + (first.Hi-first.Lo)/2}
			some.Set, left.Set = RangeSet(half), &Set{Ranges: combineRanges(r.Set.Ranges, []Range{half}, false)}
		case r.Set != nil:
			some.Set, left.Set = ItemSet(r.Set.Items[:1]...), ItemSet(r.Set.Items[1:]...)
		case r.Kind.Size > 0 || w.chance(0.3):
			left.N = 0
		default:
			some.N = r.N / 2 / 500 * 500
			left.N = r.N - some.N
		}
		if some.N > 0 || some.Set != nil {
			p = append(p, some)
		}
		if left.N > 0 || left.Set != nil && left.Set.size() > 0 {
			rest = append(rest, left)
		}
	}
	return p, rest
}

func (w *world) subscriptions() map[string]Subscription {
	out := map[string]Subscription{}
	for range 1 + w.IntN(3) {
		s := Subscription{Suppressed: w.chance(0.1)}
		if w.kind.caps {
			switch w.IntN(7) {
			case 0:
				s.Min = []Min{}
			case 1:
				s.Min = []Min{{"cpus": 2000, "mem": 64000}, {"ports": 4 * Milli}}
			case 2:
				s.Min = []Min{{"tape": 1000}, {"zones": 2 * Milli}, {"vlans": 5 * Milli}}
			case 3:
				salt := uint64(w.IntN(8))
				s.Excludes = func(agent string) bool { return mix(salt, hashName(agent))%3 == 0 }
			}
		}
		out[w.role()] = s
	}
	return out
}

func (w *world) capabilities() Caps {
	if !w.kind.caps {
		return Caps{Revocable: w.chance(0.5)}
	}
	return Caps{GPU: w.chance(0.5), Region: w.chance(0.7), Revocable: w.chance(0.5), Shared: w.chance(0.7),
		Refinement: w.chance(0.5), MultiRole: w.chance(0.5)}
}

// teller is what both allocators understand.
type teller interface {
	AddAgent(Agent)
	RemoveAgent(string)
	UpdateAgent(Agent)
	GrowAgent(id string, more Bundle, used []Use)
	SetAgentActive(string, bool)
	AddFramework(Framework)
	RemoveFramework(string)
	SetFrameworkActive(string, bool)
	UpdateFramework(Framework)
	Suppress(string, []string)
	Revive(string, []string)
	SetQuota(string, Quota)
	SetWeight(string, float64)
	Recover(framework, role, agent string, b Bundle, until time.Time)
	Convert(framework, role, agent string, cs []Conversion)
	ConvertIdle(agent string, cs []Conversion) (bool, bool)
	Request()
	Now(time.Time)
}

func (w *world) both(do func(teller)) {
	do(w.slow)
	do(w.fast)
}

func copyOf(f Framework) Framework {
	f.Roles = maps.Clone(f.Roles)
	return f
}

func pick[T any](w *world, list []T) (int, *T) {
	i := w.IntN(len(list))
	return i, &list[i]
}

func (w *world) step() {
	switch n := w.IntN(100); {
	case n < 12 && len(w.agents) < w.most:
		w.agentJoins()
	case n < 14 && len(w.agents) > 3:
		i, a := pick(w, w.agents)
		id := a.ID
		w.agents = slices.Delete(w.agents, i, i+1)
		w.held = slices.DeleteFunc(w.held, func(o lent) bool { return o.agent == id })
		w.note("remove agent %s", id)
		w.both(func(e teller) { e.RemoveAgent(id) })
	case n < 19 && len(w.agents) > 0:
		w.agentChanges()
	case n < 27 && len(w.frameworks) < w.crowd:
		w.nextFw++
		f := Framework{ID: fmt.Sprintf("f%02d", (w.nextFw*7)%100), Caps: w.capabilities(), Active: w.chance(0.9), Roles: w.subscriptions()}
		w.frameworks = append(w.frameworks, f)
		w.note("add framework %+v", f)
		w.both(func(e teller) { e.AddFramework(copyOf(f)) })
	case n < 29 && len(w.frameworks) > 2:
		i, f := pick(w, w.frameworks)
		id := f.ID
		w.frameworks = slices.Delete(w.frameworks, i, i+1)
		w.held = slices.DeleteFunc(w.held, func(o lent) bool { return o.framework == id })
		w.note("remove framework %s", id)
		w.both(func(e teller) { e.RemoveFramework(id) })
	case n < 42 && len(w.frameworks) > 0:
		w.frameworkChanges(n)
	case n < 46 && w.kind.quotas:
		w.quotaChanges()
	case n < 49:
		role, weight := w.role(), []float64{0.5, 1, 2, 3}[w.IntN(4)]
		if w.chance(0.3) {
			role = topOf(role)
		}
		w.note("weight %s %v", role, weight)
		w.both(func(e teller) { e.SetWeight(role, weight) })
	case n < 54 && w.kind.conversions:
		w.convert()
	case n < 80 && len(w.held) > 0:
		w.giveBack()
	case n < 88:
		w.compare("run")
	default:
		w.tick()
	}
}

func (w *world) agentJoins() {
	w.nextAgent++
	a := Agent{ID: fmt.Sprintf("agent-%d", w.nextAgent), MultiRole: true, Hierarchical: true}
	a.Total = w.total(a.ID)
	if w.kind.caps {
		a.Remote, a.MultiRole, a.Hierarchical = w.chance(0.2), w.chance(0.8), w.chance(0.8)
	}
	for range 2 {
		if !w.chance(0.3) {
			continue
		}
		owner := "f99" // a framework that the agent knows and the master does not, yet or any more
		if len(w.frameworks) > 0 && w.chance(0.8) {
			_, f := pick(w, w.frameworks)
			owner = f.ID
		}
		role := w.role()
		if p, _ := w.part(a.Total); len(p) > 0 && len(a.Used) == 0 {
			a.Used = []Use{{owner, role, p}}
			w.held = append(w.held, lent{owner, role, a.ID, p})
		}
	}
	w.agents = append(w.agents, a)
	w.note("add agent %s %s used %+v", a.ID, pileOf(a.Total).text(), a.Used)
	w.both(func(e teller) { e.AddAgent(a) })
}

func (w *world) agentChanges() {
	_, a := pick(w, w.agents)
	if w.chance(0.3) {
		on := w.chance(0.5)
		w.note("agent %s active %v", a.ID, on)
		w.both(func(e teller) { e.SetAgentActive(a.ID, on) })
		return
	}
	a.Used = nil
	if w.kind.conversions && w.chance(0.2) && len(w.frameworks) > 0 {
		w.agentGrows(a)
		return
	}
	if w.chance(0.8) {
		a.Total = w.total(a.ID)
	}
	if w.kind.caps {
		a.Attributes, a.Remote = fmt.Sprint("rack:", w.IntN(3)), w.chance(0.2)
	}
	w.note("update agent %+v %s", *a, pileOf(a.Total).text())
	w.both(func(e teller) { e.UpdateAgent(*a) })
}

// agentGrows: a provider joins, and a framework may use part of what it has.
func (w *world) agentGrows(a *Agent) {
	more := Bundle(nil).with(Kind{Name: "disk", Detail: "provider"}, int64(1+w.IntN(3))*1000)
	_, f := pick(w, w.frameworks)
	role := w.role()
	var used []Use
	if p, _ := w.part(more); len(p) > 0 {
		used = []Use{{f.ID, role, p}}
		w.held = append(w.held, lent{f.ID, role, a.ID, p})
	}
	a.Total = bundleOf(pileOf(a.Total).plus(pileOf(more)))
	w.note("agent %s grows by %s used %+v", a.ID, pileOf(more).text(), used)
	w.both(func(e teller) { e.GrowAgent(a.ID, more, used) })
}

func (w *world) frameworkChanges(n int) {
	_, f := pick(w, w.frameworks)
	switch {
	case n < 33:
		f.Active = !f.Active
		w.note("framework %s active %v", f.ID, f.Active)
		w.both(func(e teller) { e.SetFrameworkActive(f.ID, f.Active) })
	case n < 36:
		if w.kind.changes {
			f.Caps, f.Roles = w.capabilities(), w.subscriptions()
			w.note("update framework %+v", *f)
			w.both(func(e teller) { e.UpdateFramework(copyOf(*f)) })
		}
	default:
		roles := slices.Sorted(maps.Keys(f.Roles))
		roles = roles[:1+w.IntN(len(roles))]
		suppress := w.chance(0.5)
		for _, r := range roles {
			s := f.Roles[r]
			s.Suppressed = suppress
			f.Roles[r] = s
		}
		w.note("framework %s suppress %v %v", f.ID, suppress, roles)
		w.both(func(e teller) {
			if suppress {
				e.Suppress(f.ID, roles)
			} else {
				e.Revive(f.ID, roles)
			}
		})
	}
}

func (w *world) quotaChanges() {
	role := topOf(w.role())
	var q Quota
	if w.chance(0.8) {
		q = Quota{map[string]int64{}, map[string]int64{}}
		units := map[string]int64{"cpus": 1000, "mem": 64000, "disk": 1000}
		if w.kind.rare {
			units["tape"], units["bandwidth"] = 1000, 1000
		}
		for _, name := range slices.Sorted(maps.Keys(units)) {
			if w.chance(0.5) {
				q.Guarantee[name] = int64(w.IntN(5)) * units[name]
			}
			if w.chance(0.5) {
				q.Limit[name] = q.Guarantee[name] + int64(w.IntN(4))*units[name]
			}
			if q.Guarantee[name] == 0 {
				delete(q.Guarantee, name)
			}
		}
	}
	w.note("quota %s %+v", role, q)
	w.both(func(e teller) { e.SetQuota(role, q) })
}

// giveBack declines an offer, ends a task, or accepts part of an offer.
func (w *world) giveBack() {
	i, o := pick(w, w.held)
	b, rest := o.bundle, Bundle(nil)
	if w.chance(0.4) {
		b, rest = w.part(b)
	}
	if len(b) == 0 {
		return
	}
	until := time.Time{}
	if refuse := []int{0, 500, 1000, 3000, 5000, 100000, 1 << 40}[w.IntN(7)]; refuse > 0 {
		until = w.now.Add(min(time.Duration(max(refuse, 1000))*time.Millisecond, 365*24*time.Hour))
	}
	gone := *o
	w.note("recover %s %s %s %s until %v", o.framework, o.role, o.agent, pileOf(b).text(), until)
	if o.bundle = rest; len(rest) == 0 {
		w.held = slices.Delete(w.held, i, i+1)
	}
	w.both(func(e teller) { e.Recover(gone.framework, gone.role, gone.agent, b, until) })
}

// convert reserves or unreserves something, offered or idle, or holds another copy of something shared.
func (w *world) convert() {
	if len(w.held) == 0 || w.chance(0.3) {
		w.convertIdle()
		return
	}
	_, o := pick(w, w.held)
	j, r := pick(w, o.bundle)
	if r.Kind.Shared {
		copies := Bundle{{Kind: r.Kind, N: 1}}
		w.note("copy %s %s %s %s", o.framework, o.role, o.agent, pileOf(copies).text())
		w.both(func(e teller) { e.Convert(o.framework, o.role, o.agent, []Conversion{{nil, copies}}) })
		o.bundle = slices.Clone(o.bundle)
		o.bundle[j].N++
		return
	}
	c, ok := w.conversion(*r, o.role)
	if !ok {
		return
	}
	w.note("convert %s %s %s %s into %s", o.framework, o.role, o.agent, pileOf(c.Consumed).text(), pileOf(c.Converted).text())
	w.both(func(e teller) { e.Convert(o.framework, o.role, o.agent, []Conversion{c}) })
	w.convertSpec(o.agent, c)
	all := pileOf(o.bundle).minus(pileOf(c.Consumed)).plus(pileOf(c.Converted))
	o.bundle = bundleOf(all)
}

func (w *world) convertIdle() {
	if len(w.agents) == 0 {
		return
	}
	_, a := pick(w, w.agents)
	if len(a.Total) == 0 {
		return
	}
	_, r := pick(w, a.Total)
	c, ok := w.conversion(*r, w.role())
	if !ok || r.Kind.Shared {
		return
	}
	w.note("convert idle %s %s into %s", a.ID, pileOf(c.Consumed).text(), pileOf(c.Converted).text())
	slow, _ := w.slow.ConvertIdle(a.ID, []Conversion{c})
	fast, _ := w.fast.ConvertIdle(a.ID, []Conversion{c})
	if slow != fast {
		w.fail("idle conversion: want %v, got %v", slow, fast)
	}
	if slow {
		w.convertSpec(a.ID, c)
	}
}

// conversion reserves what is not reserved, makes a shared volume of a reserved disk, and unreserves the rest.
func (w *world) conversion(r Resource, role string) (Conversion, bool) {
	if r.Set != nil && r.Kind.Name != "ports" || r.Kind.Revocable || r.Kind.Size > 0 && r.Kind.Role == "" || role == "*" {
		return Conversion{}, false
	}
	to := r
	k := *r.Kind
	switch {
	case k.Role == "":
		k.Role = role
	case k.Size > 0:
		k = Kind{Name: k.Name, Role: k.Role, Refined: k.Refined}
		to.N = r.Kind.Size * r.N
	default:
		k.Role, k.Refined = "", false
	}
	to.Kind = &k
	return Conversion{Bundle{r}, Bundle{to}}, true
}

// convertSpec keeps what the history knows of the agent's total in step.
func (w *world) convertSpec(agent string, c Conversion) {
	for i := range w.agents {
		if a := &w.agents[i]; a.ID == agent {
			a.Total = bundleOf(pileOf(a.Total).minus(pileOf(c.Consumed)).plus(pileOf(c.Converted)))
		}
	}
}

// bundleOf is the way back from a pile.
func bundleOf(p pile) Bundle {
	sets := map[Kind]*Set{}
	var b Bundle
	for _, k := range slices.SortedFunc(maps.Keys(p), func(a, b thing) int {
		if c := compareKinds(*a.Kind, *b.Kind); c != 0 {
			return c
		}
		return strings.Compare(a.elementText(), b.elementText())
	}) {
		kind := *k.Kind
		if kind.Type == Scalar {
			b.put(kind, p[k])
			continue
		}
		if sets[kind] == nil {
			sets[kind] = &Set{}
			b = append(b, Resource{Kind: &kind, Set: sets[kind]})
		}
		if kind.Type == Items {
			sets[kind].Items = append(sets[kind].Items, k.elementText())
			continue
		}
		n := uint64(k.element)
		sets[kind].Ranges = appendRange(sets[kind].Ranges, Range{n, n})
	}
	return b
}

func compareKinds(a, b Kind) int {
	x, y := fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func (w *world) tick() {
	w.now = w.now.Add(time.Duration(1+w.IntN(6)) * 500 * time.Millisecond)
	w.both(func(e teller) { e.Now(w.now); e.Request() })
	w.compare("tick")
}

func (w *world) fail(format string, args ...any) {
	for _, l := range w.log {
		w.t.Log(l)
	}
	w.t.Fatalf(format, args...)
}

func (w *world) compare(what string) {
	want := w.slow.Allocate()
	w.sabotage(w.fast)
	grants := w.fast.Allocate()
	var got []promise
	for _, g := range grants {
		got = append(got, promise{g.Framework, g.Role, g.Agent, pileOf(g.Bundle).text()})
	}
	w.note("%s at %v: %+v", what, w.now.Sub(begin), want)
	if !slices.Equal(want, got) {
		w.fail("%s at %v:\nwant %+v\ngot  %+v", what, w.now.Sub(begin), want, got)
	}
	w.offers += len(got)
	for _, g := range grants {
		w.held = append(w.held, lent{g.Framework, g.Role, g.Agent, g.Bundle})
	}
	w.fast.checkInvariants(w.t)
}

// tell runs one history.
func tell(t testing.TB, seed uint64, steps int) *world {
	return tellWith(t, seed, steps, func(*Engine) {})
}

func tellWith(t testing.TB, seed uint64, steps int, sabotage func(*Engine)) *world {
	w := newWorld(t, seed, sabotage)
	for range steps {
		w.step()
	}
	w.quiet(seed)
	return w
}

// newWorld is where a history begins.
func newWorld(t testing.TB, seed uint64, sabotage func(*Engine)) *world {
	options := Options{Seed: seed, Min: testMin}
	w := &world{Rand: rand.New(rand.NewPCG(seed, 12)), t: t, now: begin, kind: profiles[seed%uint64(len(profiles))], most: 14, crowd: 9, sabotage: sabotage}
	if w.kind.rare && w.chance(0.5) {
		options.Unfair = []string{"gpus", "tape"}
	}
	w.slow, w.fast = newOracle(options), New(options)
	w.fast.tuning = tuning{templateOver: w.IntN(2) * 3, sparse: []int{0, 1, 16}[w.IntN(3)], radixFrom: w.IntN(2) * 512,
		sweepFrom: []int{0, 20, 4096}[w.IntN(3)]}
	if seed%17 == 0 { // more clients than one word of bits
		w.most, w.crowd = 30, 60
	}
	w.both(func(e teller) { e.Now(begin) })
	return w
}

// quiet declines everything for good until nobody wants anything: then runs must visit nobody.
func (w *world) quiet(seed uint64) {
	asleep, rounds := false, 400
	if w.kind.disks { // which disk survives a cut is drawn anew each time, so these agents need not fall asleep
		rounds = 20
	}
	for round := 0; round < rounds && !asleep; round++ {
		for _, o := range w.held {
			w.both(func(e teller) { e.Recover(o.framework, o.role, o.agent, o.bundle, w.now.Add(300*24*time.Hour)) })
		}
		w.held = w.held[:0]
		w.tick()
		asleep = w.fast.visited == 0
	}
	if !asleep && !w.kind.disks {
		w.t.Errorf("seed %d: runs keep visiting agents that nobody wants: %d", seed, w.fast.visited)
	}
}

// Equal histories and seeds give equal offers, in equal order, to the last thousandth.
func TestSameOffers(t *testing.T) {
	offers := map[string]int{}
	for seed := *firstSeed; seed < *firstSeed+histories(); seed++ {
		ok := t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := tell(t, seed, 150+int((16-seed%17)/16)*350)
			offers[w.kind.name] += w.offers
		})
		if !ok {
			return
		}
	}
	t.Logf("%d histories, offers compared: %v", histories(), offers)
}
