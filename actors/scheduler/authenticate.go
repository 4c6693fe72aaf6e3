package scheduler

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/credentials"
)

// authenticate asks the master for a challenge. The timer of the attempt to subscribe, of which this is a part, tries
// again if nothing comes of it.
func (d *Driver) authenticate() {
	d.proving = max(d.Rand().Uint64(), 1)
	d.Send(d.master, &controlpb.Authenticate{Attempt: proto.Uint64(d.proving), Principal: d.config.Credential.Principal})
}

// answers says whether a word of the master is about the authentication under way, and not a late one.
func (d *Driver) answers(from process.UPID, attempt uint64) bool {
	return d.state == subscribing && from == d.master && d.proving == attempt && attempt != 0
}

func (d *Driver) challenged(from process.UPID, c *controlpb.Challenge) {
	if !d.answers(from, c.GetAttempt()) {
		return
	}
	to := credentials.Challenge{Nonce: c.GetNonce(), Client: d.Self().String(), Master: from.String()}
	d.Send(from, &controlpb.Proof{Attempt: c.Attempt, Proof: credentials.Prove(d.config.Credential, to)})
}

// authenticated lets the framework ask for what it wanted.
func (d *Driver) authenticated(from process.UPID, ok *controlpb.Authenticated) {
	if d.answers(from, ok.GetAttempt()) {
		d.proving = 0
		d.apply()
	}
}

// authenticationFailed ends a framework whose credential is wrong: asking again would fail for ever.
func (d *Driver) authenticationFailed(from process.UPID, f *controlpb.AuthenticationFailed) {
	switch {
	case !d.answers(from, f.GetAttempt()):
	case f.GetRefused():
		d.fail("Master refused authentication: " + f.GetMessage())
	default:
		d.Log().Warn("cannot authenticate; trying again", "master", from.String(), "because", f.GetMessage())
	}
}
