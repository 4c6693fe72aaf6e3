package stores

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/snapshot"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/tools/consuls"
)

// lead contends in an opened store, and fails the test if nobody is elected.
func lead(t *testing.T, o Opened) cluster.Term {
	t.Helper()
	ch := make(chan cluster.Term, 1)
	o.Contend(&mesospb.MasterInfo{Id: proto.String("x"), Ip: proto.Uint32(0), Port: proto.Uint32(1), Pid: proto.String("master@127.0.0.1:1")}, func(term cluster.Term, err error) {
		if err != nil {
			t.Errorf("contend: %v", err)
		}
		ch <- term
	})
	select {
	case term := <-ch:
		if term == nil {
			t.FailNow()
		}
		return term
	case <-time.After(time.Minute):
		t.Fatal("nobody is elected")
		return nil
	}
}

func open(t *testing.T, p Place) Opened {
	t.Helper()
	o, err := p.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func holds(t *testing.T, p Place, want int, epoch uint64) {
	t.Helper()
	entries, at, err := p.Read(t.Context())
	if err != nil || len(entries) != want || at < epoch {
		t.Fatalf("%s holds %d records of epoch %d, %v; want %d of epoch %d or later", p, len(entries), at, err, want, epoch)
	}
}

// TestMoves moves the registry of a standalone master to a real Consul, and epochs go on: in the store as it is, after a
// snapshot that is far ahead of it, and in large ones that take several transactions.
func TestMoves(t *testing.T) {
	servers, err := consuls.Start(t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Close()
	from, err := At(Standalone, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	to, err := At("consul://"+servers.Addresses[0]+"/east", "")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, to, 0, 0)
	if who, err := to.Leader(t.Context()); who != "" || err != nil {
		t.Fatalf("%q leads, %v", who, err)
	}
	o := open(t, from)
	term := lead(t, o)
	var changes []cluster.Change
	for i := range 350 {
		changes = append(changes, cluster.Change{Key: fmt.Sprintf("agents/%04d %%/é", i), Value: []byte(strings.Repeat("x", 2000))})
	}
	for part := range slices.Chunk(changes, 100) {
		if err := o.Apply(t.Context(), term, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.(snapshot.Raiser).Raise(t.Context(), term, 40); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	entries, epoch, err := from.Read(t.Context())
	if err != nil || epoch != 40 {
		t.Fatalf("epoch %d, %v", epoch, err)
	}
	saved := &snapshot.Snapshot{Header: snapshot.Header{Epoch: epoch}, Entries: entries}

	o = open(t, to)
	term = lead(t, o)
	if who, err := to.Leader(t.Context()); who != "master@127.0.0.1:1" || err != nil {
		t.Fatalf("%q leads, %v", who, err)
	}
	if err := snapshot.Compare(nil, saved).Restore(t.Context(), o, term, saved.Epoch); err != nil {
		t.Fatal(err)
	}
	// The term goes on and can write, also after its epoch was raised.
	if err := o.Apply(t.Context(), term, []cluster.Change{{Key: "quota/x", Value: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	if err := term.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, to, 351, 40)
	got, _, _ := to.Read(t.Context())
	if plan := snapshot.Compare(got, saved); plan.Set != 0 || plan.Delete != 1 || plan.Interrupted {
		t.Fatalf("%+v", plan)
	}
	o = open(t, to)
	defer o.Close()
	next := lead(t, o)
	if next.Epoch() <= 40 {
		t.Fatalf("epoch %d after 40", next.Epoch())
	}
	if loaded, err := o.Load(t.Context(), next); err != nil || len(loaded) != 351 {
		t.Fatalf("%d records, %v", len(loaded), err)
	}
	if err := o.(snapshot.Raiser).Raise(t.Context(), term, 1000); err == nil {
		t.Fatal("a deposed master raises the epoch")
	}
}

func TestAt(t *testing.T) {
	for _, c := range []struct{ election, workDir, want string }{
		{Standalone, "", "--work_dir=DIR is missing"},
		{"etcd://x", "M", "consul://HOST:PORT/PREFIX expected"},
		{"consul://a b", "", "HOST:PORT expected"},
	} {
		if _, err := At(c.election, c.workDir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %q: %v", c.election, c.workDir, err)
		}
	}
}
