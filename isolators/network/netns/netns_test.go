package netns_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/network/netns"
)

func made(t *testing.T) (path string, inode uint64) {
	t.Helper()
	exam.Skip(t, exam.Root)
	path = filepath.Join(t.TempDir(), "ns")
	inode, err := netns.New(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netns.Remove(path); err != nil {
			t.Error(err)
		}
	})
	return path, inode
}

func TestNew(t *testing.T) {
	own, err := netns.Inode("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	path, inode := made(t)
	if got, err := netns.Inode(path); err != nil || got != inode || inode == own {
		t.Errorf("namespace %d, %v; New said %d, and ours is %d", got, err, inode, own)
	}
	var names []string
	err = netns.Do(path, func() error {
		all, err := net.Interfaces()
		for _, i := range all {
			names = append(names, i.Name)
			if i.Name == "lo" && i.Flags&net.FlagUp == 0 {
				t.Error("lo is down")
			}
		}
		return err
	})
	// The kernel may add interfaces of its own, such as sit0; no card is there.
	if err != nil || !strings.Contains(strings.Join(names, " "), "lo") || strings.Contains(strings.Join(names, " "), "eth") {
		t.Errorf("interfaces %v, %v", names, err)
	}
	if now, _ := netns.Inode("/proc/self/ns/net"); now != own {
		t.Error("this process has changed its namespace")
	}
	if _, err := netns.New(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	if got, err := netns.Inode(path); err != nil || got != inode {
		t.Errorf("after a refused New: %d, %v", got, err)
	}
}

func TestRemove(t *testing.T) {
	path, _ := made(t)
	// Another mount namespace has a copy of the mount, as every container with the machine's files has. It keeps neither the
	// file nor the namespace alive.
	other := exec.Command("sh", "-c", "echo ready; read -r _; grep -c "+path+" /proc/self/mountinfo; exit 0")
	other.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	in, _ := other.StdinPipe()
	out, _ := other.StdoutPipe()
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if n, err := out.Read(buf); err != nil || string(buf[:n]) != "ready\n" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	for range 2 {
		if err := netns.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	in.Close()
	if n, _ := out.Read(buf); string(buf[:n]) != "0\n" {
		t.Errorf("the other mount namespace still has %q of it", buf[:n])
	}
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
	if err := netns.Do(path, func() error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("entered what was removed: %v", err)
	}
}

func TestWhatIsNoNamespace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := netns.Inode(path); !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v", err)
	}
	if err := netns.Do(path, func() error { t.Error("it ran"); return nil }); err == nil {
		t.Error("a file was entered")
	}
}

func TestDoReturnsWhatWentWrong(t *testing.T) {
	path, _ := made(t)
	wrong := errors.New("wrong")
	if err := netns.Do(path, func() error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("%v", err)
	}
}
