package agent

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/credentials"
)

// authenticate asks the master for a challenge. What comes of it in time leads to apply; else it is tried again.
func (a *Agent) authenticate() {
	m := &a.membership
	m.proving = max(a.b.Rand().Uint64(), 1)
	a.b.Send(m.master, &controlpb.Authenticate{Attempt: proto.Uint64(m.proving), Principal: a.parts.Credential.Principal})
	m.attempt = a.b.Delay(a.authenticationWait(), a.register)
	m.unproven++
}

// authenticationWait is Mesos': at least the minimum, and at random more with every attempt that failed.
func (a *Agent) authenticationWait() time.Duration {
	c := a.config
	room := c.AuthenticationTimeoutMax - c.AuthenticationTimeoutMin
	more := c.AuthenticationBackoffFactor
	for range a.membership.unproven {
		if more >= room/2 {
			more = room
			break
		}
		more *= 2
	}
	return c.AuthenticationTimeoutMin + jitter(a.b.Rand(), min(more, room))
}

// answers says whether a word of the master is about the authentication under way, and not a late one.
func (a *Agent) answers(from process.UPID, epoch, attempt uint64) bool {
	return a.obey(from, epoch) && a.membership.proving == attempt && attempt != 0
}

func (a *Agent) challenged(from process.UPID, c *controlpb.Challenge) {
	if !a.answers(from, c.GetEpoch(), c.GetAttempt()) {
		return
	}
	to := credentials.Challenge{Nonce: c.GetNonce(), Client: a.b.Self().String(), Master: from.String()}
	a.b.Send(from, &controlpb.Proof{Attempt: c.Attempt, Proof: credentials.Prove(a.parts.Credential, to)})
}

// authenticated lets the agent ask for what it wanted.
func (a *Agent) authenticated(from process.UPID, ok *controlpb.Authenticated) {
	if !a.answers(from, ok.GetEpoch(), ok.GetAttempt()) {
		return
	}
	m := &a.membership
	a.b.Log().Info("authenticated", "principal", a.parts.Credential.GetPrincipal(), "master", from.String())
	m.attempt.Stop()
	m.proving, m.unproven = 0, 0
	a.apply()
}

// authenticationFailed ends an agent whose credential is wrong: asking again would fail for ever. Its executors live
// on until one with the right credential takes over.
func (a *Agent) authenticationFailed(from process.UPID, f *controlpb.AuthenticationFailed) {
	if !a.answers(from, f.GetEpoch(), f.GetAttempt()) {
		return
	}
	principal := a.parts.Credential.GetPrincipal()
	if f.GetRefused() {
		a.end(fmt.Errorf("the master at %s refused to authenticate this agent as %q: %s; see --credential", from.Addr, principal, f.GetMessage()))
		return
	}
	a.b.Log().Warn("cannot authenticate; trying again", "principal", principal, "master", from.String(), "because", f.GetMessage())
}

// refused is why the master does not admit the agent. It goes on asking, because an operator may change the master.
func (a *Agent) refused(from process.UPID, r *controlpb.Refused) {
	if from == a.membership.master {
		a.b.Log().Warn("the master refuses this agent", "master", from.String(), "because", r.GetMessage())
	}
}
