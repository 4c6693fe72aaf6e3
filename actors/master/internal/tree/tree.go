// Package tree is a map from strings that never changes, and the draft of the next one, which shares almost
// everything with it. The master publishes such maps to its readers, so that a reader keeps what it has while the
// master goes on, and neither copies or locks.
package tree

import "iter"

// Tree is a sorted, immutable map; a Draft makes it. The zero value is empty. Its shape depends only on its keys,
// so equal maps are walked alike however they came about.
type Tree[V any] struct {
	root *node[V]
	lens func(key string, v V) (V, bool) // nil: everything is seen as it is
}

// Through is the map as somebody sees it who may not see everything: lens says what is left of an entry, if anything. It
// is pure, and asked whenever an entry is looked at, so a look through a lens costs nothing until somebody looks.
func (t Tree[V]) Through(lens func(key string, v V) (V, bool)) Tree[V] {
	if inner := t.lens; inner != nil {
		outer := lens
		lens = func(key string, v V) (V, bool) {
			v, ok := inner(key, v)
			if !ok {
				return v, false
			}
			return outer(key, v)
		}
	}
	return Tree[V]{t.root, lens}
}

// node is part of a treap: a search tree by key and a heap by the hash of the key, which keeps it balanced
// without rotations to remember.
type node[V any] struct {
	key         string
	value       V
	rank        uint64
	size        int
	edition     uint64 // of the draft that made it
	left, right *node[V]
}

// Len is the number of entries. Through a lens they have to be counted.
func (t Tree[V]) Len() int {
	if t.lens == nil {
		return t.root.len()
	}
	n := 0
	for range t.All() {
		n++
	}
	return n
}

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
		case t.lens != nil:
			if v, ok := t.lens(key, n.value); ok {
				return v, true
			}
			return value, false
		default:
			return n.value, true
		}
	}
	return value, false
}

// All yields the entries in the order of their keys.
func (t Tree[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) { t.root.walk(t.through(yield)) }
}

// through lets yield see only what the lens leaves.
func (t Tree[V]) through(yield func(string, V) bool) func(string, V) bool {
	if t.lens == nil {
		return yield
	}
	return func(key string, v V) bool {
		v, ok := t.lens(key, v)
		return !ok || yield(key, v)
	}
}

func (n *node[V]) walk(yield func(string, V) bool) bool {
	return n == nil || n.left.walk(yield) && yield(n.key, n.value) && n.right.walk(yield)
}

// Places is how far Range can go: the number of entries, those that a lens hides among them.
func (t Tree[V]) Places() int { return t.root.len() }

// Range yields the entries from the one with so many before it up to, and without, the one with so many before that, so
// that several readers share one walk. What a lens hides is counted, and not yielded.
func (t Tree[V]) Range(from, to int) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) { t.root.span(from, to, t.through(yield)) }
}

func (n *node[V]) span(from, to int, yield func(string, V) bool) bool {
	if n == nil || from >= n.size || to <= 0 || from >= to {
		return true
	}
	here := n.left.len()
	if from < here && !n.left.span(from, to, yield) {
		return false
	}
	if from <= here && here < to && !yield(n.key, n.value) {
		return false
	}
	return n.right.span(from-here-1, to-here-1, yield)
}

// Before is how many entries come before a key, be it there or not, and be they hidden by a lens or not.
func (t Tree[V]) Before(key string) (count int) {
	for n := t.root; n != nil; {
		if key <= n.key {
			n = n.left
			continue
		}
		count += n.left.len() + 1
		n = n.right
	}
	return count
}

// Draft is the next map in the making. It changes in place what no published map has, so that a burst of changes
// between two publications copies each part once at most. The zero value is empty. A draft must not be copied.
type Draft[V any] struct {
	root    *node[V]
	edition uint64 // how many maps were published before this one
}

// Tree publishes the draft as it is.
func (d *Draft[V]) Tree() Tree[V] {
	d.edition++
	return Tree[V]{root: d.root}
}

// Len is the number of entries.
func (d *Draft[V]) Len() int { return d.root.len() }

// Set gives key a value.
func (d *Draft[V]) Set(key string, value V) { d.root = d.set(d.root, key, value, rank(key)) }

// Delete forgets a key, if it is there.
func (d *Draft[V]) Delete(key string) {
	if _, ok := (Tree[V]{root: d.root}).Get(key); ok {
		d.root = d.del(d.root, key)
	}
}

func (d *Draft[V]) set(n *node[V], key string, value V, rank uint64) *node[V] {
	switch {
	case n == nil:
		return &node[V]{key: key, value: value, rank: rank, size: 1, edition: d.edition}
	case key == n.key:
		n = d.own(n)
		n.value = value
		return n
	case n.above(key, rank):
		if key < n.key {
			return d.with(n, d.set(n.left, key, value, rank), n.right)
		}
		return d.with(n, n.left, d.set(n.right, key, value, rank))
	}
	left, right := d.split(n, key)
	return d.with(&node[V]{key: key, value: value, rank: rank, edition: d.edition}, left, right)
}

// above reports whether n belongs above an entry with this key and rank; keys decide between equal ranks.
func (n *node[V]) above(key string, rank uint64) bool {
	return n.rank > rank || n.rank == rank && n.key < key
}

// own is n, or a copy if a published map has n.
func (d *Draft[V]) own(n *node[V]) *node[V] {
	if n.edition == d.edition {
		return n
	}
	c := *n
	c.edition = d.edition
	return &c
}

func (d *Draft[V]) with(n, left, right *node[V]) *node[V] {
	n = d.own(n)
	n.left, n.right, n.size = left, right, left.len()+right.len()+1
	return n
}

// split parts the entries before key from those after it; key itself is not there.
func (d *Draft[V]) split(n *node[V], key string) (left, right *node[V]) {
	if n == nil {
		return nil, nil
	}
	if key < n.key {
		a, b := d.split(n.left, key)
		return a, d.with(n, b, n.right)
	}
	a, b := d.split(n.right, key)
	return d.with(n, n.left, a), b
}

func (d *Draft[V]) del(n *node[V], key string) *node[V] {
	switch {
	case key < n.key:
		return d.with(n, d.del(n.left, key), n.right)
	case key > n.key:
		return d.with(n, n.left, d.del(n.right, key))
	}
	return d.join(n.left, n.right)
}

// join puts everything of n before everything of m.
func (d *Draft[V]) join(n, m *node[V]) *node[V] {
	switch {
	case n == nil:
		return m
	case m == nil:
		return n
	case n.above(m.key, m.rank):
		return d.with(n, n.left, d.join(n.right, m))
	}
	return d.with(m, d.join(n, m.left), m.right)
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
