package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/gateway/realms"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
	"github.com/meseta-io/meseta/testkit/lodge"
)

// busy is a lodge with one executor that has a queued task, and settings.
func busy(t testing.TB, o lodge.Options) *lodge.Lodge {
	t.Helper()
	gate := o.Gate
	o.Gate = func(p *gateway.Parts) {
		p.Flags = func() map[string]string { return map[string]string{"work_dir": "/w", "log_dir": "/l"} }
		p.Version = &mesospb.VersionInfo{Version: proto.String("9.9"), BuildDate: proto.String("then"), BuildTime: proto.Float64(1), BuildUser: proto.String("me")}
		if gate != nil {
			gate(p)
		}
	}
	l := lodge.New(t, o)
	l.Run(lodge.Framework("F1"), lodge.Task("F1", "t1", "e1"))
	l.Until("the container runs", func() bool {
		f := l.Agent.View().Frameworks
		return len(f) == 1 && f[0].Executors[0].Process.PID != 0
	})
	return l
}

// object reads JSON.
func object(t testing.TB, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	return o
}

func TestState(t *testing.T) {
	l := busy(t, lodge.Options{Config: func(c *agent.Config) {
		c.Attributes, c.Resources = "rack:r1;level:3;slots:[1-2]", "cpus:8;mem:1024;disk:16;ports:[31000-31002];cpus(eng):2"
	}})
	a := l.Do("GET", "/state", nil, "")
	if a.Status != 200 || a.Header.Get("Content-Type") != wire.MediaJSON {
		t.Fatalf("%d %v", a.Status, a.Header)
	}
	o := object(t, a.Body)
	for key, kind := range map[string]any{"version": "", "build_date": "", "build_time": 0.0, "build_user": "", "start_time": 0.0, "id": "", "pid": "",
		"hostname": "", "capabilities": []any{}, "resources": o, "reserved_resources": o, "unreserved_resources": o, "reserved_resources_full": o,
		"unreserved_resources_full": []any{}, "reserved_resources_allocated": o, "unreserved_resources_allocated": o, "resource_providers": []any{},
		"attributes": o, "master_hostname": "", "log_dir": "", "flags": o, "frameworks": []any{}, "completed_frameworks": []any{}} {
		switch v := o[key]; kind.(type) {
		case string:
			if _, ok := v.(string); !ok {
				t.Errorf("%s is %v", key, v)
			}
		case float64:
			if _, ok := v.(float64); !ok {
				t.Errorf("%s is %v", key, v)
			}
		case []any:
			if _, ok := v.([]any); !ok {
				t.Errorf("%s is %v", key, v)
			}
		default:
			if _, ok := v.(map[string]any); !ok {
				t.Errorf("%s is %v", key, v)
			}
		}
	}
	for _, part := range []string{
		`"resources":{"disk":16.0,"mem":1024.0,"gpus":0.0,"cpus":10.0,"ports":"[31000-31002]"}`,
		`"reserved_resources":{"eng":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":2.0}}`,
		`"attributes":{"rack":"r1","level":3.0,"slots":"[1-2]"}`, `"master_hostname":"m.example"`, `"log_dir":"/l","flags":{"log_dir":"/l","work_dir":"/w"}`,
		`"unreserved_resources_allocated":{"disk":0.0,"mem":48.0,"gpus":0.0,"cpus":0.6}`, `"roles":["web"]`, `"role":"web"`,
		`"tasks":[],"queued_tasks":[{"id":"t1","name":"t1","slave_id":"A1","resources":{"disk":0.0,"mem":32.0,"gpus":0.0,"cpus":0.5},"role":"web","executor_id":"e1"}],"completed_tasks":[]`,
	} {
		if !strings.Contains(a.Body, part) {
			t.Errorf("%s is not in %s", part, a.Body)
		}
	}
	if j := l.Do("GET", "/state?jsonp=f", nil, ""); !strings.HasPrefix(j.Body, "f({") || j.Header.Get("Content-Type") != "text/javascript" {
		t.Errorf("jsonp: %v %.20s", j.Header, j.Body)
	}
}

func TestContainers(t *testing.T) {
	l := busy(t, lodge.Options{})
	id := l.Agent.View().Frameworks[0].Executors[0].Container
	for query, want := range map[string]int{
		"": 1, "?container_id=" + id: 1, "?container_id=nobody": 0, "?framework_id=F1": 1, "?framework_id=F2": 0,
		"?framework_id=F1&executor_id=e1": 1, "?framework_id=F1&executor_id=e2": 0,
		"?executor_id=e1": -1, "?container_id=x&framework_id=F1": -1, "?container_id=x&executor_id=e1": -1,
	} {
		a := l.Do("GET", "/containers"+query, nil, "")
		if want < 0 {
			if a.Status != 400 || !strings.HasPrefix(a.Body, "Supported query parameters are") {
				t.Errorf("%s: %d %s", query, a.Status, a.Body)
			}
			continue
		}
		if a.Status != 200 || strings.Count(a.Body, `"statistics":{`) != want {
			t.Errorf("%s: %d %s, want %d", query, a.Status, a.Body, want)
		}
	}
	a := l.Do("GET", "/monitor/statistics", nil, "")
	if !strings.HasPrefix(a.Body, `[{"executor_id":"e1","executor_name":"x","framework_id":"F1","source":"s","statistics":{`) ||
		!strings.Contains(a.Body, `"cpus_soft_limit":0.6`) {
		t.Errorf("statistics: %s", a.Body)
	}
	if d := l.Do("GET", "/containerizer/debug", nil, ""); d.Body != `{"pending":[]}` {
		t.Errorf("debug: %s", d.Body)
	}
}

func ask(l *lodge.Lodge, f wire.Format, c *agentpb.Call) (lodge.Answer, *agentpb.Response) {
	l.T.Helper()
	body, err := f.Append(nil, c)
	l.Must(err)
	a := l.Do("POST", "/api/v1", lodge.Headers{"Content-Type", f.MediaType(), "Accept", f.MediaType()}, string(body))
	r := &agentpb.Response{}
	if a.Status == 200 && a.Body != "" {
		l.Must(f.Decode([]byte(a.Body), r, wire.Limits{}))
		if a.Header.Get("Content-Type") != f.MediaType() {
			l.T.Errorf("%s is answered as %s", c.GetType(), a.Header.Get("Content-Type"))
		}
	}
	return a, r
}

func TestOperatorCalls(t *testing.T) {
	for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
		t.Run(f.String(), func(t *testing.T) {
			l := busy(t, lodge.Options{})
			for call, good := range map[agentpb.Call_Type]func(*agentpb.Response) bool{
				agentpb.Call_GET_HEALTH:  func(r *agentpb.Response) bool { return r.GetGetHealth().GetHealthy() },
				agentpb.Call_GET_FLAGS:   func(r *agentpb.Response) bool { return r.GetGetFlags().GetFlags()[1].GetValue() == "/w" },
				agentpb.Call_GET_VERSION: func(r *agentpb.Response) bool { return r.GetGetVersion().GetVersionInfo().GetVersion() == "9.9" },
				agentpb.Call_GET_METRICS: func(r *agentpb.Response) bool { return len(r.GetGetMetrics().GetMetrics()) > 10 },
				agentpb.Call_GET_LOGGING_LEVEL: func(r *agentpb.Response) bool {
					return r.GetGetLoggingLevel().GetLevel() == 0 && r.GetGetLoggingLevel().Level != nil
				},
				agentpb.Call_GET_STATE: func(r *agentpb.Response) bool {
					s := r.GetGetState()
					return len(s.GetGetTasks().GetQueuedTasks()) == 1 && len(s.GetGetExecutors().GetExecutors()) == 1 && len(s.GetGetFrameworks().GetFrameworks()) == 1
				},
				agentpb.Call_GET_CONTAINERS: func(r *agentpb.Response) bool {
					c := r.GetGetContainers().GetContainers()
					return len(c) == 1 && c[0].GetExecutorId().GetValue() == "e1" && c[0].GetResourceStatistics().GetMemLimitBytes() == 48<<20
				},
				agentpb.Call_GET_FRAMEWORKS: func(r *agentpb.Response) bool {
					return r.GetGetFrameworks().GetFrameworks()[0].GetFrameworkInfo().GetId().GetValue() == "F1"
				},
				agentpb.Call_GET_EXECUTORS: func(r *agentpb.Response) bool {
					return r.GetGetExecutors().GetExecutors()[0].GetExecutorInfo().GetExecutorId().GetValue() == "e1"
				},
				agentpb.Call_GET_OPERATIONS: func(r *agentpb.Response) bool { return r.GetOperations != nil },
				agentpb.Call_GET_TASKS: func(r *agentpb.Response) bool {
					return r.GetGetTasks().GetQueuedTasks()[0].GetTaskId().GetValue() == "t1"
				},
				agentpb.Call_GET_AGENT:              func(r *agentpb.Response) bool { return r.GetGetAgent().GetAgentInfo().GetId().GetValue() == "A1" },
				agentpb.Call_GET_RESOURCE_PROVIDERS: func(r *agentpb.Response) bool { return r.GetResourceProviders != nil },
			} {
				c := &agentpb.Call{Type: call.Enum()}
				if call == agentpb.Call_GET_METRICS {
					c.GetMetrics = &agentpb.Call_GetMetrics{}
				}
				a, r := ask(l, f, c)
				if a.Status != 200 || r.GetType().String() != call.String() || !good(r) {
					t.Errorf("%s: %d %v %s", call, a.Status, r, a.Body)
				}
			}
			if a, _ := ask(l, f, &agentpb.Call{Type: agentpb.Call_PRUNE_IMAGES.Enum()}); a.Status != 200 || a.Body != "" || a.Header.Get("Content-Type") != "" {
				t.Errorf("PRUNE_IMAGES: %d %q %v", a.Status, a.Body, a.Header)
			}
		})
	}
}

// Every call of the enum is answered, or says what is missing.
func TestEveryCallIsAnsweredOrSaysWhatIsMissing(t *testing.T) {
	l := busy(t, lodge.Options{})
	for n, name := range agentpb.Call_Type_name {
		call := &agentpb.Call{Type: agentpb.Call_Type(n).Enum()}
		why := agent.Missing(call.GetType())
		if a, _ := ask(l, wire.JSON, call); (a.Status == 501) != (why != "") && a.Status != 400 {
			t.Errorf("%s: %d %q, and is missing %q", name, a.Status, a.Body, why)
		}
	}
	a, _ := ask(l, wire.JSON, &agentpb.Call{Type: agentpb.Call_KILL_CONTAINER.Enum(), KillContainer: &agentpb.Call_KillContainer{
		ContainerId: &mesospb.ContainerID{Value: proto.String("c")}}})
	if a.Status != 501 || !strings.Contains(a.Body, agent.Missing(agentpb.Call_KILL_CONTAINER)) {
		t.Errorf("KILL_CONTAINER: %d %q", a.Status, a.Body)
	}
}

// The checks are in Mesos' order, and its words.
func TestTheOrderOfChecks(t *testing.T) {
	l := busy(t, lodge.Options{})
	const health, recordio = `{"type":"GET_HEALTH"}`, "application/recordio"
	for _, c := range []struct {
		name, method string
		headers      lodge.Headers
		body         string
		status       int
		says         string
	}{
		{"method first", "GET", nil, "", 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."},
		{"then the type", "POST", lodge.Headers{"Accept", "text/html"}, "{", 400, "Expecting 'Content-Type' to be present"},
		{"which has to be known", "POST", lodge.Headers{"Content-Type", "text/plain"}, "{", 415,
			"Expecting 'Content-Type' of application/json or application/x-protobuf or application/recordio"},
		{"a stream has one for messages", "POST", lodge.Headers{"Content-Type", recordio}, "", 400, "Expecting 'Message-Content-Type' to be present"},
		{"which has to be known too", "POST", lodge.Headers{"Content-Type", recordio, "Message-Content-Type", "text/plain"}, "", 415,
			"Expecting 'Message-Content-Type' of application/json or application/x-protobuf"},
		{"and nobody else has", "POST", lodge.Headers{"Content-Type", wire.MediaJSON, "Message-Content-Type", wire.MediaJSON}, health, 415,
			"Expecting 'Message-Content-Type' to be not set for non-streaming requests"},
		{"then the answer's, before the body", "POST", lodge.Headers{"Content-Type", wire.MediaJSON, "Accept", "text/html"}, "{", 406,
			"Expecting 'Accept' to allow application/json or application/x-protobuf or application/recordio"},
		{"and its messages'", "POST", lodge.Headers{"Content-Type", wire.MediaJSON, "Accept", wire.MediaJSON, "Message-Accept", wire.MediaJSON}, "{", 406,
			"Expecting 'Message-Accept' to be not set for non-streaming responses"},
		{"which can be wrong", "POST", lodge.Headers{"Content-Type", wire.MediaJSON, "Accept", recordio, "Message-Accept", "text/html"}, "{", 406,
			"Expecting 'Message-Accept' to allow application/json or application/x-protobuf"},
		{"then the body", "POST", lodge.Headers{"Content-Type", wire.MediaJSON, "Accept", recordio}, "{", 400, ""},
		{"then what it says", "POST", lodge.Headers{"Content-Type", wire.MediaJSON, "Accept", recordio}, `{"type":"LIST_FILES"}`, 400, "Failed to validate agent::Call: "},
		{"then whether that streams", "POST", lodge.Headers{"Content-Type", wire.MediaJSON, "Accept", recordio}, health, 406, "Streaming response is not supported for GET_HEALTH call"},
		{"or comes as a stream", "POST", lodge.Headers{"Content-Type", recordio, "Message-Content-Type", wire.MediaJSON}, "21\n" + health, 415,
			"Streaming request is not supported for GET_HEALTH call"},
		{"no Accept is JSON", "POST", lodge.Headers{"Content-Type", wire.MediaJSON}, health, 200, `{"type":"GET_HEALTH","get_health":{"healthy":true}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := l.Do(c.method, "/api/v1", c.headers, c.body); a.Status != c.status || !strings.HasPrefix(a.Body, c.says) {
				t.Errorf("answered %d %q, want %d %q", a.Status, a.Body, c.status, c.says)
			}
		})
	}
}

func TestWhileTheAgentRecovers(t *testing.T) {
	l := lodge.New(t, lodge.Options{})
	l.Stop()
	release := l.Reading()
	defer release()
	for _, r := range []struct{ method, path, body string }{{"GET", "/state", ""}, {"POST", "/api/v1", `{"type":"GET_HEALTH"}`}, {"GET", "/api/v1", ""}} {
		if a := l.Do(r.method, r.path, lodge.Headers{"Content-Type", wire.MediaJSON}, r.body); a.Status != 503 || a.Body != "Agent has not finished recovery" {
			t.Errorf("%s: %d %q", r.path, a.Status, a.Body)
		}
	}
}

// rules let "bob" do everything and others only what they name.
type rules map[authorization.Action]bool

func (r rules) Approver(_ authorization.Subject, a authorization.Action) authorization.Approver {
	return func(authorization.Object) bool { return r[a] || a == authorization.RunTask } // or there would be nothing to see
}

// What one may not see is not there, in any of the lists.
func TestWhoSeesWhat(t *testing.T) {
	for name, c := range map[string]struct {
		may  rules
		sees []string
	}{
		"nothing":             {rules{}, nil},
		"frameworks":          {rules{authorization.ViewFramework: true}, []string{"F1"}},
		"executors alone":     {rules{authorization.ViewExecutor: true}, nil},
		"and their executors": {rules{authorization.ViewFramework: true, authorization.ViewExecutor: true}, []string{"F1", "e1"}},
		"and their tasks":     {rules{authorization.ViewFramework: true, authorization.ViewTask: true}, []string{"F1"}},
		"all":                 {rules{authorization.ViewFramework: true, authorization.ViewExecutor: true, authorization.ViewTask: true}, []string{"F1", "e1", "t1"}},
		"flags":               {rules{authorization.ViewFlags: true}, []string{"work_dir"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := busy(t, lodge.Options{Parts: func(p *agent.Parts) { p.Authorizer = c.may }, Gate: func(p *gateway.Parts) { p.Authorizer = c.may }})
			state := object(t, l.Do("GET", "/state", nil, "").Body)
			text, err := json.Marshal([]any{state["frameworks"], state["flags"]})
			l.Must(err)
			for _, secret := range []string{"F1", "e1", "t1", "work_dir"} {
				want := false
				for _, s := range c.sees {
					want = want || s == secret
				}
				if got := strings.Contains(string(text), `"`+secret+`"`); got != want {
					t.Errorf("%s is in /state: %v, want %v: %s", secret, got, want, text)
				}
			}
			if a, _ := ask(l, wire.JSON, &agentpb.Call{Type: agentpb.Call_GET_FLAGS.Enum()}); (a.Status == 200) != c.may[authorization.ViewFlags] || a.Status != 200 && a.Status != 403 {
				t.Errorf("GET_FLAGS: %d", a.Status)
			}
			_, r := ask(l, wire.JSON, &agentpb.Call{Type: agentpb.Call_GET_STATE.Enum()})
			s := r.GetGetState()
			if got, want := len(s.GetGetTasks().GetQueuedTasks()) == 1, c.may[authorization.ViewFramework] && c.may[authorization.ViewTask]; got != want {
				t.Errorf("GET_STATE has the task: %v, want %v", got, want)
			}
			if got, want := len(s.GetGetExecutors().GetExecutors()) == 1, c.may[authorization.ViewFramework] && c.may[authorization.ViewExecutor]; got != want {
				t.Errorf("GET_STATE has the executor: %v, want %v", got, want)
			}
			if _, r := ask(l, wire.JSON, &agentpb.Call{Type: agentpb.Call_GET_CONTAINERS.Enum()}); r.GetGetContainers() != nil {
				t.Errorf("GET_CONTAINERS shows %v", r)
			}
		})
	}
}

// Endpoints are granted by their path.
func TestEndpoints(t *testing.T) {
	for _, path := range []string{"/containers", "/monitor/statistics", "/containerizer/debug"} {
		for _, c := range []struct {
			name, method string
			by           authorization.Authorizer
			want         int
		}{
			{"without rules", "POST", nil, http.StatusOK},
			{"allowed", "GET", rules{authorization.GetEndpointWithPath: true, authorization.ViewContainer: true}, http.StatusOK},
			{"another method", "POST", rules{authorization.GetEndpointWithPath: true}, http.StatusMethodNotAllowed},
			{"refused", "GET", rules{}, http.StatusForbidden},
		} {
			t.Run(path+" "+c.name, func(t *testing.T) {
				l := lodge.New(t, lodge.Options{Parts: func(p *agent.Parts) { p.Authorizer = c.by }, Gate: func(p *gateway.Parts) { p.Authorizer = c.by }})
				if a := l.Do(c.method, path, nil, ""); a.Status != c.want {
					t.Errorf("answered %d %q, want %d", a.Status, a.Body, c.want)
				}
			})
		}
	}
}

// broken is a launcher that cannot measure.
type broken struct{ containerizer.Launcher }

func (broken) Usage(context.Context, []containerizer.Process) ([]*mesospb.ResourceStatistics, error) {
	return nil, errors.New("no statistics today")
}

// Statistics that cannot be had are an error for whoever wants them, and only missing for whoever wants to know what runs.
func TestStatisticsThatCannotBeHad(t *testing.T) {
	l := busy(t, lodge.Options{Parts: func(p *agent.Parts) { p.Launcher = broken{p.Launcher} }})
	if a := l.Do("GET", "/monitor/statistics", nil, ""); a.Status != http.StatusInternalServerError || !strings.Contains(a.Body, "no statistics today") {
		t.Errorf("/monitor/statistics: %d %s", a.Status, a.Body)
	}
	if a := l.Do("GET", "/containers", nil, ""); a.Status != http.StatusOK || !strings.Contains(a.Body, `"executor_id":"e1"`) || strings.Contains(a.Body, "statistics") {
		t.Errorf("/containers: %d %s", a.Status, a.Body)
	}
}

// With --no-authenticate_http_readonly whoever only looks proves nothing; whoever would change something does.
func TestWhoOnlyLooksProvesNothing(t *testing.T) {
	known, err := credentials.Parse([]byte("ops secret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, readonly := range []bool{false, true} {
		var guards realms.Realms
		guards.Add(realms.Agent{Readonly: readonly, Readwrite: true}.Guards(known, credentials.Secret{}, time.Now))
		l := busy(t, lodge.Options{Gate: func(p *gateway.Parts) { p.Authenticator = guards.Authenticator }})
		for _, path := range []string{"/state", "/flags", "/containers", "/monitor/statistics"} {
			want := http.StatusOK
			if readonly {
				want = http.StatusUnauthorized
			}
			if a := l.Do("GET", path, nil, ""); a.Status != want {
				t.Errorf("%s, guarded %v: %d %s", path, readonly, a.Status, a.Body)
			}
		}
		if a := l.Do("POST", "/api/v1", lodge.Headers{"Content-Type", wire.MediaJSON}, `{"type": "GET_HEALTH"}`); a.Status != http.StatusUnauthorized {
			t.Errorf("/api/v1: %d %s", a.Status, a.Body)
		}
	}
}
