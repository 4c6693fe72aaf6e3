package courier

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Who asked for something over TLS is not sent on to where anybody on the way can read it and put in something else.
func TestNoRedirectOutOfTLS(t *testing.T) {
	asked := false
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer plain.Close()
	var secure *httptest.Server
	secure = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{"/down": plain.URL, "/across": secure.URL + "/there"}[r.URL.Path]
		if to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	}))
	defer secure.Close()
	c := client(time.Minute)
	c.Transport.(*http.Transport).TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
	defer c.CloseIdleConnections()
	answer, err := c.Get(secure.URL + "/across")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer, err = c.Get(secure.URL + "/down"); err == nil || !strings.Contains(err.Error(), "redirected from https to http") || asked {
		t.Errorf("%v, %v; the other server was asked: %v", answer, err, asked)
	}
}
