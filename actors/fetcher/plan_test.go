package fetcher_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/actors/fetcher/archive"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

type uris = []*mesospb.CommandInfo_URI

func uri(value string) *mesospb.CommandInfo_URI {
	return &mesospb.CommandInfo_URI{Value: proto.String(value)}
}

func TestPlan(t *testing.T) {
	out := func(value, name string) *mesospb.CommandInfo_URI {
		u := uri(value)
		u.OutputFile = proto.String(name)
		return u
	}
	for _, c := range []struct {
		name string
		uri  *mesospb.CommandInfo_URI
		want fetcher.Item // Path, Output, Archive, Shown
	}{
		{"a file", uri("file:///a/b.txt"), fetcher.Item{Path: "/a/b.txt", Output: "b.txt", Shown: "file:///a/b.txt"}},
		{"a file of this host", uri("file://localhost/a/b"), fetcher.Item{Path: "/a/b", Output: "b", Shown: "file://localhost/a/b"}},
		{"an absolute path", uri("/a/../b"), fetcher.Item{Path: "/b", Output: "b", Shown: "/a/../b"}},
		{"a relative path", uri("a/b"), fetcher.Item{Path: "/home/a/b", Output: "b", Shown: "a/b"}},
		{"a server", uri("http://h:80/x/y.tgz"), fetcher.Item{Output: "y.tgz", Archive: archive.TarGz, Shown: "http://h:80/x/y.tgz"}},
		{"blanks around it", uri(" \t http://h/x \n"), fetcher.Item{Output: "x", Shown: "http://h/x"}},
		{"a password", uri("https://me:secret@h/x?a@b"), fetcher.Item{Output: "x?a@b", Shown: "https://me:xxxxx@h/x?a@b"}},
		{"another name", out("http://h/x.tar", "d/e/y"), fetcher.Item{Output: "d/e/y", Shown: "http://h/x.tar"}},
		{"another name that says how it is packed", out("http://h/x", "y.tar.xz"), fetcher.Item{Output: "y.tar.xz", Archive: archive.TarXz, Shown: "http://h/x"}},
		{"a name with a dot", out("http://h/x", "./y"), fetcher.Item{Output: "y", Shown: "http://h/x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			items, err := fetcher.Plan(uris{c.uri}, "/home")
			if err != nil {
				t.Fatal(err)
			}
			got := items[0]
			if got.Path != c.want.Path || got.Output != c.want.Output || got.Archive != c.want.Archive || got.Shown != c.want.Shown || (got.URL == nil) == (got.Path == "") {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	t.Run("what is executable is not unpacked", func(t *testing.T) {
		u := uri("http://h/x.zip")
		u.Executable = proto.Bool(true)
		items, err := fetcher.Plan(uris{u}, "")
		if err != nil || items[0].Archive != archive.None || !items[0].Executable {
			t.Errorf("got %+v, %v", items, err)
		}
	})
	t.Run("unless it is not to be", func(t *testing.T) {
		u := uri("http://h/x.zip")
		u.Extract = proto.Bool(false)
		items, err := fetcher.Plan(uris{u}, "")
		if err != nil || items[0].Archive != archive.None {
			t.Errorf("got %+v, %v", items, err)
		}
	})
	for value, want := range map[string]string{
		"": "empty", "  ": "empty", "lala://nopath": "no path", "http://host": "no path", "http://host/": "no path", "http:///x": "no host",
		"http://h/x/": "no name", "/a/": "no name", "file://a/b": "absolute path", "a/b": "--frameworks_home", "hdfs://n/a/b": "needs a Hadoop client",
		"s3://bucket/key": "needs a Hadoop client", "ftp://h/x": "not supported", "gopher://h/x": `scheme "gopher" is unknown`,
		"http://h/a\\b": "backslash", "http://h/a'b": "quote", "http://h/a\x00b": "zero byte", "http://[::1/x": "cannot be read",
		"http://h/%zz": "cannot be read", "file:///..": "leads out", "http://h/..": "leads out", "http://u:hidden@h:x/y": "cannot be read",
	} {
		_, err := fetcher.Plan(uris{uri(value)}, "")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "fetch '") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: got %v, want something about %q", value, err, want)
		}
	}
	for name, want := range map[string]string{"/etc/x": "absolute", "../x": "leads out", "a/../../x": "leads out", "a/..": "leads out", "a/": "directory",
		".": "sandbox itself", "a\x00b": "zero byte", "a'b": "quote", strings.Repeat("a", 5000): "too long"} {
		if _, err := fetcher.Plan(uris{out("http://h/x", name)}, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("output_file %q: got %v, want something about %q", name, err, want)
		}
	}
}

// FuzzPlan: what is admitted has a name inside the sandbox and one source, and a password is never shown.
func FuzzPlan(f *testing.F) {
	for _, seed := range [][2]string{{"http://h/x", ""}, {"file:///a", "b/c"}, {" /a", "../x"}, {"https://u:p@h/x", "/etc"}, {"hdfs://x/y", "."}, {"a", "a//b"}, {"http://@:@/", "\x00"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, value, output string) {
		u := uri(value)
		if output != "" {
			u.OutputFile = proto.String(output)
		}
		items, err := fetcher.Plan(uris{u}, "/home")
		if err != nil {
			return
		}
		i := items[0]
		if i.Output == "" || i.Output == "." || strings.HasPrefix(i.Output, "/") || i.Output == ".." || strings.HasPrefix(i.Output, "../") || strings.Contains("/"+i.Output+"/", "/../") {
			t.Fatalf("%q is written to %q", value, i.Output)
		}
		if (i.URL == nil) == (i.Path == "") || i.Path != "" && !strings.HasPrefix(i.Path, "/") {
			t.Fatalf("%q comes from %v and %q", value, i.URL, i.Path)
		}
		if i.URL != nil {
			if secret, has := i.URL.User.Password(); has && len(secret) > 6 && !strings.Contains(i.URL.User.Username(), secret) &&
				strings.Contains(i.Shown[:strings.Index(i.Shown, "@")], secret) {
				t.Fatalf("%q is shown as %q", value, i.Shown)
			}
		}
	})
}
