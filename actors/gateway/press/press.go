// Package press encodes large answers in pieces, several at a time, and hands the pieces on in their order. All answers of
// a program share its presses: one processor (see Spare) stays free for those who ask for little, however many ask for
// everything.
package press

import (
	"sync"
	"sync/atomic"
)

// Job appends one piece of an answer.
type Job func(dst []byte) []byte

// pieceSize is about how large pieces get; those that are much larger are not kept for the next answer.
const pieceSize = 256 << 10

var pieces = sync.Pool{New: func() any { b := make([]byte, 0, pieceSize); return &b }}

// Stream does the jobs and hands on each piece as soon as those before it are. A piece is only good until emit returns;
// when that says false nothing more is encoded. Few pieces lie in memory at any time.
func Stream(jobs []Job, emit func(piece []byte) bool) {
	run(jobs, 2*cap(slots()), func(piece *[]byte) bool {
		ok := emit(*piece)
		recycle(piece)
		return ok
	})
}

// recycle gives back the space of a piece.
func recycle(piece *[]byte) {
	if cap(*piece) <= 4*pieceSize {
		*piece = (*piece)[:0]
		pieces.Put(piece)
	}
}

func run(jobs []Job, ahead int, emit func(*[]byte) bool) {
	do := func(i int) *[]byte {
		slots() <- struct{}{}
		defer func() { <-slots() }()
		b := pieces.Get().(*[]byte)
		*b = jobs[i](*b)
		return b
	}
	if len(jobs) == 1 {
		emit(do(0))
		return
	}
	done := make([]chan *[]byte, len(jobs))
	for i := range done {
		done[i] = make(chan *[]byte, 1)
	}
	var next atomic.Int64
	var over atomic.Bool
	room := make(chan struct{}, max(1, ahead)) // pieces that are in work or wait for their turn
	for range min(cap(slots()), len(jobs)) {
		go func() {
			for {
				room <- struct{}{}
				i := int(next.Add(1)) - 1
				if i >= len(jobs) || over.Load() {
					<-room
					return
				}
				done[i] <- do(i)
			}
		}()
	}
	for i := range done {
		if !emit(<-done[i]) {
			over.Store(true)
			<-room
			return
		}
		<-room
	}
}
