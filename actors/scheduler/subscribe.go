package scheduler

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// detect asks who leads, unless that is what the driver thinks.
func (d *Driver) detect() {
	promise, answer := process.NewPromise[*cluster.Leader](d.Base)
	d.cancel = d.config.Detector.Detect(d.seen, func(l *cluster.Leader, err error) { promise.Complete(l, err) })
	process.Then(d.Base, answer, d.detected)
}

func (d *Driver) detected(l *cluster.Leader, err error) {
	if d.state == stopped {
		return
	}
	if err != nil {
		d.Log().Warn("cannot find out who leads; asking again", "error", err)
		d.Delay(d.config.Retry, d.detect)
		return
	}
	d.seen = l
	defer d.detect()
	if l != nil && l.Epoch < d.epoch {
		// What a detector knows may be late, and an epoch never comes back.
		d.Log().Info("ignoring a leader of an older epoch", "leader", l.UPID, "epoch", l.Epoch)
		return
	}
	d.disconnect()
	d.follow(l)
}

// follow makes l the driver's master.
func (d *Driver) follow(l *cluster.Leader) {
	if l == nil || d.state == stopped {
		return
	}
	master, err := process.ParseUPID(l.UPID)
	if err != nil {
		d.Log().Error("the leader's address is unusable; waiting for another", "error", err)
		return
	}
	d.epoch, d.master, d.asked = l.Epoch, master, 0
	d.subscribe()
}

// subscribe asks to join, now and again until the master answers. Links that break meanwhile change nothing:
// the next attempt makes a new one. Every attempt proves anew who the framework is, because the master may have
// forgotten.
func (d *Driver) subscribe() {
	d.state = subscribing
	d.Link(d.master)
	d.asked++
	d.retry = d.Delay(d.backoff(), d.subscribe)
	if d.config.Credential != nil {
		d.authenticate()
		return
	}
	d.apply()
}

// apply says who wants to join.
func (d *Driver) apply() {
	d.Send(d.master, &schedulerpb.Call{
		Type:        schedulerpb.Call_SUBSCRIBE.Enum(),
		FrameworkId: d.info.GetId(),
		Subscribe: &schedulerpb.Call_Subscribe{
			FrameworkInfo:    d.info,
			SuppressedRoles:  d.quiet,
			OfferConstraints: d.config.OfferConstraints,
		},
	})
}

// backoff doubles with each attempt. A random half keeps frameworks that lost the same master from returning
// in step; the other half keeps them from asking twice within the time of an answer.
func (d *Driver) backoff() time.Duration {
	wait := d.config.RetryMax
	if shift := d.asked - 1; shift < 16 {
		wait = min(wait, d.config.Retry<<shift)
	}
	return wait/2 + time.Duration(d.Rand().Int64N(int64(wait/2)+1))
}

// subscribed is the master's answer.
func (d *Driver) subscribed(e *schedulerpb.Event_Subscribed) {
	if d.state != subscribing {
		return // the answer to a repeated question
	}
	d.stopTimer(&d.retry)
	d.state, d.asked, d.proving = subscribed, 0, 0
	if d.info.GetId().GetValue() != e.GetFrameworkId().GetValue() {
		d.info = proto.CloneOf(d.info)
		d.info.Id = e.GetFrameworkId()
	}
	d.beat = time.Duration(e.GetHeartbeatIntervalSeconds() * float64(time.Second))
	d.watchHeartbeats()
	if d.tearing {
		d.Teardown()
		return
	}
	again := d.again
	d.again = true
	d.resendKills()
	if s, ok := d.scheduler.(Subscriber); ok {
		s.Subscribed(d, Subscription{FrameworkID: d.ID(), Master: masterInfo(e, d.seen), Again: again})
	}
}

// masterInfo is what the answer says of the master, or the detector.
func masterInfo(e *schedulerpb.Event_Subscribed, l *cluster.Leader) *mesospb.MasterInfo {
	if e.GetMasterInfo() != nil || l == nil {
		return e.GetMasterInfo()
	}
	return l.Info
}

// linkLost begins anew. If the driver was only waiting for an answer, the next attempt is due anyway; a master
// that cannot be reached would else be asked in a tight circle.
func (d *Driver) linkLost() {
	if d.state != subscribed {
		return
	}
	d.Log().Info("lost the connection to the master", "master", d.master.String())
	d.rejoin()
}

// rejoin leaves the master and asks it anew after a moment, which a restarting master needs anyhow.
func (d *Driver) rejoin() {
	master := d.master
	d.disconnect()
	if d.state == stopped {
		return // by Disconnected
	}
	d.master, d.state, d.asked = master, subscribing, 1
	d.retry = d.Delay(time.Duration(d.Rand().Int64N(int64(d.config.Retry)/4+1)), d.subscribe)
}

// Reconnect drops the connection to the master and subscribes again, for a framework that knows better than the
// heartbeats.
func (d *Driver) Reconnect() {
	if d.state == subscribed {
		d.rejoin()
	}
}

// disconnect forgets the master and tells the framework, if it was subscribed.
func (d *Driver) disconnect() {
	was := d.state
	if was == stopped {
		return
	}
	d.stopTimer(&d.retry)
	d.stopTimer(&d.watch)
	if !d.master.IsZero() {
		d.Unlink(d.master)
	}
	d.master, d.state, d.proving = process.UPID{}, seeking, 0
	if was != subscribed || d.tearing {
		return
	}
	if s, ok := d.scheduler.(Subscriber); ok {
		s.Disconnected(d)
	}
}

// watchHeartbeats gives a master up that keeps silent while the link does not break: a process that hangs, or a
// network that swallows everything.
func (d *Driver) watchHeartbeats() {
	d.stopTimer(&d.watch)
	if d.beat <= 0 {
		return
	}
	d.heard = d.Now()
	d.watch = d.Delay(missedHeartbeats*d.beat, d.checkHeartbeats)
}

func (d *Driver) checkHeartbeats() {
	limit := missedHeartbeats * d.beat
	if silent := d.Now().Sub(d.heard); silent < limit {
		d.watch = d.Delay(limit-silent, d.checkHeartbeats)
		return
	}
	d.Log().Warn("the master is silent; subscribing again", "master", d.master.String(), "heartbeats", missedHeartbeats)
	d.rejoin()
}

func (d *Driver) stopTimer(t *process.Timer) {
	if *t != nil {
		(*t).Stop()
		*t = nil
	}
}
