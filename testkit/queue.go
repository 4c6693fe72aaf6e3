package testkit

// entity is what can take a step: a process with mail, a packet that has arrived, a timer that is due, work that
// was handed to Go.
type entity interface {
	step(w *World)
	// place is where the queue notes the entity's position, -1 when it is not in the queue.
	place() *int
}

// queue holds the entities that can run now, oldest first. Taking any one is O(1): the oldest moves into its
// place. It is a ring, so that always taking the first is fair.
type queue struct {
	ring []entity // its length is a power of two
	head int
	n    int
}

func (q *queue) add(e entity) {
	if *e.place() >= 0 {
		return
	}
	if q.n == len(q.ring) {
		q.grow()
	}
	q.put((q.head+q.n)&(len(q.ring)-1), e)
	q.n++
}

func (q *queue) put(i int, e entity) {
	q.ring[i] = e
	*e.place() = i
}

func (q *queue) grow() {
	old := *q
	q.ring = make([]entity, max(16, 2*len(old.ring)))
	q.head = 0
	for i := range old.n {
		q.put(i, old.ring[(old.head+i)&(len(old.ring)-1)])
	}
}

// take removes and returns the i-th oldest.
func (q *queue) take(i int) entity {
	e := q.ring[(q.head+i)&(len(q.ring)-1)]
	q.remove(e)
	return e
}

func (q *queue) remove(e entity) bool {
	at := *e.place()
	if at < 0 {
		return false
	}
	if at != q.head {
		q.put(at, q.ring[q.head])
	}
	q.ring[q.head] = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	*e.place() = -1
	return true
}
