package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/gateway/web"
)

// A node that only its own machine reaches is not for pages of others; every other node, and every program that is no
// browser, notices nothing.
func TestPagesOfOthers(t *testing.T) {
	asked := 0
	handler := func(loopback bool) http.Handler {
		g, err := gateway.New(gateway.Default(), gateway.Parts{Delegate: "node", Log: quiet, Loopback: loopback, Names: []string{"", "Master.Example"},
			Routes: []web.Route{{Process: "node", Pattern: "echo", Serve: func(w *web.Writer, _ *web.Request) { asked++; w.Text(200, "") }}}})
		if err != nil {
			t.Fatal(err)
		}
		return g.Handler()
	}
	local, open := handler(true), handler(false)
	for _, c := range []struct {
		name, host string
		header     []string // name, value, …
		want       int
	}{
		{"a program", "127.0.0.1:5050", nil, 200},
		{"a program that names no host", "", nil, 200},
		{"another of our addresses", "10.1.2.3", nil, 200},
		{"an IPv6 address", "[::1]:5050", nil, 200},
		{"an IPv6 address without a port", "[::1]", nil, 200},
		{"localhost", "LocalHost:5050", nil, 200},
		{"localhost, in full", "localhost.:5050", nil, 200},
		{"below localhost", "a.localhost:5050", nil, 200},
		{"our own name", "master.example:5050", nil, 200},
		{"a name that means us since a moment ago", "evil.example:5050", nil, 403},
		{"a name that begins with ours", "master.example.evil.example", nil, 403},
		{"a name that ends with ours", "evilmaster.example", nil, 403},
		{"a name that looks like an address", "127.0.0.1.evil.example:5050", nil, 403},
		{"a name that ends like localhost", "evillocalhost", nil, 403},
		{"a page of ours", "127.0.0.1:5050", []string{"Origin", "http://127.0.0.1:5050", "Sec-Fetch-Site", "same-origin"}, 200},
		{"a page of ours, in capitals", "localhost:5050", []string{"Origin", "http://LOCALHOST:5050"}, 200},
		{"a page of ours at the port of the scheme", "localhost", []string{"Origin", "http://localhost:80"}, 200},
		{"a page of ours by our other name", "127.0.0.1:5050", []string{"Origin", "https://master.example"}, 200},
		{"a page of somebody else", "127.0.0.1:5050", []string{"Origin", "http://evil.example"}, 403},
		{"a page of another program here", "localhost:5050", []string{"Origin", "http://localhost:3000"}, 403},
		{"a page without a home", "127.0.0.1:5050", []string{"Origin", "null"}, 403},
		{"an origin that is none", "127.0.0.1:5050", []string{"Origin", "://"}, 403},
		{"an empty origin", "127.0.0.1:5050", []string{"Origin", ""}, 403},
		{"a second origin", "127.0.0.1:5050", []string{"Origin", "http://127.0.0.1:5050", "Origin", "http://evil.example"}, 403},
		{"a script of somebody else", "127.0.0.1:5050", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"a script of another program here", "localhost:5050", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"a link that somebody follows", "127.0.0.1:5050", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200},
		{"an address that somebody types", "127.0.0.1:5050", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				asked = 0
				answer := func(h http.Handler) *httptest.ResponseRecorder {
					r := httptest.NewRequest(method, "/echo?jsonp=f", nil)
					r.Host = c.host
					for i := 0; i < len(c.header); i += 2 {
						r.Header.Add(c.header[i], c.header[i+1])
					}
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					return w
				}
				if w := answer(local); w.Code != c.want || asked != map[int]int{200: 1}[c.want] || c.want == 403 && !strings.Contains(w.Body.String(), "its own machine only") {
					t.Errorf("%s: %d %q, asked %d times", method, w.Code, w.Body, asked)
				}
				if w := answer(open); w.Code != 200 {
					t.Errorf("%s: another node answers %d %q", method, w.Code, w.Body)
				}
			}
		})
	}
}

// What a stranger wrote is told as text, and not at any length.
func TestRefusedHostsAreQuotedSafely(t *testing.T) {
	g, err := gateway.New(gateway.Default(), gateway.Parts{Delegate: "node", Log: quiet, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "<script>alert(1)</script>" + strings.Repeat("x", 10_000)
	w := httptest.NewRecorder()
	g.Handler().ServeHTTP(w, r)
	if strings.ContainsAny(w.Body.String(), "<>") || w.Body.Len() > 400 || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}
