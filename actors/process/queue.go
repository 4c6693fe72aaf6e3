package process

import "sync"

// queue is a FIFO of mail in chunks that all mailboxes share: an idle process holds none, a flooded one never
// copies what it holds, and neither leaves garbage.
type queue struct {
	first, last *chunk
	pos, len    int // pos is the next to pop in first
}

type chunk struct {
	mail [chunkLen]mail
	n    int
	next *chunk
}

// chunkLen makes a chunk a little less than 2 KiB, one of the allocator's sizes.
const chunkLen = 63

var chunks = sync.Pool{New: func() any { return new(chunk) }}

func (q *queue) push(m mail) {
	c := q.last
	if c == nil || c.n == chunkLen {
		c = chunks.Get().(*chunk)
		if q.last == nil {
			q.first = c
		} else {
			q.last.next = c
		}
		q.last = c
	}
	c.mail[c.n] = m
	c.n++
	q.len++
}

// pop takes the oldest. The queue must not be empty.
func (q *queue) pop() mail {
	c := q.first
	m := c.mail[q.pos]
	c.mail[q.pos] = mail{}
	q.pos++
	q.len--
	if q.pos == c.n {
		q.first, q.pos = c.next, 0
		if q.first == nil {
			q.last = nil
		}
		c.n, c.next = 0, nil
		chunks.Put(c)
	}
	return m
}

// drop empties the queue and tells those who wait for something in it.
func (q *queue) drop() {
	for q.len > 0 {
		if m := q.pop(); m.kind == kindErrand {
			m.body.(errand).Drop()
		}
	}
}
