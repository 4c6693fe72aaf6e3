package node_test

import (
	"strings"
	"testing"

	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
)

func TestResolve(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1:5060": "10.0.0.1:5060", "10.0.0.1": "10.0.0.1:5050", "master@10.0.0.1:5051": "10.0.0.1:5051",
		"localhost:5052": "127.0.0.1:5052", "localhost": "127.0.0.1:5050", "[::1]:5050": "[::1]:5050", "::1": "[::1]:5050", "[::1]": "[::1]:5050",
	} {
		if got, err := node.Resolve(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", ":5050", "h:0", "h:99999", "h:http", "a b:1", "zk://h:2181/mesos", "a@b:1"} {
		if got, err := node.Resolve(text); err == nil || !strings.HasPrefix(err.Error(), "--master="+text) {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
}
