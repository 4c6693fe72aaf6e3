package web

import "testing"

// Bodies that are read at the same time share one budget, and what one gives back another may have.
func TestBodiesTogetherAreBounded(t *testing.T) {
	b := &budget{max: 10}
	if !b.take(6) || !b.take(4) {
		t.Fatal("there is no room for what fits")
	}
	if b.take(1) {
		t.Error("there is room for more than all may hold")
	}
	if b.free(4); !b.take(4) || b.take(1) {
		t.Error("what was given back is not there, or more than that")
	}
}
