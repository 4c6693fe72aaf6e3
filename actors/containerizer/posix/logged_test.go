package posix_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/logrotate"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
)

// logged is a script whose output is rotated.
func logged(t *testing.T, id, script string, as logrotate.Stream) containerizer.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := shell(t, id, script)
	s.Logger = append([]string{self, "logger"}, logrotate.Arguments(as, as)...)
	return s
}

// over waits until nobody works in the sandbox any more: the logger too has ended.
func over(t *testing.T, dir string) {
	t.Helper()
	late := time.Now().Add(30 * time.Second)
	for {
		busy := ""
		entries, err := os.ReadDir("/proc")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if at, err := os.Readlink("/proc/" + e.Name() + "/cwd"); err == nil && strings.HasPrefix(at, dir) {
				busy = e.Name()
			}
		}
		if busy == "" {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("process %s is still in %s", busy, dir)
		}
	}
}

// all is what was kept of a stream, oldest first, and how many files it is in. No file is larger than it may be, and
// none but the last ends within a line.
func all(t *testing.T, dir, name string, as logrotate.Stream) (text string, files int) {
	t.Helper()
	for i := as.Keep; i >= 0; i-- {
		at := filepath.Join(dir, name)
		if i > 0 {
			at += fmt.Sprint(".", i)
		}
		data, err := os.ReadFile(at)
		if errors.Is(err, os.ErrNotExist) && as.Compress {
			data, err = unzipped(at + ".gz")
		}
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(data)) > as.Size || i > 0 && !bytes.HasSuffix(data, []byte("\n")) {
			t.Errorf("%s has %d bytes, of at most %d, and ends with %q", at, len(data), as.Size, data[max(0, len(data)-10):])
		}
		text += string(data)
		files++
	}
	return text, files
}

func unzipped(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func numbers(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}

// Every line of a container is in one file, in order, however often the files are rotated, packed or not.
func TestLoggerKeepsEveryLine(t *testing.T) {
	for name, as := range map[string]logrotate.Stream{
		"plain":             {Size: 4096, Keep: 999},
		"compressed":        {Size: 4096, Keep: 999, Compress: true},
		"compressed, later": {Size: 10_000, Keep: 999, Compress: true, Delay: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := posix.New()
			s := logged(t, "lines", "seq 1 60000; seq 1 40000 >&2; printf unfinished", as)
			if exit := wait(t, l, launch(t, l, s)); exit.Status != 0 {
				t.Fatalf("the container ended with %v", exit.Status)
			}
			over(t, s.Dir)
			for stream, want := range map[string]string{"stdout": numbers(60000) + "unfinished", "stderr": numbers(40000)} {
				got, files := all(t, s.Dir, stream, as)
				if got != want || files < 20 {
					t.Errorf("%s: %d bytes of %d in %d files, or others", stream, len(got), len(want), files)
				}
			}
			if plain, err := os.ReadFile(s.Dir + "/stdout.1"); as.Compress && (err == nil) != as.Delay {
				t.Errorf("the newest of the rotated files: %d bytes, %v", len(plain), err)
			}
		})
	}
}

// What does not fit into so many files goes, and nothing else.
func TestLoggerKeepsTheEnd(t *testing.T) {
	for _, keep := range []int{0, 1, 4} {
		as := logrotate.Stream{Size: 8192, Keep: keep}
		l := posix.New()
		s := logged(t, "end", "seq 1 60000", as)
		wait(t, l, launch(t, l, s))
		over(t, s.Dir)
		got, files := all(t, s.Dir, "stdout", as)
		if !strings.HasSuffix(numbers(60000), got) || files != keep+1 || len(got) < keep*(8192-1024) {
			t.Errorf("keeping %d: %d bytes in %d files", keep, len(got), files)
		}
		if _, err := os.Stat(fmt.Sprint(s.Dir, "/stdout.", keep+1)); err == nil {
			t.Errorf("keeping %d: there is one more", keep)
		}
	}
}

// What a container has printed is kept when it is killed, with what it left behind, and its logger ends.
func TestLoggerEndsWithTheContainer(t *testing.T) {
	l := posix.New()
	as := logrotate.Stream{Size: 4096, Keep: 999}
	say, hear := line(t, t.TempDir())
	s := logged(t, "killed", "seq 1 20000; setsid sleep 1000 & echo ready >"+say+"; sleep 1000", as)
	p := launch(t, l, s)
	hear()
	destroy(t, l, p)
	over(t, s.Dir)
	if got, _ := all(t, s.Dir, "stdout", as); got != numbers(20000) {
		t.Errorf("%d bytes are left", len(got))
	}
}

// A container that takes its sandbox away from under the logger goes on, and ends.
func TestLoggerWithoutSandbox(t *testing.T) {
	l := posix.New()
	s := logged(t, "gone", "cd /; rm -r \"$BOX\"; seq 1 200000", logrotate.Stream{Size: 4096, Keep: 3})
	s.Env = append(s.Env, "BOX="+s.Dir)
	if exit := wait(t, l, launch(t, l, s)); exit.Status != 0 {
		t.Errorf("it ended with %v", exit.Status)
	}
	over(t, s.Dir)
}

// Whatever a task puts where the logger writes, nothing outside is written to, and no task waits for ever.
func TestLoggerAndTraps(t *testing.T) {
	for name, script := range map[string]string{
		"a link in place of the file":        "ln -sf $OUT stdout",
		"links in place of rotated files":    "ln -s $OUT stdout.1; ln -s $OUT stdout.2; ln -s $OUT stdout.1.gz.part; ln -s $OUT stdout.1.gz",
		"a directory in a rotated file's":    "mkdir -p stdout.3/x stdout.2/x",
		"pipes":                              "rm stdout; mkfifo stdout stdout.1 stdout.2 stdout.1.gz.part",
		"a directory in place of the file":   "rm stdout; mkdir -p stdout/x",
		"a sandbox that cannot be written":   "chmod 555 .",
		"another file under the same name":   "mv stdout away; echo other >stdout",
		"a draft that is being written long": "mkdir -p stdout.1.gz.part/x",
	} {
		t.Run(name, func(t *testing.T) {
			l := posix.New()
			outside := filepath.Join(t.TempDir(), "outside")
			if err := os.WriteFile(outside, []byte("safe"), 0o666); err != nil {
				t.Fatal(err)
			}
			s := logged(t, "traps", script+"; seq 1 50000", logrotate.Stream{Size: 4096, Keep: 3, Compress: true})
			s.Env = append(s.Env, "OUT="+outside)
			if exit := wait(t, l, launch(t, l, s)); exit.Status != 0 {
				t.Errorf("it ended with %v", exit.Status)
			}
			over(t, s.Dir)
			if data, err := os.ReadFile(outside); string(data) != "safe" {
				t.Errorf("outside there is %.40q, %v", data, err)
			}
		})
	}
}

// The files belong to the container's user, who may also open his output again by its name.
func TestLoggerIsTheUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may run containers as somebody else")
	}
	if _, err := user.Lookup("nobody"); err != nil {
		t.Fatal(err)
	}
	l := posix.New()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	open(t, filepath.Dir(self)) // the test's own binary has to be within his reach
	s := logged(t, "user", "echo again >/dev/stdout; seq 1 5000", logrotate.Stream{Size: 4096, Keep: 9})
	s.User = "nobody"
	open(t, s.Dir)
	if err := os.Chmod(s.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if exit := wait(t, l, launch(t, l, s)); exit.Status != 0 {
		t.Errorf("it ended with %v", exit.Status)
	}
	over(t, s.Dir)
	for _, name := range []string{"stdout", "stderr", "stdout.1"} {
		info, err := os.Stat(s.Dir + "/" + name)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid == 0 {
			t.Errorf("%s is root's, or %v", name, err)
		}
	}
}

// open lets everybody through to a directory.
func open(t *testing.T, dir string) {
	t.Helper()
	for ; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// Without a program that runs, there is no container whose output would go nowhere.
func TestLoggerThatCannotRun(t *testing.T) {
	l := posix.New()
	s := shell(t, "none", "echo ran >ran")
	s.Logger = []string{"/no/such/logger"}
	if _, err := l.Launch(context.Background(), s); err == nil || !strings.Contains(err.Error(), "run the logger /no/such/logger") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(s.Dir + "/ran"); err == nil {
		t.Error("it ran")
	}
}
