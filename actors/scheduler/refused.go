package scheduler

import (
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/refusal"
)

// Refuser is told that the master did not do what a call asked for: the call was invalid or not allowed, or this
// master cannot do such things. Test err with errors.Is for the classes of package fault. Calls carry no number,
// so the master's words have to say which one it was.
type Refuser interface {
	Refused(d *Driver, err error)
}

// refused is the master's answer to a call that it did not obey.
func (d *Driver) refused(from process.UPID, r *controlpb.Refused) {
	if d.state == stopped || from != d.master {
		return
	}
	d.heard = d.Now()
	switch {
	case r.GetUnsubscribed() && d.state != subscribed:
		// An answer to words from before the subscription that is under way.
	case r.GetUnsubscribed() && d.mayDoubt():
		d.Log().Info("the master does not know the framework; subscribing again", "master", d.master.String(), "because", r.GetMessage())
		d.doubted = d.heard
		d.rejoin()
	default:
		d.complain(refusal.Err(r))
	}
}

// mayDoubt reports whether the driver should believe a master that says it is not subscribed. One that has
// greeted it a moment ago and still says so would else be asked in a circle.
func (d *Driver) mayDoubt() bool {
	return d.doubted.IsZero() || d.heard.Sub(d.doubted) > d.config.RetryMax
}

func (d *Driver) complain(err error) {
	if s, ok := d.scheduler.(Refuser); ok {
		s.Refused(d, err)
		return
	}
	d.Log().Warn("the master refuses a call", "error", err)
}
