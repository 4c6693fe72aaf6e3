package testkit

import "iter"

// strand is a piece of work in process.Go that may wait for the world. It has a stack of its own, but never runs at the same
// time as anything else: the world lends it the step and gets it back when the work waits or ends.
type strand struct {
	of    *life
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	runs  bool // it has the step now
}

// abandoned unwinds work whose node has died while it waited.
type abandoned struct{}

// spin begins work that may wait.
func (l *life) spin(work func()) {
	s := &strand{of: l}
	s.next, s.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			switch p := recover().(type) {
			case nil, abandoned:
			default:
				panic(p)
			}
		}()
		s.yield = yield
		work()
	})
	l.strands = append(l.strands, s)
	s.resume()
}

// resume runs the work until it waits again or has ended.
func (s *strand) resume() {
	w := s.of.node.world
	before := w.strand
	w.strand, s.runs = s, true
	_, waits := s.next()
	w.strand, s.runs = before, false
	if waits {
		return
	}
	for i, other := range s.of.strands {
		if other == s {
			s.of.strands = append(s.of.strands[:i], s.of.strands[i+1:]...)
			return
		}
	}
}

// endStrands unwinds what waits. Whoever would hear of it is dead. Work that ends its own node does not wait, and cannot be stopped by
// itself: it goes on to its end.
func (l *life) endStrands() {
	for _, s := range l.strands {
		if !s.runs {
			s.stop()
		}
	}
	l.strands = nil
}

// Working says whether a piece of work of a node that Waits is running now, which then may Await.
func (w *World) Working() bool { return w.strand != nil }

// Await begins something and makes the running piece of work wait until wake is called, in any later step. It is for the
// edges of nodes with the option Waits. If the node dies first the work never goes on; if it was dead already, as a node may
// be that died during its work, the thing is begun all the same.
func (w *World) Await(begin func(wake func())) {
	s := w.strand
	if s == nil {
		panic("testkit: Await outside of work in process.Go of a node that Waits")
	}
	if s.of.dead {
		begin(func() {})
		panic(abandoned{})
	}
	woken := false
	begin(func() {
		if !woken {
			woken = true
			w.at(w.now, s.of, "wake", s.resume)
		}
	})
	if !s.yield(struct{}{}) {
		panic(abandoned{})
	}
}
