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
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
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

// Agents are upgraded after their masters: what one cannot do yet it is not asked to do, and what it can after its restart
// it is asked at once.
func TestAgentsAreUpgraded(t *testing.T) {
	multiRole := agentCapabilities[:1]
	for _, c := range []struct {
		name          string
		before, after []*mesospb.AgentInfo_Capability
		role          string
		offered       bool // before the upgrade
	}{
		{"into several roles", nil, multiRole, "eng", false},
		{"into nested roles, for one", multiRole, agentCapabilities[:2], "eng/ci", false},
		{"into nested roles, for another", multiRole, agentCapabilities[:2], "eng", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			f := s.framework("f1", patient(time.Hour), capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE), func(i *mesospb.FrameworkInfo) { i.Roles = []string{c.role} })
			a := s.stranger("a1", "cpus:4;mem:4096")
			a.Send(s.master(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Capabilities: c.before})
			a.info.Id = a.Expect(testkit.Of[*controlpb.AgentRegistered]())[0].Msg.(*controlpb.AgentRegistered).AgentId
			if c.offered {
				f.offer()
			} else {
				f.ExpectNone(time.Minute, event(schedulerpb.Event_OFFERS))
			}
			report := a.report()
			report.Capabilities = c.after
			a.Send(s.master(), report)
			a.Expect(testkit.Of[*controlpb.AgentReregistered]())
			if !c.offered {
				f.offer()
			}
			agents := s.ask(masterpb.Call_GET_AGENTS).GetGetAgents().GetAgents()
			equal(t, "capabilities", len(agents[0].GetCapabilities()), len(c.after))
		})
	}
}

// A framework of one role comes back as one of several, and its task and role stay its own.
func TestAFrameworkIsUpgradedIntoSeveralRoles(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour), func(i *mesospb.FrameworkInfo) { i.Role = proto.String("eng") })
	s.running(f, a, "t1")
	g := s.scheduler("f1b")
	g.info = proto.CloneOf(f.info)
	g.info.Role, g.info.Roles = nil, []string{"eng"}
	capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(g.info)
	g.subscribe()
	equal(t, "the id", g.id, f.id)
	g.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
	o := g.offer()
	equal(t, "the role", o.GetAllocationInfo().GetRole(), "eng")
	equal(t, "the resources", amounts(t, o.GetResources()), "cpus:3; mem:4032")
	equal(t, "tasks", len(s.tasks().GetTasks()), 1)
}
