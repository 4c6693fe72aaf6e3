package courier_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/actors/fetcher/courier"
	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stage is a courier with its directories.
type stage struct {
	t       *testing.T
	config  fetcher.Config
	metrics *metrics.Registry
	*courier.Courier
}

func newStage(t *testing.T, change ...func(*fetcher.Config)) *stage {
	s := &stage{t: t, config: fetcher.Default(), metrics: metrics.New(time.Now)}
	s.config.FetcherCacheDir = t.TempDir()
	for _, f := range change {
		f(&s.config)
	}
	var err error
	s.Courier, err = courier.New(s.config, "/work", s.metrics, slog.New(slog.DiscardHandler))
	must(t, err)
	return s
}

// sandbox is an empty directory that everybody may reach.
func sandbox(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && len(at) > 1; at = filepath.Dir(at) {
		_ = os.Chmod(at, 0o755)
	}
	return dir
}

// bring fetches and waits.
func (s *stage) bring(user, into string, uris ...*mesospb.CommandInfo_URI) error {
	done := make(chan error, 1)
	s.Fetch(fetcher.Request{ContainerID: "c1", Sandbox: into, User: user, URIs: uris}, func(err error) { done <- err })
	return <-done
}

func (s *stage) metric(name string) float64 {
	v, ok := s.metrics.Snapshot()["containerizer/fetcher/"+name]
	if !ok {
		s.t.Fatalf("no metric %s", name)
	}
	return v
}

func (s *stage) wantCounts(succeeded, failed float64) {
	s.t.Helper()
	if a, b := s.metric("task_fetches_succeeded"), s.metric("task_fetches_failed"); a != succeeded || b != failed {
		s.t.Errorf("%v fetches succeeded and %v failed, want %v and %v", a, b, succeeded, failed)
	}
}

func uri(value string, change ...func(*mesospb.CommandInfo_URI)) *mesospb.CommandInfo_URI {
	u := &mesospb.CommandInfo_URI{Value: proto.String(value)}
	for _, f := range change {
		f(u)
	}
	return u
}

func executable(u *mesospb.CommandInfo_URI) { u.Executable = proto.Bool(true) }
func asIs(u *mesospb.CommandInfo_URI)       { u.Extract = proto.Bool(false) }
func cached(u *mesospb.CommandInfo_URI)     { u.Cache = proto.Bool(true) }
func as(name string) func(*mesospb.CommandInfo_URI) {
	return func(u *mesospb.CommandInfo_URI) { u.OutputFile = proto.String(name) }
}

func write(t testing.TB, name, content string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(content), 0o644))
	return name
}

func wantFile(t testing.TB, name, content string, mode fs.FileMode) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil || string(data) != content {
		t.Errorf("%s: %q, %v, want %q", name, data, err, content)
	}
	if info, err := os.Stat(name); err == nil && info.Mode() != mode {
		t.Errorf("%s has %v, want %v", name, info.Mode(), mode)
	}
}

func wantNo(t testing.TB, name string) {
	t.Helper()
	if _, err := os.Lstat(name); err == nil {
		t.Errorf("%s is there", name)
	}
}

func tarOf(t testing.TB, name, content string, mode int64) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(content))}))
	_, err := w.Write([]byte(content))
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func gz(t testing.TB, plain string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(plain))
	must(t, err)
	must(t, w.Close())
	return b.String()
}

func zipOf(t testing.TB, contents ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, c := range contents {
		f, err := w.Create("hello")
		must(t, err)
		_, err = f.Write([]byte(c))
		must(t, err)
	}
	must(t, w.Close())
	return b.String()
}

// What a URI brings, and how it lies in the sandbox then.
func TestFetch(t *testing.T) {
	from := t.TempDir()
	plain := write(t, from+"/test", "data")
	archived := write(t, from+"/hello.tar", string(tarOf(t, "hello", "hello", 0o644)))
	packed := write(t, from+"/one.gz", gz(t, "one"))
	zipped := write(t, from+"/hello.zip", zipOf(t, "1"))
	doubled := write(t, from+"/double.zip", zipOf(t, "1", "2"))
	invalid := write(t, from+"/invalid.zip", "no zip")
	program := write(t, from+"/program", "#!/bin/sh")
	server := httptest.NewServer(http.FileServer(http.Dir(from)))
	defer server.Close()
	for _, c := range []struct {
		name  string
		uris  []*mesospb.CommandInfo_URI
		check func(t *testing.T, s *stage, box string, err error)
	}{
		{"a file URI", []*mesospb.CommandInfo_URI{uri("file://" + plain)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/test", "data", 0o644)
			s.wantCounts(1, 0)
		}},
		{"a file URI with localhost", []*mesospb.CommandInfo_URI{uri("file://localhost" + plain)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/test", "data", 0o644)
		}},
		{"an absolute path", []*mesospb.CommandInfo_URI{uri(plain)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/test", "data", 0o644)
		}},
		{"a relative path below the frameworks' home", []*mesospb.CommandInfo_URI{uri("test")}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/test", "data", 0o644)
		}},
		{"a server", []*mesospb.CommandInfo_URI{uri(server.URL + "/test")}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/test", "data", 0o644)
		}},
		{"blanks before the URI", []*mesospb.CommandInfo_URI{uri(" \t" + server.URL + "/test")}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/test", "data", 0o644)
		}},
		{"the same file twice", []*mesospb.CommandInfo_URI{uri(plain), uri(plain)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/test", "data", 0o644)
		}},
		{"an executable", []*mesospb.CommandInfo_URI{uri(program, executable)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/program", "#!/bin/sh", 0o755)
		}},
		{"an executable archive stays one", []*mesospb.CommandInfo_URI{uri(archived, executable)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantNo(t, box+"/hello")
			if info, err := os.Stat(box + "/hello.tar"); err != nil || info.Mode() != 0o755 {
				t.Errorf("%v, %v", info, err)
			}
		}},
		{"what is not to be extracted", []*mesospb.CommandInfo_URI{uri(archived, asIs)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantNo(t, box+"/hello")
			wantFile(t, box+"/hello.tar", string(tarOf(t, "hello", "hello", 0o644)), 0o644)
		}},
		{"a tar", []*mesospb.CommandInfo_URI{uri(archived)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/hello", "hello", 0o644)
			wantFile(t, box+"/hello.tar", string(tarOf(t, "hello", "hello", 0o644)), 0o644) // stays, as in Mesos
		}},
		{"a gzip", []*mesospb.CommandInfo_URI{uri(packed)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/one", "one", 0o644)
		}},
		{"a gzip by another name", []*mesospb.CommandInfo_URI{uri(packed, as("custom.gz"))}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/custom", "one", 0o644)
			wantNo(t, box+"/one")
		}},
		{"a zip", []*mesospb.CommandInfo_URI{uri(zipped)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/hello", "1", 0o644)
		}},
		{"a zip with a name twice", []*mesospb.CommandInfo_URI{uri(doubled)}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/hello", "2", 0o644)
		}},
		{"an invalid zip", []*mesospb.CommandInfo_URI{uri(invalid)}, func(t *testing.T, s *stage, box string, err error) {
			wantError(t, err, "unpack it: the archive is damaged")
			s.wantCounts(0, 1)
		}},
		{"another name", []*mesospb.CommandInfo_URI{uri(plain, as("custom"))}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/custom", "data", 0o644)
			wantNo(t, box+"/test")
		}},
		{"a name in a subdirectory", []*mesospb.CommandInfo_URI{uri(plain, as("a/b/custom"))}, func(t *testing.T, s *stage, box string, err error) {
			must(t, err)
			wantFile(t, box+"/a/b/custom", "data", 0o644)
		}},
		{"an absolute name", []*mesospb.CommandInfo_URI{uri(plain, as("/a/custom"))}, func(t *testing.T, s *stage, box string, err error) {
			wantError(t, err, "is absolute")
			s.wantCounts(0, 1)
		}},
		{"a file that is not there", []*mesospb.CommandInfo_URI{uri("file://" + from + "/none")}, func(t *testing.T, s *stage, box string, err error) {
			wantError(t, err, "no such file")
			s.wantCounts(0, 1)
		}},
		{"a page that is not there", []*mesospb.CommandInfo_URI{uri(server.URL + "/none")}, func(t *testing.T, s *stage, box string, err error) {
			wantError(t, err, "Failed to fetch all URIs for container 'c1': fetch '"+server.URL+"/none': the server answered 404 Not Found")
			wantNo(t, box+"/none")
		}},
		{"a malformed URI", []*mesospb.CommandInfo_URI{uri("lala://nopath")}, func(t *testing.T, s *stage, box string, err error) {
			wantError(t, err, "no path")
			s.wantCounts(0, 1)
		}},
		{"a Hadoop URI", []*mesospb.CommandInfo_URI{uri("hdfs://node/file")}, func(t *testing.T, s *stage, box string, err error) {
			wantError(t, err, "needs a Hadoop client, which this agent has not")
		}},
		{"a directory", []*mesospb.CommandInfo_URI{uri(from)}, func(t *testing.T, s *stage, box string, err error) {
			wantError(t, err, "no regular file")
		}},
		{"a device", []*mesospb.CommandInfo_URI{uri("/dev/zero")}, func(t *testing.T, s *stage, box string, err error) {
			wantError(t, err, "no regular file")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, func(f *fetcher.Config) { f.FrameworksHome = from })
			s.t = t
			box := sandbox(t)
			c.check(t, s, box, s.bring("", box, c.uris...))
		})
	}
}

func wantError(t testing.TB, err error, what string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), what) {
		t.Errorf("got %v, want something about %q", err, what)
	}
}

// What was done is told where people look for it: in the sandbox's stderr.
func TestLog(t *testing.T) {
	s := newStage(t)
	from, box := t.TempDir(), sandbox(t)
	write(t, box+"/stderr", "before\n")
	must(t, s.bring("", box, uri(write(t, from+"/test", "data"))))
	want := "before\nFetching URI '" + from + "/test'\nFetching '" + from + "/test' directly into the sandbox\n" +
		"Fetched '" + from + "/test' to '" + box + "/test'\nSuccessfully fetched all URIs into '" + box + "'\n"
	wantFile(t, box+"/stderr", want, 0o644)
	t.Run("of a failure", func(t *testing.T) {
		box := sandbox(t)
		wantError(t, s.bring("", box, uri(from+"/none")), "no such file")
		wantFile(t, box+"/stderr", "Fetching URI '"+from+"/none'\nFailed to fetch '"+from+"/none': "+from+"/none: no such file or directory\n", 0o644)
	})
	t.Run("without a password", func(t *testing.T) {
		box := sandbox(t)
		err := s.bring("", box, uri("http://me:hidden@127.0.0.1:1/x"))
		log, _ := os.ReadFile(box + "/stderr")
		if err == nil || strings.Contains(err.Error()+string(log), "hidden") || !strings.Contains(string(log), "me:xxxxx@") {
			t.Errorf("got %v and %s", err, log)
		}
	})
}

// Nothing in the sandbox is followed when it is written to.
func TestNoLinkIsFollowed(t *testing.T) {
	s := newStage(t)
	from := write(t, t.TempDir()+"/test", "data")
	for link, change := range map[string]func(*mesospb.CommandInfo_URI){"test": as("test"), "dir": as("dir/test"), "stderr": as("other")} {
		t.Run(link, func(t *testing.T) {
			box, outside := sandbox(t), t.TempDir()
			target := map[string]string{"test": outside + "/victim", "dir": outside, "stderr": outside + "/victim"}[link]
			write(t, outside+"/victim", "untouched")
			must(t, os.Symlink(target, box+"/"+link))
			_ = s.bring("", box, uri(from, change))
			wantFile(t, outside+"/victim", "untouched", 0o644)
			if entries, _ := os.ReadDir(outside); len(entries) != 1 {
				t.Errorf("outside there are %v", entries)
			}
		})
	}
}

// As root, files are fetched as the task's user: he gets them, and gets only what he may read.
func TestUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may act as another user")
	}
	u, err := user.Lookup("nobody")
	must(t, err)
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	from := sandbox(t)
	open := write(t, from+"/open", "data")
	closed := write(t, from+"/closed", "secret")
	must(t, os.Chmod(closed, 0o600))
	write(t, from+"/hello.tar", string(tarOf(t, "d/hello", "hello", 0o4755)))
	s := newStage(t)
	own := func(t *testing.T) string {
		box := sandbox(t)
		must(t, os.Chown(box, uid, gid))
		must(t, os.Chmod(box, 0o750))
		return box
	}
	for _, how := range []func(*mesospb.CommandInfo_URI){asIs, cached} {
		box := own(t)
		must(t, s.bring("nobody", box, uri(open, how), uri(from+"/hello.tar")))
		for _, name := range []string{"open", "hello.tar", "d", "d/hello", "stderr"} {
			info, err := os.Lstat(box + "/" + name)
			must(t, err)
			if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != uid || int(st.Gid) != gid || info.Mode()&fs.ModeSetuid != 0 {
				t.Errorf("%s is of %d:%d with %v", name, st.Uid, st.Gid, info.Mode())
			}
		}
		box = own(t)
		wantError(t, s.bring("nobody", box, uri("file://"+closed, how)), "permission denied")
		wantNo(t, box+"/closed")
	}
	t.Run("who is unknown", func(t *testing.T) {
		wantError(t, s.bring("no-such-user", own(t), uri(open)), `no user "no-such-user"`)
	})
	t.Run("and the agent goes on as itself", func(t *testing.T) {
		must(t, s.bring("", sandbox(t), uri(closed)))
	})
	t.Run("also in the cache", func(t *testing.T) {
		must(t, s.bring("", sandbox(t), uri(closed, cached)))
		wantError(t, s.bring("nobody", own(t), uri(closed, cached)), "permission denied")
	})
}

// shop is a server that counts.
type shop struct {
	*httptest.Server
	asked atomic.Int64
}

func newShop(t *testing.T, serve http.HandlerFunc) *shop {
	s := &shop{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		serve(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// The second container gets its file from the cache.
func TestCacheOneAfterTheOther(t *testing.T) {
	server := newShop(t, body("data"))
	s := newStage(t)
	for i := range 3 {
		box := sandbox(t)
		must(t, s.bring("", box, uri(server.URL+"/file", cached, executable), uri(server.URL+"/file", as("d/custom"), cached)))
		wantFile(t, box+"/file", "data", 0o755)
		wantFile(t, box+"/d/custom", "data", 0o644)
		if got := server.asked.Load(); got != 1 {
			t.Errorf("after %d fetches the server was asked %d times", i+1, got)
		}
	}
	if s.metric("cache_size_used_bytes") != 4 || s.metric("cache_size_total_bytes") != 2<<30 {
		t.Errorf("%v of %v bytes are used", s.metric("cache_size_used_bytes"), s.metric("cache_size_total_bytes"))
	}
	s.wantCounts(3, 0)
	t.Run("but not without the flag", func(t *testing.T) {
		must(t, s.bring("", sandbox(t), uri(server.URL+"/file")))
		if got := server.asked.Load(); got != 2 {
			t.Errorf("asked %d times", got)
		}
	})
}

// An archive is unpacked from the cache, and is not itself in the sandbox then.
func TestCacheExtracts(t *testing.T) {
	from := t.TempDir()
	write(t, from+"/hello.tar", string(tarOf(t, "hello", "hello", 0o755)))
	s := newStage(t)
	for range 2 {
		box := sandbox(t)
		must(t, s.bring("", box, uri(from+"/hello.tar", cached)))
		wantFile(t, box+"/hello", "hello", 0o755)
		wantNo(t, box+"/hello.tar")
	}
}

// Containers that want one file at the same time share one download.
func TestCacheTogether(t *testing.T) {
	go1 := make(chan struct{})
	server := newShop(t, func(w http.ResponseWriter, r *http.Request) {
		<-go1
		body("data")(w, r)
	})
	s := newStage(t)
	const containers = 8
	var wg sync.WaitGroup
	boxes := make([]string, containers)
	for i := range boxes {
		boxes[i] = sandbox(t)
		wg.Go(func() {
			if err := s.bring("", boxes[i], uri(server.URL+"/file", cached)); err != nil {
				t.Error(err)
			}
		})
	}
	close(go1)
	wg.Wait()
	for _, box := range boxes {
		wantFile(t, box+"/file", "data", 0o644)
	}
	if got := server.asked.Load(); got != 1 {
		t.Errorf("the server was asked %d times", got)
	}
}

// Those who waited for a download that failed fetch directly, and get their file if the server has recovered.
func TestCacheFallback(t *testing.T) {
	first, waiting := make(chan struct{}), make(chan struct{})
	var n atomic.Int64
	server := newShop(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			close(first)
			<-waiting
			w.WriteHeader(500)
			return
		}
		body("data")(w, r)
	})
	s := newStage(t)
	failed := make(chan error, 1)
	go func() { failed <- s.bring("", sandbox(t), uri(server.URL+"/file", cached)) }()
	<-first
	box := sandbox(t)
	succeeded := make(chan error, 1)
	go func() { succeeded <- s.bring("", box, uri(server.URL+"/file", cached)) }()
	for log := []byte(nil); !bytes.Contains(log, []byte("Fetching URI")); log, _ = os.ReadFile(box + "/stderr") {
		if t.Context().Err() != nil {
			t.Fatal("the second fetch does not begin")
		}
	}
	close(waiting)
	wantError(t, <-failed, "500")
	must(t, <-succeeded)
	wantFile(t, box+"/file", "data", 0o644)
	s.wantCounts(1, 1)
}

// What does not fit, or whose size nobody says, is fetched directly, from the same answer.
func TestCacheWithoutRoom(t *testing.T) {
	server := newShop(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "chunked") {
			w.(http.Flusher).Flush()
		}
		body("0123456789")(w, r)
	})
	for name, c := range map[string]struct {
		path string
		size int64
		log  string
	}{
		"too large":    {"/file", 9, "10 bytes do not fit: of 9 bytes 9 are free"},
		"of no size":   {"/chunked", 1 << 20, "does not say how large"},
		"without room": {"/file", 0, "--fetcher_cache_size=0B"},
	} {
		t.Run(name, func(t *testing.T) {
			before := server.asked.Load()
			s := newStage(t, func(f *fetcher.Config) { f.FetcherCacheSize = c.size })
			box := sandbox(t)
			must(t, s.bring("", box, uri(server.URL+c.path, cached)))
			wantFile(t, box+c.path, "0123456789", 0o644)
			log, _ := os.ReadFile(box + "/stderr")
			if !strings.Contains(string(log), c.log) || server.asked.Load() != before+1 {
				t.Errorf("asked %d times; %s", server.asked.Load()-before, log)
			}
		})
	}
}

// The least recently used goes when room is needed, and comes again when it is wanted again.
func TestCacheEvicts(t *testing.T) {
	server := newShop(t, body("0123456789"))
	s := newStage(t, func(f *fetcher.Config) { f.FetcherCacheSize = 20 })
	ask := func(name string, want int64) {
		t.Helper()
		before := server.asked.Load()
		must(t, s.bring("", sandbox(t), uri(server.URL+"/"+name, cached)))
		if got := server.asked.Load() - before; got != want {
			t.Errorf("%s: asked %d times, want %d", name, got, want)
		}
	}
	ask("a", 1)
	ask("b", 1)
	ask("a", 0)
	ask("c", 1) // in place of b
	ask("a", 0)
	ask("b", 1)
	if got := s.metric("cache_size_used_bytes"); got != 20 {
		t.Errorf("%v bytes are used", got)
	}
	files := 0
	must(t, filepath.WalkDir(s.config.FetcherCacheDir, func(_ string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			files++
		}
		return err
	}))
	if files != 2 {
		t.Errorf("%d files are kept, want 2", files)
	}
}

// A file of the cache that somebody removed or changed is fetched again.
func TestCacheDamaged(t *testing.T) {
	from := write(t, t.TempDir()+"/file", "data")
	for name, damage := range map[string]func(string) error{
		"missing": os.Remove, "cut off": func(f string) error { return os.Truncate(f, 1) },
		"a link": func(f string) error { _ = os.Remove(f); return os.Symlink("/etc/passwd", f) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			must(t, s.bring("", sandbox(t), uri(from, cached)))
			kept, err := filepath.Glob(s.config.FetcherCacheDir + "/*/*")
			if err != nil || len(kept) != 1 {
				t.Fatalf("%v are kept", kept)
			}
			must(t, damage(kept[0]))
			box := sandbox(t)
			must(t, s.bring("", box, uri(from, cached)))
			wantFile(t, box+"/file", "data", 0o644)
		})
	}
}

// Nothing of before is there after a start, and what other agents keep is left alone.
func TestCacheIsEmptiedAtStart(t *testing.T) {
	from := write(t, t.TempDir()+"/file", "data")
	s := newStage(t)
	must(t, s.bring("", sandbox(t), uri(from, cached)))
	write(t, s.config.FetcherCacheDir+"/other-agent/c1", "kept")
	_, err := courier.New(s.config, "/work", metrics.New(time.Now), slog.New(slog.DiscardHandler))
	must(t, err)
	kept, _ := filepath.Glob(s.config.FetcherCacheDir + "/*/*")
	if len(kept) != 1 || !strings.HasSuffix(kept[0], "other-agent/c1") {
		t.Errorf("%v are kept", kept)
	}
	t.Run("and a directory that others write to is not used", func(t *testing.T) {
		must(t, os.Chmod(s.config.FetcherCacheDir, 0o777))
		k, err := courier.New(s.config, "/work", metrics.New(time.Now), slog.New(slog.DiscardHandler))
		must(t, err)
		s.Courier = k
		box := sandbox(t)
		must(t, s.bring("", box, uri(from, cached)))
		log, _ := os.ReadFile(box + "/stderr")
		if !strings.Contains(string(log), "others may write to it") {
			t.Errorf("got %s", log)
		}
	})
}

// Servers that stall, lie about the length, send others elsewhere for ever, or send them where no task may go.
func TestServers(t *testing.T) {
	stalled := make(chan struct{})
	defer close(stalled)
	server := newShop(t, func(w http.ResponseWriter, r *http.Request) {
		to := func(where string) { http.Redirect(w, r, where, http.StatusFound) }
		switch r.URL.Path {
		case "/stall":
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
			<-stalled
		case "/silent":
			<-stalled
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "some")
		case "/once":
			to("/file")
		case "/forever":
			to("/forever")
		case "/metadata":
			to("http://169.254.169.254/latest/meta-data/")
		case "/mapped":
			to("http://[::ffff:169.254.169.254]/latest/")
		case "/link":
			to("http://[fe80::1]/x")
		case "/nat64":
			to("http://[64:ff9b::a9fe:a9fe]/x")
		case "/local":
			to("file:///etc/passwd")
		default:
			body("data")(w, r)
		}
	})
	s := newStage(t)
	impatient := newStage(t, func(f *fetcher.Config) { f.FetcherStallTimeout = 50 * time.Millisecond })
	for path, want := range map[string]string{
		"/stall": "nothing came for 50ms", "/silent": "nothing came for 50ms", "/short": "unexpected EOF", "/forever": "more than 10 redirects",
		"/metadata": "169.254.169.254 is not fetched from", "/mapped": "is not fetched from", "/link": "is not fetched from",
		"/nat64": "is not fetched from", "/local": "redirected to a URI of the scheme \"file\"",
	} {
		for _, how := range []func(*mesospb.CommandInfo_URI){asIs, cached} {
			box, by := sandbox(t), s
			if strings.HasPrefix(want, "nothing came") {
				by = impatient
			}
			wantError(t, by.bring("", box, uri(server.URL+path, as("f"), how)), want)
			wantNo(t, box+"/f")
		}
	}
	for _, at := range []string{"169.254.169.254", "[fe80::1%25lo]", "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "[::a9fe:a9fe]", "2852039166"} {
		wantError(t, s.bring("", sandbox(t), uri("http://"+at+"/x")), "")
	}
	box := sandbox(t)
	must(t, s.bring("", box, uri(server.URL+"/once")))
	wantFile(t, box+"/once", "data", 0o644)
	secure := httptest.NewTLSServer(http.HandlerFunc(body("data")))
	defer secure.Close()
	wantError(t, s.bring("", box, uri(secure.URL+"/x")), "certificate")
}

// A fetch that is not wanted any more ends, and leaves nothing behind.
func TestCancel(t *testing.T) {
	asked, never := make(chan struct{}), make(chan struct{})
	defer close(never)
	server := newShop(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		close(asked)
		<-never
	})
	s := newStage(t)
	box := sandbox(t)
	done := make(chan error, 1)
	cancel := s.Fetch(fetcher.Request{ContainerID: "c1", Sandbox: box, URIs: []*mesospb.CommandInfo_URI{uri(server.URL + "/file")}}, func(err error) { done <- err })
	<-asked
	cancel()
	wantError(t, <-done, "given up")
	entries, err := os.ReadDir(box)
	must(t, err)
	if len(entries) != 1 || entries[0].Name() != "stderr" {
		t.Errorf("%v are there", entries)
	}
}

// A hundred containers with a small cache: every one gets its files.
func TestManyContainers(t *testing.T) {
	server := newShop(t, func(w http.ResponseWriter, r *http.Request) { body(strings.Repeat(r.URL.Path, 100))(w, r) })
	s := newStage(t, func(f *fetcher.Config) { f.FetcherCacheSize = 1000 })
	var wg sync.WaitGroup
	for i := range 100 {
		box := sandbox(t)
		wg.Go(func() {
			var all []*mesospb.CommandInfo_URI
			for j := range 3 {
				all = append(all, uri(fmt.Sprintf("%s/%d", server.URL, (i+j)%7), cached))
			}
			if err := s.bring("", box, all...); err != nil {
				t.Error(err)
			}
			for j := range 3 {
				path := fmt.Sprintf("/%d", (i+j)%7)
				if data, err := os.ReadFile(box + path); err != nil || string(data) != strings.Repeat(path, 100) {
					t.Errorf("%d bytes, %v", len(data), err)
				}
			}
		})
	}
	wg.Wait()
	s.wantCounts(100, 0)
}
