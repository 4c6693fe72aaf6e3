package web_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/gateway/press"
	"github.com/meseta-io/meseta/actors/gateway/web"
)

// A body in pieces arrives as one, packed or not, with its length, and as the argument of a function if that is wanted.
func TestTexts(t *testing.T) {
	r := master(t, func(c *web.Config) {
		c.Routes = []web.Route{{Process: "master", Pattern: "state", Serve: func(w *web.Writer, r *web.Request) {
			count, _ := r.Query("n")
			n, _ := strconv.Atoi(count)
			var texts []*press.Text
			for i := range n {
				texts = append(texts, press.Make(func(dst []byte) []byte { return append(dst, strings.Repeat(fmt.Sprintf("%d,", i), i*i%5000)...) }))
			}
			w.Script(r, texts)
		}}}
	})
	for _, n := range []int{0, 1, 2, 10, 300} {
		var want string
		for i := range n {
			want += strings.Repeat(fmt.Sprintf("%d,", i), i*i%5000)
		}
		for _, call := range []struct{ query, want string }{{"", want}, {"&jsonp=f", "f(" + want + ")"}} {
			for _, packed := range []bool{false, true} {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					request := httptest.NewRequest(method, fmt.Sprintf("/state?n=%d%s", n, call.query), nil)
					if packed {
						request.Header.Set("Accept-Encoding", "gzip")
					}
					w := httptest.NewRecorder()
					r.ServeHTTP(w, request)
					got, length := unpacked(t, w)
					if method == http.MethodHead {
						if length != 0 {
							t.Errorf("HEAD is answered with %d bytes", length)
						}
						continue
					}
					if got != call.want || w.Header().Get("Content-Length") != fmt.Sprint(length) {
						t.Errorf("%s, packed %v: %d bytes of announced %s, which are %.60q", request.URL, packed, length, w.Header().Get("Content-Length"), got)
					}
				}
			}
		}
	}
	if w := ask(t, r, "GET", "/state?n=3&jsonp=a%20b"); w.Code != http.StatusBadRequest {
		t.Errorf("a name that is none: %d", w.Code)
	}
}

func unpacked(t *testing.T, w *httptest.ResponseRecorder) (text string, length int) {
	t.Helper()
	length = w.Body.Len()
	if w.Header().Get("Content-Encoding") != "gzip" || length == 0 {
		return w.Body.String(), length
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false) // some clients read the first file only
	all, err := io.ReadAll(z)
	if err != nil || w.Body.Len() > 0 {
		t.Fatalf("%d bytes are left behind the file: %v", w.Body.Len(), err)
	}
	return string(all), length
}
