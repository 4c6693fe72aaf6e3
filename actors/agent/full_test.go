package agent_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/agent"
)

// A file system that is really full: every write says so and leaves nothing behind, and what makes room goes on.
func TestDiskThatIsReallyFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	mount := t.TempDir()
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=256k,nr_inodes=64"); err != nil {
		t.Skipf("this machine lets nobody mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(mount, unix.MNT_DETACH) })
	d, err := agent.OpenDisk(filepath.Join(mount, "work"))
	if err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("x"), 6000)
	if _, err := d.Apply(ctx, []agent.Change{
		{Kind: agent.Put, Path: "meta/record", Data: []byte("old")},
		{Kind: agent.Append, Path: "meta/journal", Data: []byte("first")},
		{Kind: agent.Put, Path: "meta/long", Data: big},
		{Kind: agent.Put, Path: "gone/file", Data: []byte("x")},
	}); err != nil {
		t.Fatal(err)
	}
	filler, err := os.Create(filepath.Join(mount, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	filler.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	attempts := []agent.Change{
		{Kind: agent.Put, Path: "meta/record", Data: big},
		{Kind: agent.Put, Path: "meta/new", Data: big, Durable: true},
		{Kind: agent.Append, Path: "meta/journal", Data: big},
		{Kind: agent.Append, Path: "meta/journal2", Data: big},
	}
	for _, c := range attempts {
		done, err := d.Apply(ctx, []agent.Change{{Kind: agent.Cut, Path: "meta/long", Size: 5999}, c, {Kind: agent.Remove, Path: "meta/record"}})
		if done != 1 || !errors.Is(err, agent.ErrFull) || !bytes.Contains([]byte(err.Error()), []byte(c.Path)) {
			t.Errorf("%s: %d done, %v", c.Path, done, err)
		}
	}
	for path, want := range map[string]string{"meta/record": "old", "meta/journal": "first"} {
		if got, err := d.Read(ctx, path); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", path, got, err)
		}
	}
	for _, path := range []string{"meta/record.new", "meta/new.new", "meta/new"} {
		if _, err := d.Read(ctx, path); err == nil {
			t.Errorf("%s was left behind", path)
		}
	}
	if got, err := d.Read(ctx, "meta/journal2"); err == nil && len(got) != 0 {
		t.Errorf("%d bytes of a record are left", len(got))
	}
	if _, err := agent.OpenDisk(filepath.Join(mount, "work")); err != nil {
		t.Errorf("a full disk is not opened: %v", err)
	}
	if done, err := d.Apply(ctx, []agent.Change{{Kind: agent.Remove, Path: "gone"}, {Kind: agent.Cut, Path: "meta/long", Size: 1}}); done != 2 || err != nil {
		t.Errorf("no room can be made: %d, %v", done, err)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	if done, err := d.Apply(ctx, attempts); done != len(attempts) || err != nil {
		t.Errorf("with room again: %d, %v", done, err)
	}
	if got, err := d.Read(ctx, "meta/journal"); err != nil || string(got) != "first"+string(big) {
		t.Errorf("the journal holds %d bytes, %v", len(got), err)
	}
}

// What a crash in the middle of a removal leaves are the names that come last: here something in the middle cannot go.
func TestDiskRemovesInTheOrderOfNames(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	d, dir := openDisk(t)
	var files []agent.Change
	for _, name := range []string{"z/task.info", "z/task.updates", "a/task.info", "m/task.updates", "m/stuck/x", "m/task.info"} {
		files = append(files, agent.Change{Kind: agent.Put, Path: "meta/" + name, Data: []byte("x")})
	}
	if _, err := d.Apply(ctx, files); err != nil {
		t.Fatal(err)
	}
	stuck := filepath.Join(dir, "meta/m/stuck")
	if err := unix.Mount(stuck, stuck, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("this machine lets nobody mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(stuck, unix.MNT_DETACH) })
	if done, err := d.Apply(ctx, []agent.Change{{Kind: agent.Remove, Path: "meta"}}); done != 0 || err == nil {
		t.Errorf("removed: %d, %v", done, err)
	}
	for name, there := range map[string]bool{"a": false, "m/stuck": true, "m/task.info": true, "m/task.updates": true, "z/task.info": true} {
		if _, err := d.List(ctx, "meta/"+name); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
}
