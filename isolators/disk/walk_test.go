package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/disk"
	"github.com/meseta-io/meseta/isolators/exam"
)

var ctx = context.Background()

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func usage(t *testing.T, dir string) uint64 {
	t.Helper()
	f, err := beneath.Open(dir, ".")
	must(t, err)
	defer f.Close()
	n, err := disk.Usage(ctx, f)
	must(t, err)
	return n
}

// du is what du(1) says.
func du(t *testing.T, dir string) uint64 {
	t.Helper()
	out, err := exec.Command("du", "-s", "-x", "-B1", dir).Output()
	must(t, err)
	n, err := strconv.ParseUint(strings.Fields(string(out))[0], 10, 64)
	must(t, err)
	return n
}

func fill(t *testing.T, name string, kilobytes int) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, make([]byte, kilobytes<<10), 0o644))
}

func TestUsageIsWhatDUSays(t *testing.T) {
	exam.Skip(t, exam.Program("du"))
	dir, out := t.TempDir(), t.TempDir()
	fill(t, filepath.Join(out, "big"), 4096)
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"nothing", func() error { return nil }},
		{"a file", func() error { fill(t, filepath.Join(dir, "file"), 100); return nil }},
		{"directories", func() error { fill(t, filepath.Join(dir, "a/b/c/file"), 33); return nil }},
		{"many entries", func() error {
			for n := range 3000 {
				fill(t, filepath.Join(dir, fmt.Sprintf("many/%d/%d", n%50, n)), n%3)
			}
			return nil
		}},
		{"a file with holes", func() error {
			f, err := os.Create(filepath.Join(dir, "holes"))
			return errors.Join(err, f.Truncate(1<<30), f.Close())
		}},
		{"a file with two names", func() error { return os.Link(filepath.Join(dir, "file"), filepath.Join(dir, "a/again")) }},
		{"links", func() error {
			return errors.Join(os.Symlink(out, filepath.Join(dir, "link")), os.Symlink("/", filepath.Join(dir, "a/root")), os.Symlink("..", filepath.Join(dir, "a/up")),
				os.Symlink(filepath.Join(out, "big"), filepath.Join(dir, "tobig")))
		}},
		{"a pipe", func() error { return syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600) }},
		{"names that are hard to read", func() error { fill(t, filepath.Join(dir, "a\nb\\ "+strings.Repeat("x", 240), "ü"), 5); return nil }},
		{"a long way down", func() error { return os.MkdirAll(dir+strings.Repeat("/deep", 500), 0o755) }},
	} {
		must(t, step.do())
		if ours, theirs := usage(t, dir), du(t, dir); ours != theirs {
			t.Errorf("after %s: %d, du says %d", step.name, ours, theirs)
		}
	}
	if n := usage(t, dir); n > 30<<20 {
		t.Errorf("what links lead to was counted: %d", n)
	}
}

// However deep a tree is, few descriptors are open.
func TestUsageOfADeepTree(t *testing.T) {
	dir := t.TempDir()
	at, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	const deep = 2500 // longer than a path may be
	for range deep {
		must(t, unix.Mkdirat(at, "d", 0o755))
		next, err := unix.Openat(at, "d", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		must(t, err, unix.Close(at))
		at = next
	}
	fd, err := unix.Openat(at, "file", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
	must(t, err)
	_, err = unix.Write(fd, make([]byte, 8192))
	must(t, err, unix.Close(fd), unix.Close(at))
	var old unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	open, err := os.ReadDir("/proc/self/fd")
	must(t, err, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(len(open)) + 100, Max: old.Max}))
	n := usage(t, dir)
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
	empty := t.TempDir()
	if want := (deep+1)*usage(t, empty) + 8192; n != want {
		t.Errorf("%d, want %d", n, want)
	}
	must(t, exec.Command("rm", "-rf", dir+"/d").Run())
}

// Another file system below is not the container's disk: a measurement stays on its own.
func TestUsageStaysOnItsFileSystem(t *testing.T) {
	exam.Skip(t, exam.Root)
	dir := t.TempDir()
	before := usage(t, dir)
	must(t, os.Mkdir(dir+"/other", 0o755), unix.Mount("tmpfs", dir+"/other", "tmpfs", 0, "size=8m"))
	defer unix.Unmount(dir+"/other", unix.MNT_DETACH)
	fill(t, dir+"/other/file", 4096)
	if n := usage(t, dir); n > before+8192 {
		t.Errorf("%d, was %d", n, before)
	}
}

// A tree is moved about and refilled while it is measured. The measurement ends, and leads nowhere else.
func TestUsageOfATreeThatMoves(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	fill(t, filepath.Join(out, "big"), 8192)
	for n := range 200 {
		fill(t, filepath.Join(dir, fmt.Sprintf("a/%d/b/%d/file", n, n)), 4)
	}
	must(t, os.Symlink(out, dir+"/trap"))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			_ = unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/trap", unix.RENAME_EXCHANGE)
			_ = os.Rename(fmt.Sprintf("%s/a/%d", dir, n%200), fmt.Sprintf("%s/a/%d/b/moved", dir, (n+1)%200))
			_ = os.Rename(fmt.Sprintf("%s/a/%d/b/moved", dir, (n+1)%200), fmt.Sprintf("%s/a/%d", dir, n%200))
		}
	}()
	f, err := beneath.Open(dir, ".")
	must(t, err)
	defer f.Close()
	for range 100 {
		if n, err := disk.Usage(ctx, f); n > 8<<20 {
			t.Fatalf("%d, %v: it was led elsewhere", n, err)
		}
	}
	close(stop)
	<-stopped
}

func TestUsageStopsWhenNobodyWaits(t *testing.T) {
	dir := t.TempDir()
	f, err := beneath.Open(dir, ".")
	must(t, err)
	defer f.Close()
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := disk.Usage(over, f); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func BenchmarkUsage(b *testing.B) {
	dir := b.TempDir()
	for n := range 10000 {
		name := filepath.Join(dir, strconv.Itoa(n%100), strconv.Itoa(n))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, nil, 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("ours", func(b *testing.B) {
		f, err := beneath.Open(dir, ".")
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		for b.Loop() {
			if _, err := disk.Usage(ctx, f); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("du", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("du", "-s", dir).Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
