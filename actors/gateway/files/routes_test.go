package files_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/gateway/files"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/credentials"
)

// serve is a server with a service's routes.
func serve(t *testing.T, s *files.Service, a authorization.Authorizer, change ...func(*web.Config)) *httptest.Server {
	t.Helper()
	c := web.Config{Routes: files.Routes(s, "readonly", a), Delegate: "master"}
	for _, f := range change {
		f(&c)
	}
	router, err := web.New(c)
	must(t, err)
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	return server
}

type answer struct {
	status int
	header http.Header
	body   string
}

func get(t *testing.T, server *httptest.Server, path string, user ...string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
	must(t, err)
	if len(user) > 0 {
		req.SetBasicAuth(user[0], user[0])
	}
	resp, err := server.Client().Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	if got := resp.Header.Get("X-Content-Type-Options"); resp.StatusCode == 200 && got != "nosniff" {
		t.Errorf("%s: X-Content-Type-Options is %q", path, got)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// The answers of a real Mesos, to the letter.
func TestAnswers(t *testing.T) {
	dir, s := box(t)
	write(t, dir+"/box/data.txt", "0123456789\n")
	must(t, os.Symlink("data.txt", dir+"/box/link"))
	must(t, os.Mkdir(dir+"/box/d", 0o755))
	server := serve(t, s, nil)
	for path, want := range map[string]answer{
		"/files/read?path=/box/data.txt&offset=0":                        {200, nil, `{"data":"0123456789\n","offset":0}`},
		"/files/read?path=/box/link&offset=4&length=100":                 {200, nil, `{"data":"456789\n","offset":4}`},
		"/files/read?path=/box/data.txt&offset=500":                      {200, nil, `{"data":"","offset":500}`},
		"/files/read?path=/box/data.txt":                                 {200, nil, `{"data":"","offset":11}`},
		"/files/read?path=/box/data.txt&offset=-1":                       {200, nil, `{"data":"","offset":11}`},
		"/files/read?path=/box/data.txt&offset=0&length=-1":              {200, nil, `{"data":"0123456789\n","offset":0}`},
		"/files/read?path=/box/data.txt&offset=0&length=0":               {200, nil, `{"data":"","offset":0}`},
		"/files/read?path=/box/data.txt&offset=0&jsonp=cb":               {200, nil, `cb({"data":"0123456789\n","offset":0})`},
		"/files/read?path=/box/data.txt&offset=-2":                       {400, nil, "Negative offset provided: -2.\n"},
		"/files/read?path=/box/data.txt&offset=0&length=-2":              {400, nil, "Negative length provided: -2.\n"},
		"/files/read?path=/box/data.txt&length=x":                        {400, nil, "Failed to parse length: Failed to convert 'x' to number.\n"},
		"/files/read?path=/box":                                          {400, nil, "Cannot read a directory.\n"},
		"/files/read?path=/box/nosuch":                                   {404, nil, ""},
		"/files/read":                                                    {400, nil, "Expecting 'path=value' in query.\n"},
		"/files/browse?path=/box/d":                                      {200, nil, "[]"},
		"/files/browse?path=/box/data.txt":                               {200, nil, "[]"},
		"/files/browse?path=":                                            {400, nil, "Expecting 'path=value' in query.\n"},
		"/files/browse?path=/box/..":                                     {400, nil, "'/box/..' is inaccessible.\n"},
		"/files/browse?path=/box/%2e%2e/outside":                         {400, nil, "'/box/../outside' is inaccessible.\n"},
		"/files/browse?path=/etc":                                        {404, nil, ""},
		"/files/download?path=/box":                                      {400, nil, "Cannot download a directory.\n"},
		"/files/download?path=/box/nosuch":                               {404, nil, "404 Not Found."},
		"/files/download?path=/box/link":                                 {200, nil, "0123456789\n"},
		"/files/download":                                                {400, nil, "Expecting 'path=value' in query.\n"},
		"/files/browse.json?path=/box":                                   {404, nil, "404 Not Found."},
		"/files/debug":                                                   {200, nil, fmt.Sprintf(`{"/box":"%s/box"}`, dir)},
		"/files/debug?jsonp=cb":                                          {200, nil, fmt.Sprintf(`cb({"/box":"%s/box"})`, dir)},
		"/files/browse?path=/box&jsonp=" + url.QueryEscape("alert(1)//"): {400, nil, "Expecting 'jsonp' to be the name of a function"},
	} {
		got := get(t, server, path)
		if got.status != want.status || got.body != want.body {
			t.Errorf("%s: got %d %q, want %d %q", path, got.status, got.body, want.status, want.body)
		}
		kind := map[bool]string{true: "application/json", false: "text/plain; charset=utf-8"}[want.status == 200]
		switch {
		case strings.Contains(path, "download") && want.status == 200:
			kind = "text/plain"
		case strings.Contains(path, "jsonp=cb"):
			kind = "text/javascript"
		}
		if got := got.header.Get("Content-Type"); got != kind {
			t.Errorf("%s: Content-Type %q, want %q", path, got, kind)
		}
	}
}

func TestBrowseOverHTTP(t *testing.T) {
	dir, s := box(t)
	write(t, dir+"/box/b", "12345")
	must(t, os.Chmod(dir+"/box/b", 0o755|os.ModeSetuid))
	got := get(t, serve(t, s, nil), "/files/browse?path=/box/")
	var listed []map[string]any
	must(t, json.Unmarshal([]byte(got.body), &listed))
	if len(listed) != 2 {
		t.Fatalf("got %s", got.body)
	}
	b := listed[0]
	if b["path"] != "/box/b" || b["mode"] != "-rwsr-xr-x" || b["size"] != 5.0 || b["nlink"] != 1.0 || listed[1]["mode"] != "drwxr-xr-x" {
		t.Errorf("got %s", got.body)
	}
	if !strings.HasPrefix(got.body, `[{"gid":"`) || !strings.Contains(got.body, `.0,"nlink":1,"path":"/box/b","size":5,"uid":"`) {
		t.Errorf("keys or numbers are not as in Mesos: %s", got.body)
	}
}

// A name that a task chose cannot add a header, whatever is in it.
func TestDownloadNames(t *testing.T) {
	dir, s := box(t)
	server := serve(t, s, nil)
	for name, want := range map[string]string{
		"plain.txt":                       "attachment; filename=plain.txt",
		"two words":                       `attachment; filename="two words"`,
		"a\"b;c":                          `attachment; filename="a\"b;c"`,
		"x\r\nSet-Cookie: stolen=1\r\n\r": "attachment; filename*=utf-8''x%0D%0ASet-Cookie%3A%20stolen%3D1%0D%0A%0D",
		"ümlaut":                          "attachment; filename*=utf-8''%C3%BCmlaut",
		"\xff\xfe":                        "attachment; filename=_",
	} {
		write(t, dir+"/box/"+name, "body")
		got := get(t, server, "/files/download?path="+url.QueryEscape("/box/"+name))
		if d := got.header.Get("Content-Disposition"); got.status != 200 || got.body != "body" || d != want || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%q: got %d %q %v, want %q", name, got.status, got.body, got.header, want)
		}
	}
	if got := get(t, server, "/files/download?path=/box/plain.txt").header.Get("Content-Security-Policy"); got != "sandbox" {
		t.Errorf("Content-Security-Policy is %q", got)
	}
}

// A download larger than a buffer, and one whose file shrinks meanwhile, which must not look whole.
func TestLargeDownload(t *testing.T) {
	dir, s := box(t)
	big := strings.Repeat("0123456789abcdef", 400_000)
	write(t, dir+"/box/big", big)
	server := serve(t, s, nil)
	if got := get(t, server, "/files/download?path=/box/big"); got.status != 200 || got.body != big || got.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("got %d, %d bytes, %v", got.status, len(got.body), got.header)
	}
	resp, err := server.Client().Get(server.URL + "/files/download?path=/box/big")
	must(t, err)
	defer resp.Body.Close()
	one := make([]byte, 1)
	_, err = io.ReadFull(resp.Body, one)
	must(t, err)
	must(t, os.Truncate(dir+"/box/big", 10))
	if n, err := io.Copy(io.Discard, resp.Body); err == nil && n+1 != int64(len(big)) {
		t.Errorf("a file that shrank looks whole after %d bytes", n+1)
	}
}

// What is not UTF-8 is passed on as it is: whoever follows a file counts the bytes.
func TestBytesAreKept(t *testing.T) {
	dir, s := box(t)
	write(t, dir+"/box/bytes", "a\xff\"\x01é\xc3")
	got := get(t, serve(t, s, nil), "/files/read?path=/box/bytes&offset=0")
	if want := "{\"data\":\"a\xff\\\"\\u0001é\xc3\",\"offset\":0}"; got.body != want {
		t.Errorf("got %q, want %q", got.body, want)
	}
}

// The query's own encoding is taken off once, and names may have anything in them.
func TestEncodedNames(t *testing.T) {
	dir, s := box(t)
	for _, name := range []string{"a%20b", "a b", "a+b", "%2e%2e", "a&b=c", "ü"} {
		write(t, dir+"/box/"+name, name)
		got := get(t, serve(t, s, nil), "/files/read?offset=0&path="+url.QueryEscape("/box/"+name))
		var read struct{ Data string }
		must(t, json.Unmarshal([]byte(got.body), &read))
		if read.Data != name {
			t.Errorf("%q: got %q", name, got.body)
		}
	}
}

// Every door asks who is there; what is not allowed is 403 with the body that Mesos has, also in /files/debug.
func TestAuthentication(t *testing.T) {
	dir, s := box(t)
	write(t, dir+"/log", "secret log")
	acls, err := authorization.Parse([]byte(`{"access_mesos_logs": [{"principals": {"values": ["guest"]}, "logs": {"type": "NONE"}}],
		"get_endpoints": [{"principals": {"values": ["guest"]}, "paths": {"type": "NONE"}}]}`))
	must(t, err)
	must(t, s.Attach(dir+"/log", "/master/log", func(who authorization.Subject) bool {
		return authorization.Approves(acls, who, authorization.AccessMesosLog, authorization.Object{})
	}))
	known, err := credentials.Parse([]byte("ops ops\nguest guest"))
	must(t, err)
	guard := authn.Basic("readonly", known)
	server := serve(t, s, acls, func(c *web.Config) {
		c.Authenticator = func(realm string) process.Authenticator {
			if realm == "readonly" {
				return guard
			}
			return nil
		}
	})
	for path, forbidden := range map[string]string{"/files/browse?path=/master/log": "", "/files/read?path=/master/log": "",
		"/files/download?path=/master/log": "403 Forbidden.", "/files/debug": "403 Forbidden."} {
		if got := get(t, server, path); got.status != 401 {
			t.Errorf("%s without a name: %d", path, got.status)
		}
		if got := get(t, server, path, "ops"); got.status != 200 {
			t.Errorf("%s as ops: %d", path, got.status)
		}
		if got := get(t, server, path, "guest"); got.status != 403 || got.body != forbidden {
			t.Errorf("%s as guest: %d %q", path, got.status, got.body)
		}
	}
}
