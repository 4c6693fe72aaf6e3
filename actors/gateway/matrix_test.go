package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/actors/gateway"
	agentdoor "github.com/meseta-io/meseta/actors/gateway/agent"
	"github.com/meseta-io/meseta/actors/gateway/files"
	"github.com/meseta-io/meseta/actors/gateway/realms"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/credentials"
)

// open are the routes that anybody may ask, because Mesos' clients and load balancers do. Every other one has a realm.
var open = []string{"health", "redirect", "version", "system/stats.json", "help", "__processes__"}

// canary is in every secret of the node, and must be in none of its answers.
const canary = "canary-3f9c"

// guarded is a node with everything guarded: a master, or an agent.
func guarded(t *testing.T, isMaster bool) http.Handler {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	rt, err := process.New(process.Config{Log: quiet})
	must(err)
	t.Cleanup(func() { _ = rt.Shutdown(context.Background()) })
	known, err := credentials.Parse([]byte("ops " + canary + "\nguest guest"))
	must(err)
	acls, err := authorization.Parse([]byte(`{"permissive": false}`))
	must(err)
	key := credentials.NewSecret([]byte(canary + canary))
	var guards realms.Realms
	store := memory.New()
	p := gateway.Parts{Runtime: rt, Log: quiet, Authenticator: guards.Authenticator, Authorizer: acls, Files: &files.Service{}}
	if isMaster {
		guards.Add(realms.Master{Readonly: true, Readwrite: true, Frameworks: true}.Guards(known))
		m, err := master.Spawn(rt, master.Default(), master.Parts{Contender: store, Registry: store, Credentials: known, Authorizer: acls})
		must(err)
		p.Master, p.Delegate = &m, m.UPID().ID
	} else {
		guards.Add(realms.Agent{Readonly: true, Readwrite: true, Executors: true}.Guards(known, key, time.Now))
		config := agent.Default()
		config.WorkDir, config.Hostname, config.Resources = t.TempDir(), "a.example", "cpus:4;mem:4096"
		disk, err := agent.OpenDisk(config.WorkDir)
		must(err)
		a, err := agent.Spawn(rt, config, agent.Parts{Detector: store, Launcher: posix.New(), Disk: disk, Authorizer: acls, SecretKey: key})
		must(err)
		p.Agents, p.Delegate = []agentdoor.Parts{{Agent: a}}, a.UPID().ID
	}
	g, err := gateway.New(gateway.Default(), p)
	must(err)
	return g.Handler()
}

// Every route and everybody who may come: whoever has proven nothing gets nothing, on every path by which a route is found
// and with every method. The routes are those that the node serves, so a new one without a realm fails here.
func TestRoutesAndPrincipals(t *testing.T) {
	for name, isMaster := range map[string]bool{"a master": true, "an agent": false} {
		t.Run(name, func(t *testing.T) {
			h := guarded(t, isMaster)
			token, err := authn.Sign(authn.Claims{"fid": "f"}, []byte("another key than the agent's"))
			if err != nil {
				t.Fatal(err)
			}
			routes := h.(*web.Router).Routes()
			for _, r := range routes {
				free := slices.ContainsFunc(open, func(o string) bool { return r.Pattern == o || r.Path() == "/"+o })
				if free != (r.Realm == "") {
					t.Errorf("%s has the realm %q", r.Path(), r.Realm)
				}
				if free {
					continue
				}
				if !slices.Contains(realms.All, r.Realm) || strings.HasPrefix(r.Realm, "mesos-master") != isMaster {
					t.Errorf("%s has the realm %q, which nobody guards", r.Path(), r.Realm)
				}
				paths := []string{r.Path(), r.Path() + "/", "//" + r.Path()[1:]}
				if id, rest, _ := strings.Cut(r.Path()[1:], "/"); rest != "" && (id == master.ID || id == "slave(1)") {
					paths = append(paths, "/"+rest)
				}
				for _, path := range paths {
					for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
						for who, header := range map[string]string{"nobody": "", "ops with a wrong secret": basicAuth("ops", "wrong"), "somebody unknown": basicAuth("eve", ""),
							"a forged token": "Bearer " + token, "the scheme in another case": strings.ToLower(basicAuth("ops", canary)[:5]) + basicAuth("ops", canary)[5:]} {
							req := httptest.NewRequest(method, path, strings.NewReader(`{"type": "GET_STATE"}`))
							req.Header.Set("Content-Type", "application/json")
							if header != "" {
								req.Header.Set("Authorization", header)
							}
							w := httptest.NewRecorder()
							h.ServeHTTP(w, req)
							if w.Code != http.StatusUnauthorized || !strings.Contains(w.Header().Get("WWW-Authenticate"), `realm="`+r.Realm+`"`) {
								t.Errorf("%s %s as %s: %d %v", method, path, who, w.Code, w.Header())
							}
							if strings.Contains(w.Body.String(), canary) {
								t.Errorf("%s %s as %s tells a secret", method, path, who)
							}
						}
					}
				}
			}
			if len(routes) < 15 {
				t.Errorf("%d routes", len(routes))
			}
		})
	}
}

func basicAuth(name, password string) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(name, password)
	return r.Header.Get("Authorization")
}
