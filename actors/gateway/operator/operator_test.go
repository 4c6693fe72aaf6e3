package operator_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/operator"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// house is a real master behind a real door.
type house struct {
	*testing.T
	*httptest.Server
	rt     *process.Runtime
	master master.Client
	guests int
}

// heartbeat is short, so that a test sees some.
const heartbeat = 50 * time.Millisecond

func newHouse(t *testing.T, change func(*master.Config, *master.Parts)) *house {
	return furnished(t, change, operator.Config{})
}

// furnished is a house whose door has more behind it than the master.
func furnished(t *testing.T, change func(*master.Config, *master.Parts), behind operator.Config) *house {
	log := slog.New(slog.DiscardHandler)
	rt, err := process.New(process.Config{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	store := memory.New()
	config, parts := master.Default(), master.Parts{Contender: store, Registry: store}
	if change != nil {
		change(&config, &parts)
	}
	m, err := master.Spawn(rt, config, parts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for !m.View().Serving {
		// Any answer of the actor's shows that it went on.
		_, _ = m.Ask(authorization.Subject{}, &masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(),
			Teardown: &masterpb.Call_Teardown{FrameworkId: &mesospb.FrameworkID{Value: proto.String("nobody")}}}).Get(ctx)
		if ctx.Err() != nil {
			t.Fatal("the master does not serve")
		}
	}
	who := func(string) process.Authenticator {
		return func(r *http.Request) (process.Principal, *process.Response) {
			name, _, _ := r.BasicAuth()
			if name == "" {
				name = "nobody"
			}
			return process.Principal{Name: name}, nil
		}
	}
	behind.Master, behind.Heartbeat = m, heartbeat
	router, err := web.New(web.Config{Routes: operator.Routes(behind), Delegate: "master",
		Authenticator: who, Limits: web.Limits{Body: 1 << 20, Bodies: 1 << 24, BodyTime: time.Minute, WriteTime: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, Server: httptest.NewServer(router), rt: rt, master: m}
	t.Cleanup(func() {
		h.CloseClientConnections()
		h.Close()
		_ = rt.Shutdown(context.Background())
	})
	return h
}

// sink is an actor that stands in for a scheduler and does nothing.
type sink struct{}

func (sink) Initialize(b *process.Base) {
	process.Install(b, func(process.UPID, *schedulerpb.Event) {})
}

// subscribe adds a framework and returns its id.
func (h *house) subscribe(name, user string) string {
	h.Helper()
	h.guests++
	ref, err := process.Spawn(h.rt, fmt.Sprint("guest-", h.guests), sink{})
	if err != nil {
		h.Fatal(err)
	}
	_, err = h.master.Say(ref.UPID, authorization.Subject{}, &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{
		FrameworkInfo: &mesospb.FrameworkInfo{User: &user, Name: &name}}}).Get(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	for id, f := range h.master.View().Frameworks.All() {
		if f.GetFrameworkInfo().GetName() == name {
			return id
		}
	}
	h.Fatal("a framework that subscribed is not there")
	return ""
}

func (h *house) teardown(id string) {
	h.Helper()
	if status, _ := h.call("", fmt.Sprintf(`{"type":"TEARDOWN","teardown":{"framework_id":{"value":%q}}}`, id)); status != http.StatusOK {
		h.Fatal("TEARDOWN: ", status)
	}
}

func (h *house) request(who, body string, header ...string) *http.Response {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), http.MethodPost, h.URL+"/api/v1", strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.SetBasicAuth(who, "x")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = []string{header[i+1]}
	}
	answer, err := h.Client().Do(r)
	if err != nil {
		h.Fatal(err)
	}
	return answer
}

func (h *house) call(who, body string, header ...string) (status int, text string) {
	h.Helper()
	answer := h.request(who, body, header...)
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		h.Fatal(err)
	}
	return answer.StatusCode, string(all)
}

// watch is a stream of events.
type watch struct {
	*house
	answer *http.Response
	in     *wire.RecordReader
}

func (h *house) watch(who string, header ...string) *watch {
	h.Helper()
	answer := h.request(who, `{"type":"SUBSCRIBE"}`, header...)
	if answer.StatusCode != http.StatusOK {
		h.Fatal(answer.Status)
	}
	h.Cleanup(func() { answer.Body.Close() })
	return &watch{h, answer, wire.NewRecordReader(bufio.NewReader(answer.Body), wire.Limits{})}
}

type record struct {
	Type      string `json:"type"`
	Sequence  uint64 `json:"meseta_sequence"`
	Error     string `json:"meseta_error"`
	Framework struct {
		Framework struct {
			Info struct {
				Name string `json:"name"`
			} `json:"framework_info"`
		} `json:"framework"`
	} `json:"framework_added"`
	Subscribed struct {
		State struct {
			Frameworks struct {
				List []any `json:"frameworks"`
			} `json:"get_frameworks"`
		} `json:"get_state"`
	} `json:"subscribed"`
}

// next is the next record, heartbeats left out unless they are wanted.
func (w *watch) next(heartbeats bool) (record, error) {
	for {
		text, err := w.in.Next()
		if err != nil {
			return record{}, err
		}
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			w.Fatalf("%s: %v", text, err)
		}
		if heartbeats || r.Type != "HEARTBEAT" {
			return r, nil
		}
	}
}

func (w *watch) expect(kind string) record {
	w.Helper()
	r, err := w.next(false)
	if err != nil || r.Type != kind {
		w.Fatalf("the next record is %q, %v; want %s", r.Type, err, kind)
	}
	return r
}

// A stream begins with everything and a sign of life, and goes on with what changes, in order.
func TestEvents(t *testing.T) {
	h := newHouse(t, nil)
	h.subscribe("before", "u")
	w := h.watch("")
	for i, want := range []string{"SUBSCRIBED", "HEARTBEAT", "HEARTBEAT"} {
		r, err := w.next(true)
		if err != nil || r.Type != want {
			t.Fatalf("record %d is %q, %v; want %s", i, r.Type, err, want)
		}
		if want == "SUBSCRIBED" && len(r.Subscribed.State.Frameworks.List) != 1 {
			t.Errorf("the snapshot has %d frameworks, want 1", len(r.Subscribed.State.Frameworks.List))
		}
	}
	id := h.subscribe("after", "u")
	if r := w.expect("FRAMEWORK_ADDED"); r.Framework.Framework.Info.Name != "after" || r.Sequence != 0 {
		t.Errorf("the event is %+v", r)
	}
	h.teardown(id)
	w.expect("FRAMEWORK_REMOVED")
}

// Who returns with the number of the last event that it has misses none and sees none twice; who was with another master,
// or is away for too long, gets a new snapshot.
func TestResume(t *testing.T) {
	h := newHouse(t, nil)
	first := h.watch("", operator.ResumeHeader, "")
	at := first.expect("SUBSCRIBED").Sequence
	h.subscribe("f1", "u")
	r := first.expect("FRAMEWORK_ADDED")
	if r.Sequence != at+1 {
		t.Errorf("the first event is number %d after %d", r.Sequence, at)
	}
	first.answer.Body.Close()
	h.subscribe("f2", "u")
	h.subscribe("f3", "u")
	id := h.master.View().Info.GetId()
	second := h.watch("", operator.ResumeHeader, fmt.Sprintf("%s:%d", id, r.Sequence))
	if got, want := second.answer.Header.Get(operator.ResumeHeader), fmt.Sprintf("%s:%d", id, r.Sequence); got != want {
		t.Errorf("the stream begins at %s, want %s", got, want)
	}
	for i, name := range []string{"f2", "f3"} {
		if next := second.expect("FRAMEWORK_ADDED"); next.Framework.Framework.Info.Name != name || next.Sequence != r.Sequence+uint64(i)+1 {
			t.Errorf("missed event %d is %+v", i, next)
		}
	}
	for name, at := range map[string]string{"another master": "other:1", "the future": id + ":1000000", "a new one": ""} {
		t.Run(name, func(t *testing.T) { h.watch("", operator.ResumeHeader, at).expect("SUBSCRIBED") })
	}
	for _, bad := range []string{"x", ":1", id + ":-1", id + ":x", strings.Repeat("x", 1000) + ":1"} {
		if status, _ := h.call("", `{"type":"SUBSCRIBE"}`, operator.ResumeHeader, bad); status != http.StatusBadRequest {
			t.Errorf("%.20q is answered %d, want 400", bad, status)
		}
	}
}

// One more than may watch ends the oldest stream, with a word for those who understand it, and no other.
func TestTooManyWatch(t *testing.T) {
	h := newHouse(t, func(c *master.Config, _ *master.Parts) { c.MaxSubscribers = 2 })
	oldest, second := h.watch("", operator.ResumeHeader, ""), h.watch("")
	oldest.expect("SUBSCRIBED")
	second.expect("SUBSCRIBED")
	h.watch("").expect("SUBSCRIBED")
	if r := oldest.expect("UNKNOWN"); r.Error == "" {
		t.Error("the last word says nothing")
	}
	if _, err := oldest.next(true); err != io.EOF {
		t.Errorf("the oldest stream ends with %v, want its end", err)
	}
	h.subscribe("f", "u")
	second.expect("FRAMEWORK_ADDED")
}

// What a list hides a stream hides, in its snapshot and afterwards.
func TestFilter(t *testing.T) {
	acls, err := authorization.Parse([]byte(`{"permissive": false, "view_frameworks": [{"principals": {"values": ["ann"]}, "users": {"values": ["ann"]}},
		{"principals": {"values": ["root"]}, "users": {"type": "ANY"}}], "teardown_frameworks": [{"principals": {"values": ["root"]}, "framework_principals": {"type": "ANY"}}],
		"register_frameworks": [{"principals": {"type": "ANY"}, "roles": {"type": "ANY"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(_ *master.Config, p *master.Parts) { p.Authorizer = acls })
	h.subscribe("of-bob", "bob")
	h.subscribe("of-ann", "ann")
	for who, want := range map[string][]bool{"ann": {true, false}, "root": {true, true}, "eve": {false, false}} {
		for _, call := range []string{"GET_FRAMEWORKS", "GET_STATE"} {
			_, text := h.call(who, fmt.Sprintf(`{"type":%q}`, call))
			if strings.Contains(text, `"of-ann"`) != want[0] || strings.Contains(text, `"of-bob"`) != want[1] {
				t.Errorf("%s of %s shows the wrong frameworks: %s", call, who, text)
			}
		}
		w := h.watch(who)
		if n := len(w.expect("SUBSCRIBED").Subscribed.State.Frameworks.List); (n > 0) != want[0] || (n > 1) != want[1] {
			t.Errorf("the snapshot of %s has %d frameworks", who, n)
		}
		bob, ann := h.subscribe("bob-for-"+who, "bob"), h.subscribe("ann-for-"+who, "ann")
		for i, name := range []string{"bob-for-" + who, "ann-for-" + who} {
			if want[1-i] {
				if r := w.expect("FRAMEWORK_ADDED"); r.Framework.Framework.Info.Name != name {
					t.Errorf("%s hears of %s, want %s", who, r.Framework.Framework.Info.Name, name)
				}
			}
		}
		for _, id := range []string{bob, ann} {
			if status, _ := h.call("root", fmt.Sprintf(`{"type":"TEARDOWN","teardown":{"framework_id":{"value":%q}}}`, id)); status != http.StatusOK {
				t.Fatal("TEARDOWN: ", status)
			}
		}
	}
}

// A stream that nobody reads costs the others nothing: two hundred of them, while everything changes, and a reader beside
// them who misses nothing.
func TestNobodyReads(t *testing.T) {
	h := newHouse(t, nil)
	for range 200 {
		h.watch("") // its body is never looked at
	}
	w := h.watch("")
	w.expect("SUBSCRIBED")
	const many = 2000
	go func() {
		for i := range many {
			h.subscribe(fmt.Sprint("f-", i), "u")
		}
	}()
	for i := range many {
		if r := w.expect("FRAMEWORK_ADDED"); r.Framework.Framework.Info.Name != fmt.Sprint("f-", i) {
			t.Fatalf("event %d is of %s", i, r.Framework.Framework.Info.Name)
		}
	}
}

// Every call of the enum has a way, and only those without one are refused as unsupported.
func TestEveryCallHasAWay(t *testing.T) {
	for n, name := range masterpb.Call_Type_name {
		if _, ok := operator.Calls[masterpb.Call_Type(n)]; !ok {
			t.Errorf("nobody says how %s is answered", name)
		}
	}
}

// Lists are the same in both formats, and there even if they are empty.
func TestLists(t *testing.T) {
	h := newHouse(t, nil)
	_, empty := h.call("", `{"type":"GET_STATE"}`)
	want := `{"type":"GET_STATE","get_state":{"get_tasks":{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]},"get_executors":{"executors":[]},` +
		`"get_frameworks":{"frameworks":[],"completed_frameworks":[]},"get_agents":{"agents":[],"recovered_agents":[]}}}`
	if empty != want {
		t.Errorf("of an empty cluster: %s", empty)
	}
	for i := range 3000 { // more than are encoded in one go
		h.subscribe(fmt.Sprint("f-", i), "u")
	}
	for _, call := range []string{"GET_STATE", "GET_FRAMEWORKS"} {
		body := fmt.Sprintf(`{"type":%q}`, call)
		_, text := h.call("", body)
		_, binary := h.call("", body, "Accept", "application/x-protobuf")
		a, b := &masterpb.Response{}, &masterpb.Response{}
		if err := wire.DecodeJSON([]byte(text), a, wire.Limits{}); err != nil {
			t.Fatal(err)
		}
		if err := wire.DecodeProto([]byte(binary), b, wire.Limits{}); err != nil {
			t.Fatal(err)
		}
		if list := append(a.GetGetState().GetGetFrameworks().GetFrameworks(), a.GetGetFrameworks().GetFrameworks()...); len(list) != 3000 {
			t.Errorf("%s has %d frameworks", call, len(list))
		}
		// Told in the same language, because JSON tells some defaults that the binary form does not.
		if !bytes.Equal(wire.AppendJSON(nil, a), wire.AppendJSON(nil, b)) {
			t.Errorf("%s says something else in protobuf than in JSON", call)
		}
	}
}

// What is kept of an answer serves those who may see everything, stays true when things change, and is hidden from others.
func TestKept(t *testing.T) {
	acls, err := authorization.Parse([]byte(`{"view_frameworks": [{"principals": {"values": ["eve"]}, "users": {"type": "NONE"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(_ *master.Config, p *master.Parts) { p.Authorizer = acls })
	var ids []string
	for i := range 300 {
		ids = append(ids, h.subscribe(fmt.Sprint("f-", i), "u"))
	}
	for step, id := range ids[:20] {
		for _, accept := range []string{"application/json", "application/x-protobuf"} {
			_, text := h.call("root", `{"type":"GET_STATE"}`, "Accept", accept)
			format := wire.JSON
			if accept != format.MediaType() {
				format = wire.Protobuf
			}
			m := &masterpb.Response{}
			if err := format.Decode([]byte(text), m, wire.Limits{}); err != nil {
				t.Fatal(err)
			}
			here, past := m.GetGetState().GetGetFrameworks().GetFrameworks(), m.GetGetState().GetGetFrameworks().GetCompletedFrameworks()
			if len(here) != len(ids)-step || len(past) != step || !strings.Contains(text, "f-20") {
				t.Fatalf("after %d have gone, %d are there and %d were", step, len(here), len(past))
			}
			if _, text := h.call("eve", `{"type":"GET_STATE"}`, "Accept", accept); strings.Contains(text, "f-2") {
				t.Fatalf("eve sees %s", text)
			}
		}
		h.teardown(id)
	}
}
