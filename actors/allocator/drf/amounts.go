package drf

import "slices"

// Milli is how many thousandths make one unit. All scalars are whole thousandths, as everywhere in Mesos.
const Milli = 1000

// inline is how many scalar names have a place of their own. Five are given, two are for the first custom names that
// turn up; with the pointer to the tail an Amounts then fills one cache line.
const inline = 7

// The names that every cluster has. Ports are a set; they have a place because minima count them.
const (
	cpus = iota
	mem
	disk
	gpus
	ports
)

// Amounts holds an amount in thousandths for each scalar name, and nothing else. It is a value: the tail, which holds
// the names beyond the inline ones, is never changed once made, is sorted, and has no zeros.
type Amounts struct {
	head [inline]int64
	tail *[]amount
}

type amount struct {
	name int32
	n    int64
}

func (v *Amounts) tailed() []amount {
	if v.tail == nil {
		return nil
	}
	return *v.tail
}

func (v *Amounts) get(name int32) int64 {
	if name < inline {
		return v.head[name]
	}
	for _, t := range v.tailed() {
		if t.name == name {
			return t.n
		}
	}
	return 0
}

func (v *Amounts) set(name int32, n int64) {
	if name < inline {
		v.head[name] = n
		return
	}
	tail := slices.DeleteFunc(slices.Clone(v.tailed()), func(t amount) bool { return t.name == name })
	v.setTail(append(tail, amount{name, n}))
}

// setTail takes ownership of an unsorted list.
func (v *Amounts) setTail(tail []amount) {
	tail = slices.DeleteFunc(tail, func(t amount) bool { return t.n == 0 })
	if len(tail) == 0 {
		v.tail = nil
		return
	}
	slices.SortFunc(tail, func(a, b amount) int { return int(a.name - b.name) })
	v.tail = &tail
}

// merge combines two tails name by name; it is the slow path of a cluster with many custom scalars.
func (v *Amounts) merge(w *Amounts, f func(a, b int64) int64) {
	var tail []amount
	for _, t := range v.tailed() {
		tail = append(tail, amount{t.name, f(t.n, w.get(t.name))})
	}
	for _, t := range w.tailed() {
		if v.get(t.name) == 0 {
			tail = append(tail, amount{t.name, f(0, t.n)})
		}
	}
	v.setTail(tail)
}

func (v *Amounts) add(w *Amounts) {
	for k := range v.head {
		v.head[k] += w.head[k]
	}
	if w.tail != nil {
		v.merge(w, func(a, b int64) int64 { return a + b })
	}
}

func (v *Amounts) sub(w *Amounts) {
	for k := range v.head {
		v.head[k] -= w.head[k]
	}
	if w.tail != nil {
		v.merge(w, func(a, b int64) int64 { return a - b })
	}
}

// drain subtracts and stops at zero, as Mesos' quantities do.
func (v *Amounts) drain(w *Amounts) {
	for k := range v.head {
		v.head[k] = max(v.head[k]-w.head[k], 0)
	}
	if w.tail != nil {
		v.merge(w, func(a, b int64) int64 { return max(a-b, 0) })
	}
}

// cap lowers every amount to w's; a name that w lacks becomes zero.
func (v *Amounts) cap(w *Amounts) {
	for k := range v.head {
		v.head[k] = min(v.head[k], w.head[k])
	}
	if v.tail != nil {
		v.merge(w, func(a, b int64) int64 { return min(a, b) })
	}
}

func (v *Amounts) within(w *Amounts) bool {
	for k := range v.head {
		if v.head[k] > w.head[k] {
			return false
		}
	}
	for _, t := range v.tailed() {
		if t.n > w.get(t.name) {
			return false
		}
	}
	return true
}

func (v *Amounts) zero() bool { return v.tail == nil && v.head == [inline]int64{} }

func (v *Amounts) equal(w *Amounts) bool {
	return v.head == w.head && (v.tail == w.tail || slices.Equal(v.tailed(), w.tailed()))
}

// each calls f for every amount that is not zero.
func (v *Amounts) each(f func(name int32, n int64)) {
	for k, n := range v.head {
		if n != 0 {
			f(int32(k), n)
		}
	}
	for _, t := range v.tailed() {
		f(t.name, t.n)
	}
}

// names gives every resource name a number. Names come from agents and operators, never from frameworks, so they are
// few and are kept for good.
type names struct {
	list []string
	ids  map[string]int32
}

func newNames() names {
	n := names{ids: map[string]int32{}}
	for _, name := range []string{"cpus", "mem", "disk", "gpus", "ports"} {
		n.id(name)
	}
	return n
}

func (n *names) id(name string) int32 {
	if id, ok := n.ids[name]; ok {
		return id
	}
	id := int32(len(n.list))
	n.list = append(n.list, name)
	n.ids[name] = id
	return id
}

// amounts reads a table of thousandths by name.
func (n *names) amounts(by map[string]int64) (v Amounts) {
	for name, m := range by {
		v.set(n.id(name), m)
	}
	return v
}

// table is the way back, without zeros.
func (n *names) table(v *Amounts) map[string]int64 {
	by := map[string]int64{}
	v.each(func(name int32, m int64) { by[n.list[name]] = m })
	return by
}
