package drf

import (
	"math"
	"slices"
	"strings"
)

// role is a path of names. It exists while anything refers to it or to a role below it.
type role struct {
	name         string
	hash         uint64
	parent, top  int32
	depth        int32
	leaf         int32 // its node in the tree while it has clients, else -1
	tracked      int32 // clients, active or not
	clients      []int32
	order        order // of the active clients
	nested       bool
	quota        quota
	consumed     Amounts // against the quota, as this run sees it
	reservations Amounts // of the role and those below
	used         Amounts // unreserved and not revocable, offered or used, of the role and those below
}

func (e *Engine) role(name string) int32 {
	if id, ok := e.roleIDs[name]; ok {
		return id
	}
	parent := int32(-1)
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		parent = e.role(name[:i])
	}
	var id int32
	if n := len(e.freeRoles); n > 0 {
		id, e.freeRoles = e.freeRoles[n-1], e.freeRoles[:n-1]
	} else {
		id = int32(len(e.roles))
		e.roles = append(e.roles, role{})
	}
	r := role{name: name, hash: hashName(name), parent: parent, top: id, leaf: -1, nested: parent >= 0}
	if parent >= 0 {
		r.top, r.depth = e.roles[parent].top, e.roles[parent].depth+1
	}
	e.roles[id] = r
	e.roleIDs[name] = id
	return id
}

func (e *Engine) setLeaf(role, leaf int32) { e.roles[role].leaf = leaf }

// isUnder says whether ancestor is role or above it.
func (e *Engine) isUnder(role, ancestor int32) bool {
	d := e.roles[ancestor].depth
	for e.roles[role].depth > d {
		role = e.roles[role].parent
	}
	return role == ancestor
}

// SetWeight changes what a role's share, and that of everything below it, is divided by. Nobody is woken: the order
// of the next run follows it. Weights that are not positive numbers are ignored: shares would have no order.
func (e *Engine) SetWeight(path string, w float64) {
	if !(w > 0) || math.IsInf(w, 1) {
		return
	}
	e.tree.setWeight(path, w)
	e.epoch++
}

// sweepRoles forgets roles that nothing refers to; live has a mark for those that kinds and clients name. Names of
// roles come from frameworks, so they must not add up.
func (e *Engine) sweepRoles(live []bool) {
	for id := range e.roles {
		if r := &e.roles[id]; r.tracked > 0 || r.quota.set {
			live[id] = true
		}
	}
	for id := range e.roles {
		if live[id] {
			for p := e.roles[id].parent; p >= 0; p = e.roles[p].parent {
				live[p] = true
			}
		}
	}
	for id := range e.roles {
		if r := &e.roles[id]; !live[id] && e.roleIDs[r.name] == int32(id) && r.name != "" {
			delete(e.roleIDs, r.name)
			*r = role{leaf: -1, parent: -1}
			e.freeRoles = append(e.freeRoles, int32(id))
		}
	}
	slices.Sort(e.freeRoles)
}
