package drf

import (
	"math"
	"math/bits"
	"strings"
)

// Quota of a top-level role, in thousandths by name. A guarantee that is not named is nothing, a limit that is not
// named is no limit. The zero Quota is none.
type Quota struct{ Guarantee, Limit map[string]int64 }

type quota struct {
	set              bool
	guarantee, limit Amounts
	limited          bounds
}

// bounds says which names a target is about; the others are unbounded.
type bounds struct {
	all   bool
	named bitset
}

var everything = bounds{all: true}

func (b *bounds) has(name int32) bool { return b.all || b.named.has(name) }

func (b *bounds) none() bool { return !b.all && b.named.none() }

// SetQuota replaces the quota of a top-level role; nested roles have none. It asks for no run.
func (e *Engine) SetQuota(name string, q Quota) {
	if strings.Contains(name, "/") {
		return
	}
	id := e.role(name)
	r := &e.roles[id]
	had := r.quota.set
	r.quota = quota{set: len(q.Guarantee)+len(q.Limit) > 0, guarantee: e.names.amounts(q.Guarantee), limit: e.names.amounts(q.Limit)}
	for name := range q.Limit {
		r.quota.limited.named.set(e.names.id(name))
	}
	if had != r.quota.set {
		e.quotaRoles = e.quotaRoles[:0]
		for id := range e.roles {
			if e.roles[id].quota.set {
				e.quotaRoles = append(e.quotaRoles, int32(id))
			}
		}
	}
	e.quotaVersion++
}

// left is what a role's limit still allows; names without a limit are not in it.
func (r *role) left() Amounts {
	left := r.quota.limit
	left.drain(&r.consumed)
	return left
}

// missing is what a role still lacks of its guarantee.
func (r *role) missing() Amounts {
	missing := r.quota.guarantee
	missing.drain(&r.consumed)
	return missing
}

// surplus is what is free beyond what must be kept for guarantees.
func (e *Engine) surplus() Amounts {
	s := e.headroom
	s.drain(&e.required)
	return s
}

// measureQuota computes what each role with quota has consumed, and the headroom to keep for the others. Subtractions
// stop at zero, in Mesos' order.
func (e *Engine) measureQuota() {
	e.required, e.headroom = Amounts{}, Amounts{}
	clear(e.guarded)
	clear(e.spent)
	if len(e.quotaRoles) == 0 {
		return
	}
	for _, id := range e.quotaRoles {
		r := &e.roles[id]
		r.consumed = r.used
		r.consumed.add(&r.reservations)
		missing := r.missing()
		e.required.add(&missing)
		if !missing.zero() {
			for _, c := range r.clients {
				e.guarded.set(c)
			}
		}
		e.measureLimit(r)
	}
	e.headroom = e.total
	e.headroom.drain(&e.tree.nodes[0].used)
	idle := e.allReserved
	idle.drain(&e.usedReserved)
	e.headroom.drain(&idle)
	e.headroom.drain(&e.idleRevocable)
}

// measureLimit marks the clients that the role's limit leaves nothing useful. A limit's rest only falls during a run.
func (e *Engine) measureLimit(r *role) {
	if r.quota.limited.none() {
		return
	}
	left := r.left()
	for k := range left.head {
		if !r.quota.limited.has(int32(k)) {
			left.head[k] = math.MaxInt64
		}
	}
	for _, id := range r.clients {
		if c := &e.clients[id]; !reachable(c.min, &left) {
			e.spent.set(id)
		}
	}
}

// reachable says whether any minimum fits into v. Names beyond the inline ones and sets are given the benefit of the doubt.
func reachable(mins []minimum, v *Amounts) bool {
next:
	for i := range mins {
		for k, n := range mins[i].head {
			if n > v.head[k] && k <= gpus {
				continue next
			}
		}
		return true
	}
	return len(mins) == 0
}

// skipSpent drops the clients that quota cannot serve from this agent, whatever it has; they are held back.
func (e *Engine) skipSpent(a *agent, k int) int {
	if len(e.quotaRoles) == 0 || !e.isPlain(a) {
		return k
	}
	starved := false
	if !e.required.zero() {
		surplus := e.surplus()
		starved = !reachable(e.min, &surplus)
	}
	for i := range e.open {
		var w uint64
		if i < len(e.spent) {
			w = e.spent[i]
		}
		if starved && i < len(e.modest) {
			w |= e.modest[i]
		}
		if w &= e.open[i]; w != 0 {
			e.open[i] &^= w
			k -= bits.OnesCount64(w)
			a.outcome |= heldBack
		}
	}
	return k
}
