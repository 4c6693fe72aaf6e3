package legacy_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/legacy"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/wire"
)

func resourceDoors(t testing.TB, m *master) http.Handler {
	t.Helper()
	return doors(t, m, func(c *web.Config) { c.Routes = legacy.Resources(m, wire.Limits{}) })
}

const cpu = `[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"web","reservation":{"principal":"ops"}}]`

// Each form says what a call of the v1 API says, and is answered when the agent was told.
func TestResources(t *testing.T) {
	one := `{name:"cpus" type:SCALAR scalar:{value:1} role:"web" reservation:{principal:"ops"}}`
	for _, c := range []struct{ path, body, call string }{
		{"/reserve", "slaveId=S1&resources=" + url.QueryEscape(cpu), `type:RESERVE_RESOURCES reserve_resources:{agent_id:{value:"S1"} resources:` + one + `}`},
		{"/master/reserve", "slaveId=S1&source=" + url.QueryEscape(cpu) + "&resources=" + url.QueryEscape(cpu),
			`type:RESERVE_RESOURCES reserve_resources:{agent_id:{value:"S1"} source:` + one + ` resources:` + one + `}`},
		{"/unreserve", "resources=" + url.QueryEscape(cpu) + "&slaveId=S1", `type:UNRESERVE_RESOURCES unreserve_resources:{agent_id:{value:"S1"} resources:` + one + `}`},
		{"/create-volumes", "slaveId=S1&volumes=" + url.QueryEscape(cpu), `type:CREATE_VOLUMES create_volumes:{agent_id:{value:"S1"} volumes:` + one + `}`},
		{"/destroy-volumes", "slaveId=S1&volumes=" + url.QueryEscape(cpu), `type:DESTROY_VOLUMES destroy_volumes:{agent_id:{value:"S1"} volumes:` + one + `}`},
		{"/unreserve", "slaveId=S1&resources=[]", `type:UNRESERVE_RESOURCES unreserve_resources:{agent_id:{value:"S1"}}`},
	} {
		t.Run(c.path, func(t *testing.T) {
			m := &master{answer: &masterpb.Response{}}
			w := knock(resourceDoors(t, m), "POST", c.path, c.body)
			if w.Code != http.StatusAccepted || w.Body.Len() != 0 {
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

func TestResourcesRefused(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		code               int
		says               string
	}{
		{"GET", "/reserve", "", 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."},
		{"POST", "/reserve", "", 400, "Missing 'slaveId' query parameter in the request body"},
		{"POST", "/unreserve", "slaveId=S1", 400, "Missing 'resources' query parameter in the request body"},
		{"POST", "/create-volumes", "slaveId=S1", 400, "Missing 'volumes' query parameter in the request body"},
		{"POST", "/destroy-volumes", "slaveId=S1&resources=[]", 400, "Missing 'volumes' query parameter in the request body"},
		{"POST", "/reserve", "slaveId=S1&resources=x", 400, "Error parsing 'resources' query parameter in the request body: "},
		{"POST", "/reserve", "slaveId=S1&resources={}", 400, "Error parsing 'resources' query parameter in the request body: "},
		{"POST", "/reserve", "slaveId=S1&resources=[{}]", 400, "Error parsing 'resources' query parameter in the request body: "},
		{"POST", "/reserve", "slaveId=S1&resources=[]&source=1", 400, "Error parsing 'source' query parameter in the request body: "},
		{"POST", "/reserve", "slaveId=%zz", 400, "Unable to decode query string"},
		{"POST", "/reserve", "slaveId=S1&resources=" + strings.Repeat("[", 100_000), 400, "Error parsing 'resources'"},
	} {
		t.Run(fmt.Sprintf("%s %s %.24s", c.method, c.path, c.body), func(t *testing.T) {
			m := &master{}
			w := knock(resourceDoors(t, m), c.method, c.path, c.body)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) || w.Body.Len() > 1024 {
				t.Errorf("the answer is %d %.300q", w.Code, w.Body)
			}
			if m.asked != nil {
				t.Errorf("the master was asked for %v", m.asked)
			}
		})
	}
	for class, code := range map[error]int{fault.ErrInvalid: 400, fault.ErrDenied: 403, fault.ErrConflict: 409, fault.ErrUnavailable: 503} {
		m := &master{err: fmt.Errorf("No agent found with specified ID: %w", class)}
		if w := knock(resourceDoors(t, m), "POST", "/reserve", "slaveId=S1&resources=[]"); w.Code != code || w.Body.String() != "No agent found with specified ID" {
			t.Errorf("%v: the answer is %d %q", class, w.Code, w.Body)
		}
	}
}
