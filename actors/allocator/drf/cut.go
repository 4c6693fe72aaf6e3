package drf

import "slices"

// lot is resources that quota governs: plain scalars, and pieces of other kinds sorted by kind.
type lot struct {
	free   Amounts
	pieces []item
}

func (l *lot) empty() bool { return l.free.zero() && len(l.pieces) == 0 }

func (l *lot) reset(free *Amounts) {
	l.free, l.pieces = *free, l.pieces[:0]
}

func (e *Engine) weighLot(l *lot) Amounts {
	v := l.free
	for _, it := range l.pieces {
		e.kinds[it.kind].weigh(&v, it.n)
	}
	return v
}

// cuts is the scratch space for shrinking.
type cuts struct {
	guaranteed, extra lot
	offer             bundle
	draw              []drawn
}

// drawn is one piece in drawn order. One with a size is taken whole or not at all.
type drawn struct {
	key   uint64
	index int // in pieces; -1 is the plain amount
	n     int64
}

// governed sets l to what quota governs of the most that the client could have.
func (e *Engine) governed(l *lot) {
	l.reset(&e.most.free)
	for _, it := range e.most.items {
		if e.kinds[it.kind].chopped {
			l.pieces = append(l.pieces, it)
		}
	}
}

// shrink cuts a lot down to a target, for the names that it bounds. Where a name has pieces, they are looked at in drawn
// order, so that one does not always win.
func (e *Engine) shrink(slot int32, c *client, l *lot, target Amounts, b *bounds, step int) {
	if len(l.pieces) > 0 {
		e.shrinkPieces(slot, c, l, &target, b, step)
	}
	for k := range l.free.head {
		if b.has(int32(k)) {
			l.free.head[k] = min(l.free.head[k], target.head[k])
		}
	}
	for _, t := range l.free.tailed() {
		if b.has(t.name) {
			l.free.set(t.name, min(t.n, target.get(t.name)))
		}
	}
}

// shrinkPieces cuts the names that have pieces, and leaves in target what their plain amounts may keep.
func (e *Engine) shrinkPieces(slot int32, c *client, l *lot, target *Amounts, b *bounds, step int) {
	cut := cut{e.key, e.agents[slot].hash, c.fw.hash, e.roles[c.role].hash, step}
	for from := range l.pieces {
		name := e.kinds[l.pieces[from].kind].name
		if !b.has(name) || slices.ContainsFunc(l.pieces[:from], func(p item) bool { return e.kinds[p.kind].name == name }) {
			continue
		}
		draw := e.cuts.draw[:0]
		if n := l.free.get(name); n > 0 {
			draw = append(draw, drawn{cut.key(0, 0), -1, n})
		}
		for i := from; i < len(l.pieces); i++ {
			k := &e.kinds[l.pieces[i].kind]
			if k.name != name {
				continue
			}
			if k.Size == 0 {
				draw = append(draw, drawn{cut.key(k.hash, 0), i, l.pieces[i].n})
				continue
			}
			for copy := range l.pieces[i].n {
				draw = append(draw, drawn{cut.key(k.hash, copy), i, k.Size})
			}
		}
		slices.SortFunc(draw, func(a, b drawn) int {
			if a.key < b.key {
				return -1
			}
			return 1
		})
		e.cuts.draw = draw
		e.keep(l, target, name, draw)
	}
	l.pieces = slices.DeleteFunc(l.pieces, func(p item) bool { return p.n == 0 })
}

// keep serves the pieces of one name in drawn order from the target.
func (e *Engine) keep(l *lot, target *Amounts, name int32, draw []drawn) {
	left, plain := target.get(name), int64(0)
	for _, d := range draw {
		switch {
		case d.index < 0:
			plain = min(d.n, left)
			left -= plain
		case e.kinds[l.pieces[d.index].kind].Size == 0:
			n := min(d.n, left)
			l.pieces[d.index].n = n
			left -= n
		case d.n <= left:
			left -= d.n
		default:
			l.pieces[d.index].n--
		}
	}
	target.set(name, plain)
}
