package files_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/gateway/files"
)

const secret = "the agent's key"

// box is a sandbox next to a secret.
func box(t testing.TB) (dir string, s *files.Service) {
	dir = t.TempDir()
	write(t, dir+"/outside/key", secret)
	write(t, dir+"/box/inside/file", "mine")
	s = files.New()
	must(t, s.Attach(dir+"/box", "/box", nil))
	return dir, s
}

// No link and no dot leads out of a sandbox, and every one that stays inside is followed.
func TestLinks(t *testing.T) {
	dir, s := box(t)
	for link, target := range map[string]string{
		"relative": "../outside/key", "absolute": dir + "/outside/key", "directory": "../outside", "root": "/",
		"twice": "relative", "long": "inside/../../outside/key", "proc": "/proc/self/environ", "cwd": "/proc/self/cwd",
		"sibling": dir + "/box2", "loop": "loop", "above": "..",
	} {
		must(t, os.Symlink(target, dir+"/box/"+link))
	}
	write(t, dir+"/box2", secret) // begins with the name of the sandbox
	for _, path := range []string{"relative", "absolute", "directory/key", "root/etc/passwd", "twice", "long", "proc", "cwd",
		"sibling", "above/outside/key", "directory", "inside/../../outside/key", "..", "../outside/key", "root"} {
		data, _, err := s.Read(anybody, "/box/"+path, 0, nil)
		if status(err) != 400 || !strings.HasSuffix(err.Error(), "is inaccessible.") {
			t.Errorf("%s: read %q, %v", path, data, err)
		}
		if infos, err := s.List(anybody, "/box/"+path); status(err) != 400 {
			t.Errorf("%s: listed %v, %v", path, infos, err)
		}
		if _, err := s.Open(anybody, "/box/"+path); status(err) != 400 {
			t.Errorf("%s: opened, %v", path, err)
		}
	}
	if _, _, err := s.Read(anybody, "/box/loop", 0, nil); status(err) != 404 {
		t.Errorf("a link to itself: %v", err)
	}
	for link, target := range map[string]string{
		"good": "inside/file", "own": dir + "/box/inside/file", "back": "inside/../inside/file", "chain": "good", "dir": "inside",
	} {
		must(t, os.Symlink(target, dir+"/box/"+link))
	}
	for _, path := range []string{"good", "own", "back", "chain", "dir/file", "dir/../good"} {
		if data, _, err := s.Read(anybody, "/box/"+path, 0, nil); err != nil || string(data) != "mine" {
			t.Errorf("%s: read %q, %v", path, data, err)
		}
	}
	d, err := s.Open(anybody, "/box/chain")
	must(t, err)
	defer d.Close()
	if d.Name != "file" || d.Size != 4 {
		t.Errorf("the download of a link is called %s and has %d bytes", d.Name, d.Size)
	}
}

// A pipe would make the reader wait for ever, a device do who knows what.
func TestOnlyFilesAreOpened(t *testing.T) {
	dir, s := box(t)
	must(t, unix.Mkfifo(dir+"/box/pipe", 0o666))
	l, err := net.Listen("unix", dir+"/box/socket")
	must(t, err)
	defer l.Close()
	names := map[string]string{"pipe": "a pipe", "socket": "a socket"}
	if os.Geteuid() == 0 {
		must(t, unix.Mknod(dir+"/box/device", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5)))) // /dev/zero
		names["device"] = "a device"
	}
	must(t, os.Symlink("pipe", dir+"/box/link"))
	names["link"] = "a pipe"
	for name, what := range names {
		if _, _, err := s.Read(anybody, "/box/"+name, 0, nil); status(err) != 400 || err.Error() != "Cannot read "+what+"." {
			t.Errorf("reading %s: %v", name, err)
		}
		if _, err := s.Open(anybody, "/box/"+name); status(err) != 400 {
			t.Errorf("opening %s: %v", name, err)
		}
		if infos, err := s.List(anybody, "/box/"+name); err != nil || len(infos) != 0 {
			t.Errorf("listing %s: %v, %v", name, infos, err)
		}
	}
}

// A task that moves its sandbox away and puts a link in its place shows nothing.
func TestAnotherDirectoryInPlaceOfTheSandbox(t *testing.T) {
	dir, s := box(t)
	must(t, os.Rename(dir+"/box", dir+"/moved"))
	for name, put := range map[string]func() error{
		"a link":              func() error { return os.Symlink("outside", dir+"/box") },
		"an absolute link":    func() error { return os.Symlink(dir+"/outside", dir+"/box") },
		"another directory":   func() error { return os.Rename(dir+"/outside", dir+"/box") },
		"nothing in its turn": func() error { return nil },
	} {
		must(t, put())
		if data, _, err := s.Read(anybody, "/box/key", 0, nil); status(err) != 404 {
			t.Errorf("%s: read %q, %v", name, data, err)
		}
		if info, err := os.Lstat(dir + "/box"); err == nil {
			if info.IsDir() {
				must(t, os.Rename(dir+"/box", dir+"/outside"))
			} else {
				must(t, os.Remove(dir+"/box"))
			}
		}
	}
}

// checked is the reader that the race below beats: it resolves a path, checks the prefix, and opens it then.
func checked(dir, name string) string {
	real, err := filepath.EvalSymlinks(filepath.Join(dir, name))
	if err != nil || !strings.HasPrefix(real, dir+"/") {
		return ""
	}
	data, _ := os.ReadFile(filepath.Join(dir, name))
	return string(data)
}

// swap changes two names for each other as fast as it can.
func swap(ctx context.Context, a, b string) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
		}
	}()
	return func() { <-done }
}

// While a goroutine swaps what is inside for links that lead out, no read, listing or download ever shows what is
// outside. The same swaps beat a reader that checks before it opens, so the race is a real one.
func TestRaces(t *testing.T) {
	for name, c := range map[string]struct {
		a, b, read string
		make       func(dir string) error
	}{
		"a file and a link":      {"box/inside/file", "box/link", "inside/file", func(dir string) error { return os.Symlink(dir+"/outside/key", dir+"/box/link") }},
		"a directory and a link": {"box/inside", "box/link", "inside/key", func(dir string) error { return os.Symlink("../outside", dir+"/box/link") }},
		"a directory and the one above": {"box/inside", "box/link", "inside/outside/key", func(dir string) error {
			write(t, dir+"/box/inside/outside/key", "mine")
			return os.Symlink("..", dir+"/box/link")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, s := box(t)
			write(t, dir+"/box/inside/key", "mine")
			must(t, c.make(dir))
			ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
			defer stop()
			defer func(wait func()) { stop(); wait() }(swap(ctx, dir+"/"+c.a, dir+"/"+c.b))
			const rounds = 3000
			beaten, mine, refused := false, 0, 0
			for i := 0; (i < rounds || !beaten || mine == 0 || refused == 0) && ctx.Err() == nil; i++ {
				beaten = beaten || checked(dir+"/box", c.read) == secret
				data, _, err := s.Read(anybody, "/box/"+c.read, 0, nil)
				switch {
				case string(data) == secret:
					t.Fatal("read what is outside")
				case err == nil:
					mine++
				default:
					refused++
				}
				infos, _ := s.List(anybody, "/box/"+filepath.Dir(c.read))
				for _, info := range infos {
					if info.GetSize() == uint64(len(secret)) && info.GetMode()&unix.S_IFMT == unix.S_IFREG {
						t.Fatalf("%s is described", info.GetPath())
					}
				}
				if d, err := s.Open(anybody, "/box/"+c.read); err == nil {
					if d.Size == int64(len(secret)) {
						t.Fatal("opened what is outside")
					}
					d.Close()
				}
			}
			if !beaten || mine == 0 || refused == 0 {
				t.Errorf("no race: the checking reader was beaten: %v; %d reads inside, %d refused", beaten, mine, refused)
			}
		})
	}
}

// FuzzVirtualPath: whatever is asked for, nothing but the sandbox's own bytes come out.
func FuzzVirtualPath(f *testing.F) {
	dir, s := box(f)
	must(f, os.Symlink("../outside", dir+"/box/out"))
	must(f, os.Symlink("/", dir+"/box/root"))
	must(f, os.Symlink("inside", dir+"/box/in"))
	for _, seed := range []string{"/box", "/box/inside/file", "/box/../outside/key", "/box/out/key", "/box/in/file", "//box//.//inside",
		"/box/root/etc/passwd", "/box/in/../out/key", "/box/\x00", "/box/inside/file/../..", "", "/", "..", "/box/..%2foutside"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		data, size, err := s.Read(anybody, path, 0, nil)
		if err == nil && (string(data) != "mine" || size != 4) {
			t.Fatalf("%q: read %q", path, data)
		}
		if err != nil && status(err) != 404 && status(err) != 400 {
			t.Fatalf("%q: %v", path, err)
		}
		infos, err := s.List(anybody, path)
		if err != nil && status(err) != 404 && status(err) != 400 {
			t.Fatalf("%q: %v", path, err)
		}
		for _, info := range infos {
			if strings.HasSuffix(info.GetPath(), "/key") {
				t.Fatalf("%q: listed %s", path, info.GetPath())
			}
		}
	})
}
