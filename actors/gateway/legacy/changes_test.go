package legacy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/legacy"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/wire"
)

// master answers every call with what the test has prepared, and remembers it.
type master struct {
	asked  *masterpb.Call
	who    authorization.Subject
	answer *masterpb.Response
	err    error
}

func (m *master) Ask(who authorization.Subject, call *masterpb.Call) process.Future[*masterpb.Response] {
	m.asked, m.who = call, who
	if m.err != nil {
		return process.Failed[*masterpb.Response](m.err)
	}
	return process.Ready(m.answer)
}

// doors are the routes of a leading master.
func doors(t testing.TB, m *master, change ...func(*web.Config)) http.Handler {
	t.Helper()
	c := web.Config{Routes: legacy.Changes(m, wire.Limits{}), Delegate: "master",
		Leadership: func() web.Leadership { return web.Leadership{Leading: true, Recovered: true} }}
	for _, f := range change {
		f(&c)
	}
	router, err := web.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

func knock(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

// Each door says what the v1 API's calls say.
func TestChanges(t *testing.T) {
	for _, c := range []struct{ method, path, body, call string }{
		{"POST", "/quota", `{"role":"dev","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}],"force":true}`,
			`type:SET_QUOTA set_quota:{quota_request:{force:true role:"dev" guarantee:{name:"cpus" type:SCALAR scalar:{value:1}}}}`},
		{"DELETE", "/quota/dev", "", `type:REMOVE_QUOTA remove_quota:{role:"dev"}`},
		{"DELETE", "/master/quota/eng/dev", "", `type:REMOVE_QUOTA remove_quota:{role:"eng/dev"}`},
		{"PUT", "/weights", `[{"weight":1,"role":"qa"},{"weight":"2","role":"dev"}]`,
			`type:UPDATE_WEIGHTS update_weights:{weight_infos:{weight:1 role:"qa"} weight_infos:{weight:2 role:"dev"}}`},
		{"PUT", "/master/weights", `[]`, `type:UPDATE_WEIGHTS update_weights:{}`},
		{"POST", "/maintenance/schedule", `{"windows":[{"machine_ids":[{"hostname":"h"}],"unavailability":{"start":{"nanoseconds":1}}}]}`,
			`type:UPDATE_MAINTENANCE_SCHEDULE update_maintenance_schedule:{schedule:{windows:{machine_ids:{hostname:"h"} unavailability:{start:{nanoseconds:1}}}}}`},
		{"POST", "/machine/down", `[{"hostname":"h","ip":"10.0.0.1"}]`, `type:START_MAINTENANCE start_maintenance:{machines:{hostname:"h" ip:"10.0.0.1"}}`},
		{"POST", "/machine/up", `[{"ip":"10.0.0.1"}]`, `type:STOP_MAINTENANCE stop_maintenance:{machines:{ip:"10.0.0.1"}}`},
		{"POST", "/teardown", "frameworkId=a%2Db", `type:TEARDOWN teardown:{framework_id:{value:"a-b"}}`},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			m := &master{answer: &masterpb.Response{}}
			w := knock(doors(t, m), c.method, c.path, c.body)
			if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "0" {
				t.Errorf("the answer is %d %q", w.Code, w.Body)
			}
			want := &masterpb.Call{}
			if err := prototext.Unmarshal([]byte(c.call), want); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(m.asked, want) {
				t.Errorf("asked for %v, want %v", m.asked, want)
			}
		})
	}
}

// What cannot be read is refused before anybody is asked.
func TestChangesRefused(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		code               int
		says               string
	}{
		{"POST", "/quota", `{`, 400, "Failed to parse set quota request JSON '{'"},
		{"POST", "/quota", ``, 400, "Failed to parse set quota request JSON ''"},
		{"DELETE", "/quota", ``, 400, "Failed to parse remove quota request for path '/master/quota': expected 3 tokens, found 2 tokens"},
		{"DELETE", "/quota/", ``, 400, "expected 3 tokens, found 2 tokens"},
		{"PUT", "/quota", `{}`, 405, "405 Method Not Allowed. Expecting one of { 'GET', 'POST', 'DELETE' }, but received 'PUT'."},
		{"PUT", "/weights", `{"weight":1,"role":"dev"}`, 400, "Failed to parse update weights request JSON"},
		{"PUT", "/weights", `[{`, 400, "Failed to parse update weights request JSON '[{'"},
		{"PUT", "/weights", `[{"role":"dev"}]`, 400, "weight"},
		{"PUT", "/weights", `[{"role":"dev","weight":"x"}]`, 400, "weight"},
		{"POST", "/weights", `[]`, 405, "405 Method Not Allowed. Expecting one of { 'GET', 'PUT' }, but received 'POST'."},
		{"POST", "/maintenance/schedule", `[]`, 400, ""},
		{"POST", "/maintenance/schedule", `{"windows":[{}]}`, 400, "unavailability"},
		{"DELETE", "/maintenance/schedule", ``, 405, ""},
		{"POST", "/maintenance/status", ``, 405, ""},
		{"GET", "/machine/down", ``, 405, ""},
		{"POST", "/machine/down", `{}`, 400, ""},
		{"POST", "/machine/up", `[1]`, 400, ""},
		{"POST", "/teardown", ``, 400, "Missing 'frameworkId' query parameter in the request body"},
		{"POST", "/teardown", `frameworkId=%zz`, 400, "Unable to decode query string"},
		{"GET", "/teardown", ``, 405, ""},
		{"POST", "/quota", strings.Repeat("[", 100_000), 400, "…'"},
	} {
		t.Run(fmt.Sprintf("%s %s %.20s", c.method, c.path, c.body), func(t *testing.T) {
			m := &master{}
			w := knock(doors(t, m), c.method, c.path, c.body)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) || w.Body.Len() > 1024 {
				t.Errorf("the answer is %d %.300q", w.Code, w.Body)
			}
			if m.asked != nil {
				t.Errorf("the master was asked for %v", m.asked)
			}
		})
	}
}

// What the master refuses is passed on with its status and its words.
func TestChangesTheMasterRefuses(t *testing.T) {
	for _, c := range []struct {
		class error
		code  int
	}{{fault.ErrInvalid, 400}, {fault.ErrDenied, 403}, {fault.ErrConflict, 409}, {fault.ErrUnavailable, 503}} {
		m := &master{err: fmt.Errorf("Role 'x' has no quota set: %w", c.class)}
		for method, path := range map[string]string{"GET": "/quota", "DELETE": "/quota/x", "PUT": "/weights"} {
			if w := knock(doors(t, m), method, path, "[]"); w.Code != c.code || !strings.HasSuffix(w.Body.String(), "Role 'x' has no quota set") {
				t.Errorf("%s %s: the answer is %d %q, want %d", method, path, w.Code, w.Body, c.code)
			}
		}
	}
	m := &master{err: fmt.Errorf("Role 'x' has no quota set: %w", fault.ErrInvalid)}
	if got := knock(doors(t, m), "DELETE", "/master/quota/x", "").Body.String(); got != "Failed to remove quota for path '/master/quota/x': Role 'x' has no quota set" {
		t.Errorf("the answer is %q", got)
	}
}

func TestReadings(t *testing.T) {
	text := proto.String
	machine := &mesospb.MachineID{Hostname: text("h"), Ip: text("10.0.0.1")}
	for _, c := range []struct {
		path   string
		answer *masterpb.Response
		want   string
	}{
		{"/weights", &masterpb.Response{}, `[]`},
		{"/weights/dev", &masterpb.Response{GetWeights: &masterpb.Response_GetWeights{WeightInfos: []*mesospb.WeightInfo{
			{Role: text("dev"), Weight: proto.Float64(2)}, {Role: text("ops"), Weight: proto.Float64(2.5)}}}},
			`[{"role":"dev","weight":2.0},{"role":"ops","weight":2.5}]`},
		{"/quota", &masterpb.Response{GetQuota: &masterpb.Response_GetQuota{Status: &quotapb.QuotaStatus{}}}, `{}`},
		{"/quota", &masterpb.Response{GetQuota: &masterpb.Response_GetQuota{Status: &quotapb.QuotaStatus{Configs: []*quotapb.QuotaConfig{{Role: text("dev")}}}}},
			`{"configs":[{"role":"dev"}]}`},
		{"/maintenance/schedule", &masterpb.Response{}, `{}`},
		{"/maintenance/status", &masterpb.Response{GetMaintenanceStatus: &masterpb.Response_GetMaintenanceStatus{Status: &maintenancepb.ClusterStatus{
			DownMachines: []*mesospb.MachineID{machine}}}}, `{"down_machines":[{"hostname":"h","ip":"10.0.0.1"}]}`},
	} {
		m := &master{answer: c.answer}
		if w := knock(doors(t, m), "GET", c.path, ""); w.Code != 200 || w.Body.String() != c.want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: the answer is %d %s, want %s", c.path, w.Code, w.Body, c.want)
		}
	}
}

// A master that does not lead sends everybody to the one that does, whatever they ask.
func TestChangesElsewhere(t *testing.T) {
	m := &master{}
	h := doors(t, m, func(c *web.Config) {
		c.Leadership = func() web.Leadership { return web.Leadership{Leader: "other:5050"} }
	})
	for _, path := range []string{"/quota", "/weights", "/maintenance/schedule", "/maintenance/status", "/machine/down", "/machine/up", "/teardown"} {
		if w := knock(h, "PATCH", path, ""); w.Code != http.StatusTemporaryRedirect || w.Header().Get("Location") != "//other:5050/master"+path {
			t.Errorf("%s: the answer is %d, %q", path, w.Code, w.Header().Get("Location"))
		}
	}
}

// Nothing that anybody sends to a door makes it stumble, or is answered with anything but 200 and 400.
func FuzzChanges(f *testing.F) {
	for _, seed := range []string{``, `{}`, `[]`, `[{}]`, `{"role":"x","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}`,
		`[{"role":"dev","weight":1.5}]`, `{"windows":[{"machine_ids":[{"hostname":"h"}],"unavailability":{"start":{"nanoseconds":1}}}]}`,
		`frameworkId=x&frameworkId=%41`, `%`, `[{"role":"\ud800"}]`} {
		for door := range 6 {
			f.Add(door, []byte(seed))
		}
	}
	h := doors(f, &master{answer: &masterpb.Response{}})
	targets := []struct{ method, path string }{{"POST", "/quota"}, {"PUT", "/weights"}, {"POST", "/maintenance/schedule"},
		{"POST", "/machine/down"}, {"POST", "/machine/up"}, {"POST", "/teardown"}}
	f.Fuzz(func(t *testing.T, door int, body []byte) {
		if door < 0 || door >= len(targets) {
			return
		}
		w := knock(h, targets[door].method, targets[door].path, string(body))
		if w.Code != 200 && w.Code != 400 || w.Code == 400 && w.Body.Len() > 4096 {
			t.Errorf("%v with %q: %d, %d bytes", targets[door], body, w.Code, w.Body.Len())
		}
	})
}
