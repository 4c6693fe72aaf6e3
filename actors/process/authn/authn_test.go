package authn_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/messages/credentials"
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

func known(t testing.TB, lines string) credentials.Credentials {
	t.Helper()
	c, err := credentials.Parse([]byte(lines))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestBasic(t *testing.T) {
	basic := authn.Basic("realm", known(t, `{"credentials": [{"principal": "user", "secret": "password"}, {"principal": "mute"}, {"principal": "odd", "secret": "a:b"}]}`))
	for _, c := range []struct {
		name, authorization, who string
	}{
		{"right", "Basic " + encoded("user:password"), "user"},
		{"without padding", "Basic " + strings.TrimRight(encoded("user:password"), "="), "user"},
		{"somebody whose secret is empty", "Basic " + encoded("mute:"), "mute"},
		{"wrong password", "Basic " + encoded("user:passwort"), ""},
		{"no password", "Basic " + encoded("user:"), ""},
		{"unknown user", "Basic " + encoded("other:password"), ""},
		{"unknown user without password", "Basic " + encoded("other:"), ""},
		{"nobody", "Basic " + encoded(":"), ""},
		{"nothing", "", ""},
		{"a scheme and nothing else", "Basic ", ""},
		{"no colon", "Basic " + encoded("user"), ""},
		{"two colons", "Basic " + encoded("odd:a:b"), ""},
		{"not base64", "Basic ???", ""},
		{"another scheme", "Bearer x", ""},
		{"the scheme in another case", "basic " + encoded("user:password"), ""},
		{"two spaces", "Basic  " + encoded("user:password"), ""},
		{"a tab", "Basic\t" + encoded("user:password"), ""},
		{"something behind it", "Basic " + encoded("user:password") + " x", ""},
		{"more than anybody needs", "Basic " + strings.Repeat("A", 20_000), ""},
	} {
		p, refusal := basic(request(c.authorization))
		if (c.who != "") != (refusal == nil) || p.Name != c.who {
			t.Errorf("%s: %v, %v", c.name, p, refusal)
		}
		if refusal != nil && (refusal.Status != 401 || refusal.Header.Get("WWW-Authenticate") != `Basic realm="realm"`) {
			t.Errorf("%s: %v", c.name, refusal)
		}
	}
	t.Run("two headers", func(t *testing.T) {
		r := request("Basic " + encoded("user:password"))
		r.Header.Add("Authorization", "Basic "+encoded("user:password"))
		if _, refusal := basic(r); refusal == nil {
			t.Error("it is anybody's guess which one counts")
		}
	})
}

func TestBearer(t *testing.T) {
	bearer := authn.Bearer("realm", secret, func() time.Time { return now })
	good := token(t, authn.Claims{"sub": "user", "team": "blue", "exp": now.Unix() + 1, "n": 1})
	p, refusal := bearer(request("Bearer " + good))
	if refusal != nil || p.Name != "user" || p.Claims["team"] != "blue" {
		t.Errorf("%v, %v", p, refusal)
	}
	for name, authorization := range map[string]string{"nothing": "", "another scheme": "Basic x", "garbage": "Bearer a.b.c", "another case": "bearer " + good} {
		_, refusal := bearer(request(authorization))
		if refusal == nil || refusal.Status != 401 || !strings.HasPrefix(refusal.Header.Get("WWW-Authenticate"), `Bearer realm="realm"`) {
			t.Errorf("%s: %v", name, refusal)
		}
	}
}

func TestAny(t *testing.T) {
	basic := authn.Basic("realm", known(t, "u p"))
	bearer := authn.Bearer("realm", secret, func() time.Time { return now })
	refuses := func(status int, challenge, body string) process.Authenticator {
		return func(*http.Request) (process.Principal, *process.Response) {
			r := &process.Response{Status: status, Header: http.Header{}, Body: []byte(body)}
			if challenge != "" {
				r.Header.Set("WWW-Authenticate", challenge)
			}
			return process.Principal{}, r
		}
	}
	wants, forbids, forbidsMore := refuses(401, "Other", "show it"), refuses(403, "", "not you"), refuses(403, "", "nor you")
	for _, c := range []struct {
		name, authorization string
		all                 []process.Authenticator
		who                 string
		status              int
		challenges, body    string
	}{
		{"the first accepts", "Basic " + encoded("u:p"), []process.Authenticator{basic, bearer}, "u", 0, "", ""},
		{"the second accepts", "Bearer " + token(t, authn.Claims{"sub": "x"}), []process.Authenticator{basic, bearer}, "x", 0, "", ""},
		{"the second accepts whom the first forbids", "Basic " + encoded("u:p"), []process.Authenticator{forbids, basic}, "u", 0, "", ""},
		{"none accepts", "", []process.Authenticator{basic, bearer}, "", 401, `Basic realm="realm"|Bearer realm="realm"`, ""},
		{"what they say is put together", "", []process.Authenticator{wants, basic, wants}, "", 401, `Other|Basic realm="realm"|Other`, "show it\n\nshow it"},
		{"a challenge is worth more than a refusal", "", []process.Authenticator{forbids, basic}, "", 401, `Basic realm="realm"`, ""},
		{"all forbid", "", []process.Authenticator{forbids, forbidsMore}, "", 403, "", "not you"},
		{"there is one", "", []process.Authenticator{basic}, "", 401, `Basic realm="realm"`, ""},
		{"there is none", "", nil, "", 401, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, refusal := authn.Any(c.all...)(request(c.authorization))
			if p.Name != c.who || (refusal == nil) != (c.who != "") {
				t.Fatalf("%v, %v", p, refusal)
			}
			if refusal != nil && (refusal.Status != c.status || strings.Join(refusal.Header["Www-Authenticate"], "|") != c.challenges || string(refusal.Body) != c.body) {
				t.Errorf("%d %v %q", refusal.Status, refusal.Header, refusal.Body)
			}
		})
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
			signed := enc([]byte(head)) + "." + enc([]byte(body))
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(signed))
			return signed + "." + enc(mac.Sum(nil))
		}
		if _, err := authn.Verify(resign(`{"alg":"HS256"}`, `{}`), secret, now); err != nil {
			t.Fatalf("what is right is refused: %v", err)
		}
		for name, tok := range map[string]string{
			"nothing":                         "",
			"two parts":                       parts[0] + "." + parts[1],
			"four parts":                      good + ".x",
			"header no base64":                "?." + parts[1] + "." + parts[2],
			"header no JSON":                  enc([]byte("x")) + "." + parts[1] + "." + parts[2],
			"no algorithm":                    enc([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
			"another algorithm":               enc([]byte(`{"alg":"RS256"}`)) + "." + parts[1] + "." + parts[2],
			"another payload":                 parts[0] + "." + enc([]byte(`{"sub":"root"}`)) + "." + parts[2],
			"signature cut":                   parts[0] + "." + parts[1] + "." + parts[2][:10],
			"critical header":                 resign(`{"alg":"HS256","crit":["x"]}`, `{}`),
			"signed, but says that it is not": resign(`{"alg":"none"}`, `{}`),
			"signed, but says otherwise how":  resign(`{"alg":"RS256"}`, `{}`),
			"signed, but does not say how":    resign(`{}`, `{}`),
			"of another type":                 resign(`{"alg":"HS256","typ":"JWE"}`, `{}`),
			"expired":                         token(t, authn.Claims{"exp": now.Unix()}),
			"expiry no number":                token(t, authn.Claims{"exp": "tomorrow"}),
			"not yet":                         token(t, authn.Claims{"nbf": now.Unix() + 1}),
			"too long":                        token(t, authn.Claims{"x": strings.Repeat("x", 20_000)}),
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

func FuzzHeaders(f *testing.F) {
	basic := authn.Basic("realm", known(f, "user password"))
	bearer := authn.Bearer("realm", []byte("unknown to the fuzzer"), func() time.Time { return now })
	f.Add("Basic " + encoded("user:password"))
	f.Add("Bearer a.b.c")
	f.Fuzz(func(t *testing.T, authorization string) {
		p, refusal := authn.Any(basic, bearer)(&http.Request{Header: http.Header{"Authorization": {authorization}}})
		if refusal != nil {
			if refusal.Status != 401 || len(refusal.Header["Www-Authenticate"]) != 2 {
				t.Errorf("%v", refusal)
			}
			return
		}
		word := strings.TrimRight(strings.TrimPrefix(authorization, "Basic "), "=")
		if text, err := base64.RawStdEncoding.DecodeString(word); err != nil || string(text) != "user:password" || p.Name != "user" {
			t.Errorf("%q is %v", authorization, p)
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
