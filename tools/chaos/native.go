package main

import (
	"context"
	"errors"
	"time"

	"github.com/meseta-io/meseta/actors/detector"
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

// runNative is the program: it stops when it is told to, and leaves its tasks to its next life.
func runNative(ctx context.Context, c Child) error {
	b, err := newBrain(c)
	if err != nil {
		return err
	}
	transport, err := remote.New(remote.Config{Listen: c.Listen, Advertise: c.Known})
	if err != nil {
		return err
	}
	rt, err := process.New(process.Config{Transport: transport})
	if err != nil {
		return err
	}
	defer rt.Shutdown(context.WithoutCancel(ctx))
	config := scheduler.Config{Framework: b.description(), ExplicitAcknowledgements: true}
	if len(c.Masters) == 1 {
		config.Master = process.UPID{ID: "master", Addr: c.Masters[0]}
	} else if config.Detector, err = detector.Spawn(rt, "detector", c.Masters); err != nil {
		return err
	}
	d, err := scheduler.Spawn(rt, "scheduler", native{b}, config)
	if err != nil {
		return err
	}
	if process.Wait(ctx, d) == nil {
		return errors.New("the master wants no more of this framework")
	}
	process.Dispatch(d, (*scheduler.Driver).Stop)
	return process.Wait(context.WithoutCancel(ctx), d)
}
