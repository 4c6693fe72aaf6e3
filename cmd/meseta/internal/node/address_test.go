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

func TestParseMasters(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1:5060": "10.0.0.1:5060", " 10.0.0.1 , 10.0.0.2:5051,master@10.0.0.3:5052": "10.0.0.1:5050,10.0.0.2:5051,10.0.0.3:5052",
		"zk://u:secret@10.0.0.1,10.0.0.2:2182/mesos": "zk://u:…@10.0.0.1:2181,10.0.0.2:2182/mesos",
		"10.0.0.1:5050,nobody.invalid:5050":          "10.0.0.1:5050", // the others know who leads
	} {
		if got, err := node.ParseMasters(text); err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	if m, err := node.ParseMasters("consul://10.0.0.1,10.0.0.2:8501/prefix"); err != nil || !strings.HasPrefix(m.String(), "consul://") {
		t.Errorf("got %s, %v", m, err)
	}
	for _, text := range []string{"", "10.0.0.1,", "nobody.invalid:5050", "consul://", "consul://token@h:8500", "zk://h:2181", "zk://:x@h/mesos", "etcd://h:1"} {
		if got, err := node.ParseMasters(text); err == nil || !strings.HasPrefix(err.Error(), "--master") {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
}

func TestValidateElection(t *testing.T) {
	for text, e := range map[string]node.Election{
		"":              node.DefaultElection(),
		"standalone or": {Election: "raft", Quorum: 1},
		"--election: ":  {Election: "consul://", Quorum: 1},
		"--quorum=2":    {Election: node.Standalone, Quorum: 2}, // else each of them would lead a cluster of its own
		"at least 1":    {Election: node.Standalone},
		"--zk: ":        {Election: node.Standalone, Quorum: 1, ZK: "zk://h"},
	} {
		err := e.Validate()
		if (err == nil) != (text == "") || err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v", e, err)
		}
	}
}
