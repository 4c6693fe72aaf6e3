package credentials

import "sync/atomic"

// Known is whoever knows principals and their secrets: Credentials, or Live ones.
type Known interface {
	// Match says whether this is the principal's secret.
	Match(principal, secret string) bool
	// Proven says whether a proof was made with the principal's secret.
	Proven(principal string, to Challenge, proof []byte) bool
	// Knows says whether there is such a principal.
	Knows(principal string) bool
	// Len is how many principals are known.
	Len() int
}

// Live are credentials that can be replaced while they are asked. The zero value knows nobody.
type Live struct{ now atomic.Pointer[Credentials] }

// Swap replaces what is known.
func (l *Live) Swap(c Credentials) { l.now.Store(&c) }

func (l *Live) current() Credentials {
	if c := l.now.Load(); c != nil {
		return *c
	}
	return Credentials{}
}

// Match implements Known.
func (l *Live) Match(principal, secret string) bool { return l.current().Match(principal, secret) }

// Proven implements Known.
func (l *Live) Proven(principal string, to Challenge, proof []byte) bool {
	return l.current().Proven(principal, to, proof)
}

// Knows implements Known.
func (l *Live) Knows(principal string) bool { return l.current().Knows(principal) }

// Len implements Known.
func (l *Live) Len() int { return l.current().Len() }
