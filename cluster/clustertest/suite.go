// Package clustertest is the exam of everything that implements cluster's interfaces. The test of a new
// implementation is a few lines that hand it over:
//
//	func TestConformance(t *testing.T) {
//		clustertest.Run(t, func(t *testing.T) clustertest.Subject { … })
//	}
package clustertest

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Subject is one fresh, empty cluster.
type Subject struct {
	cluster.Contender
	cluster.Detector
	cluster.Registry
	// Restart ends whoever leads and everything in memory, and returns the same cluster as a new process
	// would find it. Nil where nothing survives.
	Restart func(t *testing.T) Subject
}

// patience bounds the wait for something that must happen; only a failing test waits that long.
const patience = 30 * time.Second

// Run takes the exam on subjects that fresh makes, one for each case.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	for _, exam := range []struct {
		name string
		take func(t *testing.T, s Subject)
	}{
		{"the first candidate leads and is detected", firstLeads},
		{"a candidate without an address is refused", needsAddress},
		{"the second candidate leads after the first resigns", secondLeads},
		{"a candidate that withdrew never leads", withdrawn},
		{"a resigned term tells so once and at once", lostOnce},
		{"a cancelled wait for the end hears nothing", lostCancelled},
		{"a detector hears of no leader", detectNone},
		{"a cancelled detection hears nothing", detectCancelled},
		{"epochs only grow", epochsGrow},
		{"what was applied is loaded, sorted", applyLoad},
		{"nil deletes, empty stays", deleteAndEmpty},
		{"changes are made in order", inOrder},
		{"all or nothing", allOrNothing},
		{"nothing to change is fine", nothing},
		{"a deposed leader can neither read nor write", fenced},
		{"a term of another cluster is refused", foreignTerm},
		{"a term is valid until it ends", validUntilTheEnd},
		{"the next candidate leads in the order of resigning", handsOver},
		{"a detector hears of leaders in the order of their terms", detectOrder},
		{"a batch of the largest size is made, a larger one refused", largestBatch},
		{"keys and values may be any bytes", anyBytes},
		{"writes of one term are seen in order by the next", termAfterTerm},
		{"a context that ended changes nothing", cancelledContext},
		{"what is loaded belongs to the caller", ownsLoaded},
		{"registry and epochs survive a restart", survives},
	} {
		t.Run(exam.name, func(t *testing.T) { exam.take(t, fresh(t)) })
	}
}

func info(n int) *mesospb.MasterInfo {
	return &mesospb.MasterInfo{
		Id:  proto.String(fmt.Sprintf("master-%d", n)),
		Ip:  proto.Uint32(0),
		Pid: proto.String(fmt.Sprintf("master@127.0.0.1:%d", 5050+n)),
	}
}

type elected struct {
	term cluster.Term
	err  error
}

func contend(s Subject, n int) (<-chan elected, func()) {
	ch := make(chan elected, 2)
	cancel := s.Contend(info(n), func(term cluster.Term, err error) { ch <- elected{term, err} })
	return ch, cancel
}

func lead(t *testing.T, s Subject, n int) cluster.Term {
	t.Helper()
	ch, _ := contend(s, n)
	got := within(t, ch, "a term")
	if got.err != nil {
		t.Fatalf("contend: %v", got.err)
	}
	return got.term
}

func resign(t *testing.T, term cluster.Term) {
	t.Helper()
	if err := term.Resign(t.Context()); err != nil {
		t.Fatalf("resign: %v", err)
	}
}

func within[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

func silent[T any](t *testing.T, ch <-chan T, what string) {
	t.Helper()
	select {
	case v := <-ch:
		t.Fatalf("%s: unexpected %v", what, v)
	default:
	}
}

type seen struct {
	leader *cluster.Leader
	err    error
}

func detect(s Subject, previous *cluster.Leader) (<-chan seen, func()) {
	ch := make(chan seen, 2)
	cancel := s.Detect(previous, func(l *cluster.Leader, err error) { ch <- seen{l, err} })
	return ch, cancel
}
