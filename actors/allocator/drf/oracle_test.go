package drf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// oracle is the literal, slow allocator that the engine is held to. Resources are maps from identity to amount, a role's
// order is computed whenever it is asked for, and every run visits every candidate, as Mesos does.
type oracle struct {
	Options
	run        uint64
	now        time.Time
	agents     map[string]*oracleAgent
	frameworks map[string]*oracleFramework
	roles      *oracleSorter            // paths of roles
	clients    map[string]*oracleSorter // role → framework ids
	total      quantities
	weights    map[string]float64
	quotas     map[string]Quota
	candidates map[string]bool
	pending    bool
}

// thing identifies what can be counted: a kind, or one element of a set of that kind. Equal kinds are one pointer and
// words are numbers, so that maps of things are quick.
type thing struct {
	*Kind
	element int
}

var knownKinds, knownWords = map[Kind]*Kind{}, map[string]int{}
var wordList []string

func theKind(k Kind) *Kind {
	if knownKinds[k] == nil {
		knownKinds[k] = &k
	}
	return knownKinds[k]
}

func theWord(s string) int {
	n, ok := knownWords[s]
	if !ok {
		n = len(wordList)
		knownWords[s], wordList = n, append(wordList, s)
	}
	return n
}

func (k thing) elementText() string {
	switch k.Type {
	case Ranges:
		return fmt.Sprint(k.element)
	case Items:
		return wordList[k.element]
	}
	return ""
}

// pile is resources: thousandths, copies, or 1 for each element of a set.
type pile map[thing]int64

// quantities are thousandths by name; an absent name is zero.
type quantities map[string]int64

type oracleAgent struct {
	spec   Agent
	total  pile
	used   map[string]map[string]pile // framework → role
	active bool
}

type oracleFramework struct {
	Framework
	added   bool
	tracked map[string]bool
	filters map[string]map[string][]oracleFilter // role → agent
}

type oracleFilter struct {
	refused  pile
	deadline time.Time
}

func newOracle(o Options) *oracle {
	return &oracle{Options: o, agents: map[string]*oracleAgent{}, frameworks: map[string]*oracleFramework{},
		roles: newOracleSorter(), clients: map[string]*oracleSorter{}, total: quantities{}, weights: map[string]float64{},
		quotas: map[string]Quota{}, candidates: map[string]bool{}}
}

func (q quantities) plus(r quantities) quantities {
	out := maps.Clone(q)
	for name, n := range r {
		out[name] += n
	}
	return out
}

func (q quantities) minus(r quantities) quantities {
	out := maps.Clone(q)
	for name, n := range r {
		if out[name] -= n; out[name] == 0 {
			delete(out, name)
		}
	}
	return out
}

// drain stops at zero.
func (q quantities) drain(r quantities) quantities {
	out := quantities{}
	for name, n := range q {
		if n -= r[name]; n > 0 {
			out[name] = n
		}
	}
	return out
}

func (q quantities) none() bool {
	for _, n := range q {
		if n != 0 {
			return false
		}
	}
	return true
}

func pileOf(b Bundle) pile {
	p := pile{}
	for _, r := range b {
		switch {
		case r.Set == nil:
			if r.N > 0 {
				p[thing{Kind: theKind(*r.Kind)}] += r.N
			}
		case r.Kind.Type == Ranges:
			for _, x := range r.Set.Ranges {
				for n := x.Lo; n <= x.Hi; n++ {
					p[thing{theKind(*r.Kind), int(n)}] = 1
				}
			}
		default:
			for _, x := range r.Set.Items {
				p[thing{theKind(*r.Kind), theWord(x)}] = 1
			}
		}
	}
	return p
}

// text is a canonical form of a pile, for comparison.
func (p pile) text() string {
	var lines []string
	for k, n := range p {
		lines = append(lines, fmt.Sprintf("%s%s%s=%d", k.Name, kindText(*k.Kind), k.elementText(), n))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

func kindText(k Kind) string {
	s := ""
	if k.Role != "" {
		s += "(" + k.Role + ")"
	}
	for word, is := range map[string]bool{"refined": k.Refined} {
		if is {
			s += word
		}
	}
	if k.Revocable {
		s += "{REV}"
	}
	if k.Shared {
		s += "<SHARED>"
	}
	if k.Size != 0 || k.Detail != "" {
		s += fmt.Sprintf("[%d %s]", k.Size, k.Detail)
	}
	return s
}

func (p pile) plus(q pile) pile {
	out := maps.Clone(p)
	if out == nil {
		out = pile{}
	}
	for k, n := range q {
		out[k] += n
	}
	return out
}

func (p pile) minus(q pile) pile {
	out := pile{}
	for k, n := range p {
		if n -= q[k]; n > 0 {
			out[k] = n
		}
	}
	return out
}

func (p pile) contains(q pile) bool {
	for k, n := range q {
		if p[k] < n {
			return false
		}
	}
	return true
}

func (p pile) filter(keep func(thing) bool) pile {
	out := pile{}
	for k, n := range p {
		if keep(k) {
			out[k] = n
		}
	}
	return out
}

func (k Kind) weighs(n int64) int64 {
	switch {
	case k.Type != Scalar:
		return 0
	case k.Shared:
		return k.Size
	case k.Size != 0:
		return n * k.Size
	}
	return n
}

func (p pile) quantities() quantities {
	q := quantities{}
	for k, n := range p {
		if w := k.weighs(n); w != 0 {
			q[k.Name] += w
		}
	}
	return q
}

// has says whether the pile contains quantities, counting the elements of sets.
func (p pile) has(m Min) bool {
	q := p.quantities()
	for k := range p {
		if k.Type != Scalar {
			q[k.Name] += Milli
		}
	}
	for name, n := range m {
		if q[name] < n {
			return false
		}
	}
	return true
}

func isShared(k thing) bool    { return k.Shared }
func isNotShared(k thing) bool { return !k.Shared }

func (a *oracleAgent) available() pile {
	out := a.total.filter(isNotShared)
	for _, byRole := range a.used {
		for _, p := range byRole {
			out = out.minus(p.filter(isNotShared))
		}
	}
	return out.plus(a.total.filter(isShared))
}

func isAncestor(ancestor, role string) bool {
	return ancestor == role || strings.HasPrefix(role, ancestor+"/")
}

func topOf(role string) string {
	t, _, _ := strings.Cut(role, "/")
	return t
}

func isGoverned(k thing) bool { return k.Type == Scalar && k.Role == "" && !k.Revocable && !k.Shared }

// shrinkTo cuts governed resources down to a target, for the names that bounded accepts.
func (p pile) shrinkTo(target quantities, bounded func(string) bool, key func(hash uint64, copy int64) uint64) pile {
	type piece struct {
		thing
		n   int64
		key uint64
	}
	var pieces []piece
	for k, n := range p {
		switch {
		case k.Size > 0:
			for copy := range n {
				pieces = append(pieces, piece{k, 1, key(hashKind(k.Kind), copy)})
			}
		case k.plain():
			pieces = append(pieces, piece{k, n, key(0, 0)})
		default:
			pieces = append(pieces, piece{k, n, key(hashKind(k.Kind), 0)})
		}
	}
	slices.SortFunc(pieces, func(a, b piece) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	target, out := maps.Clone(target), pile{}
	for _, x := range pieces {
		n := x.n
		if bounded(x.Name) {
			if x.weighs(n) > target[x.Name] {
				if x.Size > 0 {
					continue // all or nothing
				}
				n = target[x.Name]
			}
			target[x.Name] -= x.weighs(n)
		}
		if n > 0 {
			out[x.thing] += n
		}
	}
	return out
}

// ---- events

func (o *oracle) Now(t time.Time) {
	o.now = t
	for _, f := range o.frameworks {
		for role, byAgent := range f.filters {
			for id, fs := range byAgent {
				byAgent[id] = slices.DeleteFunc(fs, func(x oracleFilter) bool { return x.deadline.Before(t) })
				if len(byAgent[id]) == 0 {
					delete(byAgent, id)
				}
			}
			if len(byAgent) == 0 {
				delete(f.filters, role)
			}
		}
	}
}

func (o *oracle) request(id string) {
	o.pending = true
	o.candidates[id] = true
}

func (o *oracle) Request() {
	o.pending = true
	for id := range o.agents {
		o.candidates[id] = true
	}
}

func (o *oracle) framework(id string) *oracleFramework {
	f := o.frameworks[id]
	if f == nil {
		f = &oracleFramework{Framework: Framework{ID: id}, tracked: map[string]bool{}, filters: map[string]map[string][]oracleFilter{}}
		o.frameworks[id] = f
	}
	return f
}

func (o *oracle) AddAgent(s Agent) {
	a := &oracleAgent{spec: s, total: pileOf(s.Total), used: map[string]map[string]pile{}, active: true}
	o.agents[s.ID] = a
	o.total = o.total.plus(a.total.quantities())
	for _, u := range s.Used {
		o.take(a, o.framework(u.Framework), u.Role, pileOf(u.Bundle))
	}
	o.request(s.ID)
}

func (o *oracle) take(a *oracleAgent, f *oracleFramework, role string, p pile) {
	if !f.tracked[role] {
		o.track(f, role)
	}
	if a.used[f.ID] == nil {
		a.used[f.ID] = map[string]pile{}
	}
	a.used[f.ID][role] = a.used[f.ID][role].plus(p)
	o.roles.allocated(role, a.spec.ID, p)
	o.clients[role].allocated(f.ID, a.spec.ID, p)
}

func (o *oracle) give(a *oracleAgent, f *oracleFramework, role string, p pile) {
	left := a.used[f.ID][role].minus(p)
	a.used[f.ID][role] = left
	if len(left) == 0 {
		delete(a.used[f.ID], role)
	}
	o.clients[role].unallocated(f.ID, a.spec.ID, p)
	o.roles.unallocated(role, a.spec.ID, p)
	if _, subscribed := f.Roles[role]; !subscribed {
		o.tryUntrack(f, role)
	}
}

func (o *oracle) track(f *oracleFramework, role string) {
	if o.clients[role] == nil {
		o.roles.add(role)
		o.roles.setActive(role, true)
		o.clients[role] = newOracleSorter()
	}
	o.clients[role].add(f.ID)
	f.tracked[role] = true
}

func (o *oracle) tryUntrack(f *oracleFramework, role string) {
	if !f.tracked[role] {
		return
	}
	for _, a := range o.agents {
		if len(a.used[f.ID][role]) > 0 {
			return
		}
	}
	delete(f.tracked, role)
	o.clients[role].remove(f.ID)
	if len(o.clients[role].clients) == 0 {
		o.roles.remove(role)
		delete(o.clients, role)
	}
}

func (o *oracle) RemoveAgent(id string) {
	a := o.agents[id]
	for fid, byRole := range a.used {
		for role, p := range maps.Clone(byRole) {
			o.give(a, o.frameworks[fid], role, p)
		}
	}
	o.total = o.total.minus(a.total.quantities())
	delete(o.agents, id)
	delete(o.candidates, id)
	o.removeFilters(id)
}

func (o *oracle) removeFilters(id string) {
	for _, f := range o.frameworks {
		for _, byAgent := range f.filters {
			delete(byAgent, id)
		}
	}
}

func (o *oracle) UpdateAgent(s Agent) {
	a := o.agents[s.ID]
	total := pileOf(s.Total)
	if maps.Equal(total, a.total) && s.Remote == a.spec.Remote && s.MultiRole == a.spec.MultiRole &&
		s.Hierarchical == a.spec.Hierarchical && s.Attributes == a.spec.Attributes {
		return
	}
	if s.Attributes != a.spec.Attributes {
		o.removeFilters(s.ID)
	}
	a.spec = s
	o.setTotal(a, total)
	o.request(s.ID)
}

func (o *oracle) setTotal(a *oracleAgent, total pile) {
	o.total = o.total.minus(a.total.quantities()).plus(total.quantities())
	a.total = total
}

func (o *oracle) GrowAgent(id string, more Bundle, used []Use) {
	a := o.agents[id]
	o.setTotal(a, a.total.plus(pileOf(more)))
	for _, u := range used {
		o.take(a, o.framework(u.Framework), u.Role, pileOf(u.Bundle))
	}
}

func (o *oracle) SetAgentActive(id string, active bool) { o.agents[id].active = active }

func (o *oracle) AddFramework(s Framework) {
	f := o.framework(s.ID)
	f.Framework, f.added = s, true
	for _, role := range slices.Sorted(maps.Keys(s.Roles)) {
		if !f.tracked[role] {
			o.track(f, role)
		}
		o.clients[role].setActive(s.ID, s.Active && !s.Roles[role].Suppressed)
	}
	if s.Active {
		o.Request()
	}
}

func (o *oracle) RemoveFramework(id string) {
	f := o.frameworks[id]
	f.Roles = map[string]Subscription{}
	for _, a := range o.agents {
		for role, p := range maps.Clone(a.used[id]) {
			o.give(a, f, role, p)
		}
		delete(a.used, id)
	}
	for role := range maps.Clone(f.tracked) {
		o.tryUntrack(f, role)
	}
	delete(o.frameworks, id)
}

func (o *oracle) SetFrameworkActive(id string, active bool) {
	f := o.frameworks[id]
	f.Active = active
	for role, sub := range f.Roles {
		if active && !sub.Suppressed {
			o.clients[role].setActive(f.ID, true)
		}
		if !active {
			o.clients[role].setActive(f.ID, false)
		}
	}
	if active {
		o.Request()
	} else {
		f.filters = map[string]map[string][]oracleFilter{}
	}
}

func (o *oracle) UpdateFramework(s Framework) {
	f := o.frameworks[s.ID]
	old, active := f.Roles, f.Active
	f.Framework = s
	f.Active = active
	for _, role := range slices.Sorted(maps.Keys(s.Roles)) {
		was, had := old[role]
		if !f.tracked[role] {
			o.track(f, role)
		}
		now := s.Roles[role].Suppressed
		if had && was.Suppressed && !now {
			delete(f.filters, role)
		}
		o.clients[role].setActive(f.ID, active && !now)
	}
	for role := range old {
		if _, still := s.Roles[role]; !still {
			o.clients[role].setActive(f.ID, false)
			o.tryUntrack(f, role)
			delete(f.filters, role)
		}
	}
}

func (o *oracle) Suppress(id string, roles []string) {
	f := o.frameworks[id]
	for _, role := range roles {
		sub := f.Roles[role]
		sub.Suppressed = true
		f.Roles[role] = sub
		o.clients[role].setActive(f.ID, false)
	}
}

func (o *oracle) Revive(id string, roles []string) {
	f := o.frameworks[id]
	for _, role := range roles {
		sub := f.Roles[role]
		sub.Suppressed = false
		f.Roles[role] = sub
		delete(f.filters, role)
		o.clients[role].setActive(f.ID, f.Active)
	}
	o.Request()
}

func (o *oracle) SetQuota(role string, q Quota) {
	if len(q.Guarantee)+len(q.Limit) == 0 {
		delete(o.quotas, role)
	} else {
		o.quotas[role] = q
	}
}

func (o *oracle) SetWeight(role string, w float64) { o.weights[role] = w }

func (o *oracle) Recover(framework, role, agent string, b Bundle, until time.Time) {
	a, f := o.agents[agent], o.frameworks[framework]
	if a == nil || f == nil {
		return
	}
	p := pileOf(b)
	if !until.IsZero() {
		if f.filters[role] == nil {
			f.filters[role] = map[string][]oracleFilter{}
		}
		f.filters[role][agent] = append(f.filters[role][agent], oracleFilter{p, until})
	}
	o.give(a, f, role, p)
}

func (o *oracle) Convert(framework, role, agent string, cs []Conversion) {
	a := o.agents[agent]
	total := a.total
	for _, c := range cs {
		consumed, converted := pileOf(c.Consumed), pileOf(c.Converted)
		held := a.used[framework][role]
		if !held.contains(consumed) {
			continue
		}
		a.used[framework][role] = held.minus(consumed).plus(converted)
		o.roles.update(role, agent, consumed, converted)
		o.clients[role].update(framework, agent, consumed, converted)
		if len(consumed) > 0 {
			total = total.minus(consumed).plus(converted)
		}
	}
	o.setTotal(a, total)
}

func (o *oracle) ConvertIdle(agent string, cs []Conversion) (done, known bool) {
	a := o.agents[agent]
	idle, total := a.available(), a.total
	for _, c := range cs {
		consumed, converted := pileOf(c.Consumed), pileOf(c.Converted)
		if !idle.contains(consumed) {
			return false, true
		}
		idle, total = idle.minus(consumed).plus(converted), total.minus(consumed).plus(converted)
	}
	o.setTotal(a, total)
	return true, true
}

// ---- runs

// promise is a grant as the oracle words it.
type promise struct{ Framework, Role, Agent, Pile string }

func (o *oracle) Allocate() []promise {
	if !o.pending {
		return nil
	}
	o.pending = false
	o.run++
	out := o.allocate()
	clear(o.candidates)
	return out
}

func (o *oracle) shuffled(stage int) []*oracleAgent {
	var out []*oracleAgent
	for id := range o.candidates {
		if a := o.agents[id]; a.active {
			out = append(out, a)
		}
	}
	key := stageKey(o.Seed, o.run, stage)
	slices.SortFunc(out, func(a, b *oracleAgent) int {
		if mix(key, hashName(a.spec.ID)) < mix(key, hashName(b.spec.ID)) {
			return -1
		}
		return 1
	})
	return out
}

func (o *oracle) isCapable(f *oracleFramework, a *oracleAgent) bool {
	return (o.OpenGPUs || f.Caps.GPU || a.total.quantities()["gpus"] == 0) && (f.Caps.Region || !a.spec.Remote)
}

func (f *oracleFramework) strip(p pile) pile {
	return p.filter(func(k thing) bool {
		return (f.Caps.Revocable || !k.Revocable) && (f.Caps.Refinement || !k.Refined) && (f.Caps.Shared || !k.Shared)
	})
}

func (o *oracle) allocatable(f *oracleFramework, role string, p pile) bool {
	if len(p) == 0 {
		return false
	}
	mins := f.Roles[role].Min
	if mins == nil {
		mins = o.Min
	}
	if len(mins) == 0 {
		return true
	}
	return slices.ContainsFunc(mins, p.has)
}

func (f *oracleFramework) filtered(role string, a *oracleAgent, p pile) bool {
	if f.Caps.MultiRole && !a.spec.MultiRole || strings.Contains(role, "/") && !a.spec.Hierarchical {
		return true
	}
	return slices.ContainsFunc(f.filters[role][a.spec.ID], func(x oracleFilter) bool { return x.refused.contains(p) })
}

// round is what a run knows of quota.
type round struct {
	consumed           map[string]quantities
	required, headroom quantities
	shared             map[string]pile // offered already in this run, by agent
	promises           []promise
	key                uint64
	o                  *oracle
}

func (o *oracle) allocate() []promise {
	r := &round{consumed: map[string]quantities{}, shared: map[string]pile{}, o: o}
	r.measure()
	r.visit(1, r.guaranteed)
	r.visit(2, r.fair)
	return r.promises
}

// measure adds everything up from scratch.
func (r *round) measure() {
	o := r.o
	allUsed, allReserved, usedReserved, idleRevocable := quantities{}, quantities{}, quantities{}, quantities{}
	add := func(role string, q quantities) {
		if r.consumed[role] == nil {
			r.consumed[role] = quantities{}
		}
		r.consumed[role] = r.consumed[role].plus(q)
	}
	for _, a := range o.agents {
		for k, n := range a.total {
			if k.Role != "" {
				q := quantities{k.Name: k.weighs(n)}
				allReserved = allReserved.plus(q)
				add(topOf(k.Role), q)
			}
		}
		all := pile{}
		for _, byRole := range a.used {
			for role, p := range byRole {
				all = all.plus(p)
				add(topOf(role), p.filter(isGoverned).quantities())
			}
		}
		allUsed = allUsed.plus(all.quantities())
		usedReserved = usedReserved.plus(all.filter(func(k thing) bool { return k.Role != "" }).quantities())
		idleRevocable = idleRevocable.plus(a.available().filter(func(k thing) bool { return k.Revocable }).quantities())
	}
	r.required = quantities{}
	for role, q := range o.quotas {
		r.required = r.required.plus(quantities(q.Guarantee).drain(r.consumed[role]))
	}
	r.headroom = o.total.drain(allUsed).drain(allReserved.drain(usedReserved)).drain(idleRevocable)
}

// visit goes through agents, roles and frameworks; serve is false when the role is served.
func (r *round) visit(stage int, serve func(*oracleAgent, string, *oracleFramework) bool) {
	o := r.o
	r.key = stageKey(o.Seed, o.run, stage)
	for _, a := range o.shuffled(stage) {
		for _, role := range o.roles.sort(o.fair(), o.weights) {
			for _, id := range o.clients[role].sort(o.fair(), nil) {
				if !serve(a, role, o.frameworks[id]) {
					break
				}
			}
		}
	}
}

func (o *oracle) fair() quantities {
	out := maps.Clone(o.total)
	for _, name := range o.Unfair {
		delete(out, name)
	}
	return out
}

// candidate is what the agent has for the framework in the role, if it is in question at all.
func (r *round) candidate(a *oracleAgent, role string, f *oracleFramework) (pile, bool) {
	if excludes := f.Roles[role].Excludes; excludes != nil && excludes(a.spec.ID) {
		return nil, false
	}
	available := a.available().filter(func(k thing) bool { return k.Role == "" || isAncestor(k.Role, role) }).minus(r.shared[a.spec.ID])
	if len(available) == 0 || !r.o.allocatable(f, role, available) || !r.o.isCapable(f, a) {
		return nil, false
	}
	return f.strip(available), true
}

func (r *round) keys(a *oracleAgent, role string, f *oracleFramework, step int) func(uint64, int64) uint64 {
	return cut{r.key, hashName(a.spec.ID), hashName(f.ID), hashName(role), step}.key
}

func everyName(string) bool { return true }

func limited(q Quota) func(string) bool {
	return func(name string) bool { _, ok := q.Limit[name]; return ok }
}

func (r *round) guaranteed(a *oracleAgent, role string, f *oracleFramework) bool {
	quota := r.o.quotas[role]
	missing := quantities(quota.Guarantee).drain(r.consumed[role])
	if missing.none() {
		return false
	}
	available, ok := r.candidate(a, role, f)
	if !ok {
		return true
	}
	governed := available.filter(isGoverned)
	guaranteed := governed.shrinkTo(missing, everyName, r.keys(a, role, f, 0))
	if len(guaranteed) == 0 {
		return true
	}
	extra := governed.minus(guaranteed)
	g := guaranteed.quantities()
	if len(quota.Limit) > 0 {
		extra = extra.shrinkTo(quantities(quota.Limit).drain(r.consumed[role]).drain(g), limited(quota), r.keys(a, role, f, 1))
	}
	if !r.required.none() && len(extra) > 0 {
		extra = extra.shrinkTo(r.headroom.drain(r.required), everyName, r.keys(a, role, f, 2))
	}
	offer := guaranteed.plus(extra).plus(available.filter(func(k thing) bool { return !isGoverned(k) }))
	if !r.o.allocatable(f, role, offer) || f.filtered(role, a, offer) {
		return true
	}
	r.promise(a, f, role, offer)
	r.required = r.required.drain(g)
	r.consume(role, guaranteed.plus(extra).quantities())
	return true
}

func (r *round) fair(a *oracleAgent, role string, f *oracleFramework) bool {
	quota, has := r.o.quotas[role]
	available, ok := r.candidate(a, role, f)
	if !ok {
		return true
	}
	governed := available.filter(isGoverned)
	rest := available.minus(governed)
	if len(quota.Limit) > 0 {
		governed = governed.shrinkTo(quantities(quota.Limit).drain(r.consumed[role]), limited(quota), r.keys(a, role, f, 1))
	}
	if !r.required.none() && len(governed) > 0 {
		governed = governed.shrinkTo(r.headroom.drain(r.required), everyName, r.keys(a, role, f, 2))
	}
	offer := rest.plus(governed)
	if !r.o.allocatable(f, role, offer) || f.filtered(role, a, offer) {
		return true
	}
	r.promise(a, f, role, offer)
	if has {
		r.consume(role, governed.quantities())
	} else {
		r.headroom = r.headroom.drain(governed.quantities())
	}
	return true
}

func (r *round) consume(role string, q quantities) {
	if r.consumed[role] == nil {
		r.consumed[role] = quantities{}
	}
	r.consumed[role] = r.consumed[role].plus(q)
	r.headroom = r.headroom.drain(q)
}

func (r *round) promise(a *oracleAgent, f *oracleFramework, role string, p pile) {
	r.promises = append(r.promises, promise{f.ID, role, a.spec.ID, p.text()})
	r.shared[a.spec.ID] = r.shared[a.spec.ID].plus(p.filter(isShared))
	r.o.take(a, f, role, p)
}
