package press

import (
	"sync"
	"time"
	"weak"
)

// What a shelf keeps: the last answer, unless it is larger, and until nobody has wanted it for so long.
const (
	most = 512 << 20
	keep = time.Minute
)

// Shelf has the texts of the last answer of a kind, so that the next one makes only what has changed in between, and several
// that are wanted at a time are made once. It grows no larger than one answer.
type Shelf struct {
	mu     sync.Mutex
	latest map[any]*Text
	end    *time.Timer
}

// NewShelf is an empty shelf.
func NewShelf() *Shelf {
	s := &Shelf{}
	// The timer does not keep a shelf alive that nobody uses any more.
	shelf := weak.Make(s)
	s.end = time.AfterFunc(keep, func() {
		if s := shelf.Value(); s != nil {
			s.clear()
		}
	})
	return s
}

func (s *Shelf) clear() { s.put(nil) }

func (s *Shelf) put(texts map[any]*Text) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = texts
}

func (s *Shelf) texts() map[any]*Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest
}

// Hand puts one answer together from a shelf. It belongs to one goroutine.
type Hand struct {
	shelf     *Shelf
	last, now map[any]*Text
}

// Take begins an answer.
func (s *Shelf) Take() *Hand {
	last := s.texts()
	return &Hand{s, last, make(map[any]*Text, len(last)+len(last)/8)}
}

// Text is what was made for a key last time, or what job makes. Equal keys must mean equal texts.
func (h *Hand) Text(key any, job Job) *Text {
	t := h.last[key]
	if t == nil {
		t = Make(job)
	}
	h.now[key] = t
	return t
}

// Keep leaves the texts of this answer, and no others, for the next one. They need not be made yet.
func (h *Hand) Keep() {
	h.shelf.end.Reset(keep)
	h.shelf.put(h.now)
}

// Weigh takes them away again if they are too large to be kept. They have to be made by now.
func (h *Hand) Weigh() {
	size := 0
	for _, t := range h.now {
		size += len(t.Bytes())
		if t.zipped.Load() {
			size += len(t.Packed())
		}
	}
	if size > most {
		h.shelf.put(nil)
	}
}
