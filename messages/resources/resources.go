package resources

import (
	"iter"
	"slices"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Resources is a collection in which like resources are added up. The zero value is empty. It is an immutable value
// that may be copied and shared between goroutines.
type Resources struct {
	// Never changed once a Resources is handed out. No two entries are addable.
	items []Resource
}

// Of collects single resources.
func Of(rs ...Resource) Resources {
	var b Builder
	for i := range rs {
		b.add(&rs[i])
	}
	return b.Resources()
}

// IsEmpty says whether there is nothing in it.
func (r Resources) IsEmpty() bool { return len(r.items) == 0 }

// Len is the number of different resources.
func (r Resources) Len() int { return len(r.items) }

// All yields the resources, in the order in which they came in. A shared one comes once, with its copies.
func (r Resources) All() iter.Seq[Resource] { return slices.Values(r.items) }

// Contains says whether that can be taken from r. It allocates nothing.
func (r Resources) Contains(that Resources) bool {
	for i := range that.items {
		if !r.holds(that, i) {
			return false
		}
	}
	return true
}

// holds says whether the i-th of that is in r, as often as it is in that.
func (r Resources) holds(that Resources, i int) bool {
	want := &that.items[i]
	// Entries are distinct things, except for those that exist only as a whole: the same one may be listed twice,
	// and then it must be there twice.
	if want.about().isExclusive() {
		return r.count(want) >= that.count(want)
	}
	// Collections that are compared are mostly alike, so the same position is a good guess.
	if i < len(r.items) && r.items[i].contains(want) {
		return true
	}
	for j := range r.items {
		if r.items[j].contains(want) {
			return true
		}
	}
	return false
}

func (r Resources) count(want *Resource) int {
	n := 0
	for i := range r.items {
		if r.items[i].equals(want) {
			n++
		}
	}
	return n
}

// Count is how often exactly this resource is in r: the number of copies if it is shared, else 1 or 0. A part of a
// larger resource does not count.
func (r Resources) Count(one Resource) int {
	for i := range r.items {
		if x := &r.items[i]; x.sameThing(&one) && x.sameAmount(&one) {
			return x.copies
		}
	}
	return 0
}

// Equal says whether both hold the same, in whatever order. It allocates nothing.
func (r Resources) Equal(that Resources) bool {
	return len(r.items) == len(that.items) && r.Contains(that) && that.Contains(r)
}

// Add returns the sum.
func (r Resources) Add(that Resources) Resources {
	switch {
	case len(that.items) == 0:
		return r
	case len(r.items) == 0:
		return that
	}
	b := r.build(len(that.items))
	b.Add(that)
	return b.Resources()
}

// Subtract takes away what is there; what is not there is ignored, as in Mesos. Who must not take more than there is
// asks Contains first.
func (r Resources) Subtract(that Resources) Resources {
	if len(r.items) == 0 || len(that.items) == 0 {
		return r
	}
	b := r.build(0)
	b.Subtract(that)
	return b.Resources()
}

// Filter returns those for which keep says true.
func (r Resources) Filter(keep func(Resource) bool) Resources {
	first := 0
	for first < len(r.items) && keep(r.items[first]) {
		first++
	}
	// Nothing changes, so what is kept up to here need not be copied.
	kept := r.items[:first:first]
	for i := first + 1; i < len(r.items); i++ {
		if keep(r.items[i]) {
			kept = append(kept, r.items[i])
		}
	}
	return Resources{kept}
}

// each applies change to every resource and adds up what became alike.
func (r Resources) each(change func(Resource) Resource) Resources {
	b := Builder{items: make([]Resource, 0, len(r.items))}
	for _, x := range r.items {
		x = change(x)
		b.add(&x)
	}
	return b.Resources()
}

func (r Resources) build(more int) Builder {
	return Builder{items: append(make([]Resource, 0, len(r.items)+more), r.items...)}
}

// Builder adds up many resources without a new collection for each. The zero value is ready. It is not safe for use
// by several goroutines.
type Builder struct{ items []Resource }

// Add adds all of r.
func (b *Builder) Add(r Resources) {
	for i := range r.items {
		b.addAt(i, &r.items[i])
	}
}

// Subtract takes away what is there of r.
func (b *Builder) Subtract(r Resources) {
	emptied := false
	for i := range r.items {
		if at := b.find(i, func(x *Resource) bool { return x.subtractable(&r.items[i]) }); at >= 0 {
			b.items[at].subtract(&r.items[i])
			emptied = emptied || b.items[at].IsEmpty()
		}
	}
	if emptied {
		b.items = slices.DeleteFunc(b.items, Resource.IsEmpty)
	}
}

// Resources hands the collection over and leaves the builder empty.
func (b *Builder) Resources() Resources {
	r := Resources{b.items}
	b.items = nil
	return r
}

func (b *Builder) add(x *Resource) { b.addAt(0, x) }

// addAt is add with a guess where x's like may be.
func (b *Builder) addAt(guess int, x *Resource) {
	if x.IsEmpty() {
		return
	}
	if at := b.find(guess, func(y *Resource) bool { return y.addable(x) }); at >= 0 {
		b.items[at].add(x)
		return
	}
	b.items = append(b.items, *x)
}

// find is the index of the entry that is wanted, -1 when there is none. Collections that are added up again and again
// have the same things at the same places, so a guess spares most of the search.
func (b *Builder) find(guess int, want func(*Resource) bool) int {
	if guess < len(b.items) && want(&b.items[guess]) {
		return guess
	}
	for i := range b.items {
		if want(&b.items[i]) {
			return i
		}
	}
	return -1
}

// Names lists the names, sorted.
func (r Resources) Names() []string {
	var names []string
	for i := range r.items {
		names = append(names, r.items[i].name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Types says of which type each name is.
func (r Resources) Types() map[string]mesospb.Value_Type {
	types := make(map[string]mesospb.Value_Type)
	for i := range r.items {
		types[r.items[i].name] = r.items[i].kind
	}
	return types
}
