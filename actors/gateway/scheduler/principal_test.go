package scheduler_test

import (
	"net/http"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// guarded lets those in who say their name in Authorization.
func guarded(_ *master.Config, _ *gateway.Config, p *gateway.Parts) {
	p.Authenticator = func(realm string) process.Authenticator {
		if realm != "mesos-master-scheduler" {
			return nil
		}
		return func(r *http.Request) (process.Principal, *process.Response) {
			if name := r.Header.Get("Authorization"); name != "" {
				return process.Principal{Name: name}, nil
			}
			return process.Principal{}, &process.Response{Status: http.StatusUnauthorized,
				Header: http.Header{"Www-Authenticate": {`Basic realm="` + realm + `"`}}}
		}
	}
}

func TestWhoIsNotAuthenticatedStaysOut(t *testing.T) {
	h := newHouse(t, guarded)
	both(t, func(t *testing.T, format wire.Format) {
		body, err := format.Append(nil, subscription(framework()))
		h.must(err)
		got := h.post(headers{"Content-Type", format.MediaType(), "Accept", format.MediaType()}, string(body))
		if got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != `Basic realm="mesos-master-scheduler"` {
			t.Errorf("answered %d with %v", got.status, got.header)
		}
	})
}

// The principal of the request becomes the framework's, and nobody else speaks for it afterwards.
func TestThePrincipalOfAFramework(t *testing.T) {
	h := newHouse(t, guarded)
	named := func(p string) func(*mesospb.FrameworkInfo) {
		return func(info *mesospb.FrameworkInfo) { info.Principal = proto.String(p) }
	}
	s := h.open(wire.JSON, subscription(framework(patient)), "Authorization", "ops")
	s.greeted()
	if got := h.framework(s.framework).GetFrameworkInfo().GetPrincipal(); got != "ops" {
		t.Errorf("the principal is %q", got)
	}
	revive := `{"type":"REVIVE","framework_id":{"value":"` + s.framework + `"}}`
	for _, c := range []struct {
		name   string
		header headers
		body   string
		status int
		want   string
	}{
		{"its own", headers{"Authorization", "ops", "Mesos-Stream-Id", s.id}, revive, 202, ""},
		{"another's, with its stream id", headers{"Authorization", "guest", "Mesos-Stream-Id", s.id}, revive, 400,
			"Authenticated principal 'guest' does not match principal set in `FrameworkInfo`"},
		{"another's, without any", headers{"Authorization", "guest"}, revive, 400,
			"Authenticated principal 'guest' does not match principal set in `FrameworkInfo`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wants(t, h.post(append(headers{"Content-Type", wire.MediaJSON}, c.header...), c.body), c.status, c.want)
		})
	}
	t.Run("one that is not the request's", func(t *testing.T) {
		body, err := wire.JSON.Append(nil, subscription(framework(named("other"))))
		h.must(err)
		if got := h.post(headers{"Content-Type", wire.MediaJSON, "Authorization", "ops"}, string(body)); got.status != http.StatusBadRequest {
			t.Errorf("answered %d %s", got.status, got.body)
		}
	})
	t.Run("another's takes over", func(t *testing.T) {
		h.open(wire.JSON, subscription(framework(patient, known(s.framework))), "Authorization", "guest").errors("principal")
		wants(t, h.post(headers{"Content-Type", wire.MediaJSON, "Authorization", "ops", "Mesos-Stream-Id", s.id}, revive), 202, "")
	})
	if f := h.framework(s.framework); !f.GetConnected() {
		t.Error("the framework was harmed")
	}
}
