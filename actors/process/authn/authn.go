// Package authn has authenticators for the HTTP routes of processes: passwords by RFC 7617 and signed tokens by
// RFC 7519. They refuse with 401 and the challenge that tells a client what would be accepted.
package authn

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/actors/process"
)

// Passwords knows who has which password; messages/credentials does.
type Passwords interface {
	// Match says whether this is the name's password. It takes as long for a wrong one as for the right one, and for a
	// name that is not known.
	Match(name, password string) bool
}

// Basic accepts the principals of a table of passwords. As in Mesos the scheme is "Basic" and no other spelling of it, one
// space follows and then one word, and a password has no colon.
func Basic(realm string, known Passwords) process.Authenticator {
	return func(req *http.Request) (process.Principal, *process.Response) {
		name, password, ok := basic(req.Header)
		if !ok || !known.Match(name, password) || name == "" {
			return process.Principal{}, challenge("Basic", realm, "")
		}
		return process.Principal{Name: name}, nil
	}
}

// basic reads a name and a password. Two headers are none: who put the second there may be somebody else.
func basic(h http.Header) (name, password string, ok bool) {
	values := h.Values("Authorization")
	if len(values) != 1 || len(values[0]) > maxToken {
		return "", "", false
	}
	scheme, word, ok := strings.Cut(values[0], " ")
	if !ok || scheme != "Basic" || strings.Contains(word, " ") {
		return "", "", false
	}
	text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(word, "="))
	if err != nil || strings.Count(string(text), ":") != 1 {
		return "", "", false
	}
	name, password, _ = strings.Cut(string(text), ":")
	return name, password, true
}

// Any accepts what one of several accepts, asked in order. If none does, the challenges of those who want a proof are put
// together; only if none of them wants one it is a refusal for good.
func Any(all ...process.Authenticator) process.Authenticator {
	if len(all) == 1 {
		return all[0]
	}
	return func(req *http.Request) (process.Principal, *process.Response) {
		var challenges []string
		var bodies [][]byte
		var refusal *process.Response
		for _, a := range all {
			p, r := a(req)
			switch {
			case r == nil:
				return p, nil
			case r.Status == http.StatusUnauthorized:
				challenges = append(challenges, r.Header["Www-Authenticate"]...)
				if len(r.Body) > 0 {
					bodies = append(bodies, r.Body)
				}
			case refusal == nil:
				refusal = r
			}
		}
		if challenges == nil && refusal != nil {
			return process.Principal{}, refusal
		}
		return process.Principal{}, &process.Response{Status: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": challenges},
			Body: bytes.Join(bodies, []byte("\n\n"))}
	}
}

// challenge is the refusal of a client that did not prove who it is.
func challenge(scheme, realm, why string) *process.Response {
	value := scheme + " realm=" + strconv.Quote(realm)
	if why != "" {
		value += `, error="invalid_token", error_description=` + strconv.Quote(why)
	}
	return &process.Response{Status: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": {value}}}
}

// Bearer accepts JSON web tokens that were signed with HS256 and secret and have not expired. The "sub" claim
// is the principal's name, and every claim that is a string is among its claims.
func Bearer(realm string, secret []byte, now Now) process.Authenticator {
	return func(req *http.Request) (process.Principal, *process.Response) {
		scheme, token, ok := strings.Cut(req.Header.Get("Authorization"), " ")
		if !ok || scheme != "Bearer" || len(req.Header.Values("Authorization")) != 1 {
			return process.Principal{}, challenge("Bearer", realm, "")
		}
		claims, err := Verify(token, secret, now())
		if err != nil {
			return process.Principal{}, challenge("Bearer", realm, err.Error())
		}
		p := process.Principal{Claims: map[string]string{}}
		for name, v := range claims {
			if s, ok := v.(string); ok {
				p.Claims[name] = s
			}
		}
		p.Name = p.Claims["sub"]
		return p, nil
	}
}

// sign is the HMAC of a token's first two parts.
func sign(signed string, secret []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed)) // a hash never fails
	return mac.Sum(nil)
}
