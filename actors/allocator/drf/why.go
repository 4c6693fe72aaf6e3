package drf

import (
	"slices"
	"strings"
)

// Reason is why an agent cannot serve a demand; the first that applies counts, from the most lasting to the most
// passing.
type Reason int

const (
	Deactivated   Reason = iota // by the operator: drain, maintenance
	Excluded                    // the framework's own offer constraints
	Incapable                   // GPUs, region or role support that the framework or agent lacks
	TooSmall                    // not even when the agent is empty
	ReservedAway                // would fit, but for what is reserved to others
	Busy                        // would fit, but for what others use or were offered
	BelowMinimum                // would fit, but is less than the framework wants to be offered at least
	Refused                     // the framework declined at least this much, and the filter lasts
	OverLimit                   // the role's quota limit
	ForGuarantees               // kept free for guarantees of other roles
	Fits
	reasons
)

var reasonNames = [reasons]string{"deactivated", "excluded by constraints", "incapable", "too small", "reserved to others",
	"busy", "less than the minimum of an offer", "declined, filter lasts", "over the role's limit", "kept for guarantees", "fits"}

func (r Reason) String() string { return reasonNames[r] }

// Miss is an agent that nearly serves: Short is what it lacks, in thousandths by name.
type Miss struct {
	Agent  string
	Reason Reason
	Short  map[string]int64
}

// Change is a smaller demand that would fit: at most AtMost of one resource (in thousandths), and Agents have that much.
type Change struct {
	Name   string
	AtMost int64
	Agents int
}

// Answer counts every agent once, under its first reason.
type Answer struct {
	Inactive bool // suppressed, deactivated or not subscribed: nothing is offered, wherever it fits
	Agents   [reasons]int
	Nearest  []Miss
	// Changes say for each resource, by name, how much of it could be had if the rest of the demand stays. A resource
	// that is not what keeps any agent from serving is not among them.
	Changes []Change
}

// question is a demand and the limits that quota puts on it.
type question struct {
	id            int32
	c             *client
	demand        Amounts
	left, surplus Amounts
	nearest       []near
	room          int
	best          map[int32]*Change // by the one resource that an agent lacks
}

type near struct {
	slot   int32
	reason Reason
	short  Amounts
	lacks  Amounts // all that is short, whatever the reason; empty if no smaller demand would help
	score  float64 // how much is short, as a fraction of the demand
}

// plenty stands for no limit, and can be added up without overflow.
const plenty = 1 << 60

// Why explains where a demand of a framework in a role (thousandths by name) could run, and why not elsewhere. It reads, and
// changes nothing: one pass over the agents with the questions that a run asks. It speaks of amounts as they are
// now, not of whose turn it is.
func (e *Engine) Why(framework, role string, demand map[string]int64, nearest int) Answer {
	var w Answer
	f := e.frameworks[framework]
	roleID, known := e.roleIDs[role]
	if f == nil || !known {
		w.Inactive = true
		return w
	}
	id, known := f.clients[roleID]
	if !known {
		w.Inactive = true
		return w
	}
	q := question{id: id, c: &e.clients[id], demand: e.names.amounts(demand), room: nearest, best: map[int32]*Change{}}
	w.Inactive = !q.c.active
	e.measureQuota()
	q.left, q.surplus = e.allowance(&e.roles[roleID], &q.demand)
	for slot := range e.agents {
		if !e.agents[slot].inUse {
			continue
		}
		n := e.whyNot(int32(slot), &q)
		w.Agents[n.reason]++
		q.keep(n)
		q.improve(&n)
	}
	for _, n := range q.nearest {
		w.Nearest = append(w.Nearest, Miss{e.ledgers[n.slot].id, n.reason, e.names.table(&n.short)})
	}
	for name, c := range q.best {
		c.Name = e.names.list[name]
		w.Changes = append(w.Changes, *c)
	}
	slices.SortFunc(w.Changes, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return w
}

// improve remembers how much an agent could give of the one resource that it lacks.
func (q *question) improve(n *near) {
	lacking, amount := 0, int64(0)
	var only int32
	n.lacks.each(func(name int32, short int64) {
		lacking, only, amount = lacking+1, name, q.demand.get(name)-short
	})
	if lacking != 1 || amount <= 0 {
		return
	}
	c := q.best[only]
	switch {
	case c == nil || amount > c.AtMost:
		q.best[only] = &Change{AtMost: amount, Agents: 1}
	case amount == c.AtMost:
		c.Agents++
	}
}

// allowance is what quota lets the role have more: up to its limit, and of what is not kept for others. A role below its
// guarantee is served by the first stage, which needs no surplus for what the guarantee covers.
func (e *Engine) allowance(r *role, demand *Amounts) (left, surplus Amounts) {
	beyond, missing, rest := e.surplus(), r.missing(), r.left()
	demand.each(func(name int32, _ int64) {
		limit, free := int64(plenty), int64(plenty)
		if r.quota.limited.has(name) {
			limit = rest.get(name)
		}
		if !e.required.zero() {
			free = missing.get(name) + beyond.get(name)
		}
		left.set(name, limit)
		surplus.set(name, free)
	})
	return left, surplus
}

// keep remembers the nearest misses. Agents that are out of question for good are not near.
func (q *question) keep(n near) {
	if n.reason == Fits || n.reason < TooSmall || q.room == 0 {
		return
	}
	n.short.each(func(name int32, short int64) { n.score += float64(short) / float64(q.demand.get(name)) })
	if len(q.nearest) == q.room && q.nearest[q.room-1].score <= n.score {
		return
	}
	at, _ := slices.BinarySearchFunc(q.nearest, n.score, func(a near, score float64) int {
		if a.score <= score {
			return -1
		}
		return 1
	})
	if len(q.nearest) == q.room {
		q.nearest = q.nearest[:q.room-1]
	}
	q.nearest = slices.Insert(q.nearest, at, n)
}

// views are what an agent has, seen in four ways.
type views struct {
	all  Amounts // everybody's, if the agent were empty
	mine Amounts // what the client could have of that
	have Amounts // what it could have now
	free Amounts // of that, what quota governs
}

func (e *Engine) view(slot int32, c *client) views {
	a, l := &e.agents[slot], &e.ledgers[slot]
	v := views{l.total.free, l.total.free, a.avail.free, a.avail.free}
	for i := range a.parts {
		p := &a.parts[i]
		k := &e.kinds[p.kind]
		if k.Revocable && !c.fw.caps.Revocable {
			continue
		}
		k.weigh(&v.all, p.total)
		if !e.mayHave(c, k) {
			continue
		}
		k.weigh(&v.mine, p.total)
		k.weigh(&v.have, p.avail)
		if k.chopped {
			k.weigh(&v.free, p.avail)
		}
	}
	return v
}

func (e *Engine) whyNot(slot int32, q *question) (n near) {
	n.slot = slot
	a := &e.agents[slot]
	lacks := func(have *Amounts) bool {
		n.short = q.demand
		n.short.drain(have)
		return !n.short.zero()
	}
	switch {
	case !a.active:
		n.reason = Deactivated
		return n
	case q.c.excludes != nil && q.c.excludes(e.ledgers[slot].id):
		n.reason = Excluded
		return n
	case e.gated(slot, q.c):
		n.reason = Incapable
		return n
	}
	v := e.view(slot, q.c)
	limited, spare := v.have, v.have
	limited.sub(&v.free)
	spare.sub(&v.free)
	q.demand.each(func(name int32, _ int64) {
		free, left := v.free.get(name), q.left.get(name)
		limited.set(name, limited.get(name)+min(free, left))
		spare.set(name, spare.get(name)+min(free, left, q.surplus.get(name)))
	})
	little, refuses := e.wouldRefuse(slot, q)
	if !little && !refuses && lacks(&spare) {
		n.lacks = n.short
	}
	switch {
	case lacks(&v.all):
		n.reason = TooSmall
	case lacks(&v.mine):
		n.reason = ReservedAway
	case lacks(&v.have):
		n.reason = Busy
	case little:
		n.reason = BelowMinimum
	case refuses:
		n.reason = Refused
	case lacks(&limited):
		n.reason = OverLimit
	case lacks(&spare):
		n.reason = ForGuarantees
	default:
		n.reason = Fits
	}
	return n
}

// wouldRefuse says whether all that the agent has for the client is less than its minima, and whether a filter covers it.
func (e *Engine) wouldRefuse(slot int32, q *question) (little, filtered bool) {
	a := &e.agents[slot]
	if len(q.c.min) == 0 && !a.filtered {
		return false, false
	}
	e.measure(a, q.c)
	return !e.isAllocatable(q.c, &e.most), a.filtered && e.isFiltered(slot, q.id, &e.most)
}
