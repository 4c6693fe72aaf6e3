// Package authn has authenticators for the HTTP routes of processes: passwords by RFC 7617 and signed tokens by
// RFC 7519. They refuse with 401 and the challenge that tells a client what would be accepted.
package authn

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/actors/process"
)

// Basic accepts the principals of a table of passwords.
func Basic(realm string, passwords map[string]string) process.Authenticator {
	digests := map[string][sha256.Size]byte{}
	for name, password := range passwords {
		digests[name] = sha256.Sum256([]byte(password))
	}
	return func(req *http.Request) (process.Principal, *process.Response) {
		name, password, ok := req.BasicAuth()
		// Digests have one length, so neither it nor where they differ can be timed; a name that is not known
		// takes as long as one that is.
		want, known := digests[name]
		got := sha256.Sum256([]byte(password))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !known || !ok {
			return process.Principal{}, challenge("Basic", realm, "")
		}
		return process.Principal{Name: name}, nil
	}
}

// Any accepts what one of several accepts. If none does, their challenges are put together.
func Any(all ...process.Authenticator) process.Authenticator {
	return func(req *http.Request) (process.Principal, *process.Response) {
		refusal := &process.Response{Status: http.StatusUnauthorized, Header: http.Header{}}
		for _, a := range all {
			p, r := a(req)
			if r == nil {
				return p, nil
			}
			if r.Status != http.StatusUnauthorized {
				return process.Principal{}, r // it knows who it is, and does not want them
			}
			refusal.Header["Www-Authenticate"] = append(refusal.Header["Www-Authenticate"], r.Header["Www-Authenticate"]...)
		}
		return process.Principal{}, refusal
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
		if !ok || !strings.EqualFold(scheme, "Bearer") {
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
