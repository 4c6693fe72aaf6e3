package scheduler

import (
	"strconv"
	"testing"
)

// The oldest updates are forgotten first, and adding one again makes it no younger.
func TestTheMemoryOfUpdatesIsBounded(t *testing.T) {
	var m memory
	id := func(i int) []byte { return []byte(strconv.Itoa(i)) }
	for i := range 3 * remembered {
		m.add(id(i))
		m.add(id(i))
		if i >= remembered && m.has(id(i-remembered)) {
			t.Fatalf("after %d updates number %d is still remembered", i+1, i-remembered)
		}
		if i >= remembered-1 && !m.has(id(i-remembered+1)) {
			t.Fatalf("after %d updates number %d is forgotten", i+1, i-remembered+1)
		}
	}
	if len(m.known) != remembered || len(m.ring) != remembered {
		t.Errorf("it holds %d and %d", len(m.known), len(m.ring))
	}
}
