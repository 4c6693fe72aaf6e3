package files_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/gateway/files"
	"github.com/meseta-io/meseta/messages/authorization"
)

var anybody authorization.Subject

// write makes a file and the directories above it.
func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// status is what the gateway would answer an error with.
func status(err error) int {
	if err == nil {
		return 200
	}
	var s interface{ HTTPStatus() int }
	if errors.As(err, &s) {
		return s.HTTPStatus()
	}
	return 500
}

func paths(t testing.TB, s *files.Service, virtual string) []string {
	t.Helper()
	infos, err := s.List(anybody, virtual)
	must(t, err)
	var names []string
	for _, i := range infos {
		names = append(names, i.GetPath())
	}
	return names
}

func TestAttach(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/file", "body")
	s := files.New()
	must(t, s.Attach(dir+"/file", "/myname", nil))
	if data, _, err := s.Read(anybody, "/myname", 0, nil); err != nil || string(data) != "body" {
		t.Errorf("got %q, %v", data, err)
	}
	t.Run("what is not there", func(t *testing.T) {
		if err := s.Attach(dir+"/missing", "/x", nil); err == nil {
			t.Error("attached")
		}
	})
	t.Run("neither a file nor a directory", func(t *testing.T) {
		must(t, unix.Mkfifo(dir+"/pipe", 0o644))
		if err := s.Attach(dir+"/pipe", "/x", nil); err == nil {
			t.Error("attached")
		}
	})
	t.Run("in place of another", func(t *testing.T) {
		write(t, dir+"/other", "other")
		must(t, s.Attach(dir+"/other", "/myname/", nil))
		if data, _, err := s.Read(anybody, "/myname", 0, nil); err != nil || string(data) != "other" {
			t.Errorf("got %q, %v", data, err)
		}
	})
}

func TestDetach(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/one/file", "body")
	write(t, dir+"/two/file", "body")
	s := files.New()
	must(t, s.Attach(dir+"/one", "/latest", nil))
	s.DetachFrom(dir+"/two", "/latest")
	if _, err := s.List(anybody, "/latest"); err != nil {
		t.Errorf("detached by another directory: %v", err)
	}
	s.DetachFrom(dir+"/one", "/latest")
	if _, err := s.List(anybody, "/latest"); status(err) != 404 {
		t.Errorf("still there: %v", err)
	}
	must(t, s.Attach(dir+"/one", "/name", nil))
	s.Detach("/name/")
	if _, _, err := s.Read(anybody, "/name/file", 0, nil); status(err) != 404 {
		t.Errorf("still there: %v", err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/file", "body")
	big := strings.Repeat("0123456789abcdef", files.MaxRead/8)
	write(t, dir+"/big", big)
	s := files.New()
	must(t, s.Attach(dir, "/d", nil))
	length := func(n uint64) *uint64 { return &n }
	for _, c := range []struct {
		name   string
		path   string
		offset uint64
		length *uint64
		want   string
		size   uint64
	}{
		{"a whole file", "/d/file", 0, nil, "body", 4},
		{"from the middle", "/d/file", 1, nil, "ody", 4},
		{"a part", "/d/file", 1, length(2), "od", 4},
		{"nothing", "/d/file", 0, length(0), "", 4},
		{"more than there is", "/d/file", 2, length(100), "dy", 4},
		{"the end", "/d/file", 4, nil, "", 4},
		{"past the end", "/d/file", 500, nil, "", 4},
		{"far past the end", "/d/file", 1 << 63, nil, "", 4},
		{"sixteen pages of a large file", "/d/big", 16, nil, big[16 : 16+files.MaxRead], uint64(len(big))},
		{"sixteen pages whatever is asked", "/d/big", 0, length(1 << 40), big[:files.MaxRead], uint64(len(big))},
		{"the end of a large file", "/d/big", files.MaxRead + 10, nil, big[files.MaxRead+10:], uint64(len(big))},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, size, err := s.Read(anybody, c.path, c.offset, c.length)
			if err != nil || string(data) != c.want || size != c.size || data == nil {
				t.Errorf("got %d bytes of %d, %v; want %d of %d", len(data), size, err, len(c.want), c.size)
			}
		})
	}
	t.Run("a file larger than memory", func(t *testing.T) {
		f, err := os.Create(dir + "/sparse")
		must(t, err)
		must(t, f.Truncate(1<<41))
		_, err = f.WriteAt([]byte("end"), 1<<41-3)
		must(t, errors.Join(err, f.Close()))
		data, size, err := s.Read(anybody, "/d/sparse", 1<<41-3, nil)
		if err != nil || string(data) != "end" || size != 1<<41 {
			t.Errorf("got %q of %d, %v", data, size, err)
		}
	})
	t.Run("a directory", func(t *testing.T) {
		if _, _, err := s.Read(anybody, "/d", 0, nil); status(err) != 400 || err.Error() != "Cannot read a directory." {
			t.Errorf("got %v", err)
		}
	})
}

// Mesos' virtual paths: the longest beginning that is attached counts, slashes at the end and repeated ones do not.
func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/1/two", "two")
	write(t, dir+"/1/2/three", "three")
	s := files.New()
	for _, virtual := range []string{"one", "/one/"} {
		must(t, s.Attach(dir+"/1", virtual, nil))
	}
	for _, virtual := range []string{"two", "/two", "one/two", "/one/two"} {
		must(t, s.Attach(dir+"/1/2", virtual, nil))
	}
	for path, want := range map[string]string{
		"one/two/three": "three", "/one/two/three": "three", "two/three": "three", "/two/three": "three",
		"/one//two///three": "three", "/one/2/three": "three", "/one/2/../two": "two", "/one/./2/./three": "three",
	} {
		if data, _, err := s.Read(anybody, path, 0, nil); err != nil || string(data) != want {
			t.Errorf("%s: got %q, %v, want %q", path, data, err, want)
		}
	}
	for path, want := range map[string]int{
		"": 404, "/": 404, "three": 404, "/none": 404, "/one/none": 404, "/one/2/three/four": 404, "/one/2/three/..": 404,
		"/one/none/../2/three": 404, "/one/..": 400, "/one/../one/2/three": 400, "/one/2/../../1/two": 400, "/one/two/..": 400,
		"/on": 404, "/onetwo": 404, "/one\x00": 404, "/one/2\x00/three": 404, "/one/" + strings.Repeat("a", 5000): 404,
	} {
		if _, _, err := s.Read(anybody, path, 0, nil); status(err) != want {
			t.Errorf("%q: got %d (%v), want %d", path, status(err), err, want)
		}
	}
}

func TestBrowse(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/1/2/file", "body")
	write(t, dir+"/1/two", "two")
	must(t, os.Symlink("two", dir+"/1/link"))
	must(t, os.Symlink("2", dir+"/1/linked"))
	must(t, os.Symlink("nowhere", dir+"/1/dangling"))
	must(t, os.Symlink("/etc/passwd", dir+"/1/out"))
	must(t, os.Chmod(dir+"/1/two", 0o640))
	s := files.New()
	must(t, s.Attach(dir+"/1", "/one", nil))
	infos, err := s.List(anybody, "/one/")
	must(t, err)
	got := map[string]uint32{}
	for _, i := range infos {
		got[i.GetPath()] = i.GetMode()
		if i.GetUid() == "" || i.GetGid() == "" || i.GetNlink() < 1 || i.GetMtime().GetNanoseconds() == 0 {
			t.Errorf("%s is described as %v", i.GetPath(), i)
		}
	}
	want := map[string]uint32{"/one/2": 0o40755, "/one/two": 0o100640, "/one/link": 0o100640, "/one/linked": 0o40755,
		"/one/dangling": 0o120777, "/one/out": 0o120777}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v (in decimal)", got, want)
	}
	if got, want := paths(t, s, "/one/linked"), []string{"/one/linked/file"}; !slices.Equal(got, want) {
		t.Errorf("through a link: %q, want %q", got, want)
	}
	if got := paths(t, s, "/one/two"); len(got) != 0 {
		t.Errorf("of a file: %q, want nothing", got)
	}
	if _, err := s.List(anybody, "/one/nosuch"); status(err) != 404 || err.(interface{ Body() string }).Body() != "" {
		t.Errorf("of nothing: %v, want an empty 404", err)
	}
	if _, err := s.List(anybody, "/one/.."); status(err) != 400 || err.Error() != "'/one/..' is inaccessible." {
		t.Errorf("of the directory above: %v", err)
	}
}

// Nobody sees what is not meant for him, and who may not gets the same empty answer as Mesos gives.
func TestAuthorization(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/file", "body")
	s := files.New()
	must(t, s.Attach(dir, "/box", func(who authorization.Subject) bool { return who.Principal == "ann" }))
	for who, want := range map[string]int{"ann": 200, "bob": 403, "": 403} {
		subject := authorization.Subject{Principal: who}
		_, err := s.List(subject, "/box")
		_, _, err2 := s.Read(subject, "/box/file", 0, nil)
		_, _, err3 := s.Read(subject, "/box/none", 0, nil)
		d, err4 := s.Open(subject, "/box/file")
		if err4 == nil {
			d.Close()
		}
		if status(err) != want || status(err2) != want || status(err4) != want {
			t.Errorf("%q gets %v, %v, %v, want %d", who, err, err2, err4, want)
		}
		if want == 403 && status(err3) != 403 {
			t.Errorf("%q learns that a file is not there: %v", who, err3)
		}
	}
}
