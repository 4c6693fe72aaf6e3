package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
)

// runtime stands for the processes of a node that have routes of their own.
type runtime map[string]bool

func (p runtime) Alive(id string) bool { return p[id] }

func (p runtime) ServeHTTP(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }

// echo says which route was found and what is left of the path.
func echo(name string) func(*web.Writer, *web.Request) {
	return func(w *web.Writer, r *web.Request) { w.Text(200, name+":"+r.Rest) }
}

func master(t *testing.T, edit func(*web.Config)) *web.Router {
	t.Helper()
	c := web.Config{
		Delegate: "master", Processes: runtime{"master": true, "greeter": true, "allocator": true},
		Routes: []web.Route{
			{Process: "master", Pattern: "state", Serve: echo("state")},
			{Process: "master", Pattern: "quota", Methods: []string{"GET", "POST", "DELETE"}, Realm: "rw", Leader: true, Serve: echo("quota")},
			{Process: "master", Pattern: "redirect", Exact: true, Serve: echo("redirect")},
			{Process: "master", Pattern: "api/v1", Methods: []string{"POST"}, Leader: true, Recovered: true, Serve: echo("v1")},
			{Process: "master", Pattern: "api/v1/scheduler", Serve: echo("scheduler")},
			{Process: "master", Pattern: "health", Serve: func(w *web.Writer, r *web.Request) { w.Empty(200) }},
			{Process: "version", Exact: true, Serve: echo("version")},
			{Process: "slave(1)", Pattern: "state", Serve: echo("agent")},
		},
	}
	if edit != nil {
		edit(&c)
	}
	r, err := web.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ask(t *testing.T, h http.Handler, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

// Paths find their routes as a real Mesos was seen to find them.
func TestPaths(t *testing.T) {
	r := master(t, nil)
	for path, want := range map[string]string{
		"/state": "state:", "/master/state": "state:", "/state/": "state:", "/state/a/b": "state:a/b", "//state": "state:",
		"/master//state": "state:", "/mas%74er/state": "state:", "/api/v1/scheduler": "scheduler:", "/api/v1/scheduler/x": "scheduler:x",
		"/redirect": "redirect:", "/redirect/": "redirect:", "/version": "version:", "/version/": "version:", "/slave(1)/state": "agent:",
		"/slave%281%29/state": "agent:", "/state?": "state:", "/state?=": "state:", "/state?a=b&a=c;d": "state:", "/health/x": "",
		"/%73tate": "404", "/master%2Fstate": "404", "/state/..": "404", "/..": "404", "/state%20": "404", "/redirect/x": "404",
		"/version/x": "404", "/master/version": "404", "/": "404", "/master": "404", "/master/": "404", "/api": "404", "/nosuch": "404",
		"/nosuch/state": "404", "/state.json": "404", "/Master/state": "404", "/.": "404", "/allocator/state": "418", "/greeter/x": "418",
	} {
		w := ask(t, r, "GET", path)
		got := w.Body.String()
		if w.Code != 200 {
			want := map[string]string{"404": "404 Not Found.", "418": ""}[want]
			if w.Body.String() != want {
				t.Errorf("%s: body %q", path, w.Body)
			}
			got = map[int]string{404: "404", 418: "418"}[w.Code]
		}
		if got != want {
			t.Errorf("%s: got %q (%d), want %q", path, got, w.Code, want)
		}
	}
}

// What comes first decides: authentication, leadership, recovery, the method.
func TestOrderOfChecks(t *testing.T) {
	var now web.Leadership
	allow := false
	r := master(t, func(c *web.Config) {
		c.Leadership = func() web.Leadership { return now }
		c.Authenticator = func(realm string) process.Authenticator {
			if realm != "rw" {
				return nil
			}
			return func(*http.Request) (process.Principal, *process.Response) {
				if allow {
					return process.Principal{Name: "ops"}, nil
				}
				return process.Principal{}, &process.Response{Status: 401, Header: http.Header{"Www-Authenticate": {"Basic realm=\"a\"", "Bearer realm=\"a\""}}}
			}
		}
	})
	expect := func(method, path string, code int, body string, header ...string) {
		t.Helper()
		w := ask(t, r, method, path)
		if w.Code != code || w.Body.String() != body {
			t.Errorf("%s %s: got %d %q, want %d %q", method, path, w.Code, w.Body, code, body)
		}
		for i := 0; i < len(header); i += 2 {
			if got := w.Header()[header[i]]; len(got) != 1 || got[0] != header[i+1] {
				t.Errorf("%s %s: %s is %q, want %q", method, path, header[i], got, header[i+1])
			}
		}
	}
	expect("PUT", "/quota", 401, "401 Unauthorized.", "Www-Authenticate", `Basic realm="a", Bearer realm="a"`)
	allow = true
	expect("PUT", "/quota", 503, "No leader elected")
	now.Leader = "m2.example:5050"
	expect("PUT", "/quota/a?x=y", 307, "", "Location", "//m2.example:5050/master/quota/a?x=y", "Content-Length", "0")
	expect("GET", "/master/api/v1", 307, "", "Location", "//m2.example:5050/master/api/v1")
	expect("GET", "/state", 200, "state:")
	now = web.Leadership{Leading: true}
	expect("PUT", "/quota", 405, "405 Method Not Allowed. Expecting one of { 'GET', 'POST', 'DELETE' }, but received 'PUT'.", "Allow", "GET, POST, DELETE")
	expect("GET", "/api/v1", 503, "Master has not finished recovery")
	now.Recovered = true
	expect("GET", "/api/v1", 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.", "Allow", "POST")
	expect("POST", "/api/v1", 200, "v1:", "Content-Type", "text/plain; charset=utf-8")
	if w := ask(t, r, "GET", "/state"); len(w.Header()[web.ElectionHeader]) != 0 {
		t.Errorf("while nothing is wrong with the election: %v", w.Header())
	}
	now.Trouble = "out of reach"
	expect("GET", "/state", 200, "state:", web.ElectionHeader, "out of reach")
}

// A firewall closes paths as they are after the delegate rule.
func TestFirewall(t *testing.T) {
	r := master(t, func(c *web.Config) { c.Firewall = func(path string) bool { return path == "/master/state" } })
	for path, want := range map[string]string{"/state": "Endpoint '/master/state' is disabled", "/master/state": "Endpoint '/master/state' is disabled",
		"//state/": "Endpoint '/master/state' is disabled", "/mas%74er/state/x": "Endpoint '/master/state/x' is disabled", "/version": "version:"} {
		if got := ask(t, r, "GET", path).Body.String(); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// What libprocess' decoder cannot read ends the connection without an answer.
func TestUndecodable(t *testing.T) {
	s := httptest.NewServer(master(t, nil))
	defer s.Close()
	for _, c := range []struct{ method, path string }{{"BREW", "/state"}, {"GET", "/state?%zz=1"}, {"GET", "/state?a=%"}, {"get", "/state"}} {
		req, err := http.NewRequestWithContext(context.Background(), c.method, s.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = "//" + strings.TrimPrefix(s.URL, "http://") + c.path
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("%s %s: answered %d", c.method, c.path, resp.StatusCode)
		}
	}
}

// Two routes of one path are a mistake that is found at the start.
func TestTwiceTheSameRoute(t *testing.T) {
	same := web.Route{Process: "master", Pattern: "state", Serve: echo("state")}
	if _, err := web.New(web.Config{Routes: []web.Route{same, same}}); err == nil || !strings.Contains(err.Error(), "/master/state") {
		t.Errorf("got %v", err)
	}
}
