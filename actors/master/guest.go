package master

import (
	"errors"
	"fmt"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// A guest is a scheduler that is no actor itself: it speaks through a door (see Client.Say), which has an actor stand in
// for it. What it says is obeyed as everybody's is; but its calls come one by one on connections of their own, so each time
// the master asks who they are.

// ErrOtherStream refuses a call that was not said by whoever stands in for its framework at present: a scheduler that was
// replaced, or a stranger.
var ErrOtherStream = fmt.Errorf("the framework's events go to another stream: %w", fault.ErrInvalid)

// guest is everything that a scheduler says through a door. done hears what came of it.
func (m *Master) guest(from process.UPID, who authorization.Subject, c *schedulerpb.Call, done func(error)) {
	if c.GetType() == schedulerpb.Call_SUBSCRIBE {
		m.said(from, who, c, func(err error) {
			if f := m.frameworks.at(from); err == nil && f != nil {
				f.guest = true
			}
			done(err)
		})
		return
	}
	if f := m.frameworks.registered[c.GetFrameworkId().GetValue()]; f != nil && m.serving {
		if err := speaksFor(f, from, who); err != nil {
			m.counts.dropped.Inc()
			done(err)
			return
		}
	}
	m.said(from, who, c, func(err error) {
		if t := c.GetType(); (t == schedulerpb.Call_REVIVE || t == schedulerpb.Call_SUPPRESS) && errors.Is(err, fault.ErrInvalid) {
			// Roles that the framework does not have. Mesos leaves the call undone and says nothing; some clients take any
			// answer but 202 for the end of their subscription.
			m.Log().Warn("call ignored", "framework", c.GetFrameworkId().GetValue(), "call", t, "because", err)
			err = nil
		}
		done(err)
	})
}

// speaksFor says why somebody may not speak for a framework, in the order in which Mesos looks. What it would have taken is
// told only as far as it is no secret: not the principal of the framework.
func speaksFor(f *framework, from process.UPID, who authorization.Subject) error {
	switch {
	case who.Principal != "" && who.Principal != f.subject().Principal:
		return fmt.Errorf("Authenticated principal '%s' does not match principal set in `FrameworkInfo`: %w", who.Principal, fault.ErrInvalid)
	case !f.connected:
		return fmt.Errorf("Framework is not subscribed: %w", fault.ErrDenied)
	case !f.guest:
		return fmt.Errorf("Framework is not connected via HTTP: %w", fault.ErrDenied)
	case f.pid != from:
		return ErrOtherStream
	}
	return nil
}
