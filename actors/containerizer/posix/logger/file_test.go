package logger

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/containerizer/logrotate"
)

// in makes a rotated file in a directory.
func in(t *testing.T, dir string, as logrotate.Stream) *file {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return open(fd, "stdout", as)
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A disk that is full takes nothing, and what it did not take is counted where it is missing when it has room again.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	f := in(t, dir, logrotate.Stream{Size: 4096, Keep: 1})
	f.write([]byte("before\nhalf a li"))
	disk := f.out
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	f.out = full
	f.write([]byte("ne\nlost\n"))
	f.write([]byte("lost too\n"))
	f.out = disk
	f.write([]byte("after\n"))
	f.close()
	want := "before\nhalf a li\n[meseta: 17 bytes are missing here: no space left on device]\nafter\n"
	if got := read(t, dir+"/stdout"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A file that cannot be rotated away is emptied, and says what went.
func TestNowhereToRotateTo(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(dir+"/stdout.1/in the way", 0o755); err != nil {
		t.Fatal(err)
	}
	f := in(t, dir, logrotate.Stream{Size: 4096, Keep: 1})
	line := strings.Repeat("x", 99) + "\n"
	for range 45 {
		f.write([]byte(line))
	}
	f.close()
	got := read(t, dir+"/stdout")
	if !strings.HasPrefix(got, "[meseta: ") || !strings.Contains(got, " bytes are missing here: ") || !strings.HasSuffix(got, line) || len(got) > 1000 {
		t.Errorf("got %d bytes: %.80q", len(got), got)
	}
}

// A line is torn only if it is too long for what is left of a file on purpose.
func TestLines(t *testing.T) {
	for name, pieces := range map[string][]string{
		"whole lines":           {strings.Repeat("a line\n", 2000)},
		"byte by byte":          strings.Split(strings.Repeat("a line\n", 2000), ""),
		"pieces of lines":       {strings.Repeat("a", 3000), strings.Repeat("b", 600), "\n", strings.Repeat("c\n", 3000)},
		"a line that fits once": {"begin\n", strings.Repeat("d", 4000) + "\n", "end\n"},
	} {
		dir := t.TempDir()
		f := in(t, dir, logrotate.Stream{Size: 4096, Keep: 99})
		for _, p := range pieces {
			f.write([]byte(p))
		}
		f.close()
		var got string
		for i := 99; i >= 0; i-- {
			at := dir + "/stdout"
			if i > 0 {
				at = dir + "/" + f.rotated(i)
			}
			data, err := os.ReadFile(at)
			if err != nil {
				continue
			}
			if len(data) > 4096 || i > 0 && data[len(data)-1] != '\n' {
				t.Errorf("%s: %s has %d bytes and ends with %q", name, at, len(data), data[len(data)-1:])
			}
			got += string(data)
		}
		if got != strings.Join(pieces, "") {
			t.Errorf("%s: %d bytes are left", name, len(got))
		}
	}
	dir := t.TempDir()
	f := in(t, dir, logrotate.Stream{Size: 4096, Keep: 9})
	f.write([]byte(strings.Repeat("e", 10_000)))
	f.close()
	if got := read(t, dir+"/stdout.2") + read(t, dir+"/stdout.1") + read(t, dir+"/stdout"); got != strings.Repeat("e", 10_000) {
		t.Errorf("an endless line: %d bytes", len(got))
	}
}
