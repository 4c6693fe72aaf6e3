package consul_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/cluster/consul"
)

// Consul is asked for its answers as they are: to pack a large registry takes it longer than to send it.
func TestAnswersAreNotPacked(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.Header.Get("Accept-Encoding"))
		if r.Method == http.MethodPut {
			_, _ = w.Write([]byte(`{"Results":[{"KV":{"Key":"p/a","Value":"eA=="}}]}`))
			return
		}
		_, _ = w.Write([]byte(`["p/a"]`))
	}))
	defer server.Close()
	c := consul.Default()
	c.Servers = []string{strings.TrimPrefix(server.URL, "http://")}
	wire, err := consul.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []consul.Request{consul.Keys{Prefix: "p/"}, consul.Txn{Ops: []consul.Op{{Verb: consul.GetTree, Key: "p/"}}}} {
		if _, err := wire.Wait(context.Background(), c.Servers[0], request, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 2 || asked[0] != "/v1/kv/p/ " || asked[1] != "/v1/txn " {
		t.Errorf("asked for %q", asked)
	}
}
