// Package tree is a map from strings that never changes: Set and Delete return a new one that shares almost
// everything with the old. The master publishes such maps to its readers, so that a reader keeps what it has
// while the master goes on, and neither copies or locks.
package tree

import "iter"

// Tree is a sorted, immutable map. The zero value is empty. Its shape depends only on its keys, so equal
// maps are walked alike however they came about.
type Tree[V any] struct{ root *node[V] }

// node is part of a treap: a search tree by key and a heap by the hash of the key, which keeps it balanced
// without rotations to remember.
type node[V any] struct {
	key         string
	value       V
	rank        uint64
	size        int
	left, right *node[V]
}

// Len is the number of entries.
func (t Tree[V]) Len() int { return t.root.len() }

func (n *node[V]) len() int {
	if n == nil {
		return 0
	}
	return n.size
}

// Get returns the value of key.
func (t Tree[V]) Get(key string) (value V, ok bool) {
	for n := t.root; n != nil; {
		switch {
		case key < n.key:
			n = n.left
		case key > n.key:
			n = n.right
		default:
			return n.value, true
		}
	}
	return value, false
}

// All yields the entries in the order of their keys.
func (t Tree[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) { t.root.walk(yield) }
}

func (n *node[V]) walk(yield func(string, V) bool) bool {
	return n == nil || n.left.walk(yield) && yield(n.key, n.value) && n.right.walk(yield)
}

// Set returns a map in which key has value.
func (t Tree[V]) Set(key string, value V) Tree[V] {
	return Tree[V]{t.root.set(key, value, rank(key))}
}

func (n *node[V]) set(key string, value V, rank uint64) *node[V] {
	switch {
	case n == nil:
		return &node[V]{key: key, value: value, rank: rank, size: 1}
	case key == n.key:
		return &node[V]{key: key, value: value, rank: n.rank, size: n.size, left: n.left, right: n.right}
	case n.above(key, rank):
		if key < n.key {
			return n.with(n.left.set(key, value, rank), n.right)
		}
		return n.with(n.left, n.right.set(key, value, rank))
	}
	left, right := n.split(key)
	return (&node[V]{key: key, value: value, rank: rank}).with(left, right)
}

// above reports whether n belongs above an entry with this key and rank; keys decide between equal ranks.
func (n *node[V]) above(key string, rank uint64) bool {
	return n.rank > rank || n.rank == rank && n.key < key
}

func (n *node[V]) with(left, right *node[V]) *node[V] {
	return &node[V]{n.key, n.value, n.rank, left.len() + right.len() + 1, left, right}
}

// split parts the entries before key from those after it; key itself is not there.
func (n *node[V]) split(key string) (left, right *node[V]) {
	if n == nil {
		return nil, nil
	}
	if key < n.key {
		a, b := n.left.split(key)
		return a, n.with(b, n.right)
	}
	a, b := n.right.split(key)
	return n.with(n.left, a), b
}

// Delete returns a map without key.
func (t Tree[V]) Delete(key string) Tree[V] {
	if _, ok := t.Get(key); !ok {
		return t
	}
	return Tree[V]{t.root.del(key)}
}

func (n *node[V]) del(key string) *node[V] {
	switch {
	case key < n.key:
		return n.with(n.left.del(key), n.right)
	case key > n.key:
		return n.with(n.left, n.right.del(key))
	}
	return n.left.join(n.right)
}

// join puts everything of n before everything of m.
func (n *node[V]) join(m *node[V]) *node[V] {
	switch {
	case n == nil:
		return m
	case m == nil:
		return n
	case n.above(m.key, m.rank):
		return n.with(n.left, n.right.join(m))
	}
	return m.with(n.join(m.left), m.right)
}

// rank is FNV-1a with a final mix, because FNV alone leaves similar keys with similar high bits.
func rank(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
