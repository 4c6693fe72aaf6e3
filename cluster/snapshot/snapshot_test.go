package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/cluster/standalone"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func some(pairs ...string) *Snapshot {
	s := &Snapshot{Header: Header{Cluster: "one", From: "here", Taken: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Epoch: 7, Program: "0.1.0"}}
	for _, p := range pairs {
		key, value, _ := strings.Cut(p, "=")
		s.Entries = append(s.Entries, cluster.Entry{Key: key, Value: []byte(value)})
	}
	return s
}

func written(t testing.TB, s *Snapshot) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := Write(&file, s); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestWriteAndRead(t *testing.T) {
	for _, s := range []*Snapshot{some(), some("a=1", "agents/x=", "z="+strings.Repeat("v", cluster.MaxValue))} {
		got, err := Read(bytes.NewReader(written(t, s)))
		if err != nil {
			t.Fatal(err)
		}
		if got.Header != s.Header || got.Checksum != s.Checksum || len(got.Checksum) != 64 ||
			!slices.EqualFunc(got.Entries, s.Entries, func(a, b cluster.Entry) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }) {
			t.Errorf("wrote %+v, read %+v", s.Header, got.Header)
		}
		if s.Header.Entries != len(s.Entries) {
			t.Errorf("%d entries are counted of %d", s.Header.Entries, len(s.Entries))
		}
	}
	for name, bad := range map[string]*Snapshot{"not sorted": some("b=1", "a=1"), "a key twice": some("a=1", "a=2"), "too large": some("a=" + strings.Repeat("v", cluster.MaxValue+1)), "no key": some("=1")} {
		if err := Write(io.Discard, bad); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReadDamaged turns each bit of a file round, cuts it at each place and adds to it: none of that is ever taken for a
// snapshot.
func TestReadDamaged(t *testing.T) {
	whole := written(t, some("a=1", "b=22"))
	for i := range whole {
		for bit := range 8 {
			bad := bytes.Clone(whole)
			bad[i] ^= 1 << bit
			if s, err := Read(bytes.NewReader(bad)); err == nil {
				t.Fatalf("bit %d of byte %d is turned: %+v", bit, i, s)
			}
		}
		if _, err := Read(bytes.NewReader(whole[:i])); !errors.Is(err, fault.ErrInvalid) {
			t.Fatalf("cut after %d bytes: %v", i, err)
		}
	}
	if _, err := Read(bytes.NewReader(append(bytes.Clone(whole), 0))); !errors.Is(err, fault.ErrInvalid) {
		t.Fatalf("a byte too many: %v", err)
	}
	for says, file := range map[string]string{
		"no snapshot of Meseta's": "PK\x03\x04",
		"is damaged":              magic + "\x00\x00\x00\x02{]",
		"use the newer one":       magic + "\x00\x00\x00\x1f" + `{"format":2,"program":"9.0.0" }`,
		"a field of":              magic + "\xff\xff\xff\xff",
	} {
		if _, err := Read(strings.NewReader(file)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
	broken := errors.New("the disk is broken")
	if _, err := Read(io.MultiReader(bytes.NewReader(whole[:40]), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("a broken disk: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzRead(f *testing.F) {
	f.Add(written(f, some()))
	f.Add(written(f, some("a=1", "b=22")))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := Read(bytes.NewReader(file))
		if err != nil {
			return
		}
		again, err := Read(bytes.NewReader(written(t, s)))
		if err != nil || len(again.Entries) != len(s.Entries) {
			t.Fatalf("read once, and then %v", err)
		}
	})
}

func info() *mesospb.MasterInfo {
	return &mesospb.MasterInfo{Id: proto.String("x"), Ip: proto.Uint32(0), Pid: proto.String("master@127.0.0.1:1")}
}

type store interface {
	cluster.Contender
	cluster.Registry
}

func lead(t *testing.T, s store) cluster.Term {
	t.Helper()
	ch := make(chan cluster.Term, 1)
	s.Contend(info(), func(term cluster.Term, err error) {
		if err != nil {
			t.Error(err)
		}
		ch <- term
	})
	return <-ch
}

func text(entries []cluster.Entry) string {
	var parts []string
	for _, e := range entries {
		parts = append(parts, e.Key+"="+string(e.Value))
	}
	return strings.Join(parts, " ")
}

func TestRestore(t *testing.T) {
	dir := t.TempDir()
	s, err := standalone.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	term := lead(t, s)
	if err := s.Apply(t.Context(), term, []cluster.Change{{Key: "a", Value: []byte("old")}, {Key: "b", Value: []byte("2")}, {Key: "gone", Value: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	there, _ := s.Load(t.Context(), term)
	snap := some("a=1", "b=2", "c=3")
	plan := Compare(there, snap)
	if plan.Set != 2 || plan.Delete != 1 || plan.Same != 1 || plan.Interrupted {
		t.Fatalf("%+v", plan)
	}
	if err := plan.Restore(t.Context(), s, term, snap.Epoch); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, epoch, err := standalone.Read(dir)
	if err != nil || text(got) != "a=1 b=2 c=3" || epoch != 7 {
		t.Fatalf("%s of epoch %d, %v", text(got), epoch, err)
	}
	s, err = standalone.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if next := lead(t, s); next.Epoch() != 8 {
		t.Fatalf("the next epoch is %d", next.Epoch())
	}
}

// TestRestoreKeepsALargerEpoch: a store that is ahead of the snapshot does not go back.
func TestRestoreKeepsALargerEpoch(t *testing.T) {
	dir := t.TempDir()
	s, err := standalone.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	term := lead(t, s)
	if err := s.Raise(t.Context(), term, 100); err != nil {
		t.Fatal(err)
	}
	_ = term.Resign(t.Context())
	term = lead(t, s)
	if err := Compare(nil, some("a=1")).Restore(t.Context(), s, term, 7); err != nil {
		t.Fatal(err)
	}
	_ = term.Resign(t.Context())
	if next := lead(t, s); next.Epoch() != 102 {
		t.Fatalf("the next epoch is %d", next.Epoch())
	}
	if err := s.Raise(t.Context(), term, 1000); !errors.Is(err, cluster.ErrFenced) {
		t.Fatalf("a deposed master raises the epoch: %v", err)
	}
	if err := Compare(nil, some("a=1")).Restore(t.Context(), memory.New(), term, 1<<40); !errors.Is(err, fault.ErrUnsupported) {
		t.Fatalf("a store whose epochs cannot be raised: %v", err)
	}
}

// failsAfter is a registry that takes so many writes.
type failsAfter struct {
	*memory.Cluster
	left int
}

func (f *failsAfter) Raise(context.Context, cluster.Term, uint64) error { return nil }

func (f *failsAfter) Apply(ctx context.Context, t cluster.Term, changes []cluster.Change) error {
	size := 0
	for _, c := range changes {
		size += len(c.Key) + len(c.Value)
	}
	if len(changes) > mostChanges || len(changes) > 1 && size > mostBytes {
		return fmt.Errorf("%d changes of %d bytes at once", len(changes), size)
	}
	if f.left--; f.left < 0 {
		return cluster.ErrUnknownOutcome
	}
	return f.Cluster.Apply(ctx, t, changes)
}

// TestRestoreInterrupted: wherever a large restoration stops, the registry says that it is not whole, and doing it again
// makes it so.
func TestRestoreInterrupted(t *testing.T) {
	snap := some()
	for i := range 5*mostChanges + 1 {
		snap.Entries = append(snap.Entries, cluster.Entry{Key: fmt.Sprintf("agents/%04d", i), Value: []byte("x")})
	}
	snap.Entries = append(snap.Entries, cluster.Entry{Key: "large/1", Value: make([]byte, mostBytes-10)}, cluster.Entry{Key: "large/2", Value: make([]byte, mostBytes-10)})
	const parts = 1 + 6 + 2 + 1
	for left := range parts {
		f := &failsAfter{memory.New(), left}
		term := lead(t, f)
		if err := Compare(nil, snap).Restore(t.Context(), f, term, 0); !errors.Is(err, cluster.ErrUnknownOutcome) {
			t.Fatalf("%d writes were enough: %v", left, err)
		}
		again := Compare(f.Records(), snap)
		if left > 0 && !again.Interrupted {
			t.Fatalf("after %d writes the registry looks whole", left)
		}
		f.left = 1000
		if err := again.Restore(t.Context(), f, term, 0); err != nil {
			t.Fatal(err)
		}
		if text(f.Records()) != text(snap.Entries) {
			t.Fatalf("after %d writes and a second try something else is there", left)
		}
	}
	f := &failsAfter{memory.New(), parts}
	if err := Compare(nil, snap).Restore(t.Context(), f, lead(t, f), 0); err != nil {
		t.Fatal(err)
	}
}
