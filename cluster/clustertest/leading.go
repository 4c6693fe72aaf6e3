package clustertest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func firstLeads(t *testing.T, s Subject) {
	ch, _ := detect(s, nil)
	silent(t, ch, "before anybody leads")
	term := lead(t, s, 1)
	got := within(t, ch, "the leader")
	if got.err != nil || got.leader == nil || got.leader.UPID != "master@127.0.0.1:5051" || got.leader.Epoch != term.Epoch() {
		t.Fatalf("detected %+v, %v", got.leader, got.err)
	}
	if got.leader.Info.GetId() != "master-1" {
		t.Fatalf("the leader's info is %v", got.leader.Info)
	}
	again, _ := detect(s, got.leader)
	silent(t, again, "nothing changed")
}

func needsAddress(t *testing.T, s Subject) {
	ch := make(chan elected, 2)
	s.Contend(&mesospb.MasterInfo{}, func(term cluster.Term, err error) { ch <- elected{term, err} })
	if got := within(t, ch, "an answer"); !errors.Is(got.err, fault.ErrInvalid) {
		t.Fatalf("got %+v", got)
	}
	lead(t, s, 1)
}

func secondLeads(t *testing.T, s Subject) {
	first := lead(t, s, 1)
	ch, _ := contend(s, 2)
	silent(t, ch, "while the first leads")
	resign(t, first)
	if got := within(t, ch, "the second term"); got.err != nil || got.term.Epoch() <= first.Epoch() {
		t.Fatalf("got %+v after epoch %d", got, first.Epoch())
	}
}

func withdrawn(t *testing.T, s Subject) {
	first := lead(t, s, 1)
	second, cancel := contend(s, 2)
	third, _ := contend(s, 3)
	cancel()
	cancel()
	resign(t, first)
	within(t, third, "the third term")
	silent(t, second, "withdrawn")
}

func lostOnce(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	lost := make(chan error, 4)
	term.Lost(func(err error) { lost <- err })
	silent(t, lost, "while it lasts")
	resign(t, term)
	if err := within(t, lost, "the end"); err != nil {
		t.Fatalf("resigned with %v", err)
	}
	resign(t, term)
	silent(t, lost, "a second end")
	term.Lost(func(err error) { lost <- err })
	within(t, lost, "the end that was")
}

func lostCancelled(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	lost := make(chan error, 4)
	cancel := term.Lost(func(err error) { lost <- err })
	cancel()
	resign(t, term)
	silent(t, lost, "cancelled")
}

func epochsGrow(t *testing.T, s Subject) {
	var last uint64
	for n := range 5 {
		term := lead(t, s, n)
		if term.Epoch() <= last {
			t.Fatalf("epoch %d after %d", term.Epoch(), last)
		}
		last = term.Epoch()
		resign(t, term)
	}
}

func validUntilTheEnd(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	if !term.Valid() {
		t.Fatal("a term that begins is not valid")
	}
	valid := make(chan bool, 1)
	term.Lost(func(error) { valid <- term.Valid() })
	resign(t, term)
	if within(t, valid, "the end") || term.Valid() {
		t.Fatal("a term that ended is valid")
	}
}

func handsOver(t *testing.T, s Subject) {
	var last uint64
	current := lead(t, s, 0)
	for n := 1; n < 5; n++ {
		ch, _ := contend(s, n)
		resign(t, current)
		next := within(t, ch, "the next term")
		if next.err != nil || !next.term.Valid() || current.Valid() || next.term.Epoch() <= max(last, current.Epoch()) {
			t.Fatalf("candidate %d: %+v after epoch %d", n, next, current.Epoch())
		}
		last, current = current.Epoch(), next.term
	}
}

func termAfterTerm(t *testing.T, s Subject) {
	for n := range 4 {
		term := lead(t, s, n)
		for i := range 3 {
			apply(t, s, term, set("last", fmt.Sprint(n, "-", i)), set(fmt.Sprint("by", n), fmt.Sprint(i)))
		}
		resign(t, term)
	}
	holds(t, s, lead(t, s, 9), "by0=2 by1=2 by2=2 by3=2 last=3-2")
}
