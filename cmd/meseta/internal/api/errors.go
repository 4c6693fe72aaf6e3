package api

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// Refusal is an answer that says no.
type Refusal struct {
	Who    string // host:port
	Status int
	Text   string // the server's own words
	Named  bool   // it was told who asks
}

func (r *Refusal) Error() string {
	switch {
	case r.Status == http.StatusUnauthorized && r.Named:
		return "it does not know this principal with this secret: look at the file that --credential names"
	case r.Status == http.StatusUnauthorized:
		return "it wants to know who asks: name a file with a principal and a secret with --credential"
	case r.Status == http.StatusBadRequest && strings.HasPrefix(r.Text, "Client sent an HTTP request to an HTTPS server"):
		return "it speaks TLS: name the certificate of its authority with --tls_ca"
	case r.Text == "":
		return http.StatusText(r.Status)
	}
	return r.Text
}

// Unwrap gives the class of the refusal.
func (r *Refusal) Unwrap() error {
	switch r.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.ErrDenied
	case http.StatusNotFound:
		return fault.ErrNotFound
	case http.StatusConflict:
		return fault.ErrConflict
	case http.StatusNotImplemented:
		return fault.ErrUnsupported
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return fault.ErrUnavailable
	}
	return fault.ErrInvalid
}

// Unreachable says that nobody answered.
type Unreachable struct {
	Who string
	why error
}

func (u *Unreachable) Error() string { return u.Who + " cannot be reached: " + u.why.Error() }

// Untrusted says why the certificate of whoever answered is not believed; nil if that is not the trouble.
func (u *Unreachable) Untrusted() error {
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](u.why); ok {
		return bad.Err
	}
	return nil
}

// Unwrap gives the class of the error.
func (u *Unreachable) Unwrap() error { return fault.ErrUnavailable }

func unreachable(who string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the URL, which is ours
	}
	return &Unreachable{who, err}
}
