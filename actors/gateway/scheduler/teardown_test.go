package scheduler_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// ask sends a request of any kind.
func (h *house) ask(method, path string, hs headers, body string) answer {
	h.t.Helper()
	c := h.dial()
	defer c.conn.Close()
	c.send(method, path, hs, []byte(body))
	return c.answered()
}

// named lets those into every realm who say their name in Authorization.
func named(_ *master.Config, _ *gateway.Config, p *gateway.Parts) {
	p.Authenticator = func(realm string) process.Authenticator {
		return func(r *http.Request) (process.Principal, *process.Response) {
			switch name := r.Header.Get("Authorization"); name {
			case "", "nobody":
				return process.Principal{}, &process.Response{Status: http.StatusUnauthorized,
					Header: http.Header{"Www-Authenticate": {`Basic realm="` + realm + `"`}}}
			default:
				return process.Principal{Name: name}, nil
			}
		}
	}
}

// under has lists of who may do what.
func under(t *testing.T, lists string) option {
	t.Helper()
	acls, err := authorization.Parse([]byte(lists))
	if err != nil {
		t.Fatal(err)
	}
	return func(_ *master.Config, _ *gateway.Config, p *gateway.Parts) { p.Authorizer = acls }
}

// An operator ends a framework by the old endpoint.
func TestAnOperatorTearsDown(t *testing.T) {
	form := func(id string) string { return "frameworkId=" + url.QueryEscape(id) }
	t.Run("success", func(t *testing.T) {
		h := newHouse(t)
		a := h.agent("cpus:2;mem:1024")
		s := h.subscribe(wire.JSON, framework())
		s.accepted(launch(s.offer(), "t1"))
		expect[*controlpb.RunTask](a)
		wants(t, h.ask("POST", "/master/teardown", nil, form(s.framework)), http.StatusOK, "")
		expect[*controlpb.ShutdownFramework](a)
		s.errors("Framework has been removed")
		if h.framework(s.framework) != nil {
			t.Error("the framework is still there")
		}
	})
	t.Run("no id", func(t *testing.T) {
		h := newHouse(t)
		s := h.subscribe(wire.JSON, framework())
		if got := h.ask("POST", "/master/teardown", nil, ""); got.status != http.StatusBadRequest {
			t.Errorf("answered %d %s", got.status, got.body)
		}
		if got := h.ask("POST", "/master/teardown", nil, form("nosuch")); got.status != http.StatusBadRequest {
			t.Errorf("of nobody: answered %d %s", got.status, got.body)
		}
		if !h.framework(s.framework).GetConnected() {
			t.Error("the framework is gone")
		}
	})
	t.Run("who proves nothing", func(t *testing.T) {
		h := newHouse(t, named)
		s := h.open(wire.JSON, subscription(framework()), "Authorization", "ops")
		s.greeted()
		for _, hs := range []headers{nil, {"Authorization", "nobody"}} {
			got := h.ask("POST", "/master/teardown", hs, form(s.framework))
			if got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != `Basic realm="mesos-master-readwrite"` {
				t.Errorf("answered %d with %v", got.status, got.header)
			}
		}
		if !h.framework(s.framework).GetConnected() {
			t.Error("the framework is gone")
		}
	})
	const lists = `{"teardown_frameworks": [
		{"principals": {"values": ["ops"]}, "framework_principals": {"values": ["ops"]}},
		{"principals": {"type": "ANY"}, "framework_principals": {"type": "NONE"}}]}`
	t.Run("whom the lists let", func(t *testing.T) {
		h := newHouse(t, named, under(t, lists))
		s := h.open(wire.JSON, subscription(framework()), "Authorization", "ops")
		s.greeted()
		wants(t, h.ask("POST", "/master/teardown", headers{"Authorization", "ops"}, form(s.framework)), http.StatusOK, "")
		s.errors("Framework has been removed")
	})
	t.Run("whom the lists refuse", func(t *testing.T) {
		h := newHouse(t, named, under(t, lists))
		s := h.open(wire.JSON, subscription(framework()), "Authorization", "ops")
		s.greeted()
		if got := h.ask("POST", "/master/teardown", headers{"Authorization", "guest"}, form(s.framework)); got.status != http.StatusForbidden {
			t.Errorf("answered %d %s", got.status, got.body)
		}
		if !h.framework(s.framework).GetConnected() {
			t.Error("the framework is gone")
		}
	})
}

// returning is an agent that comes back with a framework that this master does not know.
type returning struct {
	*process.Base
	h     *house
	heard chan proto.Message
}

func (a *returning) Initialize(b *process.Base) {
	a.Base = b
	process.InstallAny(b, func(_ process.UPID, m proto.Message) {
		if _, ping := m.(*controlpb.Ping); !ping {
			a.heard <- m
		}
	})
	info := framework(known("from-before"), patient)
	task := &mesospb.Task{Name: proto.String("t"), TaskId: &mesospb.TaskID{Value: proto.String("t")}, FrameworkId: info.Id,
		AgentId: &mesospb.AgentID{Value: proto.String("before-S0")}, State: mesospb.TaskState_TASK_RUNNING.Enum()}
	b.Send(a.h.master.UPID(), &controlpb.ReregisterAgent{Agent: &mesospb.AgentInfo{Hostname: proto.String("a"), Id: task.AgentId}, Version: proto.String("0.1.0"),
		Frameworks: []*mesospb.FrameworkInfo{info}, Tasks: []*mesospb.Task{task}})
}

// A framework that is known from its agents only, because it has not come back yet, can be torn down too.
func TestAFrameworkThatHasNotReturnedIsTornDown(t *testing.T) {
	h := newHouse(t)
	a := &returning{h: h, heard: make(chan proto.Message, 1<<10)}
	_, err := process.Spawn(h.rt, "slave(9)", a)
	h.must(err)
	h.until("the framework is known", func() bool { return h.framework("from-before").GetRecovered() })
	wants(t, h.ask("POST", "/master/teardown", nil, "frameworkId=from-before"), http.StatusOK, "")
	if h.framework("from-before") != nil {
		t.Error("the framework is still there")
	}
	late := h.late()
	for {
		select {
		case m := <-a.heard:
			if _, shut := m.(*controlpb.ShutdownFramework); shut {
				return
			}
		case <-late:
			t.Fatal("the agent does not hear of it")
		}
	}
}

// roles are what /roles shows, by name.
func (h *house) roles(hs ...string) map[string]map[string]any {
	h.t.Helper()
	got := h.ask("GET", "/roles", hs, "")
	if got.status != http.StatusOK {
		h.t.Fatalf("/roles answers %d %s", got.status, got.body)
	}
	var all struct{ Roles []map[string]any }
	h.must(json.Unmarshal([]byte(got.body), &all))
	if !strings.Contains(got.body, `"roles":[`) {
		h.t.Errorf("no list of roles: %s", got.body)
	}
	byName := map[string]map[string]any{}
	for _, r := range all.Roles {
		byName[r["name"].(string)] = r
	}
	return byName
}

func TestTheRolesOfFrameworks(t *testing.T) {
	several := func(roles ...string) *mesospb.FrameworkInfo {
		return framework(capable(multiRole), func(i *mesospb.FrameworkInfo) { i.Roles = roles })
	}
	t.Run("come and go with them", func(t *testing.T) {
		h := newHouse(t)
		s := h.subscribe(wire.JSON, several("a", "b"))
		roles := h.roles()
		for _, name := range []string{"a", "b"} {
			if list, _ := roles[name]["frameworks"].([]any); len(list) != 1 || list[0] != s.framework {
				t.Errorf("role %s is %v", name, roles[name])
			}
		}
		s.accepted(teardown())
		if roles := h.roles(); roles["a"] != nil || roles["b"] != nil {
			t.Errorf("roles that nobody has are %v", roles)
		}
	})
	t.Run("need not be known before", func(t *testing.T) {
		h := newHouse(t)
		h.agent("cpus:1;mem:64")
		s := h.subscribe(wire.JSON, several("whatever"))
		if got := s.offer().GetAllocationInfo().GetRole(); got != "whatever" {
			t.Errorf("the offer is for %s", got)
		}
		if h.roles()["whatever"] == nil {
			t.Error("/roles does not show it")
		}
	})
	t.Run("have what is reserved to them", func(t *testing.T) {
		h := newHouse(t)
		h.agent("cpus(dev):1;mem(dev):64")
		other := h.subscribe(wire.JSON, several("ops"))
		s := h.subscribe(wire.JSON, several("dev"))
		if got := text(t, s.offer().GetResources()); got != "cpus(reservations: [(STATIC,dev)]):1; mem(reservations: [(STATIC,dev)]):64" {
			t.Errorf("the offer has %s", got)
		}
		other.accepted(teardown())
		for _, e := range other.ends() {
			if e.GetType() == schedulerpb.Event_OFFERS {
				t.Errorf("another role was offered %v", e)
			}
		}
	})
	t.Run("must be on a list, if there is one", func(t *testing.T) {
		h := newHouse(t, func(c *master.Config, _ *gateway.Config, _ *gateway.Parts) { c.Roles = []string{"dev", "ops"} })
		h.open(wire.JSON, subscription(several("invalid"))).errors("invalid")
		h.subscribe(wire.JSON, several("dev"))
	})
}

func TestTheRolesOfNobody(t *testing.T) {
	t.Run("without frameworks", func(t *testing.T) {
		if roles := newHouse(t).roles(); len(roles) != 0 {
			t.Errorf("the roles are %v", roles)
		}
	})
	t.Run("that are on the list", func(t *testing.T) {
		h := newHouse(t, func(c *master.Config, _ *gateway.Config, _ *gateway.Parts) { c.Roles = []string{"dev", "ops"} })
		roles := h.roles()
		for _, name := range []string{"dev", "ops"} {
			if list, is := roles[name]["frameworks"].([]any); roles[name]["weight"] != 1.0 || !is || len(list) != 0 {
				t.Errorf("role %s is %v", name, roles[name])
			}
		}
	})
	t.Run("that have a weight", func(t *testing.T) {
		h := newHouse(t)
		wants(t, h.ask("PUT", "/weights", nil, `[{"role":"heavy","weight":2.5}]`), http.StatusOK, "")
		if r := h.roles()["heavy"]; r["weight"] != 2.5 {
			t.Errorf("the role is %v", r)
		}
	})
	t.Run("that have a quota", func(t *testing.T) {
		h := newHouse(t)
		h.agent("cpus:4;mem:1024")
		wants(t, h.ask("POST", "/quota", nil, `{"role":"dev","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}`), http.StatusOK, "")
		quota, _ := h.roles()["dev"]["quota"].(map[string]any)
		if guarantee, _ := quota["guarantee"].(map[string]any); guarantee["cpus"] != 1.0 {
			t.Errorf("the role is %v", h.roles()["dev"])
		}
	})
	t.Run("that use a quota", func(t *testing.T) {
		h := newHouse(t)
		h.agent("cpus:4;mem:1024")
		wants(t, h.ask("POST", "/quota", nil, `{"role":"dev","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}`), http.StatusOK, "")
		s := h.subscribe(wire.JSON, framework(func(i *mesospb.FrameworkInfo) { i.Role = proto.String("dev") }))
		offer := s.offer()
		var cpus float64
		for _, r := range offer.GetResources() {
			if r.GetName() == "cpus" {
				cpus = r.GetScalar().GetValue()
			}
		}
		s.accepted(launch(offer, "t1"))
		s.wants(schedulerpb.Event_UPDATE)
		h.until("the use is shown", func() bool {
			quota, _ := h.roles()["dev"]["quota"].(map[string]any)
			consumed, _ := quota["consumed"].(map[string]any)
			return consumed["cpus"] == cpus
		})
	})
	t.Run("that agents reserve for, and those above them", func(t *testing.T) {
		h := newHouse(t)
		h.agent("cpus(eng/dev):1;mem:64")
		roles := h.roles()
		if roles["eng/dev"] == nil || roles["eng"] == nil {
			t.Errorf("the roles are %v", roles)
		}
	})
	t.Run("are told to those who prove who they are", func(t *testing.T) {
		h := newHouse(t, named)
		if got := h.ask("GET", "/roles", headers{"Authorization", "nobody"}, ""); got.status != http.StatusUnauthorized {
			t.Errorf("answered %d", got.status)
		}
		h.roles("Authorization", "ops")
	})
}
