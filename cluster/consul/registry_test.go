package consul_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/tools/consuls"
)

// meddler stands between the election and Consul.
type meddler struct {
	consul.Wire

	mu sync.Mutex
	// blind answers every renewal with yes and every watch with silence.
	blind bool
	// lose makes the answers to the next writes of the registry be lost, and hold keeps the writes themselves.
	lose, hold int
	held       []func()
}

func (m *meddler) Do(server string, r consul.Request, timeout time.Duration, done func(consul.Reply, error)) func() {
	m.mu.Lock()
	blind := m.blind
	m.mu.Unlock()
	if _, renewal := r.(consul.RenewSession); blind && renewal {
		done(consul.Reply{Found: true}, nil)
		return func() {}
	}
	return m.Wire.Do(server, r, timeout, func(reply consul.Reply, err error) {
		m.mu.Lock()
		blind := m.blind
		m.mu.Unlock()
		if _, watch := r.(consul.Get); !blind || !watch {
			done(reply, err)
		}
	})
}

var errLost = errors.New("no answer")

func (m *meddler) Wait(ctx context.Context, server string, r consul.Request, timeout time.Duration) (consul.Reply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if txn, ok := r.(consul.Txn); ok && len(txn.Ops) > 1 && txn.Ops[1].Verb != consul.GetTree && strings.HasSuffix(txn.Ops[1].Key, "/revision") {
		if m.hold > 0 {
			m.hold--
			m.held = append(m.held, func() { m.Wire.Wait(context.Background(), server, r, timeout) })
			return consul.Reply{}, errLost
		}
		if m.lose > 0 {
			m.lose--
			m.Wire.Wait(ctx, server, r, timeout)
			return consul.Reply{}, errLost
		}
	}
	return m.Wire.Wait(ctx, server, r, timeout)
}

func (m *meddler) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// release lets the writes that were held arrive.
func (m *meddler) release() {
	m.mu.Lock()
	held := m.held
	m.held = nil
	m.mu.Unlock()
	for _, send := range held {
		send()
	}
}

// meddled is a cluster whose wire is meddled with.
func meddled(t *testing.T, c consul.Config) (*consul.Cluster, *meddler) {
	t.Helper()
	wire, err := consul.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	m := &meddler{Wire: wire}
	cl := consul.New(c, m, consul.BootClock(), log(t))
	t.Cleanup(func() { _ = cl.Close() })
	return cl, m
}

type won struct {
	term cluster.Term
	err  error
}

func contend(cl *consul.Cluster, name string) <-chan won {
	ch := make(chan won, 1)
	cl.Contend(&mesospb.MasterInfo{Id: proto.String(name), Pid: proto.String("master@127.0.0.1:" + name)}, func(term cluster.Term, err error) { ch <- won{term, err} })
	return ch
}

func within[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Minute):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

func lead(t testing.TB, cl *consul.Cluster, name string) cluster.Term {
	t.Helper()
	w := within(t, contend(cl, name), "a term")
	if w.err != nil {
		t.Fatal(w.err)
	}
	return w.term
}

func set(key, value string) []cluster.Change {
	return []cluster.Change{{Key: key, Value: []byte(value)}}
}

func holds(t testing.TB, cl *consul.Cluster, term cluster.Term, want string) {
	t.Helper()
	entries, err := cl.Load(t.Context(), term)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Key+"="+string(e.Value))
	}
	if text := strings.Join(got, " "); text != want {
		t.Fatalf("the registry holds %q, want %q", text, want)
	}
}

// A master that has heard nothing of the end of its term, and believes in it, can change and read nothing.
func TestDeposedTermCannotWrite(t *testing.T) {
	c := at(one(t))
	old, m := meddled(t, c)
	term := lead(t, old, "1")
	if err := old.Apply(t.Context(), term, set("a", "1")); err != nil {
		t.Fatal(err)
	}
	m.set(func() { m.blind = true })
	expire(t, one(t), c)
	next := open(t, c)
	newer := lead(t, next, "2")
	if !term.Valid() {
		t.Fatal("it knows; so this test shows nothing")
	}
	if err := old.Apply(t.Context(), term, set("a", "old")); !errors.Is(err, cluster.ErrFenced) {
		t.Errorf("a late write: %v", err)
	}
	if term.Valid() {
		t.Error("it goes on although Consul has told it")
	}
	holds(t, next, newer, "a=1")
}

// The same before anybody has taken its place: only the lock tells that it may not write.
func TestDeposedTermCannotWriteThoughNobodyLeads(t *testing.T) {
	c := at(one(t))
	old, m := meddled(t, c)
	term := lead(t, old, "1")
	if err := old.Apply(t.Context(), term, set("a", "1")); err != nil {
		t.Fatal(err)
	}
	m.set(func() { m.blind = true })
	expire(t, one(t), c)
	if !term.Valid() {
		t.Fatal("it knows; so this test shows nothing")
	}
	if err := old.Apply(t.Context(), term, set("a", "old")); !errors.Is(err, cluster.ErrFenced) {
		t.Errorf("a late write: %v", err)
	}
	next := open(t, c)
	holds(t, next, lead(t, next, "2"), "a=1")
}

// expire destroys the session that holds the lock, as an operator can.
func expire(t *testing.T, s *consuls.Servers, c consul.Config) {
	t.Helper()
	wire, err := consul.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := wire.Wait(t.Context(), c.Servers[0], consul.Get{Key: c.Prefix + "/leader", Consistent: true}, time.Second)
	if err != nil || len(r.Pairs) != 1 {
		t.Fatalf("%v, %v", r, err)
	}
	if _, err := s.Call(t.Context(), 0, "PUT", "/v1/session/destroy/"+r.Pairs[0].Session, nil); err != nil {
		t.Fatal(err)
	}
}

// A write that was given up may arrive when a later one was made. It must not undo that.
func TestLateWriteChangesNothing(t *testing.T) {
	cl, m := meddled(t, at(one(t)))
	term := lead(t, cl, "1")
	m.set(func() { m.hold = 1 })
	if err := cl.Apply(t.Context(), term, set("a", "1")); !errors.Is(err, cluster.ErrUnknownOutcome) {
		t.Fatalf("got %v", err)
	}
	for _, value := range []string{"1", "2"} {
		if err := cl.Apply(t.Context(), term, set("a", value)); err != nil {
			t.Fatal(err)
		}
	}
	m.release()
	holds(t, cl, term, "a=2")
	if err := cl.Apply(t.Context(), term, set("a", "3")); err != nil || !term.Valid() {
		t.Fatalf("the term suffered: %v", err)
	}
}

// The same, but it arrives between the question for its fate and the next write.
func TestLateWriteInBetween(t *testing.T) {
	cl, m := meddled(t, at(one(t)))
	term := lead(t, cl, "1")
	m.set(func() { m.hold = 2 })
	for range 2 {
		if err := cl.Apply(t.Context(), term, set("a", "1")); !errors.Is(err, cluster.ErrUnknownOutcome) {
			t.Fatalf("got %v", err)
		}
	}
	m.release()
	if err := cl.Apply(t.Context(), term, set("a", "2")); err != nil {
		t.Fatal(err)
	}
	holds(t, cl, term, "a=2")
}

func TestLostAnswers(t *testing.T) {
	cl, m := meddled(t, at(one(t)))
	term := lead(t, cl, "1")
	for i := range 10 {
		m.set(func() { m.lose = i % 3 })
		for {
			err := cl.Apply(t.Context(), term, set("a", fmt.Sprint(i)))
			if err == nil {
				break
			}
			if !errors.Is(err, cluster.ErrUnknownOutcome) {
				t.Fatal(err)
			}
		}
	}
	holds(t, cl, term, "a=9")
}

func TestRestoredConsul(t *testing.T) {
	s := own(t, 1, consuls.Options{})
	c := at(s)
	memory := &shelf{}
	c.Memory = memory
	cl := open(t, c)
	term := lead(t, cl, "1")
	lost := make(chan error, 1)
	term.Lost(func(err error) { lost <- err })
	if err := cl.Apply(t.Context(), term, set("a", "1")); err != nil {
		t.Fatal(err)
	}
	backup, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.Apply(t.Context(), term, set("a", "2")); err != nil {
		t.Fatal(err)
	}
	if err := s.Restore(backup); err != nil {
		t.Fatal(err)
	}
	// The lock and the session were in the backup too: the session alone would not notice.
	if err := cl.Apply(t.Context(), term, set("b", "1")); !errors.Is(err, cluster.ErrFenced) {
		t.Fatalf("written into the past: %v", err)
	}
	if err := within(t, lost, "the end"); !errors.Is(err, consul.ErrWentBack) {
		t.Fatalf("the term ended with %v", err)
	}
	if w := within(t, contend(cl, "1"), "the refusal"); !errors.Is(w.err, consul.ErrWentBack) || !strings.Contains(w.err.Error(), fmt.Sprintf("abandon=%d", term.Epoch())) {
		t.Fatalf("got %v", w.err)
	}
	if err := cl.Close(); err != nil {
		t.Fatal(err)
	}
	memory.m.Sequence = 2 // the file is written every 10 s
	again := open(t, c)
	if w := within(t, contend(again, "1"), "the refusal"); !errors.Is(w.err, consul.ErrWentBack) {
		t.Fatalf("after a restart: %v", w.err)
	}
	c.Abandon = term.Epoch()
	consenting := open(t, c)
	next := lead(t, consenting, "1")
	if next.Epoch() <= term.Epoch() {
		t.Errorf("epoch %d after %d", next.Epoch(), term.Epoch())
	}
	holds(t, consenting, next, "a=1")
}

// shelf is a Memory in memory.
type shelf struct {
	mu sync.Mutex
	m  consul.Mark
}

func (s *shelf) Load() (consul.Mark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m, nil
}

func (s *shelf) Save(m consul.Mark) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m = m
	return nil
}

func TestManyPages(t *testing.T) {
	cl := open(t, at(one(t)))
	term := lead(t, cl, "1")
	const n = 9000 // more than two pages
	var changes []cluster.Change
	for i := range n {
		changes = append(changes, cluster.Change{Key: fmt.Sprintf("agents/0f3c-S%d", i), Value: []byte("x")})
		if len(changes) == cluster.MaxChanges || i == n-1 {
			if err := cl.Apply(t.Context(), term, changes); err != nil {
				t.Fatal(err)
			}
			changes = nil
		}
	}
	entries, err := cl.Load(t.Context(), term)
	if err != nil || len(entries) != n {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
}

func TestRaise(t *testing.T) {
	c := at(one(t))
	cl := open(t, c)
	term := lead(t, cl, "1")
	if err := cl.Raise(t.Context(), term, 40); err != nil {
		t.Fatal(err)
	}
	if err := cl.Raise(t.Context(), term, 20); err != nil {
		t.Fatal(err)
	}
	if err := cl.Apply(t.Context(), term, set("a", "1")); err != nil {
		t.Fatal(err)
	}
	if err := term.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := open(t, c)
	if term := lead(t, next, "2"); term.Epoch() != 41 {
		t.Errorf("the next epoch is %d", term.Epoch())
	}
}
