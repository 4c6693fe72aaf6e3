// Package clustertest is the exam of everything that implements cluster's interfaces. The test of a new
// implementation is a few lines that hand it over:
//
//	func TestConformance(t *testing.T) {
//		clustertest.Run(t, func(t *testing.T) clustertest.Subject { … })
//	}
package clustertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
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

func apply(t *testing.T, s Subject, term cluster.Term, changes ...cluster.Change) {
	t.Helper()
	if err := s.Apply(t.Context(), term, changes); err != nil {
		t.Fatalf("apply: %v", err)
	}
}

func set(key, value string) cluster.Change { return cluster.Change{Key: key, Value: []byte(value)} }
func del(key string) cluster.Change        { return cluster.Change{Key: key} }

func holds(t *testing.T, s Subject, term cluster.Term, want string) {
	t.Helper()
	entries, err := s.Load(t.Context(), term)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	var got []string
	for _, e := range entries {
		if e.Value == nil {
			t.Errorf("the value of %q is nil", e.Key)
		}
		got = append(got, e.Key+"="+string(e.Value))
	}
	if text := strings.Join(got, " "); text != want {
		t.Fatalf("the registry holds %q, want %q", text, want)
	}
}

func applyLoad(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	holds(t, s, term, "")
	apply(t, s, term, set("b", "2"), set("a/z", "1"), set("a", "0"))
	apply(t, s, term, set("c", "3"))
	holds(t, s, term, "a=0 a/z=1 b=2 c=3")
}

func deleteAndEmpty(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	apply(t, s, term, set("a", "1"), set("b", ""))
	apply(t, s, term, del("a"), del("never was"))
	holds(t, s, term, "b=")
}

func inOrder(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	apply(t, s, term, set("a", "1"), del("a"), set("b", "1"), set("b", "2"), del("c"), set("c", "3"))
	holds(t, s, term, "b=2 c=3")
}

func allOrNothing(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	for name, bad := range map[string]cluster.Change{
		"empty key":       set("", "x"),
		"key too long":    set(strings.Repeat("k", cluster.MaxKey+1), "x"),
		"value too large": set("big", strings.Repeat("v", cluster.MaxValue+1)),
	} {
		if err := s.Apply(t.Context(), term, []cluster.Change{set("a", "1"), bad}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	holds(t, s, term, "")
	largest := set(strings.Repeat("k", cluster.MaxKey), strings.Repeat("v", cluster.MaxValue))
	apply(t, s, term, largest)
}

func nothing(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	apply(t, s, term)
	holds(t, s, term, "")
}

func fenced(t *testing.T, s Subject) {
	first := lead(t, s, 1)
	apply(t, s, first, set("a", "1"))
	resign(t, first)
	second := lead(t, s, 2)
	if err := s.Apply(t.Context(), first, []cluster.Change{set("a", "old")}); !errors.Is(err, cluster.ErrFenced) {
		t.Errorf("a late write: %v", err)
	}
	if _, err := s.Load(t.Context(), first); !errors.Is(err, fault.ErrNotLeader) {
		t.Errorf("a late read: %v", err)
	}
	holds(t, s, second, "a=1")
}

// stranger is a term that no implementation has given.
type stranger struct{}

func (stranger) Epoch() uint64                { return 1 << 40 }
func (stranger) Valid() bool                  { return true }
func (stranger) Lost(func(error)) func()      { return func() {} }
func (stranger) Resign(context.Context) error { return nil }

func foreignTerm(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	for _, other := range []cluster.Term{nil, stranger{}} {
		if err := s.Apply(t.Context(), other, []cluster.Change{set("a", "1")}); !errors.Is(err, cluster.ErrFenced) {
			t.Errorf("term %T: %v", other, err)
		}
	}
	holds(t, s, term, "")
}

func cancelledContext(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Apply(ctx, term, []cluster.Change{set("a", "1")}); !errors.Is(err, context.Canceled) {
		t.Errorf("apply: %v", err)
	}
	if _, err := s.Load(ctx, term); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v", err)
	}
	holds(t, s, term, "")
}

func ownsLoaded(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	value := []byte("one")
	apply(t, s, term, cluster.Change{Key: "a", Value: value})
	value[0] = 'X'
	entries, err := s.Load(t.Context(), term)
	if err != nil {
		t.Fatal(err)
	}
	entries[0].Value[0] = 'Y'
	holds(t, s, term, "a=one")
}

func survives(t *testing.T, s Subject) {
	if s.Restart == nil {
		t.Skip("nothing of this cluster survives its process, by design")
	}
	term := lead(t, s, 1)
	apply(t, s, term, set("a", "1"))
	again := s.Restart(t)
	next := lead(t, again, 1)
	if next.Epoch() <= term.Epoch() {
		t.Errorf("epoch %d after %d", next.Epoch(), term.Epoch())
	}
	holds(t, again, next, "a=1")
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

func largestBatch(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	var most []cluster.Change
	for i := range cluster.MaxChanges {
		most = append(most, cluster.Change{Key: fmt.Sprintf("%03d", i), Value: []byte("v")})
	}
	apply(t, s, term, most...)
	if err := s.Apply(t.Context(), term, append(most, set("more", "1"))); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("one change too many: %v", err)
	}
	// As heavy as can be, in many keys of the worst kind.
	var heavy []cluster.Change
	weight := 0
	for i := 0; ; i++ {
		c := cluster.Change{Key: fmt.Sprintf("%03d", i) + strings.Repeat("\x01", cluster.MaxKey-3), Value: []byte(strings.Repeat("\xff", 2700))}
		if weight += c.Weight(); weight > cluster.MaxWeight || len(heavy) == cluster.MaxChanges {
			break
		}
		heavy = append(heavy, c)
	}
	apply(t, s, term, heavy...)
	entries, err := s.Load(t.Context(), term)
	if err != nil || len(entries) != cluster.MaxChanges+len(heavy) {
		t.Fatalf("%d entries of %d and %d, %v", len(entries), cluster.MaxChanges, len(heavy), err)
	}
	if err := s.Apply(t.Context(), term, append(heavy, cluster.Change{Key: "more", Value: make([]byte, cluster.MaxValue)})); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("too heavy: %v", err)
	}
}

func anyBytes(t *testing.T, s Subject) {
	term := lead(t, s, 1)
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	keys := []string{"plain", "with blank", "a//b", "../up", "%41", "%", "ä", "\xff\xfe", "\x00", string(all), `"`, "<&>", "\u2028"}
	var changes []cluster.Change
	for _, key := range keys {
		changes = append(changes, cluster.Change{Key: key, Value: append([]byte(key), all...)})
	}
	apply(t, s, term, changes...)
	entries, err := s.Load(t.Context(), term)
	if err != nil || len(entries) != len(keys) {
		t.Fatalf("%d entries of %d, %v", len(entries), len(keys), err)
	}
	for i, e := range entries {
		if string(e.Value) != e.Key+string(all) {
			t.Errorf("the value of %q is %q", e.Key, e.Value)
		}
		if i > 0 && entries[i-1].Key >= e.Key {
			t.Errorf("%q comes before %q", entries[i-1].Key, e.Key)
		}
	}
	for i := range changes {
		changes[i].Value = nil
	}
	apply(t, s, term, changes...)
	holds(t, s, term, "")
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
