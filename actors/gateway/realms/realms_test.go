package realms_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/realms"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/messages/credentials"
)

var now = time.Unix(1_700_000_000, 0)

func known(t testing.TB, lines string) credentials.Credentials {
	t.Helper()
	c, err := credentials.Parse([]byte(lines))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(authorization string) *http.Request {
	return &http.Request{Header: http.Header{"Authorization": {authorization}}}
}

func basic(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }

func TestGuards(t *testing.T) {
	key := credentials.NewSecret([]byte("a key that nobody can guess"))
	token, err := authn.Sign(authn.Claims{"fid": "f", "eid": "e", "cid": "c"}, key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	ops, executor, wrong := basic("ops:s3cret"), "Bearer "+token, basic("ops:wrong")
	type want struct {
		authorization string
		status        int // 0: he is let in
	}
	in := func(authorization string) want { return want{authorization, 0} }
	all := []want{in(ops), {executor, 401}, {wrong, 401}, {"", 401}}
	master := realms.Master{Readonly: true, Readwrite: true, Frameworks: true, FrameworkAuthenticators: []string{"basic"}, Authenticators: []string{"basic"}}
	agent := realms.Agent{Readonly: true, Readwrite: true, Executors: true, Credentials: "f", SecretKey: "k"}
	both := realms.Realms{}
	both.Add(master.Guards(known(t, "ops s3cret")))
	both.Add(agent.Guards(known(t, "ops s3cret"), key, func() time.Time { return now }))
	for realm, wants := range map[string][]want{
		realms.MasterReadonly: all, realms.MasterReadwrite: all, realms.MasterScheduler: all,
		realms.AgentReadonly:         {in(ops), {executor, 403}, {wrong, 401}, {"", 401}},
		realms.AgentReadwrite:        {in(ops), in(executor), {wrong, 401}, {"", 401}},
		realms.AgentExecutor:         {{ops, 401}, in(executor), {"", 401}},
		realms.AgentResourceProvider: {{ops, 401}, in(executor), {"", 401}},
	} {
		check := both.Authenticator(realm)
		if check == nil {
			t.Fatalf("%s is open", realm)
		}
		for _, w := range wants {
			p, refusal := check(request(w.authorization))
			status := 0
			if refusal != nil {
				status = refusal.Status
			}
			if status != w.status || (status == 0) != (p.Name != "" || len(p.Claims) > 0) {
				t.Errorf("%s with %q: %d %v", realm, w.authorization, status, p)
			}
			if status == 401 && !strings.Contains(strings.Join(refusal.Header["Www-Authenticate"], ","), `realm="`+realm+`"`) {
				t.Errorf("%s asks for %v", realm, refusal.Header)
			}
		}
	}
	t.Run("a realm without a guard is open", func(t *testing.T) {
		var none realms.Realms
		for _, realm := range append(realms.All, "another") {
			if none.Authenticator(realm) != nil {
				t.Errorf("%s is guarded", realm)
			}
		}
		none.Add(realms.DefaultMaster().Guards(known(t, "ops s3cret")))
		none.Add(realms.Agent{}.Guards(known(t, "ops s3cret"), key, time.Now))
		for _, realm := range realms.All {
			if none.Authenticator(realm) != nil {
				t.Errorf("%s is guarded although nobody asked for it", realm)
			}
		}
	})
	t.Run("who has no name is told why a master does not let him in", func(t *testing.T) {
		g := realms.Agent{Readonly: true, Authenticators: []string{"jwt"}, SecretKey: "k"}.Guards(known(t, ""), key, func() time.Time { return now })
		_, refusal := g[realms.AgentReadonly](request(executor))
		if refusal == nil || refusal.Status != 403 || !strings.Contains(string(refusal.Body), "claims, but no value string") {
			t.Errorf("%v", refusal)
		}
	})
	t.Run("what is known may change", func(t *testing.T) {
		var live credentials.Live
		check := master.Guards(&live)[realms.MasterReadonly]
		for _, lines := range []string{"", "ops s3cret", "guest guest"} {
			live.Swap(known(t, lines))
			if _, refusal := check(request(ops)); (refusal == nil) != (lines == "ops s3cret") {
				t.Errorf("with %q: %v", lines, refusal)
			}
		}
	})
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nothing asked for":             {realms.DefaultMaster().Validate(false), ""},
		"nothing asked for of agents":   {realms.Agent{}.Validate(), ""},
		"everything":                    {realms.Master{Readonly: true, Readwrite: true, Frameworks: true, FrameworkAuthenticators: []string{"basic"}, Authenticators: []string{"basic"}}.Validate(true), ""},
		"without credentials":           {realms.Master{Readonly: true, Authenticators: []string{"basic"}}.Validate(false), "--credentials"},
		"frameworks in no way":          {realms.Master{Frameworks: true}.Validate(true), "--http_framework_authenticators"},
		"operators in no way":           {realms.Master{Readwrite: true}.Validate(true), "--http_authenticators"},
		"a way that there is not":       {realms.Master{Authenticators: []string{"kerberos"}}.Validate(true), "kerberos"},
		"agents without credentials":    {realms.Agent{Readwrite: true}.Validate(), "--http_credentials"},
		"executors without a key":       {realms.Agent{Executors: true}.Validate(), "--jwt_secret_key"},
		"tokens without a key":          {realms.Agent{Authenticators: []string{"jwt"}}.Validate(), "--jwt_secret_key"},
		"a way that agents have not":    {realms.Agent{Authenticators: []string{"x"}}.Validate(), "--http_authenticators=x"},
		"tokens only need no passwords": {realms.Agent{Readonly: true, Authenticators: []string{"jwt"}, SecretKey: "k"}.Validate(), ""},
	} {
		if (c.want == "") != (c.err == nil) || c.err != nil && !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}
