package web_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/gateway/web"
)

// known are the answers that a Router of these routes may give.
var known = []int{200, 307, 400, 401, 403, 404, 405, 406, 408, 413, 414, 415, 418, 500, 503}

// FuzzRouter sends requests as they come from the wire through a Router that has everything: it never panics but to hang
// up, never answers with a status that nobody knows, and never serves a route that is not the path's.
func FuzzRouter(f *testing.F) {
	for _, text := range []string{
		"GET /state?a=b;c=d&jsonp=x HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip;q=0, *\r\n\r\n",
		"POST /master/api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		"GET /slave%281%29/state HTTP/1.1\r\nHost: x\r\n\r\n",
		"BREW /state HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET //..%2f/%zz?%zz HTTP/1.0\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
		"HEAD http://other/state/../x HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\n\r\n",
	} {
		f.Add(text)
	}
	var served string
	serve := func(w *web.Writer, r *web.Request) {
		served = r.Path
		w.JSON(r, func(b *web.Buffer) { b.B = append(b.B, '{', '}') })
	}
	call := func(w *web.Writer, r *web.Request) {
		served = r.Path
		if _, err := web.ContentType(r); err != nil {
			w.Error(err)
			return
		}
		if _, err := web.Accept(r); err != nil {
			w.Error(err)
			return
		}
		if _, err := r.Form(); err != nil {
			w.Error(err)
			return
		}
		w.Empty(200)
	}
	router, err := web.New(web.Config{
		Delegate: "master", Processes: runtime{"master": true, "greeter": true}, Limits: web.Limits{Body: 1 << 20},
		Firewall: func(path string) bool { return path == "/master/closed" },
		Routes: []web.Route{
			{Process: "master", Pattern: "state", Serve: serve},
			{Process: "master", Pattern: "closed", Serve: func(*web.Writer, *web.Request) { panic("a closed route was served") }},
			{Process: "master", Pattern: "api/v1", Methods: []string{"POST"}, Serve: call},
			{Process: "slave(1)", Pattern: "state", Serve: serve},
			{Process: "version", Exact: true, Serve: serve},
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return // net/http has refused it
		}
		served = ""
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if p := recover(); p != nil && p != http.ErrAbortHandler {
					panic(p)
				}
			}()
			router.ServeHTTP(w, r)
		}()
		if !slices.Contains(known, w.Code) {
			t.Errorf("%q: status %d", text, w.Code)
		}
		if served != "" && (strings.Contains(served, "/..") || strings.Contains(r.URL.EscapedPath(), "/..")) {
			t.Errorf("%q: served %s", text, served)
		}
		for name, values := range w.Header() {
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n") {
					t.Errorf("%q: header %s: %q", text, name, v)
				}
			}
		}
	})
}
