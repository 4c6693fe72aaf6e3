package tree

import "iter"

// Piece is a stretch of a map: a branch of it, and the entry behind that branch. Maps that come from one draft share the
// branches in which nothing has changed, so what was made of a piece once is good for all of them.
type Piece[V any] struct {
	branch *node[V] // nil: none
	next   *node[V] // nil: the stretch ends with the branch
}

// identity tells pieces apart. The entry behind a branch counts by its value, because its node is copied whenever something
// below it changes.
type identity struct{ branch, next any }

// Identity is equal for two pieces exactly if the very same values are in them, which have to be pointers. It keeps them in
// memory, as the piece does.
func (p Piece[V]) Identity() any {
	if p.next == nil {
		return identity{p.branch, nil}
	}
	return identity{p.branch, p.next.value}
}

// All yields the entries in the order of their keys.
func (p Piece[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if p.branch.walk(yield) && p.next != nil {
			yield(p.next.key, p.next.value)
		}
	}
}

// Whole is whether no lens hides or changes anything.
func (t Tree[V]) Whole() bool { return t.lens == nil }

// Pieces cuts the stretch that Range walks into pieces whose branches have at most so many entries, in their order. A lens
// is not looked through: who made something of what one reader sees must not show it to another.
func (t Tree[V]) Pieces(from, to, most int) []Piece[V] {
	c := cutter[V]{most: most}
	c.cut(t.root, from, to)
	if c.branch != nil {
		c.pieces = append(c.pieces, Piece[V]{branch: c.branch})
	}
	return c.pieces
}

type cutter[V any] struct {
	most   int
	branch *node[V] // whose next entry is yet to come
	pieces []Piece[V]
}

func (c *cutter[V]) cut(n *node[V], from, to int) {
	if n == nil || from >= n.size || to <= 0 || from >= to {
		return
	}
	if from <= 0 && to >= n.size && n.size <= c.most {
		c.branch = n // there is always an entry between two branches
		return
	}
	here := n.left.len()
	c.cut(n.left, from, to)
	if from <= here && here < to {
		c.pieces = append(c.pieces, Piece[V]{c.branch, n})
		c.branch = nil
	}
	c.cut(n.right, from-here-1, to-here-1)
}
