package process_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/messages/credentials"
)

// site is a runtime behind a real HTTP server.
type site struct {
	*process.Runtime
	t   *testing.T
	url string
}

func newSite(t *testing.T, c process.HTTPConfig) *site {
	t.Helper()
	r := runtimeFor(t, process.Config{HTTP: c})
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return &site{r, t, s.URL}
}

// route spawns a process with one route.
func (s *site) route(id, pattern, realm string, h func(*process.Request) process.Future[process.Response]) process.Ref[*actor] {
	s.t.Helper()
	ref := spawn(s.t, s.Runtime, id, &actor{init: func(b *process.Base) { b.Route(pattern, realm, h) }})
	settle(s.t, ref)
	return ref
}

func (s *site) do(req *http.Request) (*http.Response, string) {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(body)
}

func (s *site) request(method, path string, body io.Reader) *http.Request {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return req
}

func (s *site) get(path string) (*http.Response, string) {
	s.t.Helper()
	return s.do(s.request(http.MethodGet, path, nil))
}

func text(body string) process.Future[process.Response] {
	return process.Ready(process.Response{Body: []byte(body)})
}

func TestHTTP(t *testing.T) {
	t.Run("a route is found by its process and the longest pattern", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		spawn(t, s.Runtime, "a", &actor{init: func(b *process.Base) {
			for _, pattern := range []string{"", "/x", "x/y", "/z/"} {
				b.Route(pattern, "", func(r *process.Request) process.Future[process.Response] {
					return text("[" + pattern + "] " + r.Path)
				})
			}
		}})
		for path, want := range map[string]string{
			"/a": "[] ", "/a/": "[] ", "/a/other": "[] other", "/a/x": "[/x] ", "/a/x/": "[/x] ", "/a/x/1/2": "[/x] 1/2",
			"/a/x/y": "[x/y] ", "/a/x/y/z": "[x/y] z", "/a/xy": "[] xy", "/a/z": "[/z/] ",
		} {
			if resp, got := s.get(path); resp.StatusCode != 200 || got != want {
				t.Errorf("%s: %d %q, want %q", path, resp.StatusCode, got, want)
			}
		}
		for _, path := range []string{"/", "/b", "/b/x"} {
			if resp, _ := s.get(path); resp.StatusCode != 404 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
	})

	t.Run("a process without a route for the path is not found", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		s.route("a", "x", "", func(*process.Request) process.Future[process.Response] { return text("x") })
		for _, path := range []string{"/a", "/a/y"} {
			if resp, _ := s.get(path); resp.StatusCode != 404 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
	})

	t.Run("method, query, headers and body reach the process, status, headers and body the client", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		s.route("a", "x", "", func(r *process.Request) process.Future[process.Response] {
			return process.Ready(process.Response{
				Status: http.StatusAccepted,
				Header: http.Header{"X-Answer": {r.Header.Get("X-Question")}},
				Body:   []byte(r.Method + " " + r.URL.Query().Get("q") + " " + string(r.Body)),
			})
		})
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			req := s.request(method, "/a/x?q=a%20b%2Bc", strings.NewReader("body"))
			req.Header.Set("x-question", "why")
			resp, got := s.do(req)
			if resp.StatusCode != 202 || resp.Header.Get("X-Answer") != "why" || got != method+" a b+c body" {
				t.Errorf("%d %v %q", resp.StatusCode, resp.Header, got)
			}
		}
		if resp, got := s.do(s.request(http.MethodHead, "/a/x", nil)); resp.StatusCode != 202 || got != "" {
			t.Errorf("HEAD: %d %q", resp.StatusCode, got)
		}
	})

	t.Run("percent-encoded paths are decoded once", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		s.route("a(42)", "x y", "", func(r *process.Request) process.Future[process.Response] { return text(r.Path) })
		if resp, got := s.get("/a%2842%29/x%20y/%2541"); resp.StatusCode != 200 || got != "%41" {
			t.Errorf("%d %q", resp.StatusCode, got)
		}
		if resp, _ := s.get("/a%2842%29/x%2520y"); resp.StatusCode != 404 {
			t.Errorf("%d", resp.StatusCode)
		}
	})

	t.Run("the delegate answers for what is nobody's", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{Delegate: "master"})
		s.route("master", "state", "", func(*process.Request) process.Future[process.Response] { return text("state") })
		s.route("state2", "", "", func(*process.Request) process.Future[process.Response] { return text("its own") })
		for path, want := range map[string]string{"/master/state": "state", "/state": "state", "/state2": "its own"} {
			if _, got := s.get(path); got != want {
				t.Errorf("%s: %q", path, got)
			}
		}
		if resp, _ := s.get("/nothing"); resp.StatusCode != 404 {
			t.Errorf("%d", resp.StatusCode)
		}
	})

	t.Run("an answer may come later, and in pieces", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		p, fut := process.NewPromise[process.Response](nil)
		s.route("a", "", "", func(*process.Request) process.Future[process.Response] { return fut })
		stream := make(chan []byte)
		p.Complete(process.Response{Body: []byte("begin "), Stream: stream}, nil)
		go func() {
			for _, piece := range []string{"one ", "two ", "end"} {
				stream <- []byte(piece)
			}
			close(stream)
		}()
		if _, got := s.get("/a"); got != "begin one two end" {
			t.Errorf("%q", got)
		}
	})

	t.Run("each piece is sent at once", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		stream := make(chan []byte)
		s.route("a", "", "", func(*process.Request) process.Future[process.Response] {
			return process.Ready(process.Response{Stream: stream})
		})
		resp, err := http.Get(s.url + "/a")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		for range 3 {
			stream <- []byte("piece")
			got := make([]byte, 5)
			if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != "piece" {
				t.Fatalf("%q, %v", got, err)
			}
		}
		close(stream)
		if rest, err := io.ReadAll(resp.Body); len(rest) != 0 || err != nil {
			t.Errorf("%q, %v", rest, err)
		}
	})

	t.Run("a stream that fails is not taken for the whole", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		stream := make(chan []byte, 1)
		stream <- []byte("half")
		close(stream)
		s.route("a", "", "", func(*process.Request) process.Future[process.Response] {
			return process.Ready(process.Response{Stream: stream, Broken: func() error { return errBoom }})
		})
		resp, err := http.Get(s.url + "/a")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if got, err := io.ReadAll(resp.Body); string(got) != "half" || err == nil {
			t.Errorf("%q, %v", got, err)
		}
	})

	t.Run("a client that goes away ends its request", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		p, fut := process.NewPromise[process.Response](nil)
		discarded, asked := make(chan struct{}), make(chan struct{})
		p.OnDiscard(func() { close(discarded) })
		s.route("a", "", "", func(*process.Request) process.Future[process.Response] { close(asked); return fut })
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-asked; cancel() }()
		if _, err := http.DefaultClient.Do(s.request(http.MethodGet, "/a", nil).WithContext(ctx)); err == nil {
			t.Error("answered")
		}
		receive(t, discarded)
	})

	t.Run("a client that goes away ends its stream", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		gone := make(chan struct{})
		stream := make(chan []byte)
		s.route("a", "", "", func(r *process.Request) process.Future[process.Response] {
			context.AfterFunc(r.Context(), func() { close(gone) })
			return process.Ready(process.Response{Stream: stream})
		})
		resp, err := http.Get(s.url + "/a")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		receive(t, gone)
	})

	t.Run("a failure is 500, an ended or discarded one 503", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		discarded := func() process.Future[process.Response] {
			_, fut := process.NewPromise[process.Response](nil)
			fut.Discard()
			return fut
		}
		for path, fut := range map[string]process.Future[process.Response]{
			"500": process.Failed[process.Response](errBoom), "503": process.Failed[process.Response](process.ErrGone), "503b": discarded(),
		} {
			s.route(path, "", "", func(*process.Request) process.Future[process.Response] { return fut })
			if resp, _ := s.get("/" + path); resp.Status[:3] != path[:3] {
				t.Errorf("%s: %s", path, resp.Status)
			}
		}
	})

	t.Run("a process that ends answers nothing any more", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		gate, asked := make(chan struct{}), make(chan struct{}, 1)
		ref := s.route("a", "", "", func(*process.Request) process.Future[process.Response] {
			_, never := process.NewPromise[process.Response](nil)
			return never
		})
		process.Dispatch(ref, func(*actor) { asked <- struct{}{}; <-gate })
		receive(t, asked)
		status := make(chan int)
		go func() {
			resp, err := http.Get(s.url + "/a")
			if err != nil {
				status <- 0
				return
			}
			_ = resp.Body.Close()
			status <- resp.StatusCode
		}()
		other := spawn(t, s.Runtime, "other", &actor{})
		for queuedAt(s.Runtime, "a") == 0 {
			settle(t, other) // lets time pass
		}
		process.Terminate(ref, true)
		close(gate)
		if got := receive(t, status); got != 503 {
			t.Errorf("queued: %d", got)
		}
		wait(t, ref)
		if resp, _ := s.get("/a"); resp.StatusCode != 404 {
			t.Errorf("ended: %d", resp.StatusCode)
		}
	})

	t.Run("a body that is too long is 413, an inbox that is full 503", func(t *testing.T) {
		r := runtimeFor(t, process.Config{Inbox: process.Limits{Msgs: 2}, HTTP: process.HTTPConfig{MaxBody: 100}})
		server := httptest.NewServer(r)
		defer server.Close()
		s := &site{r, t, server.URL}
		ref := s.route("a", "", "", func(r *process.Request) process.Future[process.Response] { return text(string(r.Body)) })
		if resp, _ := s.do(s.request("POST", "/a", strings.NewReader(strings.Repeat("x", 101)))); resp.StatusCode != 413 {
			t.Errorf("%d", resp.StatusCode)
		}
		if resp, _ := s.do(s.request("POST", "/a", strings.NewReader(strings.Repeat("x", 100)))); resp.StatusCode != 200 {
			t.Errorf("%d", resp.StatusCode)
		}
		gate, busy := make(chan struct{}), make(chan struct{}, 1)
		process.Dispatch(ref, func(*actor) { busy <- struct{}{}; <-gate })
		receive(t, busy)
		statuses := make(chan int, 5)
		for range 5 {
			go func() {
				resp, err := http.Get(s.url + "/a")
				if err != nil {
					statuses <- 0
					return
				}
				_ = resp.Body.Close()
				statuses <- resp.StatusCode
			}()
		}
		for range 3 {
			if got := receive(t, statuses); got != 503 {
				t.Errorf("%d", got)
			}
		}
		close(gate)
		for range 2 {
			if got := receive(t, statuses); got != 200 {
				t.Errorf("%d", got)
			}
		}
	})

	t.Run("long answers are packed for those who take it", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		long := strings.Repeat("long ", 1000)
		s.route("long", "", "", func(*process.Request) process.Future[process.Response] { return text(long) })
		s.route("short", "", "", func(*process.Request) process.Future[process.Response] { return text("short") })
		for _, c := range []struct {
			path, accept string
			packed       bool
		}{
			{"/long", "gzip", true}, {"/long", "deflate, gzip;q=0.5", true}, {"/long", "*", true}, {"/long", "GZIP", true},
			{"/long", "gzip;q=0", false}, {"/long", "identity", false}, {"/long", "*;q=0", false}, {"/long", "gzip;q=0, *", false},
			{"/long", "gzip;q=x", false}, {"/long", "compress", false}, {"/short", "gzip", false},
		} {
			req := s.request("GET", c.path, nil)
			req.Header.Set("Accept-Encoding", c.accept)
			resp, body := s.do(req)
			if packed := resp.Header.Get("Content-Encoding") == "gzip"; packed != c.packed {
				t.Errorf("%s, %q: packed %v", c.path, c.accept, packed)
			} else if packed {
				r, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if plain, err := io.ReadAll(r); string(plain) != long || err != nil {
					t.Errorf("%d bytes, %v", len(plain), err)
				}
			}
		}
	})

	t.Run("packed bodies are unpacked, and a bomb is refused", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{MaxBody: 10_000})
		s.route("a", "", "", func(r *process.Request) process.Future[process.Response] { return text(string(r.Body)) })
		pack := func(body string) *bytes.Buffer {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			_, _ = io.WriteString(w, body)
			_ = w.Close()
			return &b
		}
		for _, c := range []struct {
			name   string
			body   *bytes.Buffer
			status int
		}{
			{"honest", pack("hello"), 200}, {"bomb", pack(strings.Repeat("0", 1<<20)), 413}, {"garbage", bytes.NewBufferString("garbage"), 400},
		} {
			req := s.request("POST", "/a", c.body)
			req.Header.Set("Content-Encoding", "gzip")
			if resp, got := s.do(req); resp.StatusCode != c.status || c.status == 200 && got != "hello" {
				t.Errorf("%s: %d %q", c.name, resp.StatusCode, got)
			}
		}
	})

	t.Run("many requests on one connection are answered in order", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		s.route("a", "", "", func(r *process.Request) process.Future[process.Response] { return text(r.Path) })
		for i := range 50 {
			path := "/a/" + strings.Repeat("x", i)
			if _, got := s.get(path); got != path[3:] {
				t.Errorf("%q", got)
			}
		}
	})

	t.Run("a firewall refuses paths before anybody is asked", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{Firewall: func(r *http.Request) *process.Response {
			if strings.HasPrefix(r.URL.Path, "/a/secret") {
				return &process.Response{Status: http.StatusForbidden}
			}
			return nil
		}})
		s.route("a", "", "", func(r *process.Request) process.Future[process.Response] { return text(r.Path) })
		for path, want := range map[string]int{"/a": 200, "/a/secret": 403, "/a/secret/1": 403, "/a/other": 200} {
			if resp, _ := s.get(path); resp.StatusCode != want {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
	})

	t.Run("every process is listed, also one that is stuck", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{})
		gate, busy := make(chan struct{}), make(chan struct{})
		stuck := spawn(t, s.Runtime, "stuck", &actor{})
		spawn(t, s.Runtime, "other", &actor{})
		process.Dispatch(stuck, func(*actor) { close(busy); <-gate })
		receive(t, busy)
		process.Dispatch(stuck, func(*actor) {})
		_, body := s.get("/__processes__")
		var got []struct {
			ID     string
			Queued int
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got) != 2 || got[0].ID != "stuck" || got[0].Queued != 1 || got[1].ID != "other" {
			t.Errorf("%s, %v", body, err)
		}
		close(gate)
	})
}

func queuedAt(r *process.Runtime, id string) int {
	for _, p := range r.Processes() {
		if p.UPID.ID == id {
			return p.Queued
		}
	}
	return 0
}

func known(lines string) credentials.Credentials {
	c, err := credentials.Parse([]byte(lines))
	if err != nil {
		panic(err)
	}
	return c
}

func TestHTTPAuthentication(t *testing.T) {
	s := newSite(t, process.HTTPConfig{Realms: map[string]process.Authenticator{
		"realm":  authn.Basic("realm", known("user password")),
		"broken": func(*http.Request) (process.Principal, *process.Response) { return process.Principal{}, nil },
		"closed": func(*http.Request) (process.Principal, *process.Response) {
			return process.Principal{}, &process.Response{Status: http.StatusForbidden}
		},
	}})
	asked := 0
	spawn(t, s.Runtime, "a", &actor{init: func(b *process.Base) {
		for pattern, realm := range map[string]string{"open": "", "unconfigured": "other", "guarded": "realm", "closed": "closed", "broken": "broken"} {
			b.Route(pattern, realm, func(r *process.Request) process.Future[process.Response] {
				asked++
				return text("hello " + r.Principal.Name)
			})
		}
	}})

	t.Run("who proves who they are gets in, under their name", func(t *testing.T) {
		req := s.request("GET", "/a/guarded", nil)
		req.SetBasicAuth("user", "password")
		if resp, got := s.do(req); resp.StatusCode != 200 || got != "hello user" {
			t.Errorf("%d %q", resp.StatusCode, got)
		}
	})

	t.Run("who does not is told how, and the process hears nothing", func(t *testing.T) {
		before := asked
		for _, password := range []string{"", "wrong"} {
			req := s.request("GET", "/a/guarded", nil)
			if password != "" {
				req.SetBasicAuth("user", password)
			}
			resp, _ := s.do(req)
			if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") != `Basic realm="realm"` {
				t.Errorf("%d %v", resp.StatusCode, resp.Header)
			}
		}
		if resp, _ := s.get("/a/closed"); resp.StatusCode != 403 {
			t.Errorf("%d", resp.StatusCode)
		}
		if asked != before {
			t.Error("the process was asked")
		}
	})

	t.Run("an authenticator that names nobody is a fault, not a guest", func(t *testing.T) {
		before := asked
		if resp, _ := s.get("/a/broken"); resp.StatusCode != 500 || asked != before {
			t.Errorf("%d", resp.StatusCode)
		}
	})

	t.Run("an authorizer says who may do what, strangers too", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{
			Realms: map[string]process.Authenticator{"realm": authn.Basic("realm", known("user password"))},
			Authorizer: func(p process.Principal, r *http.Request) *process.Response {
				if p.Name == "user" && r.URL.Path == "/guarded/x" || r.URL.Path == "/open/x" {
					return nil
				}
				return &process.Response{Status: http.StatusForbidden}
			},
		})
		for id, realm := range map[string]string{"open": "", "closed": "", "guarded": "realm", "secret": "realm"} {
			s.route(id, "x", realm, func(r *process.Request) process.Future[process.Response] { return text(r.Principal.Name) })
		}
		for path, want := range map[string]int{"/open/x": 200, "/closed/x": 403, "/guarded/x": 200, "/secret/x": 403, "/metrics/snapshot": 403} {
			req := s.request("GET", path, nil)
			req.SetBasicAuth("user", "password")
			if resp, _ := s.do(req); resp.StatusCode != want {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
		if resp, _ := s.get("/guarded/x"); resp.StatusCode != 401 {
			t.Errorf("without a password: %d", resp.StatusCode)
		}
	})

	t.Run("metrics are guarded by their own realm", func(t *testing.T) {
		s := newSite(t, process.HTTPConfig{
			MetricsRealm: "realm",
			Realms:       map[string]process.Authenticator{"realm": authn.Basic("realm", known("user password"))},
		})
		s.Metrics().Counter("master/things").Inc()
		if resp, _ := s.get("/metrics/snapshot"); resp.StatusCode != 401 {
			t.Errorf("%d", resp.StatusCode)
		}
		req := s.request("GET", "/metrics/snapshot", nil)
		req.SetBasicAuth("user", "password")
		var got map[string]float64
		resp, body := s.do(req)
		if err := json.Unmarshal([]byte(body), &got); err != nil || resp.StatusCode != 200 || got["master/things"] != 1 {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})

	t.Run("routes without a realm, or whose realm has no authenticator, are open", func(t *testing.T) {
		for _, path := range []string{"/a/open", "/a/unconfigured"} {
			if resp, got := s.get(path); resp.StatusCode != 200 || got != "hello " {
				t.Errorf("%s: %d %q", path, resp.StatusCode, got)
			}
		}
	})
}
