package beneath_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/messages/fault"
)

func open(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := beneath.Open(dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestNamesStayBeneath(t *testing.T) {
	top := t.TempDir()
	dir, out := filepath.Join(top, "dir"), filepath.Join(top, "out")
	must(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o755), os.Mkdir(out, 0o755), os.WriteFile(filepath.Join(out, "file"), nil, 0o600),
		os.Symlink("a/b", filepath.Join(dir, "inside")), os.Symlink(out, filepath.Join(dir, "absolute")),
		os.Symlink("../out", filepath.Join(dir, "up")), os.Symlink("../dir/a", filepath.Join(dir, "roundabout")),
		os.Symlink("loop", filepath.Join(dir, "loop")), os.Symlink("/proc/self/root", filepath.Join(dir, "magic")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for name, want := range map[string]error{
		".": nil, "": nil, "a": nil, "a/b": nil, "a/../a/b": nil, "inside": nil, "inside/../b": nil, "pipe": nil,
		"..": fault.ErrDenied, "../dir/a": fault.ErrDenied, "a/../../out/file": fault.ErrDenied, "absolute": fault.ErrDenied,
		"absolute/file": fault.ErrDenied, "up/file": fault.ErrDenied, "roundabout": fault.ErrDenied, "loop": fault.ErrDenied, "magic/etc": fault.ErrDenied,
		"none": fault.ErrNotFound, "a/none/b": fault.ErrNotFound, "pipe/b": fault.ErrNotFound,
		"/etc": fault.ErrInvalid, "a\x00b": fault.ErrInvalid,
	} {
		f, err := beneath.Open(dir, name)
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
		if err == nil {
			f.Close()
		}
	}
}

func TestMake(t *testing.T) {
	root := t.TempDir()
	must(t, os.Symlink("a", filepath.Join(root, "link")), os.WriteFile(filepath.Join(root, "file"), []byte("kept"), 0o600))
	dir := open(t, root)
	me := beneath.Owner{UID: os.Geteuid(), GID: os.Getegid()}
	for _, want := range []bool{true, false} {
		f, made, err := beneath.MakeDir(dir, "a/./b//c", me)
		if err != nil || made != want {
			t.Fatalf("a/b/c: %v, %v", made, err)
		}
		f.Close()
		if f, made, err = beneath.MakeFile(dir, "a/b/file", me); err != nil || made != want {
			t.Fatalf("a/b/file: %v, %v", made, err)
		}
		f.Close()
	}
	if f, made, err := beneath.MakeFile(dir, "file", me); err != nil || made {
		t.Errorf("a file that is there: %v, %v", made, err)
	} else {
		f.Close()
	}
	if text, err := os.ReadFile(filepath.Join(root, "file")); err != nil || string(text) != "kept" {
		t.Errorf("it holds %q, %v", text, err)
	}
	for name, want := range map[string]error{"link/x": fault.ErrConflict, "file/x": fault.ErrConflict, "../x": fault.ErrDenied, "a/../../x": fault.ErrDenied} {
		if _, _, err := beneath.MakeDir(dir, name, me); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, _, err := beneath.MakeFile(dir, "../x", me); !errors.Is(err, fault.ErrDenied) {
		t.Errorf("a file outside: %v", err)
	}
}

func TestWhatIsNewIsGivenAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "old"), 0o755))
	dir, nobody := open(t, root), beneath.Owner{UID: 65534, GID: 65533}
	f, _, err := beneath.MakeDir(dir, "old/new/newer", nobody)
	must(t, err, f.Close())
	f, _, err = beneath.MakeFile(dir, "old/new/file", nobody)
	must(t, err, f.Close())
	for name, want := range map[string]beneath.Owner{"old": {}, "old/new": nobody, "old/new/newer": nobody, "old/new/file": nobody} {
		f, err := beneath.OpenAt(dir, name)
		must(t, err)
		if is, err := beneath.OwnerOf(f); err != nil || is != want {
			t.Errorf("%s belongs to %v, %v", name, is, err)
		}
		f.Close()
	}
}

// Somebody swaps a directory and a link that leads out as fast as the kernel can. Whatever is found or made is beneath.
func TestNobodyIsLedOutByASwap(t *testing.T) {
	top := t.TempDir()
	dir, out := filepath.Join(top, "dir"), filepath.Join(top, "out")
	must(t, os.MkdirAll(filepath.Join(dir, "way/deep"), 0o755), os.MkdirAll(filepath.Join(out, "deep"), 0o755), os.Symlink(out, filepath.Join(dir, "trap")))
	stop, swaps := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				swaps <- n
				return
			default:
			}
			if unix.Renameat2(unix.AT_FDCWD, dir+"/way", unix.AT_FDCWD, dir+"/trap", unix.RENAME_EXCHANGE) == nil {
				n++
			}
		}
	}()
	root, me := open(t, dir), beneath.Owner{UID: os.Geteuid(), GID: os.Getegid()}
	found, refused := 0, 0
	for i := 0; i < 5_000_000 && (found < 200 || refused < 200); i++ {
		f, err := beneath.OpenAt(root, "way/deep")
		if err != nil {
			refused++
			continue
		}
		found++
		if where, err := os.Readlink(beneath.Path(f)); err != nil || strings.HasPrefix(where, out) {
			t.Fatalf("led to %s, %v", where, err)
		}
		f.Close()
		if f, _, err := beneath.MakeDir(root, "way/made", me); err == nil {
			f.Close()
		}
		if f, _, err := beneath.MakeFile(root, "way/file", me); err == nil {
			f.Close()
		}
	}
	close(stop)
	t.Logf("%d swaps, %d times found, %d times refused", <-swaps, found, refused)
	if found == 0 || refused == 0 {
		t.Error("the swaps and the looks did not meet")
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 1 {
		t.Errorf("outside is %v, %v", left, err)
	}
}
