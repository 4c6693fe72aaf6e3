package api_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// master is a server that answers calls; its address is host:port.
func master(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func answer(t *testing.T, w http.ResponseWriter, m proto.Message) {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Error(err)
	}
	w.Header().Set("Content-Type", wire.MediaProtobuf)
	_, _ = w.Write(body)
}

var health = &masterpb.Response{Type: masterpb.Response_GET_HEALTH.Enum(), GetHealth: &masterpb.Response_GetHealth{Healthy: proto.Bool(true)}}

var ask = &masterpb.Call{Type: masterpb.Call_GET_HEALTH.Enum()}

// A standby sends to the leader, who wants to know who asks.
func TestTheCredentialGoesToTheLeader(t *testing.T) {
	leader := master(t, func(w http.ResponseWriter, r *http.Request) {
		if name, secret, ok := r.BasicAuth(); !ok || name != "ops" || secret != "s3cret" || r.Method != http.MethodPost {
			t.Errorf("%s by %q, %q", r.Method, name, secret)
		}
		answer(t, w, health)
	})
	standby := master(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "//"+leader+"/master"+r.URL.Path)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	c := api.New([]string{standby}, &mesospb.Credential{Principal: proto.String("ops"), Secret: proto.String("s3cret")}, nil)
	r, err := c.Master(t.Context(), ask)
	if err != nil || !r.GetGetHealth().GetHealthy() {
		t.Errorf("%v, %v", r, err)
	}
}

// Only masters send elsewhere, and only in one way: a page that wants the secret for another host does not get it.
func TestOtherRedirectsAreNotFollowed(t *testing.T) {
	thief := master(t, func(http.ResponseWriter, *http.Request) { t.Error("the call went to another host") })
	c := api.New([]string{master(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+thief+"/", http.StatusPermanentRedirect)
	})}, &mesospb.Credential{Principal: proto.String("ops"), Secret: proto.String("s3cret")}, nil)
	if _, err := c.Master(t.Context(), ask); err == nil {
		t.Error("it was answered")
	}
}

func TestAMasterThatIsNotReadyIsAskedAgain(t *testing.T) {
	var asked atomic.Int32
	c := api.New([]string{master(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			http.Error(w, "Master has not finished recovery", http.StatusServiceUnavailable)
			return
		}
		answer(t, w, health)
	})}, nil, nil)
	if _, err := c.Master(t.Context(), ask); err != nil || asked.Load() != 3 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
}

func TestOfSeveralMastersOneIsEnough(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	c := api.New([]string{strings.TrimPrefix(gone.URL, "http://"), master(t, func(w http.ResponseWriter, r *http.Request) { answer(t, w, health) })}, nil, nil)
	if _, err := c.Master(t.Context(), ask); err != nil {
		t.Error(err)
	}
}

func TestRefusalsHaveTheirClassAndTheServersWords(t *testing.T) {
	for status, class := range map[int]error{400: fault.ErrInvalid, 401: fault.ErrDenied, 403: fault.ErrDenied, 404: fault.ErrNotFound, 409: fault.ErrConflict, 501: fault.ErrUnsupported} {
		c := api.New([]string{master(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "because of that", status) })}, nil, nil)
		_, err := c.Master(t.Context(), ask)
		if !errors.Is(err, class) || status != 401 && !strings.Contains(err.Error(), "because of that") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// The stream breaks after the second event; the client comes back with the number of that one.
func TestEventsGoOnAfterABreak(t *testing.T) {
	var came atomic.Int32
	c := api.New([]string{master(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", wire.MediaProtobuf)
		w.Header().Set("Meseta-Resume", "m1:0")
		send := func(kind masterpb.Event_Type, number uint64) {
			record, _ := proto.Marshal(&masterpb.Event{Type: kind.Enum()})
			record = protowire.AppendVarint(protowire.AppendTag(record, 15001, protowire.VarintType), number)
			_, _ = w.Write(wire.AppendRecord(nil, record))
			_ = http.NewResponseController(w).Flush()
		}
		if came.Add(1) == 1 {
			if got, given := r.Header["Meseta-Resume"]; !given || got[0] != "" {
				t.Errorf("it began with %q", got)
			}
			send(masterpb.Event_SUBSCRIBED, 4)
			send(masterpb.Event_TASK_ADDED, 5)
			panic(http.ErrAbortHandler)
		}
		if got := r.Header.Get("Meseta-Resume"); got != "m1:5" {
			t.Errorf("it came back with %q", got)
		}
		send(masterpb.Event_AGENT_REMOVED, 6)
	})}, nil, nil)
	events, broke := c.Events(), 0
	events.Lost = func(error) { broke++ }
	defer events.Close()
	for _, want := range []masterpb.Event_Type{masterpb.Event_SUBSCRIBED, masterpb.Event_TASK_ADDED, masterpb.Event_AGENT_REMOVED} {
		e, err := events.Next(t.Context())
		if err != nil || e.GetType() != want {
			t.Fatalf("got %v, %v, want %v", e.GetType(), err, want)
		}
	}
	if broke != 1 {
		t.Errorf("it broke %d times", broke)
	}
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	c := api.New([]string{master(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte{0xff, 0xff}) })}, nil, nil)
	if _, err := c.Master(t.Context(), ask); err == nil {
		t.Error("garbage was taken for an answer")
	}
}
