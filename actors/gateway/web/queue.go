package web

import (
	"context"
	"sync"
)

// Queue hands things from an actor to the goroutine of a stream. It is bounded by number and size, because a client that
// does not read must cost the actor nothing: what finds it full is not taken, and the queue ends there, so that its reader
// never sees a gap.
type Queue[T any] struct {
	mu       sync.Mutex
	items    []queued[T]
	bytes    int
	maxItems int
	maxBytes int
	closed   bool
	full     bool
	more     chan struct{} // has room for one: there may be something new to see
}

type queued[T any] struct {
	v    T
	size int
}

// NewQueue makes a queue for so many items of so many bytes together. One item of any size always has room.
func NewQueue[T any](maxItems, maxBytes int) *Queue[T] {
	return &Queue[T]{maxItems: maxItems, maxBytes: maxBytes, more: make(chan struct{}, 1)}
}

// Push adds something and never waits. False: the queue is full or closed, and will take nothing any more.
func (q *Queue[T]) Push(v T, size int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	if len(q.items) > 0 && (len(q.items) >= q.maxItems || q.bytes+size > q.maxBytes) {
		q.full = true
		q.close()
		return false
	}
	q.items = append(q.items, queued[T]{v, size})
	q.bytes += size
	q.signal()
	return true
}

// Close says that nothing more comes. What is there is still handed out.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.close()
}

// Full says whether the queue ended because it was full.
func (q *Queue[T]) Full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.full
}

// Closed says whether nothing more will come.
func (q *Queue[T]) Closed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

func (q *Queue[T]) close() {
	q.closed = true
	q.signal()
}

func (q *Queue[T]) signal() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// Next waits for the next thing. False: there is none and will be none, or ctx is done.
func (q *Queue[T]) Next(ctx context.Context) (T, bool) {
	var none T
	for {
		q.mu.Lock()
		if len(q.items) > 0 {
			first := q.items[0]
			q.items[0] = queued[T]{}
			q.items = q.items[1:]
			q.bytes -= first.size
			q.mu.Unlock()
			return first.v, true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return none, false
		}
		select {
		case <-q.more:
		case <-ctx.Done():
			return none, false
		}
	}
}
