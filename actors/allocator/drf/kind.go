package drf

import "math"

// Type is the shape of a resource's value.
type Type uint8

const (
	Scalar Type = iota // an amount
	Ranges             // a set of numbers, as ports
	Items              // a set of words
)

// Kind is all that tells one resource of an agent from another, except how much of it there is and to whom it is
// allocated. Equal kinds add up; kinds are compared, never looked into, except for the fields that decide who may
// have them.
type Kind struct {
	Name      string
	Type      Type
	Role      string // reserved to; empty: unreserved
	Refined   bool   // by a stack of reservations, which not every framework understands
	Revocable bool
	Shared    bool // may be held by many at once (persistent volumes)

	// Size, if not zero, makes it indivisible: a whole disk or volume of so many thousandths, taken or left.
	Size int64

	// Detail stands for everything else (disk, labels, principal, provider), in a form that is equal when they are.
	Detail string
}

// plain kinds have a place in every core.
func (k *Kind) plain() bool {
	return k.Role == "" && k.Detail == "" && k.Size == 0 && !k.Revocable && !k.Shared &&
		(k.Type == Scalar || k.Type == Ranges && k.Name == "ports")
}

// kind is an interned Kind and what the engine asks of it.
type kind struct {
	*Kind
	hash    uint64
	name    int32
	role    int32 // -1: unreserved
	chopped bool  // governed by quota, so offers of it are cut
}

// kindID interns a kind.
func (e *Engine) kindID(k *Kind) int32 {
	if id, ok := e.kindIDs[*k]; ok {
		return id
	}
	own := *k
	n := kind{Kind: &own, hash: hashKind(k), name: e.names.id(k.Name), role: -1}
	if k.Role != "" {
		n.role = e.role(k.Role)
	}
	n.chopped = k.Type == Scalar && k.Role == "" && !k.Revocable && !k.Shared
	var id int32
	if free := len(e.freeKinds); free > 0 {
		id, e.freeKinds = e.freeKinds[free-1], e.freeKinds[:free-1]
		e.kinds[id] = n
	} else {
		id = int32(len(e.kinds))
		e.kinds = append(e.kinds, n)
	}
	e.kindIDs[own] = id
	return id
}

// hashKind depends on the content only, so that one seed replays one cluster whatever was interned before.
func hashKind(k *Kind) uint64 {
	h := mix(hashName(k.Name), hashName(k.Role))
	flags := uint64(k.Type)
	for i, flag := range []bool{k.Refined, k.Revocable, k.Shared} {
		if flag {
			flags |= 8 << i
		}
	}
	return mix(mix(mix(h, flags), uint64(k.Size)), hashName(k.Detail))
}

// weigh adds to v what n of the kind amount to in scalars. Sets weigh nothing.
func (k *kind) weigh(v *Amounts, n int64) {
	if k.Type != Scalar || n == 0 {
		return
	}
	v.set(k.name, v.get(k.name)+k.quantity(n))
}

func (k *kind) quantity(n int64) int64 {
	if k.Size == 0 {
		return n
	}
	if k.Shared && n > 0 {
		return k.Size // however many copies
	}
	return n * k.Size
}

// countable is the number of elements in thousandths, as minima and quantities count them.
func countable(elements uint64) int64 {
	if elements > math.MaxInt64/Milli {
		return math.MaxInt64
	}
	return int64(elements) * Milli
}
