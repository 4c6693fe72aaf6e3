package authn_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process/authn"
)

var (
	secret = []byte("secret")
	now    = time.Unix(1_700_000_000, 0)
)

func request(authorization string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func token(t *testing.T, c authn.Claims) string {
	t.Helper()
	s, err := authn.Sign(c, secret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBasic(t *testing.T) {
	basic := authn.Basic("realm", map[string]string{"user": "password"})
	credentials := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct {
		name, authorization string
		ok                  bool
	}{
		{"right", credentials("user:password"), true},
		{"wrong password", credentials("user:passwort"), false},
		{"no password", credentials("user:"), false},
		{"unknown user", credentials("other:password"), false},
		{"unknown user without password", credentials("other:"), false},
		{"nothing", "", false},
		{"no colon", credentials("user"), false},
		{"not base64", "Basic ???", false},
		{"another scheme", "Bearer x", false},
	} {
		p, refusal := basic(request(c.authorization))
		if c.ok != (refusal == nil) || c.ok && p.Name != "user" {
			t.Errorf("%s: %v, %v", c.name, p, refusal)
		}
		if refusal != nil && (refusal.Status != 401 || refusal.Header.Get("WWW-Authenticate") != `Basic realm="realm"`) {
			t.Errorf("%s: %v", c.name, refusal)
		}
	}
}

func TestBearer(t *testing.T) {
	bearer := authn.Bearer("realm", secret, func() time.Time { return now })
	good := token(t, authn.Claims{"sub": "user", "team": "blue", "exp": now.Unix() + 1, "n": 1})
	p, refusal := bearer(request("Bearer " + good))
	if refusal != nil || p.Name != "user" || p.Claims["team"] != "blue" {
		t.Errorf("%v, %v", p, refusal)
	}
	for name, authorization := range map[string]string{"nothing": "", "another scheme": "Basic x", "garbage": "Bearer a.b.c"} {
		_, refusal := bearer(request(authorization))
		if refusal == nil || refusal.Status != 401 || !strings.HasPrefix(refusal.Header.Get("WWW-Authenticate"), `Bearer realm="realm"`) {
			t.Errorf("%s: %v", name, refusal)
		}
	}
}

func TestAny(t *testing.T) {
	either := authn.Any(authn.Basic("realm", map[string]string{"u": "p"}), authn.Bearer("realm", secret, func() time.Time { return now }))
	if p, refusal := either(request("Bearer " + token(t, authn.Claims{"sub": "x"}))); refusal != nil || p.Name != "x" {
		t.Errorf("%v, %v", p, refusal)
	}
	if _, refusal := either(request("")); refusal == nil || len(refusal.Header["Www-Authenticate"]) != 2 {
		t.Errorf("%v", refusal)
	}
}

func TestToken(t *testing.T) {
	enc := base64.RawURLEncoding.EncodeToString
	good := token(t, authn.Claims{"sub": "user", "exp": now.Unix() + 10})
	parts := strings.Split(good, ".")

	t.Run("what is signed is what is read", func(t *testing.T) {
		c, err := authn.Verify(good, secret, now)
		if err != nil || c["sub"] != "user" {
			t.Errorf("%v, %v", c, err)
		}
	})
	t.Run("its form is that of RFC 7519", func(t *testing.T) {
		// The header and payload as they are in the text of a token, and three parts without padding.
		head, _ := base64.RawURLEncoding.DecodeString(parts[0])
		body, _ := base64.RawURLEncoding.DecodeString(parts[1])
		if len(parts) != 3 || string(head) != `{"alg":"HS256","typ":"JWT"}` || string(body) != `{"exp":1700000010,"sub":"user"}` || strings.Contains(good, "=") {
			t.Errorf("%s", good)
		}
	})
	t.Run("everything else is refused", func(t *testing.T) {
		resign := func(head, body string) string {
			// Signed with the right secret by somebody who puts in what he likes.
			s, err := authn.Sign(authn.Claims{}, secret)
			if err != nil {
				t.Fatal(err)
			}
			return enc([]byte(head)) + "." + enc([]byte(body)) + "." + strings.Split(s, ".")[2]
		}
		for name, tok := range map[string]string{
			"nothing":           "",
			"two parts":         parts[0] + "." + parts[1],
			"four parts":        good + ".x",
			"header no base64":  "?." + parts[1] + "." + parts[2],
			"header no JSON":    enc([]byte("x")) + "." + parts[1] + "." + parts[2],
			"no algorithm":      enc([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
			"another algorithm": enc([]byte(`{"alg":"RS256"}`)) + "." + parts[1] + "." + parts[2],
			"another payload":   parts[0] + "." + enc([]byte(`{"sub":"root"}`)) + "." + parts[2],
			"signature cut":     parts[0] + "." + parts[1] + "." + parts[2][:10],
			"critical header":   resign(`{"alg":"HS256","crit":["x"]}`, `{}`),
			"expired":           token(t, authn.Claims{"exp": now.Unix()}),
			"expiry no number":  token(t, authn.Claims{"exp": "tomorrow"}),
			"not yet":           token(t, authn.Claims{"nbf": now.Unix() + 1}),
			"too long":          token(t, authn.Claims{"x": strings.Repeat("x", 20_000)}),
		} {
			if c, err := authn.Verify(tok, secret, now); err == nil {
				t.Errorf("%s: accepted with %v", name, c)
			}
		}
		if _, err := authn.Verify(good, []byte("another"), now); err == nil {
			t.Error("another secret: accepted")
		}
	})
}

func FuzzVerify(f *testing.F) {
	s, err := authn.Sign(authn.Claims{"sub": "user"}, secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := authn.Verify(token, []byte("unknown to the fuzzer"), now); err == nil {
			t.Errorf("accepted %q with %v", token, c)
		}
	})
}
