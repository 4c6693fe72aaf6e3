package scheduler

// remembered bounds a memory. An agent repeats an update after 10 s at the earliest, so this many cover thousands
// of updates in a second; the price of forgetting one is that it is told twice.
const remembered = 1 << 16

// memory holds the ids of the latest updates that were acknowledged.
type memory struct {
	known map[string]struct{}
	ring  []string // in order of arrival, from next on
	next  int
}

func (m *memory) has(id []byte) bool {
	_, ok := m.known[string(id)]
	return ok
}

func (m *memory) add(id []byte) {
	if m.has(id) {
		return
	}
	if m.known == nil {
		m.known = map[string]struct{}{}
	}
	key := string(id)
	m.known[key] = struct{}{}
	if len(m.ring) < remembered {
		m.ring = append(m.ring, key)
		return
	}
	delete(m.known, m.ring[m.next])
	m.ring[m.next] = key
	m.next = (m.next + 1) % remembered
}
