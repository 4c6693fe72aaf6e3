package drf

import "slices"

// bundleTable gives every distinct bundle a number: what was refused, and what agents with equal rests have in common.
type bundleTable struct {
	list []bundle
	ids  map[uint64][]int32
	free []int32
}

func newBundleTable() bundleTable { return bundleTable{ids: map[uint64][]int32{}} }

func (t *bundleTable) len() int { return len(t.list) - len(t.free) }

func (b *bundle) hash() uint64 {
	h := uint64(uint32(b.ports))
	for _, n := range b.free.head {
		h = mix(h, uint64(n))
	}
	for _, a := range b.free.tailed() {
		h = mix(mix(h, uint64(a.name)), uint64(a.n))
	}
	for _, it := range b.items {
		h = mix(mix(h, uint64(it.kind)), uint64(it.n))
	}
	return h
}

// id copies b if it is new, so b may be scratch.
func (t *bundleTable) id(b *bundle) int32 {
	h := b.hash()
	for _, id := range t.ids[h] {
		if o := &t.list[id]; o.core.equal(&b.core) && slices.Equal(o.items, b.items) {
			return id
		}
	}
	own := bundle{b.core, slices.Clone(b.items)}
	var id int32
	if n := len(t.free); n > 0 {
		id, t.free = t.free[n-1], t.free[:n-1]
		t.list[id] = own
	} else {
		id = int32(len(t.list))
		t.list = append(t.list, own)
	}
	t.ids[h] = append(t.ids[h], id)
	return id
}

// sweep forgets the bundles that nobody marked.
func (t *bundleTable) sweep(live []bool) {
	clear(t.ids)
	t.free = t.free[:0]
	for id := range t.list {
		if live[id] {
			h := t.list[id].hash()
			t.ids[h] = append(t.ids[h], int32(id))
		} else {
			t.list[id] = bundle{}
			t.free = append(t.free, int32(id))
		}
	}
}
