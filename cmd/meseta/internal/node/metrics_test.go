package node_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/credentials"
)

// A runtime with a real master or agent shows its numbers to those who prove who they are, and of these to those whom
// the authorizer lets.
func TestMetricsAreGuarded(t *testing.T) {
	for _, c := range []struct {
		name, metric string
		spawn        func(*testing.T, *process.Runtime) (process.UPID, error)
	}{
		{"of a master", "master/slave_registrations", func(_ *testing.T, rt *process.Runtime) (process.UPID, error) {
			store := memory.New()
			m, err := master.Spawn(rt, master.Default(), master.Parts{Contender: store, Registry: store})
			return m.UPID(), err
		}},
		{"of an agent", "slave/tasks_running", func(t *testing.T, rt *process.Runtime) (process.UPID, error) {
			config := agent.Default()
			config.WorkDir, config.Hostname, config.Resources = t.TempDir(), "a.example", "cpus:4;mem:4096"
			disk, err := agent.OpenDisk(config.WorkDir)
			if err != nil {
				return process.UPID{}, err
			}
			c, err := agent.Spawn(rt, config, agent.Parts{Detector: memory.New(), Launcher: posix.New(), Disk: disk})
			return c.UPID(), err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			known, err := credentials.Parse([]byte("bob apple\neve pear"))
			if err != nil {
				t.Fatal(err)
			}
			rt, err := process.New(process.Config{HTTP: process.HTTPConfig{
				MetricsRealm: "readonly",
				Realms:       map[string]process.Authenticator{"readonly": authn.Basic("readonly", known)},
				Authorizer: func(p process.Principal, _ *http.Request) *process.Response {
					if p.Name == "bob" {
						return nil
					}
					return &process.Response{Status: http.StatusForbidden}
				},
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer rt.Shutdown(context.Background())
			if _, err := c.spawn(t, rt); err != nil {
				t.Fatal(err)
			}
			ask := func(user, password string) *httptest.ResponseRecorder {
				req := httptest.NewRequest(http.MethodGet, "/metrics/snapshot", nil)
				if user != "" {
					req.SetBasicAuth(user, password)
				}
				w := httptest.NewRecorder()
				rt.ServeHTTP(w, req)
				return w
			}
			for _, who := range []struct {
				user, password string
				want           int
			}{{"", "", 401}, {"bob", "pear", 401}, {"eve", "pear", 403}, {"bob", "apple", 200}} {
				if got := ask(who.user, who.password).Code; got != who.want {
					t.Errorf("%q with %q gets %d, want %d", who.user, who.password, got, who.want)
				}
			}
			// The actor begins on its own time.
			late, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			for {
				var numbers map[string]float64
				if err := json.Unmarshal(ask("bob", "apple").Body.Bytes(), &numbers); err != nil {
					t.Fatal(err)
				}
				if _, there := numbers[c.metric]; there {
					break
				}
				if late.Err() != nil {
					t.Fatalf("%s is missing in %v", c.metric, numbers)
				}
			}
		})
	}
}
