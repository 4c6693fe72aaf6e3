package standalone_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/standalone"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// TestReadWhileWritten: each transaction writes one number everywhere, in records of several pages. Whoever reads in
// between, without the lock, finds one number everywhere.
func TestReadWhileWritten(t *testing.T) {
	dir := t.TempDir()
	s, err := standalone.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var term cluster.Term
	s.Contend(&mesospb.MasterInfo{Id: proto.String("x"), Ip: proto.Uint32(0), Pid: proto.String("master@127.0.0.1:1")}, func(t cluster.Term, _ error) { term = t })
	write := func(n int) error {
		var changes []cluster.Change
		for i := range 40 {
			changes = append(changes, cluster.Change{Key: fmt.Sprintf("agents/%d", i), Value: []byte(strings.Repeat(fmt.Sprintf("%8d", n), 1+n%5*200))})
		}
		return s.Apply(t.Context(), term, changes)
	}
	if err := write(0); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 1; ; n++ {
			if err := write(n); err != nil {
				stopped <- err
				return
			}
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
		}
	}()
	seen := map[string]bool{}
	for range 60 {
		entries, epoch, err := standalone.Read(dir)
		if errors.Is(err, fault.ErrUnavailable) {
			continue // written to all the time, as it says
		}
		if err != nil || epoch != 1 || len(entries) != 40 {
			t.Fatalf("%d records of epoch %d, %v", len(entries), epoch, err)
		}
		for _, e := range entries {
			if string(e.Value[:8]) != string(entries[0].Value[:8]) {
				t.Fatalf("%s is of %s, and %s of %s", entries[0].Key, entries[0].Value[:8], e.Key, e.Value[:8])
			}
		}
		seen[string(entries[0].Value[:8])] = true
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if len(seen) == 0 {
		t.Fatal("nothing was ever read")
	}
}

func TestReadWhatIsNone(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if _, _, err := standalone.Read(t.TempDir()); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("an empty directory: %v", err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "", "a text": "hello", "pages of nothing": strings.Repeat("\x00", 1<<16)} {
		if err := os.WriteFile(filepath.Join(dir, "registry.db"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := standalone.Read(dir); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "meseta-registry-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("copies are left: %v", left)
	}
}

// TestReadDamaged overwrites pages of a registry: what cannot be read is said, and nothing ends the process.
func TestReadDamaged(t *testing.T) {
	dir := t.TempDir()
	s, err := standalone.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var term cluster.Term
	s.Contend(&mesospb.MasterInfo{Id: proto.String("x"), Ip: proto.Uint32(0), Pid: proto.String("master@127.0.0.1:1")}, func(t cluster.Term, _ error) { term = t })
	for i := range 200 {
		if err := s.Apply(t.Context(), term, []cluster.Change{{Key: fmt.Sprint(i), Value: make([]byte, 300)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "registry.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for page := 2; page*4096 < len(whole); page++ {
		bad := append([]byte{}, whole...)
		for i := range 64 {
			bad[page*4096+i] = 0xa5
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := standalone.Read(dir); err != nil {
			refused++
		}
	}
	if refused == 0 {
		t.Error("no page matters")
	}
}
