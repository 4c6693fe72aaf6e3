package master_test

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

var rewrite = flag.Bool("update", false, "write testdata/log.txt anew")

// logged picks what a node's master logged from a trace, without times, and with names for the ids that a master makes up.
func logged(trace, node, master string) string {
	line := regexp.MustCompile(`^ *\+\S+ +\*? *(debug|info|warn|error) +` + regexp.QuoteMeta(node) + ` (.*) process=master(.*)$`)
	var out strings.Builder
	for _, l := range strings.Split(trace, "\n") {
		if m := line.FindStringSubmatch(l); m != nil {
			out.WriteString(strings.TrimRight(m[1]+" "+m[2]+strings.ReplaceAll(m[3], master, "M"), " ") + "\n")
		}
	}
	return out.String()
}

// A day in the life of a cluster, as the log tells it: one line for each decision, in testdata/log.txt.
func TestTheLogTellsTheStory(t *testing.T) {
	var trace bytes.Buffer
	s := newStage(t, nil, testkit.LogLevel(slog.LevelDebug), testkit.TraceTo(&trace))
	a, b := s.agent("a1", "cpus:4;mem:4096"), s.agent("a2", "cpus:2;mem:1024")
	f := s.framework("f1", inRole("web"), checkpointing, patient(time.Hour))
	byAgent := map[string]*mesospb.Offer{}
	for _, o := range f.offers(2) {
		byAgent[o.GetAgentId().GetValue()] = o
	}
	bad := command("t0", &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64")
	bad.Resources = nil
	f.operate(byAgent[a.id()], reserveOp(reserved("cpus:1", "web")...), reserveOp(reserved("cpus:99", "web")...),
		launchOp(bad, command("t1", &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64")))
	a.finished(a.applied(), "")
	a.run("t1")
	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "u1")
	f.updated("t1", mesospb.TaskState_TASK_RUNNING)
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{
		OfferIds: []*mesospb.OfferID{byAgent[b.id()].Id}, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(3600)}}})
	f.launch(byAgent[b.id()], command("t2", &mesospb.Offer{AgentId: b.info.Id}, "cpus:1;mem:64")) // declined a moment ago
	f.kill("t1", nil)
	a.Expect(testkit.Of[*controlpb.KillTask]())
	s.Reset(s.node, a.node)
	s.Advance(time.Second)
	a.reregister()
	s.order(&masterpb.Call{Type: masterpb.Call_UPDATE_QUOTA.Enum(), UpdateQuota: &masterpb.Call_UpdateQuota{
		QuotaConfigs: []*quotapb.QuotaConfig{{Role: proto.String("web"), Limits: map[string]*mesospb.Value_Scalar{"cpus": {Value: proto.Float64(9)}}}}}})
	s.order(&masterpb.Call{Type: masterpb.Call_DRAIN_AGENT.Enum(), DrainAgent: &masterpb.Call_DrainAgent{AgentId: aid("nobody")}})
	s.order(&masterpb.Call{Type: masterpb.Call_DRAIN_AGENT.Enum(), DrainAgent: &masterpb.Call_DrainAgent{AgentId: b.info.Id}})
	s.order(&masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: b.info.Id}})
	f.became(nil, nil, func(i *mesospb.FrameworkInfo) { i.Name = proto.String("renamed") })
	s.Advance(time.Second)
	s.Reset(s.node, f.node)
	s.Advance(time.Second)
	f.subscribe()
	outOfReach(s, a)
	a.deaf = false
	a.reregister()
	a.Send(s.master(), &controlpb.UnregisterAgent{AgentId: a.info.Id})
	s.Advance(time.Second)
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	s.Advance(time.Second)
	master := s.ask(masterpb.Call_GET_MASTER).GetGetMaster().GetMasterInfo().GetId()
	got := logged(trace.String(), "10.0.0.1:5050", master)
	const golden = "testdata/log.txt"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the log is not %s (go test ./actors/master -run TheLogTells -update); it is\n%s", golden, got)
	}
}
