package node_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/node"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// desk is a node with a master, whose log level ends when the test says so.
type desk struct {
	*testing.T
	router *web.Router
	rt     *process.Runtime
	level  slog.LevelVar
	log    *node.Logging
	end    func()
	leader string
}

func newDesk(t *testing.T) *desk {
	rt, err := process.New(process.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Shutdown(context.Background()) })
	metrics.System(rt.Metrics())
	rt.Metrics().Gauge("master/tasks_running").Set(3)
	timer := rt.Metrics().Timer("registrar/state_store_ms", time.Millisecond, metrics.Window(time.Hour))
	timer.Observe(5 * time.Millisecond)
	timer.Observe(5 * time.Millisecond) // one value has no statistics
	d := &desk{T: t, rt: rt}
	d.log = node.NewLogging(&d.level, func(_ time.Duration, f func()) func() bool {
		d.end = f
		return func() bool { d.end = nil; return true }
	})
	p := node.Parts{Runtime: rt, Hosts: []node.Host{{ID: "master"}, {ID: "slave(1)", Agent: true}}, Logging: d.log,
		Flags:   func() map[string]string { return map[string]string{"quiet": "false", "agent_ping_timeout": "15secs"} },
		Version: &mesospb.VersionInfo{Version: proto.String("0.1.0"), BuildDate: proto.String("today"), BuildTime: proto.Float64(1), BuildUser: proto.String("me")},
		Leader:  func() string { return d.leader }, All: func() []web.Route { return d.router.Routes() }}
	d.router, err = web.New(web.Config{Delegate: "master", Routes: node.Routes(p), Processes: rt})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) get(path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func (d *desk) expect(path string, code int, kind, body string) {
	d.Helper()
	w := d.get(path)
	if w.Code != code || w.Header().Get("Content-Type") != kind || w.Body.String() != body {
		d.Errorf("%s: %d %s %q", path, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
}

const (
	plain = "text/plain; charset=utf-8"
	asked = "application/json"
)

func TestEndpoints(t *testing.T) {
	d := newDesk(t)
	d.expect("/health", 200, "", "")
	d.expect("/slave(1)/health", 200, "", "")
	d.expect("/version", 200, asked, `{"build_date":"today","build_time":1.0,"build_user":"me","version":"0.1.0"}`)
	d.expect("/version?jsonp=cb", 200, "text/javascript", `cb({"build_date":"today","build_time":1.0,"build_user":"me","version":"0.1.0"})`)
	d.expect("/version?jsonp=alert(1)//", 400, plain, "Expecting 'jsonp' to be the name of a function")
	d.expect("/flags", 200, asked, `{"flags":{"agent_ping_timeout":"15secs","quiet":"false"}}`)
	d.expect("/redirect", 503, plain, "No leader elected")
	d.leader = "m.example:5050"
	d.expect("/redirect", 307, "", "")
	if got := d.get("/master/redirect").Header().Get("Location"); got != "//m.example:5050" {
		t.Errorf("redirected to %s", got)
	}
	d.expect("/slave(1)/redirect", 404, plain, "404 Not Found.")
	d.expect("/metrics/snapshot?timeout=x", 400, plain, "Invalid timeout 'x': a duration expected, as in 15secs, 5mins, 2weeks or 1h30m.\n")
	d.expect("/metrics/x", 404, plain, "404 Not Found.")
	if w := d.get("/__processes__"); w.Code != 200 || !json.Valid(w.Body.Bytes()) {
		t.Errorf("processes: %d %q", w.Code, w.Body)
	}
}

// What exporters read is flat, and has nothing but numbers.
func TestNumbers(t *testing.T) {
	d := newDesk(t)
	for _, path := range []string{"/metrics/snapshot", "/metrics/snapshot?timeout=5secs", "/metrics/snapshot?timeout=5000ms", "/system/stats.json"} {
		var numbers map[string]float64
		if err := json.Unmarshal(d.get(path).Body.Bytes(), &numbers); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		want := "master/tasks_running"
		if path == "/system/stats.json" {
			want = "avg_load_1min"
		}
		if _, there := numbers[want]; !there {
			t.Errorf("%s: no %s in %v", path, want, numbers)
		}
	}
}

func TestPrometheus(t *testing.T) {
	w := newDesk(t).get("/metrics")
	if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("type %s", kind)
	}
	for _, line := range []string{"meseta_master_tasks_running 3\n", `meseta_registrar_state_store_ms_quantiles{quantile="0.5"} 5` + "\n",
		"meseta_registrar_state_store_ms 5\n", "meseta_registrar_state_store_ms_count 2\n"} {
		if !strings.Contains(w.Body.String(), line) {
			t.Errorf("no line %q", line)
		}
	}
}

// The level changes for as long as was asked, and the last who asks counts.
func TestLogging(t *testing.T) {
	d := newDesk(t)
	d.expect("/logging/toggle", 200, plain, "0\n")
	d.expect("/logging/toggle?level=1", 400, plain, "Expecting 'duration=value' in query.\n")
	d.expect("/logging/toggle?duration=1secs", 400, plain, "Expecting 'level=value' in query.\n")
	d.expect("/logging/toggle?level=x&duration=1secs", 400, plain, "Failed to convert 'x' to number.\n")
	d.expect("/logging/toggle?level=-1&duration=1secs", 400, plain, "Invalid level '-1'.\n")
	if d.level.Level() != slog.LevelInfo {
		t.Fatal("a refusal changed the level")
	}
	d.expect("/logging/toggle?level=2&duration=1secs", 200, "", "")
	d.expect("/logging/toggle", 200, plain, "2\n")
	if d.level.Level() != slog.LevelDebug {
		t.Error("the level is not changed")
	}
	late := d.end
	d.expect("/logging/toggle?level=3&duration=1secs", 200, "", "")
	late() // it was on its way already
	d.expect("/logging/toggle", 200, plain, "3\n")
	d.end()
	d.expect("/logging/toggle", 200, plain, "0\n")
	if d.level.Level() != slog.LevelInfo {
		t.Error("the level did not return")
	}
	if err := d.log.Set(1, -time.Second); err == nil {
		t.Error("a negative duration was taken")
	}
}

func TestHelp(t *testing.T) {
	d := newDesk(t)
	for path, want := range map[string]string{
		"/help": "/help/slave%281%29/health", "/help/master": "/help/master/redirect", "/help/metrics/snapshot": "mesos-master-readonly", "/help/slave(1)/flags": "mesos-agent-readonly",
	} {
		if w := d.get(path); w.Code != 200 || w.Header().Get("Content-Type") != "text/html" || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/help/nosuch", "/help/master/nosuch"} {
		d.expect(path, 404, plain, "404 Not Found.")
	}
}
