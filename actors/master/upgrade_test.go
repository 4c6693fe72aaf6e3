package master_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/cluster/standalone"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/testkit"
)

// The registry that the first master wrote which could be run at all (commit ca4628a), with one agent. Today's expects that
// agent back, in a later term.
func TestTheFirstRegistryIsRead(t *testing.T) {
	written, err := os.ReadFile("testdata/registry-ca4628a.db")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "registry.db"), written, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := standalone.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	const id = "841b109b-31e2-4b7d-9f86-9de117ced985-S0"
	w := testkit.NewWorld(t)
	var client master.Client
	n := w.Node("m1", testkit.Boot(func(n *testkit.Node) {
		if client, err = master.Spawn(n.Runtime(), master.Default(), master.Parts{Contender: store, Registry: store}); err != nil {
			t.Fatal(err)
		}
	}))
	w.Advance(time.Second)
	if v := client.View(); !v.Serving || v.Recovered.Len() != 1 {
		t.Fatalf("it serves: %v, and expects %d agents", v.Serving, v.Recovered.Len())
	}
	info, ok := client.View().Recovered.Get(id)
	if !ok || info.GetHostname() != "a.example" || len(info.GetResources()) != 4 {
		t.Fatalf("the agent is %v", info)
	}
	a := w.Probe("a1")
	a.Send(n.UPID(master.ID), &controlpb.ReregisterAgent{Agent: info, Version: proto.String("0.1.0"), Capabilities: agentCapabilities})
	back := a.Expect(testkit.Of[*controlpb.AgentReregistered]())[0].Msg.(*controlpb.AgentReregistered)
	if back.GetEpoch() != 2 {
		t.Errorf("the epoch is %d, and was 1", back.GetEpoch())
	}
}
