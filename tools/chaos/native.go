package main

import (
	"context"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// native is a framework of the library: a brain on an actor.
type native struct{ *brain }

// Started implements scheduler.Starter.
func (n native) Started(d *scheduler.Driver) {
	d.Every(time.Second, func() { n.tick(d) })
	d.Every(reconcileEvery, func() { n.reconcile(d) })
}

// reconcileEvery is how often a framework asks for what it may have missed.
const reconcileEvery = 10 * time.Second

// Offers and Update implement scheduler.Scheduler.
func (n native) Offers(d *scheduler.Driver, offers []*mesospb.Offer)    { n.offers(d, offers) }
func (n native) Update(d *scheduler.Driver, status *mesospb.TaskStatus) { n.told(d, status) }

// Subscribed and Disconnected implement scheduler.Subscriber.
func (n native) Subscribed(d *scheduler.Driver, s scheduler.Subscription) {
	n.subscribed(d, s.FrameworkID.GetValue())
}
func (n native) Disconnected(*scheduler.Driver) { n.journal.Write(Fact{What: Disconnected}) }

// Observed implements scheduler.Observer.
func (n native) Observed(_ *scheduler.Driver, e *schedulerpb.Event) {
	if e.GetType() == schedulerpb.Event_UPDATE {
		n.came(e.GetUpdate().GetStatus())
	}
}

// runNative is the program.
func runNative(ctx context.Context, c Child) error {
	b, err := newBrain(c)
	if err != nil {
		return err
	}
	transport, err := remote.New(remote.Config{Listen: c.Listen, Advertise: c.Known})
	if err != nil {
		return err
	}
	return scheduler.RunOn(ctx, transport, native{b}, scheduler.Config{
		Master:    process.UPID{ID: "master", Addr: c.Masters[0]},
		Framework: b.description(), ExplicitAcknowledgements: true,
	})
}
