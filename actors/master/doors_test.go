package master_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/wire"
)

// doors are a stage's master as HTTP clients see it, behind a whole gateway. What only reads is answered in the test's own
// goroutine; what changes something would wait for the world, so the test changes things on the stage.
type doors struct {
	*stage
	*testing.T
	handler http.Handler
}

// doors opens them. Everybody is who they say; nobody else is "nobody".
func (s *stage) doors(t *testing.T) *doors {
	t.Helper()
	g, err := gateway.New(gateway.Default(), gateway.Parts{
		Runtime: s.node.Runtime(), Master: &s.client, Delegate: "master", Authorizer: &s.rules,
		Flags: func() map[string]string {
			return map[string]string{"cluster": "test", "log_dir": "/var/log", "port": "5050"}
		},
		Authenticator: func(string) process.Authenticator {
			return func(r *http.Request) (process.Principal, *process.Response) {
				name, _, _ := r.BasicAuth()
				return process.Principal{Name: name + strings.Repeat("nobody", 1-min(1, len(name)))}, nil
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(100 * time.Millisecond) // from now on the doors hear of events
	return &doors{s, t, g.Handler()}
}

func (d *doors) do(who, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if who != "" {
		r.SetBasicAuth(who, "x")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

// get is what an old endpoint answers.
func (d *doors) get(who, path string) json.RawMessage {
	d.Helper()
	w := d.do(who, http.MethodGet, path, "")
	if w.Code != http.StatusOK {
		d.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// say is what a call of the v1 API is answered.
func (d *doors) say(who, call string) json.RawMessage {
	d.Helper()
	w := d.do(who, http.MethodPost, "/api/v1", call, "Content-Type", "application/json")
	if w.Code != http.StatusOK {
		d.Fatalf("%s: %d %s", call, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// at follows a path of keys and indexes.
func at(t *testing.T, text json.RawMessage, path ...any) json.RawMessage {
	t.Helper()
	for _, step := range path {
		var next json.RawMessage
		var err error
		switch step := step.(type) {
		case string:
			m := map[string]json.RawMessage{}
			err, next = json.Unmarshal(text, &m), m[step]
		case int:
			var l []json.RawMessage
			if err = json.Unmarshal(text, &l); err == nil && step < len(l) {
				next = l[step]
			}
		}
		if err != nil || next == nil {
			t.Fatalf("nothing at %v of %v (%v): %.2000s", step, path, err, text)
		}
		text = next
	}
	return text
}

// count is the length of the list at a path.
func count(t *testing.T, text json.RawMessage, path ...any) int {
	t.Helper()
	var l []json.RawMessage
	if err := json.Unmarshal(at(t, text, path...), &l); err != nil {
		t.Fatal(err)
	}
	return len(l)
}

// keysOf are the keys of an object, in their order.
func keysOf(t *testing.T, text json.RawMessage) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	var list []string
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		t.Fatalf("no object: %.200s", text)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			t.Fatal(err)
		}
		list = append(list, key.(string))
	}
	return strings.Join(list, " ")
}

// each are the values of a key of every object of a list.
func each(t *testing.T, list json.RawMessage, key string) string {
	t.Helper()
	var l []map[string]any
	if err := json.Unmarshal(list, &l); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, o := range l {
		all = append(all, fmt.Sprint(o[key]))
	}
	return strings.Join(all, " ")
}

// eye watches the events of a master.
type eye struct {
	*doors
	in *wire.RecordReader
}

// watch begins a stream; its first record was read when it returns, and is returned too.
func (d *doors) watch(who string) (*eye, json.RawMessage) {
	d.Helper()
	server := httptest.NewServer(d.handler)
	r, err := http.NewRequestWithContext(d.Context(), http.MethodPost, server.URL+"/api/v1", strings.NewReader(`{"type":"SUBSCRIBE"}`))
	if err != nil {
		d.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.SetBasicAuth(who, "x")
	}
	answer, err := server.Client().Do(r)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() {
		answer.Body.Close()
		server.CloseClientConnections()
		server.Close()
	})
	if answer.StatusCode != http.StatusOK {
		d.Fatal(answer.Status)
	}
	e := &eye{d, wire.NewRecordReader(bufio.NewReader(answer.Body), wire.Limits{})}
	return e, e.expect("SUBSCRIBED")
}

// next is the next record that is no heartbeat.
func (e *eye) next() json.RawMessage {
	e.Helper()
	e.Advance(100 * time.Millisecond) // whatever happened was published
	for range 3 {
		text, err := e.in.Next()
		if err != nil {
			e.Fatal(err)
		}
		if !bytes.Equal(text, []byte(`{"type":"HEARTBEAT"}`)) {
			return bytes.Clone(text)
		}
	}
	e.Fatal("nothing comes but signs of life")
	return nil
}

func (e *eye) expect(kind string) json.RawMessage {
	e.Helper()
	text := e.next()
	if got := string(at(e.T, text, "type")); got != `"`+kind+`"` {
		e.Fatalf("the next event is %.500s, want %s", text, kind)
	}
	return text
}
