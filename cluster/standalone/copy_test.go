package standalone

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// disturbed is a file to which something happens while it is read: after so many reads.
type disturbed struct {
	*os.File
	after  int
	happen func()
}

func (d *disturbed) ReadAt(into []byte, at int64) (int, error) {
	if d.after--; d.after == 0 {
		d.happen()
	}
	return d.File.ReadAt(into, at)
}

// TestCopyOnce: whenever a write happens during a copy, the copy is not taken for one, or is whole.
func TestCopyOnce(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var term cluster.Term
	s.Contend(&mesospb.MasterInfo{Id: proto.String("x"), Ip: proto.Uint32(0), Pid: proto.String("master@127.0.0.1:1")}, func(t cluster.Term, _ error) { term = t })
	number := 0
	write := func() {
		number++
		var changes []cluster.Change
		for i := range 40 {
			changes = append(changes, cluster.Change{Key: fmt.Sprint(i), Value: []byte(strings.Repeat(fmt.Sprintf("%8d", number), 1000))})
		}
		if err := s.Apply(t.Context(), term, changes); err != nil {
			t.Fatal(err)
		}
	}
	write()
	write()
	from, err := os.Open(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	refused := 0
	for after := 1; after < 60; after++ {
		copied := filepath.Join(t.TempDir(), fileName)
		to, err := os.Create(copied)
		if err != nil {
			t.Fatal(err)
		}
		same, err := copyOnce(to, &disturbed{from, after, func() { write(); write() }})
		to.Close()
		if err != nil {
			t.Fatal(err)
		}
		if !same {
			refused++
			continue
		}
		entries, _, err := Read(filepath.Dir(copied))
		if err != nil || len(entries) != 40 {
			t.Fatalf("written to before read %d: %d records, %v", after, len(entries), err)
		}
		for _, e := range entries {
			if string(e.Value[:8]) != string(entries[0].Value[:8]) || string(e.Value[len(e.Value)-8:]) != string(e.Value[:8]) {
				t.Fatalf("written to before read %d: one record is of %s, another of %s", after, entries[0].Value[:8], e.Value[:8])
			}
		}
	}
	if refused < 10 {
		t.Errorf("only %d copies were refused", refused)
	}
}
