package drf

import "slices"

// Resource is some of one kind: N thousandths of a scalar, N copies of something indivisible or shared, or a Set.
type Resource struct {
	Kind *Kind
	N    int64
	Set  *Set
}

// Bundle is resources of one agent, in any order, each kind at most once.
type Bundle []Resource

// core is the part of a bundle that nearly every agent has, and that is compared without a loop over kinds: unreserved,
// non-revocable scalars and ports.
type core struct {
	free  Amounts
	ports int32
}

func (c *core) empty() bool { return c.ports == 0 && c.free.zero() }

func (c *core) equal(d *core) bool { return c.ports == d.ports && c.free.equal(&d.free) }

// item is some of a kind that has no place in core. n is thousandths, copies, or the number of a set.
type item struct {
	kind int32
	n    int64
}

// bundle is the engine's own form: items are sorted by kind, none is empty.
type bundle struct {
	core
	items []item
}

func (b *bundle) empty() bool { return b.core.empty() && len(b.items) == 0 }

// intern turns a bundle into the engine's form.
func (e *Engine) intern(rs Bundle) (b bundle) {
	for i := range rs {
		r := &rs[i]
		k := r.Kind
		if k.plain() {
			if k.Type == Ranges {
				b.ports = e.sets.union(b.ports, e.sets.id(r.Set))
			} else {
				name := e.names.id(k.Name)
				b.free.set(name, b.free.get(name)+r.N)
			}
			continue
		}
		n := r.N
		if k.Type != Scalar {
			n = int64(e.sets.id(r.Set))
		}
		b.items = e.addItem(b.items, e.kindID(k), n)
	}
	return b
}

// extern is the way back, plain scalars first. It allocates once for the list.
func (e *Engine) extern(b *bundle) Bundle {
	size := len(b.items) + 1
	for _, n := range b.free.head {
		if n != 0 {
			size++
		}
	}
	out := make(Bundle, 0, size+len(b.free.tailed()))
	b.free.each(func(name int32, n int64) { out = append(out, Resource{Kind: e.scalarKind(name), N: n}) })
	if b.ports != 0 {
		out = append(out, Resource{Kind: portsKind, Set: e.sets.sets[b.ports]})
	}
	for _, it := range b.items {
		k := &e.kinds[it.kind]
		if k.Type != Scalar {
			out = append(out, Resource{Kind: k.Kind, Set: e.sets.sets[it.n]})
		} else {
			out = append(out, Resource{Kind: k.Kind, N: it.n})
		}
	}
	return out
}

var portsKind = &Kind{Name: "ports", Type: Ranges}

// scalarKind is the plain kind of a name; there is one for each name.
func (e *Engine) scalarKind(name int32) *Kind {
	for int(name) >= len(e.scalars) {
		e.scalars = append(e.scalars, &Kind{Name: e.names.list[len(e.scalars)]})
	}
	return e.scalars[name]
}

// findItem says where a kind stands or belongs.
func findItem(items []item, kind int32) (int, bool) {
	for i := range items {
		if items[i].kind >= kind {
			return i, items[i].kind == kind
		}
	}
	return len(items), false
}

// join and without are plus and minus for n of a kind.
func (e *Engine) join(kind int32, a, b int64) int64 {
	if e.kinds[kind].Type == Scalar {
		return a + b
	}
	return int64(e.sets.union(int32(a), int32(b)))
}

func (e *Engine) without(kind int32, a, b int64) int64 {
	if e.kinds[kind].Type == Scalar {
		return a - b
	}
	return int64(e.sets.minus(int32(a), int32(b)))
}

// isWithin says whether n of a kind is part of m.
func (e *Engine) isWithin(kind int32, n, m int64) bool {
	if e.kinds[kind].Type == Scalar {
		return n <= m
	}
	return e.sets.within(int32(n), int32(m))
}

func (e *Engine) addItem(to []item, kind int32, n int64) []item {
	if n == 0 {
		return to
	}
	i, found := findItem(to, kind)
	if !found {
		return slices.Insert(to, i, item{kind, n})
	}
	if to[i].n = e.join(kind, to[i].n, n); to[i].n == 0 {
		return slices.Delete(to, i, i+1)
	}
	return to
}

func (e *Engine) removeItem(from []item, kind int32, n int64) []item {
	i, found := findItem(from, kind)
	if !found {
		return from
	}
	if from[i].n = e.without(kind, from[i].n, n); from[i].n == 0 || e.kinds[kind].Type == Scalar && from[i].n < 0 {
		return slices.Delete(from, i, i+1)
	}
	return from
}

// addTo and takeFrom change b in place.
func (e *Engine) addTo(b, more *bundle) {
	b.free.add(&more.free)
	b.ports = e.sets.union(b.ports, more.ports)
	for _, it := range more.items {
		b.items = e.addItem(b.items, it.kind, it.n)
	}
}

func (e *Engine) takeFrom(b, less *bundle) {
	b.free.drain(&less.free)
	b.ports = e.sets.minus(b.ports, less.ports)
	for _, it := range less.items {
		b.items = e.removeItem(b.items, it.kind, it.n)
	}
}

// contains says whether part is ⊆ b.
func (e *Engine) contains(b, part *bundle) bool {
	if !part.free.within(&b.free) || !e.sets.within(part.ports, b.ports) {
		return false
	}
	for _, it := range part.items {
		i, found := findItem(b.items, it.kind)
		if !found || !e.isWithin(it.kind, it.n, b.items[i].n) {
			return false
		}
	}
	return true
}

// weight is what a bundle amounts to in scalars.
func (e *Engine) weight(b *bundle) Amounts {
	v := b.free
	for _, it := range b.items {
		e.kinds[it.kind].weigh(&v, it.n)
	}
	return v
}
