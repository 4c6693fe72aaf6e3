package master

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/refusal"
)

// What strangers can make a master remember is bounded: so many challenges at a time, for names of such a length.
const (
	maxChallenged = 1 << 16
	maxPrincipal  = 1 << 10
)

// gate knows who has proven who they are.
//
//	Authenticate → challenged → Proof → proven → link broken, Authenticate → nobody
type gate struct {
	known      credentials.Known
	challenged map[process.UPID]*challenged
	proven     map[process.UPID]string // principals, never ""
}

// challenged is somebody who has yet to answer.
type challenged struct {
	attempt   uint64
	principal string
	nonce     []byte
	expiry    process.Timer
}

func (g *gate) init(known credentials.Known) {
	if known == nil {
		known = credentials.Credentials{}
	}
	g.known, g.challenged, g.proven = known, map[process.UPID]*challenged{}, map[process.UPID]string{}
}

func (g *gate) forget(who process.UPID) {
	if c := g.challenged[who]; c != nil {
		c.expiry.Stop()
		delete(g.challenged, who)
	}
	delete(g.proven, who)
}

// subject is whom somebody has proven to be: the zero Subject for those who have not.
func (g *gate) subject(who process.UPID) authorization.Subject {
	return authorization.Subject{Principal: g.proven[who]}
}

// authenticate challenges. Whoever was there before at this address is forgotten first: a process that was
// restarted must not inherit what its predecessor had proven.
func (m *Master) authenticate(from process.UPID, a *controlpb.Authenticate) {
	m.counts.authenticate.Inc()
	if !m.serving {
		return
	}
	m.gate.forget(from)
	switch {
	case m.gate.known.Len() == 0:
		m.failAuthentication(from, a.GetAttempt(), false, "this master was given no --credentials to compare with")
		return
	case len(m.gate.challenged) >= maxChallenged:
		m.failAuthentication(from, a.GetAttempt(), false, "too many authenticate at the same time; try again later")
		return
	case len(a.GetPrincipal()) > maxPrincipal:
		m.failAuthentication(from, a.GetAttempt(), true, fmt.Sprintf("a principal of %d bytes: at most %d", len(a.GetPrincipal()), maxPrincipal))
		return
	}
	c := &challenged{attempt: a.GetAttempt(), principal: a.GetPrincipal(), nonce: make([]byte, credentials.NonceSize)}
	m.Secret(c.nonce)
	c.expiry = m.Delay(m.config.AuthenticationTimeout, func() {
		m.Log().Info("no answer to a challenge", "at", from, "within", m.config.AuthenticationTimeout)
		delete(m.gate.challenged, from)
	})
	m.gate.challenged[from] = c
	m.Send(from, &controlpb.Challenge{Attempt: proto.Uint64(c.attempt), Nonce: c.nonce, Epoch: m.stamp()})
}

// proof is the answer to a challenge, good for one try. The answer to a challenge that is not open any more is late,
// not wrong.
func (m *Master) proof(from process.UPID, p *controlpb.Proof) {
	c := m.gate.challenged[from]
	if c == nil || c.attempt != p.GetAttempt() {
		return
	}
	m.gate.forget(from)
	to := credentials.Challenge{Nonce: c.nonce, Client: from.String(), Master: m.Self().String()}
	if !m.gate.known.Proven(c.principal, to, p.GetProof()) {
		m.failAuthentication(from, c.attempt, true, "the principal is not known, or the secret is not its own")
		return
	}
	m.Log().Info("authenticated", "at", from, "principal", c.principal)
	m.gate.proven[from] = c.principal
	m.Link(from)
	m.Send(from, &controlpb.Authenticated{Attempt: proto.Uint64(c.attempt), Epoch: m.stamp()})
}

func (m *Master) failAuthentication(to process.UPID, attempt uint64, refused bool, why string) {
	m.Log().Warn("authentication failed", "at", to, "because", why)
	m.Send(to, &controlpb.AuthenticationFailed{Attempt: proto.Uint64(attempt), Refused: proto.Bool(refused),
		Message: proto.String(why), Epoch: m.stamp()})
}

// part ends the connection to somebody, and with it what they had proven: without a link nobody would notice that
// somebody else came to their address.
func (m *Master) part(who process.UPID) {
	m.gate.forget(who)
	m.Unlink(who)
}

// unprovenAgent says whether an agent has to authenticate first, and tells it so.
func (m *Master) unprovenAgent(from process.UPID) bool {
	if !m.config.AuthenticateAgents || m.gate.proven[from] != "" {
		return false
	}
	err := fmt.Errorf("agent at %s is not authenticated; start it with --credential: %w", from, fault.ErrDenied)
	m.Log().Warn("agent refused", "at", from, "because", err)
	m.Send(from, refusal.Of(err))
	return true
}
