package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/agent"
)

const box = "slaves/A/frameworks/F/executors/E/runs/C"

// Nothing of a sandbox stays, whatever a task did to it, and nothing outside is touched.
func TestDiscard(t *testing.T) {
	d, dir := openDisk(t)
	outside := t.TempDir()
	if err := os.WriteFile(outside+"/victim", []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, box)
	make := func(path string) string {
		if err := os.MkdirAll(filepath.Join(at, path), 0o755); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(at, path)
	}
	for _, odd := range []string{"locked", "locked/inside", "unreadable", "writeonly"} {
		if err := os.WriteFile(make(odd)+"/file", []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"out": outside, "file": outside + "/victim", "up": "..", "self": "."} {
		if err := os.Symlink(target, filepath.Join(at, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(at+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for odd, mode := range map[string]os.FileMode{"locked/inside": 0o500, "locked": 0o500, "unreadable": 0, "writeonly": 0o200} {
		if err := os.Chmod(filepath.Join(at, odd), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Discard(ctx, box); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(at); !os.IsNotExist(err) {
		t.Errorf("the sandbox is there: %v", err)
	}
	if data, err := os.ReadFile(outside + "/victim"); err != nil || string(data) != "untouched" {
		t.Errorf("what is outside: %q, %v", data, err)
	}
	if err := d.Discard(ctx, box); err != nil {
		t.Errorf("again: %v", err)
	}
}

// A directory that is deeper than any path is long, and than descriptors are many, goes like any other.
func TestDiscardDeep(t *testing.T) {
	d, dir := openDisk(t)
	at := filepath.Join(dir, box)
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(at, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		if err := unix.Mkdirat(fd, "deep", 0o755); err != nil {
			t.Fatal(err)
		}
		below, err := unix.Openat(fd, "deep", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		fd = below
	}
	unix.Close(fd)
	var limit, low syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low = limit
	low.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) }()
	if err := d.Discard(ctx, box); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(at); !os.IsNotExist(err) {
		t.Errorf("the sandbox is there: %v", err)
	}
}

// What is mounted in a sandbox is not emptied: the removal fails instead, and takes all the rest.
func TestDiscardStopsAtMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	d, dir := openDisk(t)
	outside := t.TempDir()
	if err := os.WriteFile(outside+"/victim", []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	mounted := filepath.Join(dir, box, "data")
	if err := os.MkdirAll(mounted, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, box, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(outside, mounted, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("this machine lets nobody mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(mounted, unix.MNT_DETACH) })
	if err := d.Discard(ctx, box); err == nil || !strings.Contains(err.Error(), "something is mounted there") {
		t.Errorf("got %v", err)
	}
	if data, err := os.ReadFile(outside + "/victim"); err != nil || string(data) != "untouched" {
		t.Errorf("what is mounted: %q, %v", data, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, box, "file")); !os.IsNotExist(err) {
		t.Errorf("the rest is there: %v", err)
	}
}

// Prune takes what is empty and leaves what is in use.
func TestPrune(t *testing.T) {
	d, dir := openDisk(t)
	runs := filepath.Dir(box)
	link := agent.Change{Kind: agent.Link, Path: runs + "/latest", Data: []byte("C")}
	prune := agent.Change{Kind: agent.Prune, Path: runs}
	left := func() string {
		var all []string
		_ = filepath.WalkDir(filepath.Join(dir, "slaves"), func(at string, _ os.DirEntry, _ error) error {
			rel, _ := filepath.Rel(dir, at)
			all = append(all, rel)
			return nil
		})
		return fmt.Sprint(all[len(all)-1])
	}
	if _, err := d.Sandbox(ctx, box, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Apply(ctx, []agent.Change{link, prune}); err != nil || left() != runs+"/latest" {
		t.Errorf("in use: %s is the last, %v", left(), err)
	}
	if err := d.Discard(ctx, box); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Apply(ctx, []agent.Change{prune, prune}); err != nil || left() != "slaves/A" {
		t.Errorf("empty: %s is the last, %v", left(), err)
	}
	if used, err := d.Used(ctx); err != nil || used <= 0 || used >= 1 {
		t.Errorf("%v of the disk are used, %v", used, err)
	}
}
