package legacy

import (
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
)

func parse[M proto.Message](t *testing.T, text string, m M) M {
	t.Helper()
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// The registry is shown in the form of Mesos' own, sorted, and without what it has not got.
func TestRegistry(t *testing.T) {
	if got := string(registry(nil, &registrar.Registry{})); got != "{}" {
		t.Errorf("an empty one is %s", got)
	}
	admitted := func(id string) *controlpb.AdmittedAgent {
		return parse(t, `agent:{hostname:"h" id:{value:"`+id+`"} resources:{name:"cpus" type:SCALAR scalar:{value:1}}}`, &controlpb.AdmittedAgent{})
	}
	r := &registrar.Registry{
		Cluster:     parse(t, `master:{id:"m" ip:1 port:5050} epoch:7`, &controlpb.ClusterRecord{}),
		Admitted:    map[string]*controlpb.AdmittedAgent{"b": admitted("b"), "a": admitted("a")},
		Unreachable: map[string]*controlpb.UnreachableAgent{"u": parse(t, `agent_id:{value:"u"} since:{nanoseconds:1} deactivated:true drain_info:{state:DRAINED config:{}}`, &controlpb.UnreachableAgent{})},
		Gone:        map[string]*controlpb.GoneAgent{"g": parse(t, `agent_id:{value:"g"} since:{nanoseconds:2}`, &controlpb.GoneAgent{})},
		Quota:       map[string]*quotapb.QuotaConfig{"dev": parse(t, `role:"dev"`, &quotapb.QuotaConfig{})},
		Weights:     map[string]*mesospb.WeightInfo{"dev": parse(t, `role:"dev" weight:2`, &mesospb.WeightInfo{})},
		Machines:    map[string]*mesospb.MachineInfo{"h": parse(t, `id:{hostname:"h"} mode:DOWN`, &mesospb.MachineInfo{})},
		Schedule:    parse(t, `windows:{machine_ids:{hostname:"h"} unavailability:{start:{nanoseconds:3}}}`, &maintenancepb.Schedule{}),
	}
	agent := func(id string) string {
		return `{"deactivated":false,"info":{"hostname":"h","port":5051,"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1.0},"role":"*"}],"id":{"value":"` + id + `"}}}`
	}
	want := `{"gone":{"gone":[{"id":{"value":"g"},"timestamp":{"nanoseconds":2}}]},"machines":{"machines":[{"info":{"id":{"hostname":"h"},"mode":"DOWN"}}]},` +
		`"master":{"info":{"id":"m","ip":1,"port":5050}},"quota_configs":[{"role":"dev"}],` +
		`"schedules":[{"windows":[{"machine_ids":[{"hostname":"h"}],"unavailability":{"start":{"nanoseconds":3}}}]}],` +
		`"slaves":{"slaves":[` + agent("a") + `,` + agent("b") + `]},` +
		`"unreachable":{"slaves":[{"deactivated":true,"drain_info":{"state":"DRAINED","config":{"mark_gone":false}},"id":{"value":"u"},"timestamp":{"nanoseconds":1}}]},` +
		`"weights":[{"info":{"weight":2.0,"role":"dev"}}]}`
	if got := string(registry(nil, r)); got != want {
		t.Errorf("the registry is %s\nwant %s", got, want)
	}
}
