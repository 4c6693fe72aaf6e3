package mounts_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/mounts"
	"github.com/meseta-io/meseta/messages/fault"
)

func root(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes mount namespaces")
	}
}

// apart is a process in a mount namespace of its own, which runs until the test ends.
func apart(t *testing.T, flags uintptr) (*exec.Cmd, isolators.Namespace) {
	t.Helper()
	p := exec.Command("sleep", "600")
	p.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Cloneflags: flags}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	return p, isolators.Namespace{Kind: unix.CLONE_NEWNS, Path: "/proc/" + strconv.Itoa(p.Process.Pid) + "/ns/mnt"}
}

func count(t *testing.T) int {
	t.Helper()
	table, err := mounts.Read("self")
	if err != nil {
		t.Fatal(err)
	}
	return len(table)
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestTreesInOtherNamespaces(t *testing.T) {
	root(t)
	if err := mounts.Supported(); err != nil {
		t.Skip(err)
	}
	before := count(t)
	p, ns := apart(t, syscall.CLONE_NEWPID)
	data, box := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(data, "file"), []byte("data"), 0o644), os.Mkdir(filepath.Join(box, "at"), 0o755), os.Mkdir(filepath.Join(box, "ro"), 0o755))
	source, err := beneath.Open(data, ".")
	must(t, err)
	defer source.Close()
	put := func(name string, readonly bool) error {
		tree, err := mounts.Copy(source, true, readonly)
		if err != nil {
			return err
		}
		defer tree.Close()
		return mounts.Inside(ns, func() error {
			place, err := beneath.Open(box, name)
			if err != nil {
				return err
			}
			defer place.Close()
			return mounts.Put(tree, place)
		})
	}
	must(t, put("at", false), put("ro", true))
	inside := "/proc/" + strconv.Itoa(p.Process.Pid) + "/root" + box
	if text, err := os.ReadFile(inside + "/at/file"); string(text) != "data" {
		t.Errorf("inside is %q, %v", text, err)
	}
	if err := os.WriteFile(inside+"/at/new", nil, 0o644); err != nil {
		t.Errorf("it cannot be written: %v", err)
	}
	if err := os.WriteFile(inside+"/ro/newer", nil, 0o644); !errors.Is(err, unix.EROFS) {
		t.Errorf("what is read-only was written: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(box, "at")); len(left) != 0 {
		t.Error("the machine sees it too")
	}
	if after := count(t); after != before {
		t.Errorf("the machine had %d mounts and has %d", before, after)
	}
	for range 2 { // what is gone is no error
		must(t, mounts.Inside(ns, func() error {
			place, err := beneath.Open(box, ".")
			if err != nil {
				return err
			}
			defer place.Close()
			return mounts.Drop(place, "at")
		}))
	}
	if _, err := os.Stat(filepath.Join(box, "at")); !os.IsNotExist(err) {
		t.Error("where it was mounted is left: ", err)
	}
	if _, err := os.Stat(filepath.Join(data, "file")); err != nil {
		t.Error("what was mounted is gone: ", err)
	}
}

func TestInsideOfTheWrongNamespace(t *testing.T) {
	root(t)
	_, ns := apart(t, 0)
	ns.Inode = 1
	if err := mounts.Inside(ns, func() error { return nil }); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("another one than was meant: %v", err)
	}
	for range 20 { // from whichever thread
		own := isolators.Namespace{Kind: unix.CLONE_NEWNS, Path: "/proc/self/ns/mnt"}
		if err := mounts.Inside(own, func() error { t.Error("it was entered"); return nil }); !errors.Is(err, fault.ErrDenied) {
			t.Errorf("the agent's own: %v", err)
		}
	}
}

// Wherever the visit begins, it is another thread than the one that /proc shows as this process that goes.
func TestTheMainThreadStaysAtHome(t *testing.T) {
	root(t)
	_, ns := apart(t, 0)
	home, err := os.Readlink("/proc/self/ns/mnt")
	must(t, err)
	for range 50 {
		must(t, mounts.Inside(ns, func() error {
			if unix.Gettid() == unix.Getpid() {
				t.Error("the main thread went")
			}
			return nil
		}))
	}
	if is, err := os.Readlink("/proc/self/ns/mnt"); is != home {
		t.Errorf("the process is in %s, was in %s, %v", is, home, err)
	}
}

func TestLend(t *testing.T) {
	root(t)
	parent, from := apart(t, syscall.CLONE_NEWPID)
	child, _ := apart(t, 0)
	must(t, mounts.Inside(from, func() error { return unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m") }))
	in := func(p *exec.Cmd) string { return "/proc/" + strconv.Itoa(p.Process.Pid) + "/root/dev/shm/lent" }
	must(t, os.WriteFile(in(parent), []byte("shared"), 0o600))
	before := count(t)
	must(t, mounts.Lend(from, child.Process.Pid, "/dev/shm"))
	if text, err := os.ReadFile(in(child)); string(text) != "shared" {
		t.Errorf("the child finds %q, %v", text, err)
	}
	if _, err := os.Stat("/dev/shm/lent"); !os.IsNotExist(err) || count(t) != before {
		t.Errorf("the machine sees it: %v", err)
	}
	if err := mounts.Lend(from, os.Getpid(), "/dev/shm"); !errors.Is(err, fault.ErrDenied) {
		t.Errorf("to the agent itself: %v", err)
	}
}
