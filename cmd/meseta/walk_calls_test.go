package main_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// Every door of a master and an agent says what it always said, in both languages.
func TestEveryDoor(t *testing.T) {
	w := newWalk(t)
	said := map[string][]string{} // by call, in each language
	texts := map[string]string{}
	for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
		s := w.framework(f, func(p protocol, kind, text, answer string) {
			said[p.folder+" "+kind] = append(said[p.folder+" "+kind], answer)
			texts[p.folder+" "+kind] = text
		})
		if f == wire.JSON {
			w.readings()
		}
		s.farewell()
	}
	for _, p := range []protocol{ofSchedulers, ofExecutors} {
		for _, kind := range p.types {
			if answers := said[p.folder+" "+kind]; len(answers) == 2 {
				w.both(p, kind, texts[p.folder+" "+kind], answers)
			}
		}
	}
	w.curl()
	w.changes()
	w.complete()
}

// framework is a scheduler and, on the agent, an executor, which a test speaks for in one language.
type framework struct {
	*walk
	f        wire.Format
	note     func(p protocol, kind, text, answer string)
	events   *wire.RecordReader
	orders   *wire.RecordReader
	streamID string
	close    []func() error
}

const (
	taskInfo = `"agent_id":{"value":"${agent}"},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}},{"name":"mem","type":"SCALAR","scalar":{"value":64}}]`
	needs    = `"framework_id":{"value":"${framework}"}`
)

func (w *walk) framework(f wire.Format, note func(protocol, string, string, string)) *framework {
	s := &framework{walk: w, f: f, note: note}
	s.events, s.streamID = s.open(ofSchedulers, `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"${user}","name":"walker","roles":["dev"],"failover_timeout":60,`+
		`"capabilities":[{"type":"MULTI_ROLE"},{"type":"RESERVATION_REFINEMENT"}]}}}`, &schedulerpb.Event{}, &schedulerpb.Event{})
	offer := s.event(schedulerpb.Event_OFFERS).GetOffers().GetOffers()[0]
	w.vars = append([]string{"${agent}", offer.GetAgentId().GetValue(), "${framework}", offer.GetFrameworkId().GetValue()}, w.vars...)
	s.call(`{"type":"ACCEPT",` + needs + `,"accept":{"offer_ids":[{"value":"` + offer.GetId().GetValue() + `"}],"filters":{"refuse_seconds":100000},"operations":[{"type":"LAUNCH","launch":{"task_infos":[` +
		`{"name":"shell","task_id":{"value":"t1"},` + taskInfo + `,"command":{"value":"echo hello; exec sleep 1000"}},` +
		`{"name":"custom","task_id":{"value":"t2"},` + taskInfo + `,"executor":{"type":"CUSTOM","executor_id":{"value":"e2"},"command":{"value":"exec sleep 1000"}}}]}}]}}`)
	s.orders, _ = s.open(ofExecutors, `{"type":"SUBSCRIBE",`+needs+`,"executor_id":{"value":"e2"},"subscribe":{}}`, &executorpb.Event{}, &executorpb.Event{})
	for _, c := range []string{
		`{"type":"UPDATE",` + needs + `,"executor_id":{"value":"e2"},"update":{"status":{"task_id":{"value":"t2"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","uuid":"AAAAAAAAQACAAAAAAAAAAQ=="}}}`,
		`{"type":"MESSAGE",` + needs + `,"executor_id":{"value":"e2"},"message":{"data":"aGVsbG8="}}`,
		`{"type":"HEARTBEAT",` + needs + `,"executor_id":{"value":"e2"}}`,
		`{"type":"UNKNOWN",` + needs + `,"executor_id":{"value":"e2"}}`,
	} {
		s.executor(c)
	}
	for running := map[string]bool{}; len(running) < 2; {
		u := s.event(schedulerpb.Event_UPDATE).GetUpdate().GetStatus()
		id := u.GetTaskId().GetValue()
		acknowledge := fmt.Sprintf(`{"type":"ACKNOWLEDGE",%s,"acknowledge":{"agent_id":{"value":"${agent}"},"task_id":{"value":%q},"uuid":%q}}`, needs, id, base64.StdEncoding.EncodeToString(u.GetUuid()))
		if id == "t2" {
			s.call(acknowledge) // is noted: its uuid is always the same
		} else {
			s.say(ofSchedulers, s.f, acknowledge, "Mesos-Stream-Id", s.streamID)
		}
		if u.GetState().String() == "TASK_RUNNING" {
			running[id] = true
		}
	}
	return s
}

// farewell says what is left to say.
func (s *framework) farewell() {
	for _, c := range []string{
		`{"type":"MESSAGE",` + needs + `,"message":{"agent_id":{"value":"${agent}"},"executor_id":{"value":"e2"},"data":"aGVsbG8="}}`,
		`{"type":"RECONCILE",` + needs + `,"reconcile":{"tasks":[]}}`,
		`{"type":"RECONCILE_OPERATIONS",` + needs + `,"reconcile_operations":{"operations":[]}}`,
		`{"type":"REQUEST",` + needs + `,"request":{"requests":[]}}`,
		`{"type":"SUPPRESS",` + needs + `,"suppress":{}}`,
		`{"type":"REVIVE",` + needs + `,"revive":{}}`,
		`{"type":"DECLINE",` + needs + `,"decline":{"offer_ids":[{"value":"none"}],"filters":{"refuse_seconds":100000}}}`,
		`{"type":"ACCEPT_INVERSE_OFFERS",` + needs + `,"accept_inverse_offers":{"inverse_offer_ids":[{"value":"none"}]}}`,
		`{"type":"DECLINE_INVERSE_OFFERS",` + needs + `,"decline_inverse_offers":{"inverse_offer_ids":[{"value":"none"}]}}`,
		`{"type":"ACKNOWLEDGE_OPERATION_STATUS",` + needs + `,"acknowledge_operation_status":{"agent_id":{"value":"${agent}"},"uuid":"AAAAAAAAQACAAAAAAAAAAQ==","operation_id":{"value":"o"}}}`,
		`{"type":"UPDATE_FRAMEWORK",` + needs + `,"update_framework":{"framework_info":{"user":"${user}","name":"walker","roles":["dev","ops"],"id":{"value":"${framework}"},"failover_timeout":60,"capabilities":[{"type":"MULTI_ROLE"},{"type":"RESERVATION_REFINEMENT"}]}}}`,
		`{"type":"KILL",` + needs + `,"kill":{"task_id":{"value":"t1"}}}`,
		`{"type":"SHUTDOWN",` + needs + `,"shutdown":{"executor_id":{"value":"e2"},"agent_id":{"value":"${agent}"}}}`,
		`{"type":"UNKNOWN",` + needs + `}`,
		`{"type":"TEARDOWN",` + needs + `}`,
	} {
		s.call(c)
	}
	for _, c := range s.close {
		_ = c() // the other side has ended them
	}
}

// open begins a stream, and notes its first two events.
func (s *framework) open(p protocol, text string, first, second proto.Message) (*wire.RecordReader, string) {
	s.Helper()
	m := p.call()
	s.must(wire.DecodeJSON([]byte(s.fill(text)), m, wire.Limits{}))
	body, err := s.f.Append(nil, m)
	s.must(err)
	var head string
	var resp *http.Response
	await(s.T, "a stream", func() bool { // the executor has to be known first
		head, resp = s.ask(http.MethodPost, s.at(p.folder)+p.path, http.Header{"Content-Type": {s.f.MediaType()}, "Accept": {s.f.MediaType()}}, body)
		if resp.StatusCode != http.StatusOK {
			resp.Body.Close()
		}
		return resp.StatusCode == http.StatusOK
	})
	s.close = append(s.close, resp.Body.Close)
	r := wire.NewRecordReader(resp.Body, wire.Limits{})
	s.must(r.Decode(s.f, first))
	s.must(r.Decode(s.f, second))
	answer := head + "Transfer-Encoding: chunked\n\n" + s.pretty(append(append(wire.AppendJSON(nil, first), '\n'), wire.AppendJSON(nil, second)...))
	s.note(p, "SUBSCRIBE", s.normal("POST "+p.path+"\n"+text), s.normal(answer))
	return r, resp.Header.Get("Mesos-Stream-Id")
}

// event waits for one of a kind.
func (s *framework) event(kind schedulerpb.Event_Type) *schedulerpb.Event {
	s.Helper()
	for {
		e := &schedulerpb.Event{}
		s.must(s.events.Decode(s.f, e))
		if e.GetType() == kind {
			return e
		}
	}
}

func (s *framework) call(text string) {
	s.Helper()
	kind, answer := s.say(ofSchedulers, s.f, text, "Mesos-Stream-Id", s.streamID)
	s.once(ofSchedulers, kind, text, answer)
}

func (s *framework) executor(text string) {
	s.Helper()
	kind, answer := s.say(ofExecutors, s.f, text)
	s.once(ofExecutors, kind, text, answer)
}

// once notes the first answer of a kind.
func (s *framework) once(p protocol, kind, text, answer string) {
	key := p.folder + kind + s.f.String()
	if s.seen[key] {
		return
	}
	s.seen[key] = true
	s.note(p, kind, s.normal(text), answer)
}

// sandbox is where the first task runs, once it has printed something.
func (w *walk) sandbox() string {
	var found []string
	await(w.T, "the task prints", func() bool {
		found, _ = filepath.Glob(filepath.Join(w.cluster.dir, "A/slaves/*/frameworks/*/executors/t1/runs/*-*"))
		if len(found) != 1 {
			return false
		}
		text, _ := os.ReadFile(filepath.Join(found[0], "stdout"))
		return strings.Contains(string(text), "hello")
	})
	return found[0]
}

// readings asks everything that changes nothing, while one framework runs two tasks.
func (w *walk) readings() {
	sandbox := w.sandbox()
	w.vars = append(w.vars, "${sandbox}", sandbox, "${container}", filepath.Base(sandbox))
	for _, kind := range strings.Fields("UNKNOWN GET_HEALTH GET_FLAGS GET_VERSION GET_METRICS GET_LOGGING_LEVEL GET_STATE GET_AGENTS GET_FRAMEWORKS GET_EXECUTORS GET_OPERATIONS " +
		"GET_TASKS GET_ROLES GET_WEIGHTS GET_MASTER SUBSCRIBE GET_MAINTENANCE_STATUS GET_MAINTENANCE_SCHEDULE GET_QUOTA") {
		w.call(operatorOfMaster, `{"type":"`+kind+`","get_metrics":{}}`)
	}
	w.call(operatorOfMaster, `{"type":"LIST_FILES","list_files":{"path":"/nowhere"}}`)
	w.call(operatorOfMaster, `{"type":"READ_FILE","read_file":{"path":"/nowhere","offset":0}}`)
	w.call(operatorOfMaster, `{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":1000000000}}}`)
	for _, kind := range strings.Fields("UNKNOWN GET_HEALTH GET_FLAGS GET_VERSION GET_METRICS GET_LOGGING_LEVEL GET_STATE GET_CONTAINERS GET_FRAMEWORKS GET_EXECUTORS " +
		"GET_OPERATIONS GET_TASKS GET_AGENT GET_RESOURCE_PROVIDERS PRUNE_IMAGES") {
		w.call(operatorOfAgent, `{"type":"`+kind+`","get_metrics":{}}`)
	}
	const nested = `{"container_id":{"value":"n","parent":{"value":"${container}"}}`
	const provider = `{"info":{"type":"a.b","name":"c"}}`
	for _, c := range []string{
		`{"type":"LIST_FILES","list_files":{"path":"${sandbox}"}}`,
		`{"type":"READ_FILE","read_file":{"path":"${sandbox}/stdout","offset":0,"length":6}}`,
		`{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":1000000000}}}`,
		`{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":` + nested + `}}`,
		`{"type":"WAIT_NESTED_CONTAINER","wait_nested_container":` + nested + `}}`,
		`{"type":"KILL_NESTED_CONTAINER","kill_nested_container":` + nested + `}}`,
		`{"type":"REMOVE_NESTED_CONTAINER","remove_nested_container":` + nested + `}}`,
		`{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":` + nested + `}}`,
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"CONTAINER_ID","container_id":{"value":"${container}"}}}`,
		`{"type":"ATTACH_CONTAINER_OUTPUT","attach_container_output":{"container_id":{"value":"${container}"}}}`,
		`{"type":"LAUNCH_CONTAINER","launch_container":{"container_id":{"value":"n"}}}`,
		`{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":"n"}}}`,
		`{"type":"KILL_CONTAINER","kill_container":{"container_id":{"value":"n"}}}`,
		`{"type":"REMOVE_CONTAINER","remove_container":{"container_id":{"value":"n"}}}`,
		`{"type":"ADD_RESOURCE_PROVIDER_CONFIG","add_resource_provider_config":` + provider + `}`,
		`{"type":"UPDATE_RESOURCE_PROVIDER_CONFIG","update_resource_provider_config":` + provider + `}`,
		`{"type":"REMOVE_RESOURCE_PROVIDER_CONFIG","remove_resource_provider_config":{"type":"a.b","name":"c"}}`,
		`{"type":"MARK_RESOURCE_PROVIDER_GONE","mark_resource_provider_gone":{"resource_provider_id":{"value":"p"}}}`,
	} {
		w.call(operatorOfAgent, c)
	}
	for _, path := range strings.Fields("flags frameworks health redirect roles slaves state state-summary tasks maintenance/status") {
		w.old("master", "GET /master/"+path, "POST /master/"+path)
	}
	w.old("master", "GET /registrar(1)/registry")
	w.old("master", "GET /master/why?task_id=t1&framework_id=${framework}", "GET /master/why")
	w.old("master", "POST /master/kill framework_id=${framework}&task_id=nobody", "GET /master/kill")
	for _, path := range strings.Fields("flags health state containers containerizer/debug monitor/statistics") {
		w.old("agent", "GET /slave(1)/"+path, "PUT /slave(1)/"+path)
	}
	w.old("agent", "PUT /slave(1)/usage") // what they say when they are asked well is never the same
	w.old("agent", "PUT /slave(1)/usage/metrics")
	for _, side := range []string{"master", "agent"} {
		for _, path := range strings.Fields("/help /version /system/stats.json /metrics/snapshot /profiler/start /profiler/stop /files/debug") {
			w.old(side, "GET "+path)
		}
		w.numbers(side)
		w.old(side, "POST /logging/toggle?level=1&duration=1secs", "GET /logging/toggle", "POST /logging/toggle?level=-1&duration=1secs")
	}
	w.old("master", "GET /files/browse?path=/nowhere", "GET /files/browse")
	w.old("master", "GET /files/read?path=/nowhere&offset=0", "GET /files/read")
	w.old("master", "GET /files/download?path=/nowhere", "GET /files/download")
	w.old("agent", `POST /slave(1)/api/v1/resource_provider {"type":"SUBSCRIBE"}`, "GET /slave(1)/api/v1/resource_provider")
	w.old("agent", "GET /files/browse?path=${sandbox}")
	w.old("agent", "GET /files/read?path=${sandbox}/stdout&offset=0&length=6", "GET /files/read?path=${sandbox}/stdout", "GET /files/read?path=${sandbox}/../stdout")
	w.old("agent", "GET /files/download?path=${sandbox}/stdout", "GET /files/download?path=${sandbox}/stdout/..")
}

// numbers looks at the metrics in the language of Prometheus, of which the head is always the same, and at the first of the
// processes: streams and helpers come and go.
func (w *walk) numbers(side string) {
	w.Helper()
	first, _, _ := strings.Cut(w.visit(side, http.MethodGet, "/__processes__", ""), "},")
	w.keep(side+"/__processes__.txt", first)
	answer := w.visit(side, http.MethodGet, "/metrics", "")
	head, _, _ := strings.Cut(answer, "\n# ")
	w.keep(side+"/metrics.txt", head)
}

// changes asks for everything that changes something. Nothing runs any more.
func (w *walk) changes() {
	const machine = `{"hostname":"other.example","ip":"192.0.2.1"}`
	const window = `{"windows":[{"machine_ids":[` + machine + `],"unavailability":{"start":{"nanoseconds":4000000000000000000}}}]}`
	const agent = `"agent_id":{"value":"${agent}"}`
	const disk = `{"name":"disk","type":"SCALAR","scalar":{"value":64},"reservations":[{"type":"DYNAMIC","role":"dev"}]`
	const volume = disk + `,"disk":{"persistence":{"id":"v-${language}"},"volume":{"mode":"RW","container_path":"p"}}}`
	for _, c := range []string{
		`{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"ops","weight":2.5}]}}`,
		`{"type":"UPDATE_QUOTA","update_quota":{"quota_configs":[{"role":"ops","limits":{"cpus":{"value":2}}}]}}`,
		`{"type":"SET_QUOTA","set_quota":{"quota_request":{"role":"old","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}}}`,
		`{"type":"REMOVE_QUOTA","remove_quota":{"role":"old"}}`,
		`{"type":"RESERVE_RESOURCES","reserve_resources":{` + agent + `,"resources":[` + disk + `}]}}`,
		`{"type":"CREATE_VOLUMES","create_volumes":{` + agent + `,"volumes":[` + volume + `]}}`,
		`{"type":"GROW_VOLUME","grow_volume":{` + agent + `,"volume":` + volume + `,"addition":` + disk + `}}}`,
		`{"type":"SHRINK_VOLUME","shrink_volume":{` + agent + `,"volume":` + volume + `,"subtract":{"value":100}}}`,
		`{"type":"DESTROY_VOLUMES","destroy_volumes":{` + agent + `,"volumes":[` + volume + `]}}`,
		`{"type":"UNRESERVE_RESOURCES","unreserve_resources":{` + agent + `,"resources":[` + disk + `}]}}`,
		`{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":` + window + `}}`,
		`{"type":"START_MAINTENANCE","start_maintenance":{"machines":[` + machine + `]}}`,
		`{"type":"STOP_MAINTENANCE","stop_maintenance":{"machines":[` + machine + `]}}`,
	} {
		w.call(operatorOfMaster, c)
	}
	w.old("master", "GET /master/weights", `PUT /master/weights [{"role":"ops","weight":3}]`, "POST /master/weights x")
	w.old("master", "GET /master/quota", "GET /master/quota?jsonp=f", `POST /master/quota {"role":"old","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}`, "DELETE /master/quota/old", "DELETE /master/quota/nobody")
	w.old("master", "GET /master/maintenance/schedule", "POST /master/maintenance/schedule "+window, "GET /master/maintenance/schedule")
	w.old("master", "POST /master/machine/down ["+machine+"]", "GET /master/machine/down")
	w.old("master", "POST /master/machine/up ["+machine+"]", "POST /master/machine/up ["+machine+"]")
	const resources = `slaveId=${agent}&resources=[` + disk + `}]`
	const volumes = `slaveId=${agent}&volumes=[` + disk + `,"disk":{"persistence":{"id":"v"},"volume":{"mode":"RW","container_path":"p"}}}]`
	w.old("master", "POST /master/reserve "+resources, "POST /master/reserve", "GET /master/reserve")
	w.old("master", "POST /master/create-volumes "+volumes, "POST /master/create-volumes slaveId=nobody")
	w.old("master", "POST /master/destroy-volumes "+volumes, "POST /master/destroy-volumes")
	w.old("master", "POST /master/unreserve "+resources, "POST /master/unreserve slaveId=${agent}")
	w.old("master", "POST /master/teardown frameworkId=nobody", "POST /master/teardown", "GET /master/teardown")
	for _, c := range []string{
		`{"type":"DEACTIVATE_AGENT","deactivate_agent":{` + agent + `}}`,
		`{"type":"REACTIVATE_AGENT","reactivate_agent":{` + agent + `}}`,
		`{"type":"DRAIN_AGENT","drain_agent":{` + agent + `}}`,
		`{"type":"TEARDOWN","teardown":{"framework_id":{"value":"nobody"}}}`,
		`{"type":"MARK_AGENT_GONE","mark_agent_gone":{` + agent + `}}`,
	} {
		w.call(operatorOfMaster, c)
	}
}
