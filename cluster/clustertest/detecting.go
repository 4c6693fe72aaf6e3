package clustertest

import (
	"testing"

	"github.com/meseta-io/meseta/cluster"
)

func detectNone(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	ch, _ := detect(s, nil)
	first := within(t, ch, "the leader")
	gone, _ := detect(s, first.leader)
	resign(t, term)
	if got := within(t, gone, "the end"); got.leader != nil || got.err != nil {
		t.Fatalf("got %+v, %v", got.leader, got.err)
	}
	next, _ := detect(s, nil)
	lead(t, s, 1)
	if got := within(t, next, "the same master again"); got.leader.Same(first.leader) {
		t.Fatalf("a new term of one master looks like the old one: %+v", got.leader)
	}
}

func detectCancelled(t *testing.T, s Subject) {
	ch, cancel := detect(s, nil)
	cancel()
	cancel()
	lead(t, s, 1)
	silent(t, ch, "cancelled")
}

// detectOrder follows as an agent does. Terms may be missed when they follow each other fast, and never come back.
func detectOrder(t *testing.T, s Subject) {
	const terms = 5
	var last uint64
	var known *cluster.Leader
	for n := range terms {
		term := lead(t, s, n)
		for {
			ch, _ := detect(s, known)
			got := within(t, ch, "the leader")
			if got.err != nil || got.leader.Same(known) {
				t.Fatalf("detected %+v, %v after %+v", got.leader, got.err, known)
			}
			known = got.leader
			if known == nil {
				continue
			}
			if known.Epoch < last {
				t.Fatalf("epoch %d after %d", known.Epoch, last)
			}
			if last = known.Epoch; last == term.Epoch() {
				break
			}
		}
		resign(t, term)
	}
}
